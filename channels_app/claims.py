"""Claiming deliveries and writing how they ended: conditional UPDATEs with a lease and a fencing token.

Everything here is synchronous and runs inside `tenant()`; what happens between a claim and its end is `drain`'s.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import connection as database
from django.db.models import F
from django.utils import timezone

from channels_app import accounts, consents, ladder, pacing
from channels_app.models import Connection, Delivery, DeliveryAttempt
from channels_app.models.outbound import AttemptOutcome, DeliveryStatus
from channels_app.providers.base import Capability, Outgoing, Provider, ProviderError, Receipt
from convoship.lib.failpoints import failpoint
from deployments import conversations
from deployments.models import Conversation, Message
from deployments.models.conversation import AuthorKind, MessageStatus

logger = logging.getLogger(__name__)

LEASE = dt.timedelta(seconds=40)
# No call may outlive half of its lease: whoever claims anew must find the earlier one ended (R7).
LONGEST_CALL_SECONDS = 20.0
assert LEASE.total_seconds() / 2 >= LONGEST_CALL_SECONDS  # noqa: S101

# A worker that dies this often with the same delivery in hand is killed by it (R11). From the second time on it is a
# suspect: of those a worker takes one at a time, so that nothing that only lay beside it is taken for the cause.
MOST_CRASHES, SUSPECT_AFTER = 5, 2
# Of what else was sent to an address so much is known in a look-up.
MOST_OTHERS = 200
# How often a claim looks again for what takes the place of what was held back.
MOST_ROUNDS = 32

# MATERIALIZED, or the plan may run the inner query again and take more than the limit.
_CLAIM = """
    WITH picked AS MATERIALIZED (
        SELECT q.id, q.leased_until IS NOT NULL AS was_cut, q.is_in_doubt AS was_in_doubt
          FROM channels_app_delivery q JOIN channels_app_connection c ON c.id = q.connection_id
         WHERE q.workspace_id = %(workspace)s AND q.status = 'queued' AND q.due_at <= now()
           AND (q.leased_until IS NULL OR q.leased_until < now())
           AND c.state = 'active'
           AND CASE WHEN %(only)s::uuid IS NULL
                    THEN c.kind <> ALL(%(paced)s) AND (c.rests_until IS NULL OR c.rests_until <= now())
                    ELSE c.id = %(only)s END
           AND NOT EXISTS (SELECT 1 FROM channels_app_delivery e
                            WHERE e.lane = q.lane AND e.position < q.position AND e.status = 'queued')
         ORDER BY q.due_at
         LIMIT %(limit)s
           FOR UPDATE OF q SKIP LOCKED)
    UPDATE channels_app_delivery AS d
       SET claim = gen_random_uuid(), leased_until = now() + make_interval(secs => %(lease)s),
           cuts = d.cuts + picked.was_cut::int,
           attempts = d.attempts + 1, tries = d.tries + 1, first_tried_at = coalesce(d.first_tried_at, now()),
           is_in_doubt = true
      FROM picked
     WHERE d.id = picked.id
 RETURNING d.id, picked.was_cut, picked.was_in_doubt
