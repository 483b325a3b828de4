"""Connections as desks (`deployments.desks`): cases go out by the outbox, what desks say comes in as events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from urllib.parse import urlencode, urlsplit
from uuid import UUID, uuid5

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q
from django.urls import reverse
from django.utils import timezone

from channels_app import accounts, bell, desk_cases
from channels_app.models import Connection, ConversationLink, Delivery, DeskCase
from channels_app.models.connection import ConnectionState
from channels_app.models.outbound import DeliveryStatus
from channels_app.providers.base import Capability, Planned, Provider
from channels_app.providers.desk_port import BESIDE, MESSAGE, OPENED, TRANSCRIPT
from channels_app.providers.events import DeskSaid
from channels_app.providers.webhook_desk import MOST_MESSAGES
from channels_app.rehearsal import visitors
from convoship.lib import names
from deployments import conversations, desks, handoff, live, turns
from deployments.conversations import NewMessage
from deployments.desks import Availability, Case, Choice, Desk, ShownCase, Untold
from deployments.models import Conversation, Handoff, Message
from deployments.models.conversation import AuthorKind, Channel, Control, MessageStatus
from deployments.models.handoff import HandoffOutcome, HandoffState
from deployments.safe_text import LONGEST_TEXT

# So begins the `client_id` of what a desk said; the id of its event follows.
SAID_AT_DESK = "desk:"


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
        if conversation is not None and not self._is_for(conversation):
            return Availability(False, f"{self.connection.name} takes only who writes over it.")
        if self.connection.stopped_since is not None:
            return Availability(False, f"{self.connection.name} is stopped: {self.connection.fault}")
        return Availability(True)

    def open_case(self, case: Case) -> None:
        """The case and the whole conversation, into the outbox."""
        desk_cases.begin(self.connection.id, case)
        rows = Message.objects.filter(conversation=case.conversation).order_by("-seq")[:MOST_MESSAGES]
        page = f"{settings.PUBLIC_BASE_URL}/app/conversations/{case.conversation.id}/"
        self._write(case, self._provider(case).plan_opened(case, list(rows)[::-1], page))

    def untold(self, case: Case) -> Untold | None:
        """By how what opens it stands in the outbox."""
        row = Delivery.objects.filter(connection=self.connection, address=case.key, what=OPENED).first()
        return _untold(row) if row is not None else None

    def add_turn(self, case: Case, message: Message) -> None:
        """What the visitor, or a program, said since."""
        provider = self._provider(case)
        planned = provider.plan_turn(case, message)
        if provider.turns_wait and len(planned) == 1 and self._join(provider, case, planned[0]):
            return
        self._write(case, planned, wait=dt.timedelta(seconds=provider.turns_wait))

    def add_files(self, case: Case, message: Message) -> None:
        """What became of files of a message that was told before."""
        self._write(case, self._provider(case).plan_files(case, message))

    def close_case(self, case: Case, outcome: str, words: str) -> None:
        """That the case is over there."""
        desk_cases.note_closed(self.connection.id, case.key)
        self._write(case, self._provider(case).plan_closed(case, outcome, words))

    def received(self, case: Case, event: DeskSaid) -> None:
        """What somebody said there is in the conversation; where the desk wants to know."""
        self._write(case, self._provider(case).plan_received(case, event.key))

    def undelivered(self, case: Case, event: DeskSaid, words: str) -> None:
        """Somebody said something there that reached nobody, and why; where the desk can be told."""
        self._write(case, self._provider(case).plan_undelivered(case, event.key, event.text, words))

    def _join(self, provider: Provider, case: Case, planned: Planned) -> bool:
        """Put it beside what is still to be told, where that has not left and may have more with it."""
        rows = Delivery.objects.filter(lane=self._lane(case), status=DeliveryStatus.QUEUED)
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

    def _lane(self, case: Case) -> UUID:
        return uuid5(case.handoff.id, str(self.connection.id))

    def _is_for(self, conversation: Conversation) -> bool:
        kind = accounts.kind_of(self.connection)
        return not kind.takes_own_alone(self.connection.config) or bool(self._address_of(conversation))

    def _address_of(self, conversation: Conversation) -> str:
        """Where a conversation takes place over this very connection; "" where it is elsewhere."""
        links = ConversationLink.objects.filter(connection=self.connection, conversation=conversation)
        return links.values_list("address", flat=True).first() or ""

    def _provider(self, case: Case) -> Provider:
        return accounts.to_plan(self.connection, self._address_of(case.conversation))

    def _write(self, case: Case, planned: Sequence[Planned], *, wait: dt.timedelta = dt.timedelta()) -> None:
        """In the hand-over's own lane at this desk, in order: the conversation is locked. Due once `wait` is over.

        At another desk it has another: what one can't be told now holds up nobody else.
        """
        if not planned:
            return
        lane = self._lane(case)
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
                is_test=case.conversation.is_test or self.connection.is_rehearsal,
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
        return [Choice(str(row.id), _chosen_as(row), row.is_rehearsal) for row in rows if is_desk(row)]

    def cases_of(self, handoff: Handoff) -> Sequence[ShownCase]:
        """Those that were taken, or that something is wrong with."""
        rows = DeskCase.objects.filter(handoff=handoff).select_related("connection").order_by("opened_at")
        return [shown for row in rows if (shown := _shown_case(row)).number or shown.trouble]

    def own_of(self, conversation: Conversation) -> Sequence[str]:
        """Of a rehearsal's visitor the desk that is rehearsed; of who writes where its people are, those."""
        found = visitors.desk_of(conversation)
        if found is not None:
            return (str(found),)
        if conversation.channel == Channel.WEB:
            return ()
        link = ConversationLink.objects.select_related("connection").filter(conversation=conversation).first()
        if link is None or not is_desk(link.connection):
            return ()
        own = accounts.kind_of(link.connection).takes_own_alone(link.connection.config)
        return (str(link.connection_id),) if own else ()


