"""Twilio's side of a call by ConversationRelay: the webhooks that open it, the signed socket, and an ear for frames.

It is strict where Twilio is: a frame of another form than it takes fails the test, whatever the test is about.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlsplit
from xml.etree import ElementTree

import httpx
from channels.testing import WebsocketCommunicator
from twilio.request_validator import RequestValidator

from channels_app import accounts, connections
from channels_app.models import Call, CallSpeech, CallStep, CallTurn, Connection
from convoship.lib.actors import Actor
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import live
from deployments.models import Assistant, AssistantVersion, Message
from tests import factories
from tests.channels.twilio_end import ACCOUNT, NUMBER, PERSON, TOKEN, signed
from workspaces import secret_store
from workspaces.models import Workspace

_sids = itertools.count(1)


def allowed(frame: str) -> dict[str, Any]:
    """The frame, if Twilio takes it: PROVIDERS 4.4's five forms, and nothing else in them."""
    assert len(frame.encode()) <= 16 * 1024
    body: dict[str, Any] = json.loads(frame)
    optional: dict[str, type] = {"interruptible": bool, "preemptible": bool}
    needs: dict[str, type]
    may: dict[str, type]
    match body["type"]:
        case "text":
            needs, may = {"token": str, "last": bool}, optional | {"lang": str}
            assert body["token"] or body["last"]
        case "play":
            needs, may = {"source": str}, optional | {"loop": int}
        case "sendDigits":
            needs, may = {"digits": str}, {}
        case "language":
            needs, may = {"ttsLanguage": str, "transcriptionLanguage": str}, {}
        case "end":
            needs, may = {}, {"handoffData": str}
        case other:
            raise AssertionError(f"Twilio knows no {other}")
    given = set(body) - {"type"}
    assert set(needs) <= given <= set(needs) | set(may)
    for name in given:
        assert type(body[name]) is (needs | may)[name], name
    return body


class Session(WebsocketCommunicator):
    """One socket, as Twilio opens and speaks it."""

    all: ClassVar[list[Session]] = []

    def __init__(self, url: str, signature: str | None) -> None:
        from convoship.asgi import application

        headers = [(b"host", b"127.0.0.1")]
        if signature is not None:
            headers.append((b"x-twilio-signature", signature.encode()))
        parts = urlsplit(url)
        super().__init__(application, parts.path + (f"?{parts.query}" if parts.query else ""), headers=headers)
        self.scope["client"] = ["127.0.0.1", 4711]
        self.frames: list[dict[str, Any]] = []
        self.all.append(self)

    async def tell(self, kind: str, **body: Any) -> None:
        """Send a frame."""
        await self.send_to(text_data=json.dumps({"type": kind, **body}))

    async def say(self, text: str, *, last: bool = True, lang: str = "en-US") -> None:
        """The caller says this."""
        await self.tell("prompt", voicePrompt=text, lang=lang, last=last)

    async def press(self, keys: str) -> None:
        """The caller presses these keys, one after the other."""
        for key in keys:
            await self.tell("dtmf", digit=key)

    async def interrupt(self, heard: str, after_ms: int = 1000) -> None:
        """The caller speaks over us."""
        await self.tell("interrupt", utteranceUntilInterrupt=heard, durationUntilInterruptMs=str(after_ms))

    async def frame(self, kind: str | None = None, seconds: float = 10) -> dict[str, Any]:
        """The next frame, or the next of this kind."""
        while True:
            frame = allowed(await self.receive_from(seconds))
            self.frames.append(frame)
            if kind is None or frame["type"] == kind:
                return frame

    async def token(self, seconds: float = 10) -> str:
        """The next words."""
        while True:
            frame = await self.frame("text", seconds)
            if frame["token"]:
                return str(frame["token"])

    async def words(self, seconds: float = 10) -> str:
        """All words up to the last token of what belongs together."""
        said = ""
        while True:
            frame = await self.frame("text", seconds)
            said += frame["token"]
            if frame["last"]:
                return said.strip()

    async def closed(self, seconds: float = 10) -> int:
        """The close code, whatever frames come before it."""
        while True:
            event = await self.receive_output(seconds)
            if event["type"] == "websocket.close":
                return int(event["code"])
            if event["type"] == "websocket.send":
                self.frames.append(allowed(event["text"]))

    async def ended(self, seconds: float = 20) -> dict[str, Any]:
        """What the `end` frame hands over; the socket is then closed as Twilio does."""
        frame = await self.frame("end", seconds)
        await self.break_off(1000)
        data: dict[str, Any] = json.loads(frame.get("handoffData", "{}"))
        return data

    async def break_off(self, code: int = 1006) -> None:
        """The socket is gone."""
        await self.disconnect(code)


async def let_go() -> None:
    """At the end of a test: its sockets, and what listens on its event loop."""
    for session in Session.all:
        await session.wait(0.01)
    Session.all.clear()
    async with asyncio.timeout(5):
        await live.Hub.get().close()


