"""A model's answer that one web process writes and another one reads: resumed, stopped, left, and cut by a restart."""

from __future__ import annotations

import asyncio
import json
import signal
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.utils import timezone
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import stopping, sweeping, writing
from deployments.models import AssistantVersion, Message, Turn
from deployments.responders import llm_content
from deployments.sessions import OpenedSession
from tests import factories
from tests.models.model_end import ModelEnd, counts, words
from tests.models.model_end import running as model_running
from tests.reliability.processes import OwnValkey, Web, webs

pytestmark = pytest.mark.django_db(transaction=True)

SLOW = 400  # words that nobody waits to the end for


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[OwnValkey]:
    """A Valkey of the test's own."""
    with OwnValkey(tmp_path) as own:
        yield own


@pytest.fixture
def model(settings: Any) -> Iterator[ModelEnd]:
    """A model that counts; who sweeps is this process, which may ask it as well."""
    with model_running() as end:
        end.answers = counts
        settings.OUTBOUND_ALLOWLIST = {("127.0.0.1", end.server.server_address[1])}
        yield end


@pytest.fixture
def two(valkey: OwnValkey, tmp_path: Path, model: ModelEnd) -> Iterator[tuple[Web, Web]]:
    """Two web processes that may ask the model."""
    allowed = f"127.0.0.1:{model.server.server_address[1]}"
    with webs(2, valkey.url, tmp_path, CONVOSHIP_PRIVATE_ALLOWLIST=allowed) as [first, second]:
        yield first, second


@pytest.fixture
def opened(model: ModelEnd) -> OpenedSession:
    """A session with an assistant whose answers the model writes, and nobody else."""
    made = factories.make_deployment(factories.make_workspace())
    content = {
        "name": "Counter",
        "responder": "llm",
        "llm": llm_content.validate({"base_url": model.base_url, "model": "test-model"}),
        "on_failure": {"scripted": "never"},
    }
    with tenant(made.deployment.workspace_id):
        assistant = made.deployment.assistant
        assistant.published = AssistantVersion.objects.create(assistant=assistant, number=99, content=content)
        assistant.save()
    return factories.start_session(made)


class Reader:
    """A visitor's window on one of the processes, and what it shows."""

    def __init__(self, web: Web, opened: OpenedSession, connection: ClientConnection, shown: dict[str, Any]) -> None:
        self.web, self.opened = web, opened
        self.holes = 0
        self.connection = connection
        self.shown = shown

    async def frame(self) -> dict[str, Any]:
        """The next frame, applied: each piece exactly where it belongs."""
        frame: dict[str, Any] = json.loads(await self.connection.recv())
        await self.take(frame)
        return frame

    async def take(self, frame: dict[str, Any]) -> None:
        """Apply one frame."""
        match frame["type"]:
            case "welcome":
                self.shown |= {message["id"]: message for message in frame["messages"]}
                self.shown["rev"] = frame["rev"]
            case "message.created" | "message.updated":
                self.shown[frame["message"]["id"]] = frame["message"]
                self.shown["rev"] = frame["message"]["rev"]
            case "token":
                await self.piece(frame["message_id"], frame["index"], frame["text"])

    async def piece(self, message_id: str, index: int, text: str) -> None:
        """Put a piece where it belongs; after a hole, once the text so far has been read."""
        while (held := self.shown[message_id])["status"] == "streaming":
            have = len(held["text"])
            if index <= have:
                assert held["text"][index:].startswith(text[: have - index]), "what is had already is the same"
                held["text"] += text[have - index :]
                return
            self.holes += 1
            page = await asyncio.to_thread(call, self.web, self.opened, f"messages?rev={self.shown['rev']}")
            for message in page["messages"]:
                if message["rev"] > held["rev"] or len(message["text"]) > have:
                    self.shown[message["id"]] = message
            self.shown["rev"] = page["rev"]
            await asyncio.sleep(0.1)

    async def until(self, holds: Callable[[], Any], seconds: float = 10) -> None:
        """Read on until it holds."""
        async with asyncio.timeout(seconds):
            while not holds():
                await self.frame()

    @property
    def answer(self) -> dict[str, Any]:
        """The newest message that was written piece by piece."""
        found = [it for it in self.shown.values() if isinstance(it, dict) and it["text"].startswith("w0")]
        return max(found, key=lambda message: message["seq"]) if found else {"text": "", "status": ""}

    @property
    def answers(self) -> list[tuple[bool, str]]:
        """Whether each is whole, and its status."""
        found = [it for it in self.shown.values() if isinstance(it, dict) and it["text"].startswith("w0")]
        return [(it["text"] == words(5), it["status"]) for it in sorted(found, key=lambda message: message["seq"])]