def _chosen_as(connection: Connection) -> str:
    """Its name, and whom it takes, where that is not everybody."""
    is_own = accounts.kind_of(connection).takes_own_alone(connection.config)
    return f"{connection.name} (takes only who writes over it)" if is_own else connection.name


def _shown_case(row: DeskCase) -> ShownCase:
    trouble = f"{row.trouble} {row.trouble_remedy}".strip() if row.closed_at is None else ""
    trouble = " ".join(filter(None, (_not_told(row), trouble)))
    log = reverse("connection_deliveries", args=[row.connection_id])
    desk = row.connection.name
    return ShownCase(row.number, _console_of(row), trouble, log, row.taken_at, row.closed_at, desk)


def _console_of(row: DeskCase) -> str:
    """Where its people open it: at the vendor's own host and nowhere else; of a rehearsal the screen of its agent."""
    connection = row.connection
    if connection.is_rehearsal:
        query = urlencode({"with": row.ref or row.key})
        return f"{reverse('rehearsal', args=[connection.id])}?{query}"
    try:
        parts = urlsplit(row.url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    of_its_own = urlsplit(str(connection.config.get("api_base_url") or "")).hostname
    hosts = (*accounts.kind_of(connection).hosts, *([of_its_own] if of_its_own else []))
    is_theirs = any(host == known or host.endswith(f".{known}") for known in hosts)
    return row.url if parts.scheme in ("https", "http") and is_theirs and not parts.username else ""


def _not_told(row: DeskCase) -> str:
    """How much of what was said the desk doesn't know, and why."""
    rows = Delivery.objects.filter(connection=row.connection_id, address=row.key, dismissed_at=None)
    tried = Q(status=DeliveryStatus.QUEUED) & (Q(is_parked=True) | Q(tries__gt=0))
    lacking = rows.filter(tried | Q(status__in=(DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN))).order_by("position")
    first = lacking.first()
    if first is None:
        return ""
    held_up = rows.filter(status=DeliveryStatus.QUEUED, position__gt=first.position, lane=first.lane).count()
    number = max(lacking.count(), 1 + held_up)
    return f"{number} not told {'yet' if first.status == DeliveryStatus.QUEUED else 'there'}: {first.reason}"


def is_waited_for(delivery: Delivery) -> bool:
    """Whether it tells a desk of a visitor who waits for it now: what opens a case, and of helpdesks what they say."""
    if delivery.what == OPENED:
        return True
    is_said = delivery.what in (TRANSCRIPT, MESSAGE)
    return is_said and accounts.kind_of(delivery.connection).can(Capability.DESK_LOOKS)


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
    if case is None and event.says == "message" and _comes_late(connection, conversation, key):
        case = handoff.came_late(conversation, str(connection.id), name=_named(connection, event, ""))
        desk_cases.carry_on(connection.id, key, Case(case, conversation))
    if case is None:
        if event.says == "message":
            _tell_undelivered(connection, conversation, key, event)
        if event.says == "typing":
            return conversation, None, ""
        return conversation, None, _GONE
    name = _named(connection, event, case.holder_name)
    message = None
    match event.says:
        case "accepted" if case.state == HandoffState.LIVE and not _kind_names(connection):
            handoff.known_at_desk(conversation, case, name=name)
        case "accepted":
            handoff.accept(conversation, case, name=name)
        case "message":
            if not name:
                desk_cases.stir(connection.id, key)
            message = handoff.said_at_desk(
                conversation, case, name=name, text=event.text, client_id=f"{SAID_AT_DESK}{event_id}"
            )
            ConnectionDesk(connection).received(Case(case, conversation), event)
        case "visitor":
            message = _said_by_visitor(conversation, event, event_id)
        case "typing":
            author = {"kind": "agent", "name": name}
            live.tell_typing(conversation.workspace_id, conversation.id, author, on=event.on)
        case "ended" | "lapsed" if case.state not in (HandoffState.ACCEPTED, HandoffState.LIVE):
            desk_cases.note_closed(connection.id, key)
            handoff.unavailable(conversation, case, event.text or f"Nobody at {connection.name} took it.")
        case "returned" | "lapsed":
            desk_cases.note_closed(connection.id, key)
            handoff.returned_by_desk(conversation, case, event.text)
        case "closed" | "ended":
            desk_cases.note_closed(connection.id, key)
            handoff.closed_by_desk(conversation, case, name)
        case "unavailable":
            desk_cases.note_closed(connection.id, key)
            handoff.unavailable(conversation, case, event.text or f"{connection.name} can't take it.")
    return conversation, message, ""


def _said_by_visitor(conversation: Conversation, event: DeskSaid, event_id: str) -> Message:
    """The visitor said something where the desk's people read it themselves."""
    new = NewMessage(
        author_kind=AuthorKind.VISITOR,
        text=event.text[:LONGEST_TEXT],
        client_id=f"{SAID_AT_DESK}{event_id}",
        status=MessageStatus.RECEIVED,
    )
    earlier = conversations.already_posted(conversation, new)
    return earlier or turns.take_message(conversation, new, queue=False)[0]


def _named(connection: Connection, event: DeskSaid, holder: str) -> str:
    """Who says it: without a name it is whoever has it already; "" where that is still to be learnt."""
    return names.shown(event.name) or holder or (connection.name if _kind_names(connection) else "")


def _kind_names(connection: Connection) -> bool:
    return accounts.kind_of(connection).names_who_writes


# Nobody had come when these were said, and nobody else has it since.
_IN_VAIN = (HandoffOutcome.NOBODY_CAME, HandoffOutcome.NOBODY_THERE)


def _comes_late(connection: Connection, conversation: Conversation, key: str) -> bool:
    """Whether a desk that keeps cases, as helpdesks do, answers one that nobody came for: the visitor still gets it."""
    if not accounts.kind_of(connection).can(Capability.DESK_LOOKS):
        return False
    if not conversation.is_active or conversation.control != Control.ASSISTANT:
        return False
    last = Handoff.objects.filter(conversation=conversation).order_by("-requested_at").first()
    return last is not None and key == Case(last, conversation).key and last.outcome in _IN_VAIN


def _conversation_of(connection: Connection, key: str) -> Conversation | None:
    """The locked conversation of a case's key, where this connection was offered it."""
    row = DeskCase.objects.filter(connection=connection, key=key).first()
    return conversations.lock(row.conversation_id) if row is not None else None


_GONE = "The case is not there any more, so this changes nothing. Its hand-over says why."


def _tell_undelivered(connection: Connection, conversation: Conversation, key: str, event: DeskSaid) -> None:
    """Its person wrote to somebody who can't read it any more, and has to know. The conversation is locked."""
    offered = desk_cases.offered(key)
    if offered is None:
        return
    found, offer = offered
    is_said = found.outcome == HandoffOutcome.ENDED
    ended = "" if conversation.is_active or is_said else " The conversation has ended."
    words = f"{found.shown_outcome}.{ended}" if found.outcome else f"Somebody else has it by now.{ended}"
    ConnectionDesk(connection).undelivered(Case(found, conversation, offer), event, words)


def _untold(opening: Delivery) -> Untold | None:
    """Whether its desk knows of a case, by the delivery that opens it: one under way, or in doubt, may be there."""
    if opening.status == DeliveryStatus.QUEUED:
        is_sure = not opening.is_in_doubt and opening.claim is None
        return Untold(f"It could not be told in time: {opening.reason or 'it still waits to be sent.'}", is_sure)
    if opening.status in (DeliveryStatus.FAILED, DeliveryStatus.SUPPRESSED, DeliveryStatus.UNKNOWN):
        return Untold(f"It could not be told: {opening.reason}", opening.status != DeliveryStatus.UNKNOWN)
    return None


def on_settled(delivery: Delivery) -> None:
    """What a desk was to be told and was not: the next one is asked. The conversation is locked."""
    if delivery.status not in (DeliveryStatus.FAILED, DeliveryStatus.SUPPRESSED, DeliveryStatus.UNKNOWN):
        return
    if delivery.conversation is None or not is_desk(delivery.connection) or not desk_cases.is_key(delivery.address):
        return
    if delivery.what in BESIDE:
        return
    # What was still to be told of it can't be told, or would be of something that is elsewhere.
    unsent = Delivery.objects.filter(lane=delivery.lane, status=DeliveryStatus.QUEUED, claim=None)
    left = unsent.filter(address=delivery.address).exclude(id=delivery.id)
    case = handoff.at_desk(delivery.conversation, delivery.address)
    if case is not None or delivery.what == OPENED:
        words = "The case went on to another desk before this was told."
        left.update(status=DeliveryStatus.SUPPRESSED, reason=words, is_parked=False, settled_at=timezone.now())
    if case is None:
        return
    desk_cases.note_closed(delivery.connection_id, delivery.address)
    if delivery.what != OPENED and accounts.kind_of(delivery.connection).can(Capability.DESK_LOOKS):
        words = "Something could not be told here, so the conversation went on to somebody else."
        ConnectionDesk(delivery.connection).close_case(Case(case, delivery.conversation), "", words)
    untold = _untold(delivery) if delivery.what == OPENED else None
    handoff.unavailable(delivery.conversation, case, f"It could not be told: {delivery.reason}", untold=untold)
