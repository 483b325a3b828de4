"""The desk suite on a desk that is there: a test conversation is handed over, answered, and given back.

Run beside a real account by `manage.py desk_check`, whose user plays the agent; on a rehearsal the stand-in does. What
it opens at the desk is told as a test, and closed at the end whatever happens.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID, uuid4

from django.utils import timezone

from channels_app import accounts, connections, desk_cases
from channels_app.drain import Drain
from channels_app.in_hand import outgoing_of
from channels_app.models import Connection, Delivery, DeskCase
from channels_app.models.outbound import DeliveryStatus
from channels_app.providers.base import Capability, Provider, ProviderError
from channels_app.providers.desk_port import OPENED
from convoship.lib.tenancy import in_tenant
from deployments import conversations, handoff, people, turns
from deployments.conversations import NewMessage
from deployments.models import Conversation, Handoff, Message
from deployments.models.conversation import AuthorKind, Channel, MessageStatus, Status
from deployments.models.person import IdentityKind
from deployments.variants import Met

R = TypeVar("R")

SAID = (
    "Convoship tries this desk. Please answer as you would answer a customer.",
    "This is the visitor's second line.",
)
ASK_AGAIN_SECONDS = 2.0
OUT_SECONDS = 60.0


@dataclass(frozen=True)
class Step:
    """What was tried and what was seen; `waits_for` is what a person has to do now, where that is so."""

    what: str
    is_good: bool = True
    seen: str = ""
    waits_for: str = ""


class DeskCheck:
    """One run on one connection. `act(what)` is called where the agent has something to do: on a rehearsal it does."""

    def __init__(
        self, workspace_id: UUID, connection: Connection, patience: float, act: Callable[[str], Awaitable[None]] | None
    ) -> None:
        self.workspace_id, self.connection, self.patience, self.act = workspace_id, connection, patience, act
        self.conversation_id = UUID(int=0)

    async def run(self) -> AsyncIterator[Step]:
        """The steps as they end; those after a failed one are not tried, but the case is closed."""
        provider: Provider = await self._inside(lambda: accounts.to_send(self.connection))
        health = await provider.check()
        for finding in health.findings:
            yield Step("Test", finding.is_good, f"{finding.words} {finding.remedy}".strip())
        if not health.is_good:
            return
        try:
            async for step in self._talk(provider):
                yield step
                if not step.is_good:
                    break
        finally:
            await self._inside(self._end)
            await Drain().idle()
        told = await self._all_out()
        yield Step("The end is told", told, "Every delivery arrived." if told else await self._inside(self._why_not))

    async def _talk(self, provider: Provider) -> AsyncIterator[Step]:
        await self._inside(self._begin)
        is_out = await self._all_out()
        case = await self._inside(self._case)
        if not is_out or case is None or not case.ref:
            yield Step("A case is opened", False, await self._inside(self._why_not))
            return
        yield Step("A case is opened, with the whole transcript", True, f"{case.number} {case.url}".strip())
        if provider.can(Capability.LOOK_UP):
            yield await self._looked_up(provider)
        await self._inside(lambda: self._say(SAID[1]))
        yield Step("A second line arrives", await self._all_out(), await self._inside(self._why_not))
        before = await self._inside(lambda: self._lines(AuthorKind.AGENT))
        yield Step("An agent answers", waits_for=f"Answer {case.number} now, in words that the visitor may read.")
        answered = await self._until("reply", lambda: self._lines(AuthorKind.AGENT) > before)
        yield Step("The answer arrives", answered, await self._inside(self._last_line))
        if not answered:
            return
        yield Step("An agent gives it back", waits_for=f"Give {case.number} back: {provider.gives_back_by}.")
        back = await self._until("return", lambda: self._row().control == "assistant")
        yield Step("The assistant has it again", back, await self._inside(self._summary))
        count = await self._inside(lambda: self._lines(AuthorKind.VISITOR))
        yield Step(
            "Nothing came back as an echo", count == len(SAID), f"{count} of {len(SAID)} lines of the visitor's."
        )

    # --- Pieces -----------------------------------------------------------------------------------------------------

    async def _inside(self, act: Callable[[], R]) -> R:
        found: R = await in_tenant(act)(self.workspace_id)
        return found

    def _row(self) -> Conversation:
        return Conversation.objects.get(id=self.conversation_id)

    def _begin(self) -> None:
        assistant = self.connection.assistant
        if assistant is None:
            raise ProviderError("No assistant answers on this connection.", "Choose one in its settings.")
        person = people.person_at([(IdentityKind.BRIDGE, f"{self.connection.id}:desk-check")], {"name": "Desk Check"})
        met = Met(assistant.published, {})
        conversation, _ = conversations.open_conversation(
            assistant, met, person, channel=Channel.WEB, context={"is_test": True}
        )
        self.conversation_id = conversation.id
        self._say(SAID[0], is_answered=False)
        handoff.request_at(conversations.lock(conversation.id), "A desk is tried.", str(self.connection.id))

    def _say(self, text: str, *, is_answered: bool = True) -> None:
        conversation = conversations.lock(self.conversation_id)
        new = NewMessage(
            author_kind=AuthorKind.VISITOR, text=text, client_id=f"check:{uuid4()}", status=MessageStatus.RECEIVED
        )
        if is_answered:
            turns.take_message(conversation, new, queue=False)
        else:
            conversations.post_message(conversation, new)

    def _case(self) -> DeskCase | None:
        return DeskCase.objects.filter(conversation_id=self.conversation_id).order_by("-opened_at").first()

    def _lines(self, of: AuthorKind) -> int:
        return Message.objects.filter(conversation_id=self.conversation_id, author_kind=of).count()

    def _last_line(self) -> str:
        rows = Message.objects.filter(conversation_id=self.conversation_id, author_kind=AuthorKind.AGENT)
        last = rows.order_by("-seq").first()
        return f"{last.author_name or 'A person'}: {last.text}" if last is not None else "Nothing was heard."

    def _summary(self) -> str:
        last = Handoff.objects.filter(conversation_id=self.conversation_id).order_by("-requested_at").first()
        return (
            "" if last is None else f"{last.get_outcome_display() if last.outcome else 'Still there'}. {last.summary}"
        )

    def _why_not(self) -> str:
        rows = Delivery.objects.filter(conversation_id=self.conversation_id).order_by("position")
        told = [f"{row.what} {row.called.lower()}: {row.reason} {row.remedy}".strip(": ") for row in rows]
        return "; ".join(told) or "Nothing was sent: no desk took it. See the conversation's hand-over."

    async def _looked_up(self, provider: Provider) -> Step:
        what = "A lost answer opens no second case"

        def prepared() -> Delivery:
            rows = Delivery.objects.select_related("conversation")
            return rows.filter(conversation_id=self.conversation_id, what=OPENED).earliest("created_at")

        delivery = await self._inside(prepared)
        case = await self._inside(lambda: desk_cases.known(delivery))
        try:
            found = await provider.look_up(outgoing_of(delivery, case=case))
        except ProviderError as error:
            # It is not sent again then, which is as good.
            return Step(what, error.permanent or error.ambiguous, error.words)
        ref = case.there.ref if case is not None and case.there is not None else ""
        is_same = found is not None and (found.case is None or found.case.ref == ref)
        return Step(what, is_same, "It is found again by our key." if is_same else "It was not found again.")

    async def _all_out(self) -> bool:
        """Whether all that was written for the desk has arrived."""

        def left() -> tuple[int, int]:
            rows = Delivery.objects.filter(conversation_id=self.conversation_id)
            rows.filter(status=DeliveryStatus.QUEUED, attempts=0).update(due_at=timezone.now())
            dead = rows.filter(status__in=(DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN, DeliveryStatus.SUPPRESSED))
            return rows.filter(status=DeliveryStatus.QUEUED).count(), dead.count()

        until = time.monotonic() + OUT_SECONDS
        while time.monotonic() < until:
            waiting, dead = await self._inside(left)
            if not waiting or dead:
                return not dead
            await Drain().idle()
            await asyncio.sleep(min(ASK_AGAIN_SECONDS, self.patience))
        return False

    async def _until(self, act: str, is_so: Callable[[], bool]) -> bool:
        """Whether it came to be, while somebody had the time to do it; the case is looked at all along."""
        if self.act is not None:
            await self.act(act)
        until = time.monotonic() + self.patience
        while True:
            await Drain().idle()
            if await self._inside(is_so):
                return True
            if time.monotonic() > until:
                return False
            await self._inside(self._look)
            await asyncio.sleep(min(ASK_AGAIN_SECONDS, self.patience / 4))

    def _look(self) -> None:
        DeskCase.objects.filter(conversation_id=self.conversation_id).exclude(ref="").update(look_at=timezone.now())

    def _end(self) -> None:
        if self.conversation_id == UUID(int=0):
            return
        conversation = conversations.lock(self.conversation_id)
        if conversation.is_active:
            conversations.end(conversation, Status.COMPLETED, "The desk was tried.", "")


def found(connection_id: UUID) -> Connection:
    """The connection, where it is a desk's; `ValueError` in words otherwise. Inside `tenant()`."""
    row = Connection.objects.select_related("assistant__published").filter(id=connection_id).first()
    if row is None:
        raise ValueError("There is no connection by that id.")
    kind = accounts.kind_of(row)
    if not kind.can(Capability.DESK) or not kind.takes_handoffs(row.config) or kind.takes_own_alone(row.config):
        raise ValueError(f"{row.name} takes no hand-overs of others' conversations.")
    connections.provider_to_check(row)
    return row
