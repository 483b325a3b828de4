"""Connections as desks (`deployments.desks`): cases go out by the outbox, what desks say comes in as events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from channels_app import accounts, bell, desk_cases
from channels_app.models import Connection, Delivery
from channels_app.models.connection import ConnectionState
from channels_app.models.outbound import DeliveryStatus
from channels_app.providers.base import Capability, Planned, Provider
from channels_app.providers.desk_port import CLOSED, UNDELIVERED
from channels_app.providers.events import DeskSaid
from channels_app.providers.webhook_desk import MOST_MESSAGES
from convoship.lib import names
from deployments import conversations, desks, handoff, live
from deployments.desks import Availability, Case, Choice, Desk
from deployments.models import Conversation, Handoff, Message
from deployments.models.handoff import HandoffState


class ConnectionDesk:
    """A connection whose other side has people."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def name(self) -> str:
        """What members call it."""
        return self.connection.name

    def availability(self, now: dt.datetime, conversation: Conversation | None = None) -> Availability:
        """Whether something would go out to it now."""
        if self.connection.state != ConnectionState.ACTIVE:
            return Availability(False, f"{self.connection.name} is {self.connection.get_state_display().lower()}.")
        if self.connection.stopped_since is not None:
            return Availability(False, f"{self.connection.name} is stopped: {self.connection.fault}")
        return Availability(True)

    def open_case(self, case: Case) -> None:
        """The case and the whole conversation, into the outbox."""
        desk_cases.begin(self.connection.id, case)
        rows = Message.objects.filter(conversation=case.conversation).order_by("-seq")[:MOST_MESSAGES]
        page = f"{settings.PUBLIC_BASE_URL}/app/conversations/{case.conversation.id}/"
        self._write(case, self._provider().plan_opened(case, list(rows)[::-1], page))

    def add_turn(self, case: Case, message: Message) -> None:
        """What the visitor, or a program, said since."""
        provider = self._provider()
        planned = provider.plan_turn(case, message)
        if provider.turns_wait and len(planned) == 1 and self._join(provider, case, planned[0]):
            return
        self._write(case, planned, wait=dt.timedelta(seconds=provider.turns_wait))

    def add_files(self, case: Case, message: Message) -> None:
        """What became of files of a message that was told before."""
        self._write(case, self._provider().plan_files(case, message))

    def close_case(self, case: Case, outcome: str, words: str) -> None:
        """That the case is over there."""
        desk_cases.note_closed(self.connection.id, case.key)
        self._write(case, self._provider().plan_closed(case, outcome, words))

    def undelivered(self, case: Case, said: str, words: str) -> None:
        """Somebody said something there that reached nobody, and why; where the desk can be told."""
        self._write(case, self._provider().plan_undelivered(said, words))

    def _join(self, provider: Provider, case: Case, planned: Planned) -> bool:
        """Put it beside what is still to be told, where that has not left and may have more with it."""
        rows = Delivery.objects.filter(lane=case.handoff.id, status=DeliveryStatus.QUEUED)
        free = rows.select_for_update(of=("self",), skip_locked=True).order_by("-position")
        last = free.first()
        if last is None or last.claim is not None or last.tries:
            return False
        if (last.address, last.what) != (case.key, planned.what):
            return False
        if rows.filter(position__gt=last.position).exists():
            return False
        joined = provider.join_turns(last.content, planned.content)
        if joined is None:
            return False
        last.content = dict(joined)
        last.save(update_fields=["content"])
        return True

    def _provider(self) -> Provider:
        return accounts.to_plan(self.connection)

    def _write(self, case: Case, planned: Sequence[Planned], *, wait: dt.timedelta = dt.timedelta()) -> None:
        """In a lane of the hand-over's own, in order: the conversation is locked. Not due before `wait` is over."""
        if not planned:
            return
        lane = case.handoff.id
        last = Delivery.objects.filter(lane=lane).aggregate(last=Max("position"))["last"] or 0
        Delivery.objects.bulk_create(
            Delivery(
                connection=self.connection,
                conversation=case.conversation,
                lane=lane,
                position=last + place,
                address=case.key,
                what=plan.what,
                content=dict(plan.content),
                is_test=case.conversation.is_test,
                due_at=timezone.now() + wait,
                workspace_id=case.conversation.workspace_id,
            )
            for place, plan in enumerate(planned, 1)
        )
        transaction.on_commit(bell.ring)


