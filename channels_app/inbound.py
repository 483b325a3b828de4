"""What providers tell us: stored under a unique key in the request (`record`), worked on afterwards (`handle`)."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection as database
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from channels_app import (
    accounts,
    address_locks,
    bell,
    confirming,
    consents,
    desks,
    incoming_messages,
    personal,
    releasing,
    statuses,
    windows,
)
from channels_app.models import Connection, InboundEvent, RefusedRequest
from channels_app.models.inbound import EventState
from channels_app.models.personal import ERASED
from channels_app.providers.base import Capability, InboundRequest, SignatureInvalid, Stored
from channels_app.providers.events import (
    CallEnded,
    DeskSaid,
    MessageReceived,
    NotUsed,
    ProviderEvent,
    StatusReported,
    event_of,
)
from convoship.lib.actors import Actor
from convoship.lib.deadlocks import once_more
from convoship.lib.failpoints import failpoint
from convoship.lib.problems import Problem
from deployments import turns
from deployments.models import Turn
from deployments.models.conversation import TurnStatus
from workspaces import audit

logger = logging.getLogger(__name__)

LEASE = dt.timedelta(seconds=60)
# As for deliveries (`claims`): what kills its worker this often is given up, and suspects are taken one at a time.
MOST_CRASHES, SUSPECT_AFTER = 5, 2
RETRY_AFTER = tuple(dt.timedelta(seconds=seconds) for seconds in (5, 30, 120, 600))
LAST_INBOUND_STEP = dt.timedelta(seconds=5)
# How often the same body can be said anew in a connection, where its events have no keys.
MOST_OF_ONE_BODY = 999_999


# --- In the request -------------------------------------------------------------------------------------------------


def record(
    connection: Connection, events: Sequence[ProviderEvent], request: InboundRequest, *, is_called: bool = True
) -> list[Stored]:
    """Store what is new among signed events; a copy is counted. The request is answered after COMMIT.

    `is_called`: the provider called us, and we did not ask.
    """
    opens = accounts.kind_of(connection).can(Capability.OPENS_AT_ONCE)
    _own_addresses(connection, events)
    stored = []
    for event in events:
        row, is_new = _insert(connection, event, request)
        conversation_id = row.conversation_id
        if opens and isinstance(event, MessageReceived) and conversation_id is None:
            conversation_id = _opened(connection, row, event)
        elif opens and isinstance(event, CallEnded):
            conversation_id = incoming_messages.latest_at(connection, event.address)
        stored.append(Stored(row.id, is_new, conversation_id))
    new = [event for event, one in zip(events, stored, strict=True) if one.is_new]
    _release(connection, new, request.arrived_at)
    _note_stops(connection, new)
    if is_called:
        note_came(connection)
    if any(one.is_new and not event.is_inline for one, event in zip(stored, events, strict=True)):
        transaction.on_commit(bell.ring)
    failpoint("F1")
    return stored


def note_came(connection: Connection) -> None:
    """Something genuine came in now."""
    now = timezone.now()
    if connection.last_inbound_at is None or now - connection.last_inbound_at > LAST_INBOUND_STEP:
        Connection.objects.filter(id=connection.id).update(last_inbound_at=now)


def _own_addresses(connection: Connection, events: Sequence[ProviderEvent]) -> None:
    """Those of which something is decided here, before any row is held (`address_locks`)."""
    decides = windows.has_one(connection) or bool(connection.config.get("quiet_hours"))
    said = [event for event in events if isinstance(event, MessageReceived) and (decides or event.wish == "stop")]
    address_locks.own_all(connection.workspace_id, [event.address for event in said])


def _note_stops(connection: Connection, events: Sequence[ProviderEvent]) -> None:
    """At once, and not when they are handled: nothing that is claimed from here on may reach who wants no more."""
    for event in events:
        if not isinstance(event, MessageReceived) or event.wish != "stop":
            continue
        if consents.note(connection, event.address, withdrawn=True, source=consents.wrote(event.text)):
            confirming.confirm(connection, event.address, "stop")


def _release(connection: Connection, events: Sequence[ProviderEvent], arrived_at: dt.datetime) -> None:
    """At once as well: whatever waits for a message of theirs need not wait until that is handled."""
    for event in events:
        if isinstance(event, MessageReceived):
            if windows.has_one(connection):
                windows.note_message(connection, event.address, arrived_at)
            if connection.config.get("quiet_hours"):
                releasing.release_from_quiet(connection, event.address)


def _insert(connection: Connection, event: ProviderEvent, request: InboundRequest) -> tuple[InboundEvent, bool]:
    ignored = isinstance(event, NotUsed)
    row = InboundEvent(
        connection=connection,
        key=_key(connection, event, request.arrived_at)[:255],
        kind=event.kind,
        lane=event.address[:255],
        content=event.as_json(),
        body_digest=hashlib.sha256(request.body).digest(),
        state=EventState.IGNORED if ignored else EventState.RECEIVED,
        reason=f"Convoship does nothing with this: {event.what}."[:300] if ignored else "",
        due_at=timezone.now(),
        workspace_id=connection.workspace_id,
    )
    made = InboundEvent.objects.bulk_create([row], ignore_conflicts=True)
    kept = InboundEvent.objects.get(connection=connection, key=row.key)
    if kept.id == made[0].id:
        return kept, True
    InboundEvent.objects.filter(id=kept.id).update(copies=F("copies") + 1)
    return kept, False


def _key(connection: Connection, event: ProviderEvent, arrived_at: dt.datetime) -> str:
    """The event's key. One made of the body counts up, and is that of the earlier one while this is a copy of it."""
    if event.copy_seconds is None:
        return event.key
    made = InboundEvent.objects.filter(
        connection=connection, key__range=(_numbered(event.key, 0), _numbered(event.key, MOST_OF_ONE_BODY))
    )
    earlier = made.select_related("delivery").order_by("-key").first()
    if earlier is None:
        return _numbered(event.key, 0)
    is_young = arrived_at - earlier.received_at < dt.timedelta(seconds=event.copy_seconds)
    if is_young or not _is_answered(earlier):
        return earlier.key
    return _numbered(event.key, min(int(earlier.key.rpartition(":")[2]) + 1, MOST_OF_ONE_BODY))