"""


@dataclass(frozen=True)
class Claimed:
    """A delivery in hand: who sends it, what, and whether an earlier attempt may have arrived."""

    workspace_id: UUID
    delivery_id: UUID
    token: UUID
    attempt: int
    provider: Provider
    outgoing: Outgoing
    is_in_doubt: bool
    # Workers died with it in hand before.
    is_suspect: bool = False
    # By `time.monotonic`: from then on it may be somebody else's.
    good_until: float = float("inf")
    # Seconds after which more of its connection may be due, where the sender has a rate.
    rest: float = 0.0


@dataclass
class _Hand:
    """How many suspects a claim may still take, whether it put one back, and until when what it takes is its own."""

    suspects: int
    good_until: float
    has_put_back: bool = False


def claim(workspace_id: UUID, limit: int, *, suspects: int = 1) -> list[Claimed]:
    """Take up to `limit` due deliveries, of each lane only the first, and so many suspects. Inside `tenant()`.

    Of a sender with a rate no more is taken than fits, and then the connection rests (`pacing`). Those come first: they
    take little, and a backlog of others would never let them have a turn.
    """
    hand = _Hand(suspects, time.monotonic() + LEASE.total_seconds())
    ready: list[Claimed] = []
    for slot in pacing.open_slots():
        if len(ready) >= limit:
            break
        mine = _fill(workspace_id, min(slot.most, limit - len(ready)), hand, slot.connection_id)
        if mine:
            pacing.use(slot)
            ready += [replace(one, rest=slot.rest.total_seconds()) for one in mine]
    return ready + _fill(workspace_id, limit - len(ready), hand)


def _fill(workspace_id: UUID, limit: int, hand: _Hand, only: UUID | None = None) -> list[Claimed]:
    """Claim until so many can be sent: those that are held back or given up on the way make room for others."""
    ready: list[Claimed] = []
    for _ in range(MOST_ROUNDS):
        picked = _pick(workspace_id, limit - len(ready), only) if len(ready) < limit else {}
        if not picked:
            break
        hand.has_put_back = False
        ready += _begin(workspace_id, picked, hand)
        if hand.has_put_back:
            break
    return ready


def _pick(workspace_id: UUID, limit: int, only: UUID | None) -> dict[UUID, tuple[bool, bool]]:
    """Claim deliveries: by their ids, whether an attempt was cut off, and whether one may have arrived."""
    values: dict[str, Any] = {
        "workspace": workspace_id,
        "lease": LEASE.total_seconds(),
        "limit": limit,
        "only": only,
        "paced": pacing.kinds(),
    }
    with database.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        return {row[0]: (row[1], row[2]) for row in cursor.fetchall()}


def _begin(workspace_id: UUID, picked: Mapping[UUID, tuple[bool, bool]], hand: _Hand) -> list[Claimed]:
    found = Delivery.objects.filter(id__in=picked).select_related("connection", "conversation").order_by("due_at")
    _note_cut([delivery_id for delivery_id, (was_cut, _) in picked.items() if was_cut])
    ready: list[Claimed] = []
    providers: dict[UUID, Provider | ProviderError] = {}
    begun: list[DeliveryAttempt] = []
    withdrawn: dict[tuple[UUID, str], bool] = {}
    for delivery in found:
        _, was_in_doubt = picked[delivery.id]
        if _is_poison(delivery):
            continue
        is_suspect = delivery.cuts >= SUSPECT_AFTER
        if is_suspect and not hand.suspects:
            _put_back(delivery, was_in_doubt=was_in_doubt)
            hand.has_put_back = True
            continue
        if _is_held_back(delivery, withdrawn):
            continue
        begun.append(
            DeliveryAttempt(
                delivery=delivery,
                number=delivery.attempts,
                claim=_token(delivery),
                started_at=timezone.now(),
                workspace_id=workspace_id,
            )
        )
        provider = _provider(delivery.connection, providers)
        if isinstance(provider, ProviderError):
            DeliveryAttempt.objects.bulk_create([begun.pop()])
            _settle_failure(delivery, provider, milliseconds=0)
            continue
        hand.suspects -= is_suspect
        ready.append(_claimed(delivery, provider, is_in_doubt=was_in_doubt, good_until=hand.good_until))
    DeliveryAttempt.objects.bulk_create(begun)
    return ready


def _provider(connection: Connection, known: dict[UUID, Provider | ProviderError]) -> Provider | ProviderError:
    if connection.id not in known:
        try:
            known[connection.id] = accounts.to_send(connection)
        except ProviderError as error:
            known[connection.id] = error
    return known[connection.id]


def _claimed(delivery: Delivery, provider: Provider, *, is_in_doubt: bool, good_until: float) -> Claimed:
    return Claimed(
        workspace_id=delivery.workspace_id,
        delivery_id=delivery.id,
        token=_token(delivery),
        attempt=delivery.attempts,
        provider=provider,
        is_in_doubt=is_in_doubt,
        is_suspect=delivery.cuts >= SUSPECT_AFTER,
        good_until=good_until,
        outgoing=outgoing_of(
            delivery, others=_others(delivery) if is_in_doubt and provider.can(Capability.LOOK_UP) else frozenset()
        ),
    )


def outgoing_of(delivery: Delivery, *, others: frozenset[str] = frozenset()) -> Outgoing:
    """A delivery as its provider sends it now; its conversation is loaded. `others`: as `Outgoing` has it."""
    return Outgoing(
        key=str(delivery.id),
        address=delivery.address,
        content=delivery.content,
        position=delivery.position,
        is_over=delivery.conversation is not None and not delivery.conversation.is_active,
        is_test=delivery.is_test,
        since=delivery.created_at,
        others=others,
    )


def _others(delivery: Delivery) -> frozenset[str]:
    """The provider's ids of what else went to this address over the connection, the newest of them."""
    rows = Delivery.objects.filter(connection=delivery.connection, address=delivery.address)
    known = rows.exclude(id=delivery.id).exclude(provider_id="").order_by("-created_at")
    return frozenset(known.values_list("provider_id", flat=True)[:MOST_OTHERS])