class ConnectionDesks:
    """Finds the connections that are desks."""

    def desk_of(self, ref: str) -> Desk | None:
        """The desk of a connection's id."""
        try:
            connection = Connection.objects.filter(id=UUID(ref)).first()
        except ValueError:
            return None
        return ConnectionDesk(connection) if connection is not None and is_desk(connection) else None

    def choices(self) -> Sequence[Choice]:
        """Those of this workspace, by name."""
        rows = Connection.objects.order_by("name", "created_at")
        return [Choice(str(connection.id), connection.name) for connection in rows if is_desk(connection)]

    def own_of(self, conversation: Conversation) -> Sequence[str]:
        """None."""
        return ()


def is_desk(connection: Connection) -> bool:
    """Whether its other side takes hand-overs."""
    kind = accounts.kind_of(connection)
    return kind.can(Capability.DESK) and kind.takes_handoffs(connection.config)


def register() -> None:
    """Have connections found as desks."""
    desks.register(ConnectionDesks())


# --- What desks say ---------------------------------------------------------------------------------------------------


def take(connection: Connection, event: DeskSaid, event_id: str) -> tuple[Conversation | None, Message | None, str]:
    """What a desk said of a case: (conversation, message, words for the event's row). Of one that is gone: nothing."""
    key = desk_cases.key_of(connection.id, event.address)
    if event.says == "changed":
        desk_cases.stir(connection.id, key)
        return None, None, "" if key else f"There is no case {event.address} of this connection."
    conversation = _conversation_of(connection, key)
    if conversation is None:
        return None, None, f"There is no case {event.address} of this connection."
    case = handoff.at_desk(conversation, key)
    if case is None:
        if event.says == "message":
            _tell_undelivered(connection, conversation, key, event)
        if event.says == "typing":
            return conversation, None, ""
        return conversation, None, _GONE
    # Who says no name is whoever has it already.
    name = names.shown(event.name) or case.holder_name or connection.name
    message = None
    match event.says:
        case "accepted":
            handoff.accept(conversation, case, name=name)
        case "message":
            message = handoff.said_at_desk(conversation, case, name=name, text=event.text, client_id=f"desk:{event_id}")
        case "typing":
            author = {"kind": "agent", "name": name}
            live.tell_typing(conversation.workspace_id, conversation.id, author, on=event.on)
        case "returned":
            desk_cases.note_closed(connection.id, key)
            handoff.returned_by_desk(conversation, case, event.text)
        case "ended" if case.state not in (HandoffState.ACCEPTED, HandoffState.LIVE):
            desk_cases.note_closed(connection.id, key)
            handoff.unavailable(conversation, case, event.text or f"Nobody at {connection.name} took it.")
        case "closed" | "ended":
            desk_cases.note_closed(connection.id, key)
            handoff.closed_by_desk(conversation, case, name)
        case "unavailable":
            desk_cases.note_closed(connection.id, key)
            handoff.unavailable(conversation, case, event.text or f"{connection.name} can't take it.")
    return conversation, message, ""


def _conversation_of(connection: Connection, key: str) -> Conversation | None:
    """The locked conversation of a case's key, where this connection was offered it."""
    handoff_id = desk_cases.handoff_id(key)
    found = Handoff.objects.filter(id=handoff_id).first() if handoff_id is not None else None
    if found is None:
        return None
    offered = Delivery.objects.filter(connection=connection, lane=found.id, address=key)
    return conversations.lock(found.conversation_id) if offered.exists() else None


_GONE = "The case is not there any more, so this changes nothing. Its hand-over says why."


def _tell_undelivered(connection: Connection, conversation: Conversation, key: str, event: DeskSaid) -> None:
    """Its person wrote to somebody who can't read it any more, and has to know. The conversation is locked."""
    found = Handoff.objects.filter(id=desk_cases.handoff_id(key)).first()
    if found is None:
        return
    offers = int(key.rpartition(".")[2])
    found.offers = offers
    ended = "" if conversation.is_active else " The conversation has ended."
    words = f"{found.get_outcome_display()}.{ended}" if found.outcome else f"Somebody else has it by now.{ended}"
    ConnectionDesk(connection).undelivered(Case(found, conversation), event.text, words)


def on_settled(delivery: Delivery) -> None:
    """What a desk was to be told and was not: the next one is asked. The conversation is locked."""
    if delivery.status not in (DeliveryStatus.FAILED, DeliveryStatus.SUPPRESSED, DeliveryStatus.UNKNOWN):
        return
    if delivery.conversation is None or not is_desk(delivery.connection) or not desk_cases.is_key(delivery.address):
        return
    if delivery.what in (CLOSED, UNDELIVERED):
        return
    case = handoff.at_desk(delivery.conversation, delivery.address)
    if case is not None:
        handoff.unavailable(delivery.conversation, case, f"It could not be told: {delivery.reason}")