def _numbered(key: str, number: int) -> str:
    return f"{key}:{number:06d}"


def _is_answered(row: InboundEvent) -> bool:
    """Whether nothing more is coming of an event."""
    if row.state == EventState.RECEIVED or (row.delivery is not None and row.delivery.settled_at is None):
        return False
    return not Turn.objects.filter(message=row.message_id, status__in=(TurnStatus.QUEUED, TurnStatus.RUNNING)).exists()


def _opened(connection: Connection, row: InboundEvent, event: MessageReceived) -> UUID | None:
    """The conversation that the event belongs to, opened where there is none; None where nobody can answer yet."""
    try:
        with transaction.atomic():
            if incoming_messages.is_blocked(connection, event):
                return None
            conversation, _ = incoming_messages.conversation_for(connection, event)
    except Problem:
        return None  # `handle` says on the event's row why
    if conversation is None:
        return None
    InboundEvent.objects.filter(id=row.id).update(conversation_id=conversation.id)
    return conversation.id


def refuse(connection: Connection, request: InboundRequest, problem: SignatureInvalid) -> None:
    """Count a request that is not genuine: one row per connection, reason and hour, and no other trace."""
    now = timezone.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    with database.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO {RefusedRequest._meta.db_table}
                       (id, workspace_id, connection_id, reason, detail, hour, count, last_at)
                VALUES (%s, %s, %s, %s, %s, %s, 1, %s)
                ON CONFLICT (connection_id, reason, hour)
                DO UPDATE SET count = {RefusedRequest._meta.db_table}.count + 1, last_at = excluded.last_at,
                              detail = excluded.detail""",  # noqa: S608  (the name of our table)
            [
                uuid.uuid4(),
                connection.workspace_id,
                connection.id,
                problem.reason[:40],
                problem.detail[:500],
                hour,
                now,
            ],
        )


# --- Afterwards -----------------------------------------------------------------------------------------------------

# As deliveries are claimed (`claims`).
_CLAIM = """
    WITH picked AS MATERIALIZED (
        SELECT q.id, q.leased_until IS NOT NULL AS was_cut
          FROM channels_app_inboundevent q JOIN channels_app_connection c ON c.id = q.connection_id
         WHERE q.workspace_id = %(workspace)s AND q.state = 'received' AND q.due_at <= now()
           AND (%(only)s::uuid[] IS NULL OR q.id = ANY(%(only)s::uuid[]))
           AND (q.leased_until IS NULL OR q.leased_until < now()) AND c.state = 'active'
           AND (q.kind = 'status' OR NOT EXISTS (
                 SELECT 1 FROM channels_app_inboundevent b
                  WHERE b.connection_id = q.connection_id AND b.lane = q.lane AND b.state = 'received'
                    AND b.kind <> 'status' AND (b.received_at, b.id) < (q.received_at, q.id)))
         ORDER BY q.received_at
         LIMIT %(limit)s
           FOR UPDATE OF q SKIP LOCKED)
    UPDATE channels_app_inboundevent AS e
       SET claim = gen_random_uuid(), leased_until = now() + make_interval(secs => %(lease)s),
           attempts = e.attempts + 1, cuts = e.cuts + picked.was_cut::int
      FROM picked
     WHERE e.id = picked.id
 RETURNING e.id, e.claim, e.cuts