def _token(delivery: Delivery) -> UUID:
    if delivery.claim is None:
        raise AssertionError("a claimed delivery has a token")
    return delivery.claim


def _note_cut(delivery_ids: Sequence[UUID]) -> None:
    """Attempts whose process went away: nobody will write their end."""
    if delivery_ids:
        DeliveryAttempt.objects.filter(delivery_id__in=delivery_ids, outcome=AttemptOutcome.RUNNING).update(
            outcome=AttemptOutcome.CUT, reason="The process that sent it was stopped before it could say how it went."
        )


def _put_back(delivery: Delivery, *, was_in_doubt: bool) -> None:
    """Not now: as if it had not been claimed."""
    Delivery.objects.filter(id=delivery.id).update(
        claim=None, leased_until=None, attempts=F("attempts") - 1, tries=F("tries") - 1, is_in_doubt=was_in_doubt
    )


def _is_poison(delivery: Delivery) -> bool:
    if delivery.cuts < MOST_CRASHES:
        return False
    end(
        delivery,
        DeliveryStatus.FAILED,
        reason=f"The worker was stopped {MOST_CRASHES} times while sending this.",
        remedy="Look at the worker's log, then replay it.",
    )
    return True


def _is_held_back(delivery: Delivery, withdrawn: dict[tuple[UUID, str], bool]) -> bool:
    """Consent is asked in the very transaction that lets the message go; once asked, it stays until then."""
    if not accounts.kind_of(delivery.connection).can(Capability.CONSENT) or delivery.is_test:
        return False
    whose = (delivery.connection_id, delivery.address)
    if whose not in withdrawn:
        withdrawn[whose] = consents.is_withdrawn(delivery.connection, delivery.address, lock=True)
    if not withdrawn[whose]:
        return False
    end(
        delivery,
        DeliveryStatus.SUPPRESSED,
        reason="They have opted out, so nothing is sent to them.",
        remedy="They can opt in again with START. Nobody else can do it for them.",
    )
    return True


# --- How it ended ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt: a receipt (found by look-up or new), or an error."""

    receipt: Receipt | None = None
    error: ProviderError | None = None
    was_found: bool = False
    milliseconds: int = 0


def finish(claimed: Claimed, outcome: Outcome) -> bool:
    """Write the end of an attempt, if the claim still stands; False (and a line in the log) where it doesn't."""
    failpoint("F5")
    delivery = _hold(claimed)
    if delivery is None:
        _note_late(claimed, outcome)
        return False
    if outcome.receipt is not None:
        _settle_success(delivery, outcome.receipt, outcome)
    elif outcome.error is not None:
        _settle_failure(delivery, outcome.error, milliseconds=outcome.milliseconds)
    return True


