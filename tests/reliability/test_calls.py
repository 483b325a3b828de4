"""A call in which a process is killed: the caller hears on, nothing is lost, and nothing that was heard is said again.

The web processes and the worker are real, so are the socket and the model; Twilio is played as its documentation says.
What was sent and not spoken yet is lost with Twilio's session, so it has to be said again: how far the voice had come
is told by how long one takes.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import httpx
import pytest
from defusedxml.ElementTree import fromstring
from websockets.asyncio.client import ClientConnection, connect

from channels_app.voice.relay_ledger import seconds_of
from convoship.lib.threads import in_thread
from convoship.machine.state import ROOT
from deployments.models import Message, Turn
from deployments.responders import llm_content
from tests.channels.relays import Telephone, allowed, answered_by, make_telephone
from tests.channels.twilio_end import ACCOUNT, NUMBER, PERSON, signed
from tests.models.model_end import ModelEnd, Says
from tests.models.model_end import running as model_running
from tests.reliability.processes import OwnValkey, Web, database_url, webs

pytestmark = pytest.mark.django_db(transaction=True)

SENTENCES = [f"This is sentence number {name}. " for name in ("one", "two", "three", "four", "five", "six", "seven")]


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[OwnValkey]:
    """A Valkey of the test's own."""
    with OwnValkey(tmp_path) as own:
        yield own


@pytest.fixture
def model(settings: Any) -> Iterator[ModelEnd]:
    """A model that speaks a little slower than a voice, the same to everybody who asks."""
    with model_running() as end:
        end.answers = lambda _asked: Says(SENTENCES, pause=0.8)
        settings.OUTBOUND_ALLOWLIST = {("127.0.0.1", end.server.server_address[1])}
        yield end


@pytest.fixture
def two(valkey: OwnValkey, tmp_path: Path, model: ModelEnd) -> Iterator[tuple[Web, Web]]:
    """Two web processes that may ask the model."""
    allowed_host = f"127.0.0.1:{model.server.server_address[1]}"
    with webs(2, valkey.url, tmp_path, CONVOSHIP_PRIVATE_ALLOWLIST=allowed_host) as [first, second]:
        yield first, second


@pytest.fixture
def phone(model: ModelEnd) -> Telephone:
    """A connection whose calls the model answers."""
    made = make_telephone(silence_seconds=30)
    answered_by(made, "llm", llm_content.validate({"base_url": model.base_url, "model": "test-model"}))
    return made


class Twilio:
    """Twilio's side of one call, which may come back to another web process."""

    def __init__(self, phone: Telephone, web: Web) -> None:
        self.phone, self.web = phone, web
        self.spoken: list[str] = []

    def url(self, part: str = "") -> str:
        base = f"{self.web.address}/v1/public/channels/twilio_voice/{self.phone.connection.id}"
        return f"{base}/{part}" if part else base

    async def ask(self, url: str, **more: str) -> Element:
        form = {
            "CallSid": self.phone.sid, "AccountSid": ACCOUNT, "From": PERSON, "To": NUMBER,
            "CallStatus": "in-progress", "Direction": "inbound", **more,
        }  # fmt: skip
        body, headers = signed(url, form)
        async with httpx.AsyncClient(timeout=30) as client:
            sent = headers | {"Content-Type": "application/x-www-form-urlencoded"}
            answer = await client.post(url, content=body, headers=sent)
        assert answer.status_code == 200, answer.text
        found: Element = fromstring(answer.content)
        return found

    async def call(self) -> ClientConnection:
        """Ring, open the socket, and hear the greeting."""
        relay = self.phone.relay_of(await self.ask(self.url(), CallStatus="ringing"))
        url = relay.attrib["url"]
        socket = await connect(url, additional_headers={"X-Twilio-Signature": self.phone.sign(url)})
        parameters = {one.attrib["name"]: one.attrib["value"] for one in relay.findall("Parameter")}
        setup = {
            "type": "setup", "sessionId": f"VX{self.phone.sid[2:]}", "accountSid": ACCOUNT, "callSid": self.phone.sid,
            "from": PERSON, "to": NUMBER, "customParameters": parameters,
        }  # fmt: skip
        await socket.send(json.dumps(setup))
        while not (await self.frame(socket))["last"]:
            pass
        return socket

    @staticmethod
    async def frame(socket: ClientConnection) -> dict[str, Any]:
        async with asyncio.timeout(20):
            return allowed(str(await socket.recv()))

    async def sentences(self, socket: ClientConnection, how_many: int) -> list[str]:
        """So many sentences as they come."""
        found: list[str] = []
        while len(found) < how_many:
            frame = await self.frame(socket)
            if frame["type"] == "text" and frame["token"].startswith("This is"):
                found.append(frame["token"])
        return found

    async def breaks(self) -> Element:
        """The socket broke: what comes next."""
        session = f"VX{self.phone.sid[2:]}"
        return await self.ask(self.url("relay-done"), SessionStatus="failed", SessionId=session, ErrorCode="64105")

    async def listens(self, twiml: Element) -> str:
        """Follow where it leads until somebody listens: what is said on the way, without words that ask to wait."""
        while twiml.find("Gather") is None:
            redirect = twiml.find("Redirect")
            assert redirect is not None
            assert redirect.text is not None
            twiml = await self.ask(redirect.text)
        return " ".join(node.text or "" for node in twiml.iter("Say"))