@asynccontextmanager
async def reading(web: Web, opened: OpenedSession, shown: dict[str, Any]) -> Any:
    url = web.address.replace("http", "ws") + f"/v1/public/runtime/sessions/{opened.session.id}/socket"
    async with connect(
        url, origin=Origin(factories.SHOP), subprotocols=[Subprotocol("convoship.v1")], ping_interval=None
    ) as connection:
        hello = {"type": "hello", "token": opened.token, "after": 0}
        await connection.send(json.dumps(hello | ({"rev": shown["rev"]} if "rev" in shown else {})))
        reader = Reader(web, opened, connection, shown)
        assert (await reader.frame())["type"] == "welcome"
        yield reader


async def ask(reader: Reader, text: str) -> None:
    await reader.connection.send(json.dumps({"type": "message.send", "client_id": text, "text": text}))


def call(web: Web, opened: OpenedSession, path: str, body: bytes | None = None) -> Any:
    request = urllib.request.Request(
        f"{web.address}/v1/public/runtime/sessions/{opened.session.id}/{path}",
        body,
        {"Authorization": f"Bearer {opened.token}", "Origin": factories.SHOP, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def stop(web: Web, opened: OpenedSession) -> None:
    call(web, opened, "stop", b"{}")


async def stored(opened: OpenedSession, find: Callable[[], Any]) -> Any:
    def run() -> Any:
        with tenant(opened.session.workspace_id):
            return find()

    return await in_thread(run)


async def newest(opened: OpenedSession) -> Message:
    found: Message = await stored(opened, lambda: Message.objects.latest("seq"))
    return found


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(60):
            await test()

    asyncio.run(whole())


def test_an_answer_is_read_on_from_another_process_without_a_hole(two: tuple[Web, Web], opened: OpenedSession) -> None:
    first, second = two

    async def test() -> None:
        shown: dict[str, Any] = {}
        async with reading(first, opened, shown) as reader:
            await ask(reader, "count 80 40")
            await reader.until(lambda: len(reader.answer["text"]) > 40)
        for web in (second, first, second):
            async with reading(web, opened, shown) as reader:
                have = len(reader.answer["text"])
                await reader.until(
                    lambda have=have, reader=reader: (
                        reader.answer["status"] == "sent" or len(reader.answer["text"]) > have + 40
                    )
                )
        async with reading(second, opened, shown) as reader:
            await reader.until(lambda: reader.answer["status"] == "sent")
        assert reader.answer["text"] == words(80) == (await newest(opened)).text

    run(test)


class Events(Reader):
    """A window that is an event stream: of the conversation, or of the answer to one message."""

    last_id = ""
    is_done = False

    async def read(self, holds: Callable[[], Any]) -> None:
        """Read on until it holds, or the stream ends."""
        answer: httpx.Response = self.connection  # type: ignore[assignment]
        event: dict[str, str] = {}
        async for line in answer.aiter_lines():
            if line:
                name, _, value = line.partition(": ")
                event[name] = value
                continue
            self.last_id = event.get("id", self.last_id)
            frame = {"type": event["event"], **json.loads(event["data"])}
            event = {}
            self.is_done = frame["type"] == "done"
            await self.take(frame | ({"type": "message.updated"} if frame["type"] == "message" else {}))
            if holds():
                return


@asynccontextmanager
async def events(
    web: Web, opened: OpenedSession, shown: dict[str, Any], path: str, body: Any = None, **headers: str
) -> Any:
    sent = {"Authorization": f"Bearer {opened.token}", "Origin": factories.SHOP, "Accept": "text/event-stream"}
    url = f"{web.address}/v1/public/runtime/sessions/{opened.session.id}/{path}"
    async with (
        httpx.AsyncClient(timeout=20, trust_env=False) as client,
        client.stream("GET" if body is None else "POST", url, json=body, headers=sent | headers) as answer,
    ):
        assert answer.status_code in {200, 201}, await answer.aread()
        yield Events(web, opened, answer, shown)  # type: ignore[arg-type]


def test_an_answer_by_events_is_read_on_from_another_process_by_the_last_id(
    two: tuple[Web, Web], opened: OpenedSession, model: ModelEnd
) -> None:
    first, second = two

    async def test() -> None:
        shown: dict[str, Any] = {"rev": 0}
        body = {"client_id": "one", "text": "count 60 40"}
        async with events(first, opened, shown, "messages", body) as asked:
            await asked.read(lambda: len(asked.answer["text"]) > 40)
        assert asked.answer["status"] == "streaming"
        # By the conversation's own stream: what changed since, the text so far, and the rest.
        async with events(second, opened, shown, "stream?after=0", **{"Last-Event-ID": asked.last_id}) as stream:
            await stream.read(lambda: len(stream.answer["text"]) > 100)
        # By the same message again, where somebody else writes its answer: to the end.
        async with events(second, opened, shown, "messages", body) as again:
            await again.read(lambda: again.is_done)
        assert again.answer["status"] == "sent"
        stored = await newest(opened)
        assert again.answer["text"] == words(60) == stored.text
        # Once: nobody asked the model a second time.
        assert len(model.asked) == 1
        async with events(first, opened, {"rev": 0}, "stream?after=0", **{"Last-Event-ID": str(stored.rev)}) as late:
            await late.read(lambda: True)
        assert [it for it in late.shown.values() if isinstance(it, dict)] == [], "who has all is told nothing again"

    run(test)


def test_an_answer_is_stopped_from_another_process_at_once(two: tuple[Web, Web], opened: OpenedSession) -> None:
    first, second = two

    async def test() -> None:
        async with reading(first, opened, {}) as reader, reading(second, opened, {}) as other:
            await ask(reader, f"count {SLOW} 40")
            await reader.until(lambda: len(reader.answer["text"]) > 40)
            await asyncio.to_thread(stop, second, opened)
            for window in (reader, other):
                await window.until(lambda window=window: window.answer["status"] == "sent", seconds=1.5)
                assert window.answer["reason"] == "Stopped by the visitor."
            assert reader.answer["text"] == other.answer["text"] == (await newest(opened)).text
            await ask(reader, "and now")
            await reader.until(lambda: any("You said: and now" in str(it) for it in reader.shown.values()))

    run(test)


def test_an_answer_is_stopped_from_another_process_while_valkey_is_away(
    two: tuple[Web, Web], opened: OpenedSession, valkey: OwnValkey
) -> None:
    first, second = two

    async def test() -> None:
        async with reading(first, opened, {}) as reader:
            await ask(reader, f"count {SLOW} 40")
            await reader.until(lambda: len(reader.answer["text"]) > 40)
            await asyncio.to_thread(valkey.stop)
            await asyncio.to_thread(stop, second, opened)
            # The writer finds the mark when it keeps the text, and the pulse tells the window.
            await reader.until(lambda: reader.answer["status"] == "sent", seconds=8)
            assert reader.answer["reason"] == "Stopped by the visitor."
            assert reader.answer["text"] == (await newest(opened)).text

    run(test)


def test_an_answer_whose_visitor_left_every_process_is_cut(
    two: tuple[Web, Web], opened: OpenedSession, model: ModelEnd
) -> None:
    first, second = two

    async def test() -> None:
        async with reading(second, opened, {}) as reader:
            await ask(reader, f"count {SLOW} 60")
            await reader.until(lambda: len(reader.answer["text"]) > 40)
        async with asyncio.timeout(stopping.GONE_SECONDS + 6):
            while (await newest(opened)).status == "streaming":  # noqa: ASYNC110 (the database rings no bell)
                await asyncio.sleep(0.1)
        turn = await stored(opened, Turn.objects.get)
        assert (turn.status, turn.reason) == ("done", "Cut off: the visitor had left.")
        assert (turn.trace["stopped"], turn.trace["model"]) == ("left", "test-model")
        assert await asyncio.to_thread(model.left.wait, 5), "the model is not asked for the rest"
        # Who comes back finds it so.
        async with reading(first, opened, {}) as reader:
            assert (reader.answer["status"], reader.answer["reason"]) == ("sent", turn.reason)

    run(test)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "restart"])