"""


@dataclass(frozen=True)
class ClaimedEvent:
    """An event in hand."""

    workspace_id: UUID
    event_id: UUID
    token: UUID
    # Workers died with it in hand before.
    is_suspect: bool = False


def claim(
    workspace_id: UUID, limit: int, only: Sequence[UUID] | None = None, *, suspects: int = 1
) -> list[ClaimedEvent]:
    """Take up to `limit` due events (among `only` these), of each address the earliest, and so many suspects.

    Inside `tenant()`.
    """
    wanted: dict[str, Any] = {
        "workspace": workspace_id,
        "lease": LEASE.total_seconds(),
        "limit": limit,
        "only": only and list(only),
    }
    with database.cursor() as cursor:
        cursor.execute(_CLAIM, wanted)
        rows = cursor.fetchall()
    ready = []
    for event_id, token, cuts in rows:
        if cuts >= MOST_CRASHES:
            _give_up(event_id)
        elif cuts >= SUSPECT_AFTER and not suspects:
            _put_back(event_id)
        else:
            suspects -= cuts >= SUSPECT_AFTER
            ready.append(ClaimedEvent(workspace_id, event_id, token, cuts >= SUSPECT_AFTER))
    return ready


def _give_up(event_id: UUID) -> None:
    InboundEvent.objects.filter(id=event_id).update(
        state=EventState.FAILED,
        reason=f"The worker was stopped {MOST_CRASHES} times while handling this.",
        remedy="Look at the worker's log, then retry it.",
        claim=None,
        leased_until=None,
    )


def _put_back(event_id: UUID) -> None:
    """Not now: as if it had not been claimed."""
    InboundEvent.objects.filter(id=event_id).update(claim=None, leased_until=None, attempts=F("attempts") - 1)


def handle(claimed: ClaimedEvent) -> turns.Claim | None:
    """Do what the event asks for, in one transaction with its end: (the right to answer, where that takes time)."""
    row = (
        InboundEvent.objects.select_related("connection__assistant__published")
        .filter(id=claimed.event_id, claim=claimed.token, state=EventState.RECEIVED)
        .first()
    )
    if row is None:
        return None
    try:
        return _handle(row)
    except Problem as problem:
        _put_off(row, problem.detail, problem.hint or "")
    except Exception:
        logger.exception("event %s of connection %s could not be handled", row.id, row.connection_id)
        _put_off(row, "Something broke while this was handled. It has been logged.", "Retry it once that is mended.")
    return None


@once_more
@transaction.atomic
def _handle(row: InboundEvent) -> turns.Claim | None:
    event = event_of(row.kind, row.content)
    turn: turns.Claim | None = None
    match event:
        case MessageReceived():
            conversation, turn, message, words = incoming_messages.take(
                row.connection, event, str(row.id), row.received_at
            )
            row.conversation, row.message, row.reason = conversation, message, words[:300]
        case StatusReported():
            row.delivery, row.reason = statuses.apply(row.connection, event)
        case DeskSaid():
            row.conversation, row.message, words = desks.take(row.connection, event, str(row.id))
            row.reason = words[:300]
        case CallEnded():
            row.conversation = incoming_messages.hang_up(row.connection, event)
    row.state, row.handled_at = EventState.HANDLED, timezone.now()
    row.claim, row.leased_until, row.remedy = None, None, ""
    about = {} if row.delivery is None else {"delivery": row.delivery}
    held = InboundEvent.objects.filter(id=row.id, claim__isnull=False, state=EventState.RECEIVED)
    # A report on what was erased says where it went to, and is emptied as the earlier ones were.
    emptied = personal.emptied(row.kind) if row.reason == ERASED else {}
    held.update(
        **about,
        state=row.state,
        handled_at=row.handled_at,
        claim=None,
        leased_until=None,
        conversation=row.conversation,
        message=row.message,
        **{"reason": row.reason, "remedy": "", **emptied},
    )
    return turn


def _put_off(row: InboundEvent, words: str, remedy: str) -> None:
    """Try again later; after the last try the event has failed, and its page has *Retry*."""
    is_over = row.attempts > len(RETRY_AFTER)
    due_at = timezone.now() if is_over else timezone.now() + RETRY_AFTER[row.attempts - 1]
    InboundEvent.objects.filter(id=row.id).update(
        state=EventState.FAILED if is_over else EventState.RECEIVED,
        reason=words[:300],
        remedy=remedy[:300],
        due_at=due_at,
        claim=None,
        leased_until=None,
        cuts=0,
    )


def retry(actor: Actor, row: InboundEvent) -> bool:
    """Handle a failed event again, at once; False where it isn't failed any more."""
    changed = InboundEvent.objects.filter(id=row.id, state=EventState.FAILED).update(
        state=EventState.RECEIVED, attempts=0, cuts=0, due_at=timezone.now(), reason="", remedy=""
    )
    if changed:
        audit.record(actor, "event.retried", row)
        transaction.on_commit(bell.ring)
    return bool(changed)