async def ask(socket: ClientConnection, words: str) -> None:
    await socket.send(json.dumps({"type": "prompt", "voicePrompt": words, "lang": "en-US", "last": True}))


def rest_of(words: str) -> int:
    """With which sentence what is said begins; it has to go on to the end without a hole."""
    left = [one.strip() for one in SENTENCES if one.strip() in words]
    assert words == " ".join(left)
    begins = len(SENTENCES) - len(left)
    assert left == [one.strip() for one in SENTENCES[begins:]]
    return begins


@pytest.mark.asyncio
async def test_a_caller_hears_on_when_the_web_process_is_killed_in_the_middle_of_an_answer(
    two: tuple[Web, Web], phone: Telephone, model: ModelEnd
) -> None:
    first, second = two
    twilio = Twilio(phone, first)
    socket = await twilio.call()
    await ask(socket, "Tell me everything.")
    sent = await twilio.sentences(socket, 4)
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    # Twilio's side of the socket breaks, and it asks what comes next; where, a proxy decides.
    twilio.web = second
    twiml = await twilio.breaks()
    begins = rest_of(await twilio.listens(twiml))
    # A voice had the time for at least one sentence, and can't have said more than was sent.
    assert seconds_of(SENTENCES[0]) < 2.4
    assert 1 <= begins <= len(sent)
    rows = await in_thread(phone_turns, phone)
    assert rows == [("done", 2)]
    assert len(model.asked) == 2
    # The call goes on: what was asked is there once.
    asked = [one.text for one in await phone.messages() if one.author_kind == "visitor"]
    assert asked == ["Tell me everything."]
    [step] = await phone.steps("fallback")
    assert step.remedy


def phone_turns(phone: Telephone) -> list[Any]:
    from convoship.lib.tenancy import tenant

    with tenant(phone.workspace.id):
        return list(Turn.objects.values_list("status", "attempts"))


@pytest.mark.asyncio
async def test_a_caller_hears_on_when_the_web_process_is_killed_between_answers(
    two: tuple[Web, Web], phone: Telephone, model: ModelEnd
) -> None:
    model.answers = lambda asked: Says([f"You said {asked.said}. "])
    first, second = two
    twilio = Twilio(phone, first)
    socket = await twilio.call()
    await ask(socket, "one")
    while (await twilio.frame(socket)).get("token") != "You said one. ":
        pass
    await phone.until(lambda: Turn.objects.filter(status="done").exists())
    # As long as a voice takes for it.
    await asyncio.sleep(seconds_of("You said one. ") + 0.6)
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    twilio.web = second
    twiml = await twilio.breaks()
    redirect = twiml.find("Redirect")
    assert redirect is not None
    assert redirect.text is not None
    listening = await twilio.ask(redirect.text)
    gather = listening.find("Gather")
    assert gather is not None
    assert not list(gather.iter("Say")), "nothing is said again"
    answer = await twilio.ask(gather.attrib["action"], SpeechResult="two", Confidence="1")
    assert "You said two." in await twilio.listens(answer)
    assert len(model.asked) == 2


@pytest.fixture
def worker(valkey: OwnValkey, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker."""
    command = [sys.executable, "-m", "celery", "-A", "convoship", "worker", "--pool", "threads", "--concurrency", "2"]
    environment = os.environ | {
        "DATABASE_URL": database_url("default"),
        "MIGRATE_DATABASE_URL": database_url("owner"),
        "REDIS_URL": valkey.url,
    }
    with (tmp_path / "worker.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.asyncio
async def test_a_caller_notices_nothing_of_a_worker_that_is_killed(
    two: tuple[Web, Web], worker: subprocess.Popen[bytes], phone: Telephone, model: ModelEnd
) -> None:
    twilio = Twilio(phone, two[0])
    socket = await twilio.call()
    await ask(socket, "Tell me everything.")
    heard = await twilio.sentences(socket, 2)
    assert worker.poll() is None
    worker.kill()
    heard += await twilio.sentences(socket, 5)
    assert heard == SENTENCES
    assert len(model.asked) == 1
    whole = "".join(SENTENCES).strip()
    await phone.until(lambda: Message.objects.filter(speech__state="spoken", text__startswith=whole).exists())
    await socket.close()