def _note_late(claimed: Claimed, outcome: Outcome) -> None:
    """The end of an attempt that no longer counts: a report was quicker, or another process has claimed it."""
    mine = DeliveryAttempt.objects.filter(
        delivery_id=claimed.delivery_id, claim=claimed.token, outcome=AttemptOutcome.RUNNING
    )
    if outcome.receipt is not None:
        mine.update(
            outcome=AttemptOutcome.ACCEPTED,
            http_status=outcome.receipt.http_status,
            milliseconds=outcome.milliseconds,
        )
        Delivery.objects.filter(id=claimed.delivery_id, provider_id="").update(
            provider_id=outcome.receipt.provider_id[:100]
        )
    elif outcome.error is not None:
        mine.update(outcome=AttemptOutcome.UNKNOWN, reason=outcome.error.words[:300], milliseconds=outcome.milliseconds)
    logger.warning("delivery %s went on without this attempt, whose end changes nothing", claimed.delivery_id)


def _hold(claimed: Claimed) -> Delivery | None:
    """The delivery, with its conversation locked first, as everybody locks them."""
    conversation_id = Delivery.objects.filter(id=claimed.delivery_id).values_list("conversation_id", flat=True).first()
    conversation = conversations.lock(conversation_id) if conversation_id else None
    delivery = (
        Delivery.objects.select_for_update(of=("self",))
        .select_related("connection", "message")
        .filter(id=claimed.delivery_id, claim=claimed.token, status=DeliveryStatus.QUEUED)
        .first()
    )
    if delivery is not None:
        delivery.conversation = conversation
    return delivery


def _settle_success(delivery: Delivery, receipt: Receipt, outcome: Outcome) -> None:
    now = timezone.now()
    _note_attempt(
        delivery,
        AttemptOutcome.FOUND if outcome.was_found else AttemptOutcome.ACCEPTED,
        http_status=receipt.http_status,
        answer=receipt.answer,
        milliseconds=outcome.milliseconds,
    )
    delivery.provider_id, delivery.accepted_at = receipt.provider_id[:100], now
    end(delivery, receipt.status)
    ladder.note_success(delivery.connection, now)


def _settle_failure(delivery: Delivery, error: ProviderError, *, milliseconds: int) -> None:
    now = timezone.now()
    kind = accounts.kind_of(delivery.connection)
    step = ladder.next_step(delivery, kind, error, now)
    outcome = {
        "retry": AttemptOutcome.RETRY,
        "failed": AttemptOutcome.FAILED,
        "unknown": AttemptOutcome.UNKNOWN,
    }[step.what]
    _note_attempt(
        delivery,
        outcome,
        http_status=error.http_status,
        code=error.code,
        reason=error.words,
        answer=error.answer,
        milliseconds=milliseconds,
    )
    if error.opted_out:
        consents.note(delivery.connection, delivery.address, withdrawn=True, source="The provider refused: opted out.")
    if step.what == "retry":
        delivery.reason, delivery.remedy, delivery.code = error.words[:300], error.remedy[:300], error.code[:40]
        delivery.claim, delivery.leased_until, delivery.due_at = None, None, step.at
        delivery.is_in_doubt, delivery.cuts = error.ambiguous, 0
        delivery.save(
            update_fields=["reason", "remedy", "code", "claim", "leased_until", "due_at", "is_in_doubt", "cuts"]
        )
    else:
        delivery.code = error.code[:40]
        end(delivery, step.what, reason=step.words or error.words, remedy=error.remedy)
    ladder.note_failure(delivery.connection, kind, error, now)


def _note_attempt(delivery: Delivery, outcome: str, **told: object) -> None:
    told = {name: value for name, value in told.items() if value is not None}
    for name, longest in (("reason", 300), ("code", 40), ("answer", 2000)):
        if name in told:
            told[name] = str(told[name])[:longest]
    DeliveryAttempt.objects.filter(delivery=delivery, claim=_token(delivery)).update(outcome=outcome, **told)


