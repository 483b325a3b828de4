"""A call that is put through: what Twilio asks on both of its legs, and how its person's telephone behaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from channels_app.models import CallCourse, CallTransfer, Connection
from convoship.lib.threads import in_thread
from deployments import duty, handoff_rules
from deployments.models import AssistantVersion, Conversation, Handoff, Message
from tests import factories
from tests.channels.callers import Line, Told, new_sid
from workspaces.models import Membership, User
from workspaces.permissions import Role

SALES = "+14155550177"
WARM, QUEUE = {"transfer_to": SALES, "manner": "warm"}, {"transfer_to": SALES, "manner": "queue"}
COLD = {"transfer_to": SALES}


@dataclass
class People:
    """A line, and the people behind it."""

    line: Line

    async def rules(self, **rules: Any) -> None:
        """Publish the assistant with these rules of hand-over."""

        def publish() -> None:
            assistant = (
                Connection.objects.select_related("assistant__published").get(id=self.line.connection.id).assistant
            )
            assert assistant is not None
            assert assistant.published is not None
            content = {**assistant.published.content, "handoff": handoff_rules.validate(rules)}
            number = AssistantVersion.objects.filter(assistant=assistant).count() + 1
            assistant.published = AssistantVersion.objects.create(assistant=assistant, number=number, content=content)
            assistant.save(update_fields=["published"])

        await self.line.inside(publish)

    async def nobody(self) -> None:
        """No member is on duty."""

        def go() -> None:
            for row in Membership.objects.filter(away_since=None):
                duty.go_away(self.line.who, row)

        await self.line.inside(go)

    async def member(self, name: str = "Olga") -> User:
        """A member who is on duty."""
        return await in_thread(
            lambda: factories.member(self.line.workspace, Role.AGENT, factories.make_user(name=name))
        )

    async def ask(self) -> Told:
        """Somebody calls and asks for a person."""
        return await self.line.speak(await self.line.ring(), "a human please")

    # --- The person's telephone -----------------------------------------------------------------------------------

    async def leg(self, dial: Told, status: str, sid: str = "", **more: str) -> str:
        """Twilio reports on the leg to the person; its id."""
        sid = sid or new_sid()
        number = dial.verb("Number")
        body = {**self._facts(sid), "CallStatus": status, **more}
        answer = await self.line.form(body, number.attrib["statusCallback"])
        assert answer.status_code == 200, answer.content
        return sid

    async def pick_up(self, dial: Told) -> Told:
        """They pick up: what they hear before they are put through."""
        url = dial.verb("Number").attrib["url"]
        return await self._ask(url, **self._facts(new_sid()))

    async def press(self, heard: Told, key: str) -> Told:
        """They press a key while they hear what it is about."""
        return await self._ask(heard.verb("Gather").attrib["action"], **self._facts(new_sid()), Digits=key)

    def _facts(self, sid: str) -> dict[str, str]:
        return {**self.line.facts(CallSid=sid, Direction="outbound-dial", ParentCallSid=self.line.sid), "To": SALES}

    async def _ask(self, url: str, **form: str) -> Told:
        from tests.channels.callers import told

        answer = await self.line.form(form, url)
        assert answer.status_code == 200, answer.content
        return told(answer)

    async def done(self, dial: Told, status: str, **more: str) -> Told:
        """The ringing is over, and Twilio asks how the call goes on."""
        return await self.line.ask(dial.verb("Dial").attrib["action"], DialCallStatus=status, **more)

    # --- The queue ------------------------------------------------------------------------------------------------

    async def round(self, queued: Told, **more: str) -> Told:
        """What they hear while they wait, in the first round."""
        return await self.line.ask(queued.verb("Enqueue").attrib["waitUrl"], QueueTime="1", **more)

    async def leave(self, queued: Told, result: str = "leave") -> Told:
        """They are out of the queue."""
        return await self.line.ask(queued.verb("Enqueue").attrib["action"], QueueResult=result)

    # --- What is kept -----------------------------------------------------------------------------------------------

    async def case(self) -> Handoff:
        return await self.line.inside(lambda: Handoff.objects.latest("requested_at"))

    async def talk(self) -> Conversation:
        return (await self.line.call()).conversation

    async def transfers(self) -> list[CallTransfer]:
        return await self.line.inside(lambda: list(CallTransfer.objects.order_by("began_at")))

    async def course(self) -> CallCourse:
        return await self.line.inside(lambda: CallCourse.objects.get(call__sid=self.line.sid))

    async def lines(self, kind: str = "system") -> list[str]:
        def read() -> list[str]:
            rows = Message.objects.filter(conversation__call__sid=self.line.sid, author_kind=kind).order_by("seq")
            return list(rows.values_list("text", flat=True))

        return await self.line.inside(read)


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