def test_a_process_that_dies_in_mid_answer_leaves_it_visibly_cut_and_answered_once(
    two: tuple[Web, Web], opened: OpenedSession, how: signal.Signals
) -> None:
    first, second = two

    async def test() -> None:
        async with reading(second, opened, {}) as watching:
            async with reading(first, opened, {}) as reader:
                await ask(reader, f"count {SLOW} 40")
                await watching.until(lambda: len(watching.answer["text"]) > 40)
                first.process.send_signal(how)
                await asyncio.to_thread(first.process.wait, 10)
            if how is signal.SIGTERM:
                await watching.until(lambda: watching.answer["status"] == "failed", seconds=5)
            turn = await stored(opened, Turn.objects.get)
            assert turn.status == "running"
            assert turn.leased_until <= timezone.now() + writing.LEASE
            long_ago = timezone.now() - timedelta(seconds=1)
            if how is signal.SIGKILL:
                assert turn.leased_until > timezone.now()
                await stored(opened, lambda: Turn.objects.update(leased_until=long_ago))
            await stored(opened, lambda: Message.objects.filter(text__startswith="count").update(text="count 5 1"))
            await sweeping.sweep()
            await watching.until(lambda: watching.answers == [(False, "failed"), (True, "sent")])
            turn = await stored(opened, Turn.objects.get)
            assert (turn.status, turn.attempts) == ("done", 2)
            assert await sweeping.sweep() == 0

    run(test)