def end(delivery: Delivery, status: str, *, reason: str = "", remedy: str = "") -> None:
    """The delivery leaves the queue, and its messages say so. The conversation is locked, if there is one."""
    delivery.status, delivery.reason, delivery.remedy = status, reason[:300], remedy[:300]
    delivery.claim, delivery.leased_until, delivery.is_in_doubt = None, None, status == DeliveryStatus.UNKNOWN
    delivery.settled_at = timezone.now()
    delivery.save(
        update_fields=[
            "status",
            "reason",
            "remedy",
            "code",
            "claim",
            "leased_until",
            "is_in_doubt",
            "settled_at",
            "provider_id",
            "accepted_at",
        ]
    )
    tell_messages(delivery)


def tell_messages(delivery: Delivery) -> None:
    """Give the messages that a delivery carries its status. Takes the conversation's lock where it isn't held."""
    if delivery.message is None or delivery.conversation_id is None:
        return
    conversation: Conversation = conversations.lock(delivery.conversation_id)
    told = _telling(delivery)
    carried = Message.objects.filter(
        conversation=conversation, seq__gte=delivery.first_seq, seq__lte=delivery.message.seq
    ).exclude(author_kind=AuthorKind.VISITOR)
    for message in carried.order_by("seq"):
        if (message.status, message.reason, message.remedy) != (told.status, told.reason, told.remedy):
            conversations.change_message(
                conversation,
                message,
                status=MessageStatus(told.status),
                reason=told.reason,
                remedy=told.remedy,
            )
    failpoint("F6")


# What a message in several pieces is, by its pieces: the first of these that one of them is.
_TELLING = (
    DeliveryStatus.FAILED,
    DeliveryStatus.SUPPRESSED,
    DeliveryStatus.UNKNOWN,
    DeliveryStatus.QUEUED,
    DeliveryStatus.ACCEPTED,
    DeliveryStatus.SENT,
    DeliveryStatus.DELIVERED,
    DeliveryStatus.READ,
)


def _telling(delivery: Delivery) -> Delivery:
    """Of the pieces that a long message went out in, the one that says how it stands: the one furthest behind."""
    if not accounts.kind_of(delivery.connection).longest_text:
        return delivery
    pieces = Delivery.objects.filter(message=delivery.message).exclude(id=delivery.id)
    return min([delivery, *pieces], key=lambda one: _TELLING.index(DeliveryStatus(one.status)))


def release_waiting(connection: Connection) -> None:
    """What waits for its next try over this connection is due at once: something about it was mended."""
    Delivery.objects.filter(connection=connection, status=DeliveryStatus.QUEUED, claim=None).update(
        due_at=timezone.now()
    )


def hurry(delivery: Delivery) -> None:
    """Try a held delivery at once that waits for its next try."""
    Delivery.objects.filter(id=delivery.id).update(due_at=timezone.now())
    Connection.objects.filter(id=delivery.connection_id).update(rests_until=None)


def replay(delivery: Delivery) -> None:
    """Send a delivery again that failed, was held back or is unknown, under its own key. The conversation is locked."""
    now = timezone.now()
    delivery.tries, delivery.cuts, delivery.first_tried_at, delivery.due_at = 0, 0, None, now
    delivery.status, delivery.reason, delivery.remedy, delivery.code = DeliveryStatus.QUEUED, "", "", ""
    # What may have arrived before stays in doubt: it is looked up first, where that can be done.
    delivery.settled_at = None
    # Reports on what was sent before are not about what is sent now.
    delivery.provider_id = ""
    delivery.save(
        update_fields=[
            "tries",
            "cuts",
            "first_tried_at",
            "due_at",
            "status",
            "reason",
            "remedy",
            "code",
            "settled_at",
            "provider_id",
        ]
    )
    tell_messages(delivery)