@dataclass
class Telephone:
    """A voice connection with a caller at its other end."""

    workspace: Workspace
    connection: Connection
    who: Actor
    sid: str = field(default_factory=lambda: f"CA{next(_sids):032x}")

    # --- Requests of Twilio's ---

    async def post(self, url: str, form: Mapping[str, str] | None = None) -> Any:
        """A signed form, as Twilio posts it to an address that it was given."""
        from convoship.asgi import application

        base = {
            "CallSid": self.sid, "AccountSid": ACCOUNT, "From": PERSON, "To": NUMBER, "CallStatus": "in-progress",
            "ApiVersion": "2010-04-01", "Direction": "inbound",
        }  # fmt: skip
        url = url if "://" in url else accounts.inbound_url(self.connection, url)
        body, headers = signed(url, base | dict(form or {}))
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=30) as client:
            sent = headers | {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
            return await client.post("/" + url.split("/", 3)[3], content=body, headers=sent)

    async def twiml(self, url: str = "", form: Mapping[str, str] | None = None) -> ElementTree.Element:
        """The TwiML that it is answered."""
        answer = await self.post(url, form)
        assert answer.status_code == 200, answer.content
        return ElementTree.fromstring(answer.content)

    async def ring(self) -> ElementTree.Element:
        """Somebody calls: the TwiML of the first answer."""
        return await self.twiml("", {"CallStatus": "ringing"})

    async def relay_done(self, status: str, **form: str) -> ElementTree.Element:
        """The session is over, and Twilio asks what comes next."""
        given = {"SessionId": f"VX{self.sid[2:]}", "SessionStatus": status, "SessionDuration": "12"}
        return await self.twiml("relay-done", given | form)

    # --- The socket ---

    @staticmethod
    def relay_of(twiml: ElementTree.Element) -> ElementTree.Element:
        found = twiml.find("./Connect/ConversationRelay")
        assert found is not None, ElementTree.tostring(twiml)
        return found

    def sign(self, url: str, token: str = TOKEN) -> str:
        """As Twilio's own library does it."""
        return str(RequestValidator(token).compute_signature(url, {}))

    async def connect(self, twiml: ElementTree.Element, **setup: Any) -> Session:
        """Open the socket that the TwiML asks for, and say whose call it is."""
        relay = self.relay_of(twiml)
        url = relay.attrib["url"]
        session = Session(url, self.sign(url))
        accepted, _ = await session.connect(timeout=5)
        assert accepted
        await self.set_up(session, twiml, **setup)
        return session

    async def set_up(self, session: Session, twiml: ElementTree.Element, **setup: Any) -> None:
        """The first frame, with the parameters of the TwiML."""
        parameters = {one.attrib["name"]: one.attrib["value"] for one in self.relay_of(twiml).findall("Parameter")}
        body: dict[str, Any] = {
            "sessionId": f"VX{self.sid[2:]}", "accountSid": ACCOUNT, "parentCallSid": "", "callSid": self.sid,
            "from": PERSON, "to": NUMBER, "forwardedFrom": "", "callType": "PSTN", "callerName": "",
            "direction": "inbound", "callStatus": "IN-PROGRESS", "customParameters": parameters,
        }  # fmt: skip
        await session.tell("setup", **body | setup)

    async def call(self) -> Session:
        """Somebody calls, and is listened to word by word; the greeting is still to be heard."""
        return await self.connect(await self.ring())

    # --- What is stored ---

    async def inside(self, fn: Any, *args: Any) -> Any:
        def run() -> Any:
            with tenant(self.workspace.id):
                return fn(*args)

        return await in_thread(run)

    async def row(self) -> Call:
        return await self.inside(lambda: Call.objects.select_related("conversation").get(sid=self.sid))

    async def messages(self) -> list[Message]:
        return await self.inside(lambda: list(Message.objects.filter(conversation__call__sid=self.sid).order_by("seq")))

    async def speeches(self) -> dict[str, tuple[str, str]]:
        """Of each message that was to be said: in which state it is, and what was heard of it."""

        def read() -> dict[str, tuple[str, str]]:
            rows = CallSpeech.objects.filter(call__sid=self.sid).order_by("message__seq")
            return {row.whole.strip(): (row.state, row.heard.strip()) for row in rows}

        return await self.inside(read)

    async def steps(self, kind: str = "") -> list[CallStep]:
        def read() -> list[CallStep]:
            rows = CallStep.objects.filter(call__sid=self.sid).order_by("at")
            return [one for one in rows if not kind or one.kind == kind]

        return await self.inside(read)

    async def turns(self) -> list[CallTurn]:
        return await self.inside(lambda: list(CallTurn.objects.filter(call__sid=self.sid).order_by("number")))

    async def until(self, holds: Any, seconds: float = 10) -> Any:
        """Wait until this is true of the stored call."""
        async with asyncio.timeout(seconds):
            while not (found := await self.inside(holds)):  # noqa: ASYNC110 (the database rings no bell)
                await asyncio.sleep(0.02)
            return found


def make_telephone(
    workspace: Workspace | None = None, assistant: Assistant | None = None, base_url: str = "", **config: Any
) -> Telephone:
    """A connection whose calls an assistant answers, word by word unless `config` says otherwise."""
    workspace = workspace or factories.make_workspace()
    assistant = assistant or factories.make_assistant(workspace)
    who = factories.actor(workspace)
    given = {"account_sid": ACCOUNT, "from_number": NUMBER, **config}
    if base_url:
        given["api_base_url"] = base_url
    with tenant(workspace.id):
        secret_store.write(who, "twilio-token", TOKEN)
        made = connections.create(
            who,
            kind="twilio_voice",
            name="Our telephone",
            assistant_id=assistant.id,
            config=given,
            credentials={"auth_token": "twilio-token"},
        )
    return Telephone(workspace, made.connection, who)


def answered_by(telephone: Telephone, responder: str, part: Mapping[str, Any], name: str = "Ada") -> None:
    """Let the connection's assistant be answered by this responder from now on."""
    with tenant(telephone.workspace.id):
        assistant = telephone.connection.assistant
        assert assistant is not None
        content = {"name": name, "responder": responder, responder: dict(part), "on_failure": {"scripted": "never"}}
        assistant.published = AssistantVersion.objects.create(assistant=assistant, number=99, content=content)
        assistant.save()
