"""A number at Twilio with both of its ends: who calls, and Twilio's API; what we answer is read as TwiML."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from channels_app import accounts, connections
from channels_app.models import Call
from convoship.lib.tenancy import tenant
from deployments.models import Assistant
from tests import factories
from tests.channels.phones import Phone
from tests.channels.twilio_end import ACCOUNT, NUMBER, PERSON, TOKEN, TwilioEnd
from workspaces import secret_store
from workspaces.models import Workspace

_sids = itertools.count(1)


def new_sid() -> str:
    return f"CA{next(_sids):032x}"


@dataclass
class Told:
    """What a caller is told by one response, verb by verb."""

    root: Element
    raw: str
    status: int

    @property
    def words(self) -> str:
        """All that is spoken, in order."""
        return " ".join(node.text or "" for node in self.root.iter("Say"))

    def verb(self, name: str) -> Element:
        found = self.root.find(f".//{name}")
        assert found is not None, self.raw
        return found

    def has(self, name: str) -> bool:
        return self.root.find(f".//{name}") is not None

    @property
    def verbs(self) -> list[str]:
        return [node.tag for node in self.root]

    @property
    def listens_at(self) -> str:
        """Where what is said next is posted."""
        return self.verb("Gather").attrib["action"]


def told(answer: Any) -> Told:
    assert answer["content-type"].startswith("text/xml"), answer.content
    raw = answer.content.decode()
    root = fromstring(raw)
    assert root.tag == "Response"
    return Told(root, raw, answer.status_code)


@dataclass
class Line(Phone):
    """A connection for calls, and one call over it at a time."""

    sid: str = field(default_factory=new_sid)

    def facts(self, **more: str) -> dict[str, str]:
        """What Twilio posts with every request of a call."""
        return {
            "CallSid": self.sid,
            "AccountSid": ACCOUNT,
            "From": PERSON,
            "To": NUMBER,
            "Direction": "inbound",
            "CallStatus": "in-progress",
            "ApiVersion": "2010-04-01",
        } | more

    async def ask(self, url: str, **more: str) -> Told:
        """Post a request of this call to an address that we gave; it has to be answered with TwiML."""
        answer = await self.form(self.facts(**more), url)
        assert answer.status_code == 200, answer.content
        return told(answer)

    def url(self, part: str = "", query: str = "") -> str:
        return accounts.inbound_url(self.connection, part) + query

    async def ring(self, **more: str) -> Told:
        """Somebody calls; a new call each time."""
        self.sid = new_sid()
        return await self.ask(self.url(), CallStatus="ringing", **more)

    async def speak(self, before: Told, text: str, confidence: str = "0.9") -> Told:
        """They say this where we listen."""
        return await self.ask(before.listens_at, SpeechResult=text, Confidence=confidence)

    async def press(self, before: Told, keys: str) -> Told:
        return await self.ask(before.listens_at, Digits=keys)

    async def silence(self, before: Told) -> Told:
        return await self.ask(before.listens_at)

    async def follow(self, before: Told) -> Told:
        """Where a redirect leads."""
        url = before.verb("Redirect").text
        assert url is not None
        return await self.ask(url)

    async def report(self, status: str, **more: str) -> Any:  # type: ignore[override]
        """Twilio reports how the call stands."""
        answer = await self.form(self.facts(CallStatus=status, **more), self.url("status"))
        assert answer.status_code == 200, answer.content
        return answer

    async def hang_up(self, seconds: int = 42) -> None:
        await self.report("completed", CallDuration=str(seconds))

    async def call(self) -> Call:
        return await self.inside(lambda: Call.objects.select_related("conversation").get(sid=self.sid))

    async def steps(self) -> list[str]:
        return await self.inside(
            lambda: [step.kind for step in Call.objects.get(sid=self.sid).steps.order_by("at", "id")]
        )


def turn_of(url: str) -> int:
    return int(parse_qs(urlsplit(url).query)["turn"][0])


def make_line(
    workspace: Workspace, far: TwilioEnd, assistant: Assistant | None = None, *, name: str = "Our line", **config: Any
) -> Line:
    """A connection for calls whose API is `far`; sentence by sentence unless it is said otherwise."""
    assistant = assistant or factories.make_assistant(workspace)
    who = factories.actor(workspace)
    config = {"account_sid": ACCOUNT, "api_base_url": far.base_url, "from_number": NUMBER, "mode": "gather", **config}
    with tenant(workspace.id):
        secret_store.write(who, "twilio-token", TOKEN)
        made = connections.create(
            who,
            kind="twilio_voice",
            name=name,
            assistant_id=assistant.id,
            config=config,
            credentials={"auth_token": "twilio-token"},
        )
    owner = factories.owner_of(workspace).email
    return Line(workspace, made.connection, dict(made.secrets), far, who, owner)
