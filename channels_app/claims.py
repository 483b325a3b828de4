"""Claiming deliveries: conditional UPDATEs with a lease and a fencing token.

Everything here is synchronous and runs inside `tenant()`; what happens between a claim and its end is
`drain`'s, and the end `settling`'s.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection as database
from django.db.models import F
from django.utils import timezone

from channels_app import accounts, address_locks, consents, desk_cases, pacing, quiet_hours, settling, spending, windows
from channels_app.in_hand import Claimed, outgoing_of, token_of
from channels_app.models import Connection, Consent, Delivery, DeliveryAttempt, InteractiveContent
from channels_app.models.outbound import AttemptOutcome, DeliveryStatus, Purpose
from channels_app.providers import sent_files
from channels_app.providers.base import Capability, Provider, ProviderError
from channels_app.quiet_hours import QuietHours
from deployments import blocking, conversations
from deployments.models import Message
from deployments.models.conversation import AuthorKind

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
# Who joined, or that nobody is there, is no news after that.
NEWS_FOR = dt.timedelta(hours=1)
OLD_NEWS = "It told how things stood when it was parked, more than an hour ago, so it was not sent late."
OLD_NEWS_REMEDY = "Write to them yourself, or replay it if it still holds."

# MATERIALIZED, or the plan may run the inner query again and take more than the limit.
_CLAIM = """
    WITH picked AS MATERIALIZED (
        SELECT q.id, q.leased_until IS NOT NULL AS was_cut, q.is_in_doubt AS was_in_doubt,
               q.is_parked AS was_parked, q.awaits_window AS did_await
          FROM channels_app_delivery q JOIN channels_app_connection c ON c.id = q.connection_id
         WHERE q.workspace_id = %(workspace)s AND q.status = 'queued' AND q.due_at <= now()
           AND (q.leased_until IS NULL OR q.leased_until < now())
           AND c.state = 'active'
           AND CASE WHEN %(only)s::uuid IS NULL
                    THEN c.kind <> ALL(%(paced)s) AND (c.rests_until IS NULL OR c.rests_until <= now())
                    ELSE c.id = %(only)s END
           AND NOT EXISTS (SELECT 1 FROM channels_app_delivery e
                            WHERE e.lane = q.lane AND e.position < q.position AND e.status = 'queued'
                              AND NOT (e.awaits_window AND e.due_at > now()))
         ORDER BY q.due_at
         LIMIT %(limit)s
           FOR UPDATE OF q SKIP LOCKED)
    UPDATE channels_app_delivery AS d
       SET claim = gen_random_uuid(), leased_until = now() + make_interval(secs => %(lease)s),
           cuts = d.cuts + picked.was_cut::int,
           attempts = d.attempts + 1, tries = d.tries + 1, first_tried_at = coalesce(d.first_tried_at, now()),
           is_in_doubt = true, is_parked = false, awaits_window = false
      FROM picked
     WHERE d.id = picked.id
 RETURNING d.id, picked.was_cut, picked.was_in_doubt, picked.was_parked, picked.did_await
"""


class _Before(NamedTuple):
    """How a delivery stood before it was claimed: an attempt was cut off; one may have arrived; it was parked, and that
    until they write.
    """

    was_cut: bool
    was_in_doubt: bool
    was_parked: bool
    did_await: bool


class _IsHeld(Exception):
    """Somebody holds what has to be held to send a delivery, to end it or to park it: its address, its conversation."""


@dataclass
class _Hand:
    """How many suspects a claim may still take, whether it put one back, and until when what it takes is its own.

    `stopped`: connections over which nothing can go now, as one try has shown. `settled`: how many it ended or parked.
    """

    suspects: int
    good_until: float
    has_put_back: bool = False
    stopped: set[UUID] = field(default_factory=set)
    settled: int = 0


@dataclass
class _Known:
    """What was found out in this claim: of connections the provider, of addresses whether they are held, and whether
    consent is withdrawn.
    """

    providers: dict[UUID, Provider | ProviderError] = field(default_factory=dict)
    addresses: dict[str, bool] = field(default_factory=dict)
    withdrawn: dict[tuple[UUID, str], Consent | None] = field(default_factory=dict)


class Taken(list[Claimed]):
    """What a claim took, to be sent. `settled`: how many deliveries it ended or parked instead, which is work too."""

    settled = 0


def claim(workspace_id: UUID, limit: int, *, suspects: int = 1) -> Taken:
    """Take up to `limit` due deliveries, of each lane only the first, and so many suspects. Inside `tenant()`.

    Of a sender with a rate no more is taken than fits, and then the connection rests (`pacing`). Those come first: they
    take little, and a backlog of others would never let them have a turn.
    """
    hand = _Hand(suspects, time.monotonic() + LEASE.total_seconds())
    ready = Taken()
    for slot in pacing.open_slots():
        if len(ready) >= limit:
            break
        mine = _fill(workspace_id, min(slot.most, limit - len(ready)), hand, slot.connection_id)
        if mine:
            pacing.use(slot)
            ready += [replace(one, rest=slot.rest.total_seconds()) for one in mine]
    ready += _fill(workspace_id, limit - len(ready), hand)
    ready.settled = hand.settled
    return ready


def _fill(workspace_id: UUID, limit: int, hand: _Hand, only: UUID | None = None) -> list[Claimed]:
    """Claim until so many can be sent: those that are held back or given up on the way make room for others."""
    ready: list[Claimed] = []
    for _ in range(MOST_ROUNDS):
        picked = _pick(workspace_id, limit - len(ready), only) if len(ready) < limit else {}
        if not picked:
            break
        hand.has_put_back = False
        ready += _begin(workspace_id, picked, hand)
        if hand.has_put_back or only in hand.stopped:
            break
    return ready


def _pick(workspace_id: UUID, limit: int, only: UUID | None) -> dict[UUID, _Before]:
    """Claim deliveries: by their ids, how they stood before."""
    values: dict[str, Any] = {
        "workspace": workspace_id,
        "lease": LEASE.total_seconds(),
        "limit": limit,
        "only": only,
        "paced": pacing.kinds(),
    }
    with database.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        return {row[0]: _Before(*row[1:]) for row in cursor.fetchall()}


def _begin(workspace_id: UUID, picked: Mapping[UUID, _Before], hand: _Hand) -> list[Claimed]:
    found = (
        Delivery.objects.filter(id__in=picked).select_related("connection", "conversation__person").order_by("due_at")
    )
    _note_cut([delivery_id for delivery_id, before in picked.items() if before.was_cut])
    ready: list[Claimed] = []
    begun: list[DeliveryAttempt] = []
    known = _Known()
    for delivery in found:
        before = picked[delivery.id]
        is_suspect = SUSPECT_AFTER <= delivery.cuts < MOST_CRASHES
        if delivery.connection_id in hand.stopped or (is_suspect and not hand.suspects):
            _put_back(delivery, before, hand)
            continue
        attempt = DeliveryAttempt(
            delivery=delivery,
            number=delivery.attempts,
            claim=token_of(delivery),
            started_at=timezone.now(),
            workspace_id=workspace_id,
        )
        try:
            provider = _let_go(delivery, attempt, before, hand, known)
        except _IsHeld:
            _put_back(delivery, before, hand)
            continue
        if provider is None:
            hand.settled += 1
            continue
        begun.append(attempt)
        hand.suspects -= is_suspect
        ready.append(_claimed(delivery, provider, is_in_doubt=before.was_in_doubt, good_until=hand.good_until))
    DeliveryAttempt.objects.bulk_create(begun)
    return ready


def _let_go(
    delivery: Delivery, attempt: DeliveryAttempt, before: _Before, hand: _Hand, known: _Known
) -> Provider | None:
    """The provider of what may be sent now; None where it ended or was parked. `_IsHeld` where it can't be, now."""
    if _is_poison(delivery) or _is_of_blocked(delivery, before):
        return None
    _hold_address(delivery, known.addresses)
    if _is_held_back(delivery, known.withdrawn, was_in_doubt=before.was_in_doubt):
        return None
    if _is_old_news(delivery, before) or _is_outside_window(delivery, before) or _is_at_night(delivery, before):
        return None
    # Before it is counted among what leaves.
    provider = _provider(delivery.connection, known.providers)
    if isinstance(provider, ProviderError):
        _hold_conversation(delivery)
        DeliveryAttempt.objects.bulk_create([attempt])
        settling.fail(delivery, provider, milliseconds=0, keeps_doubt=before.was_in_doubt)
        if provider.stops:
            hand.stopped.add(delivery.connection_id)
        return None
    return None if _may_not_cost(delivery, before, hand) else provider


def _hold_address(delivery: Delivery, held: dict[str, bool]) -> None:
    """What is decided of the address stays so until the message is let go. It isn't waited for: see `address_locks`."""
    kind = accounts.kind_of(delivery.connection)
    if not (kind.can(Capability.CONSENT) or kind.can(Capability.WINDOW)):
        return
    address = delivery.address
    if address not in held:
        held[address] = address_locks.share_free(delivery.connection, address)
    if not held[address]:
        raise _IsHeld


def _hold_conversation(delivery: Delivery) -> None:
    """Others hold the conversation before they ask for its delivery, which is held here: nobody is waited for."""
    whose = delivery.conversation_id
    if whose is not None and not conversations.lock_those_free([whose]):
        raise _IsHeld


def _provider(connection: Connection, known: dict[UUID, Provider | ProviderError]) -> Provider | ProviderError:
    if connection.id not in known:
        try:
            known[connection.id] = accounts.to_send(connection)
        except ProviderError as error:
            known[connection.id] = error
    return known[connection.id]


def _claimed(delivery: Delivery, provider: Provider, *, is_in_doubt: bool, good_until: float) -> Claimed:
    # What may have gone before is looked up by the words that it went with.
    content = None if is_in_doubt else sent_files.renewed(delivery.content, delivery.workspace_id)
    if content is not None:
        delivery.content = content
        delivery.save(update_fields=["content"])
    return Claimed(
        workspace_id=delivery.workspace_id,
        delivery_id=delivery.id,
        token=token_of(delivery),
        attempt=delivery.attempts,
        provider=provider,
        is_in_doubt=is_in_doubt,
        is_suspect=delivery.cuts >= SUSPECT_AFTER,
        good_until=good_until,
        outgoing=outgoing_of(
            delivery,
            others=_others(delivery) if is_in_doubt and provider.can(Capability.LOOK_UP) else frozenset(),
            made=_made(delivery, provider),
            case=desk_cases.known(delivery) if provider.can(Capability.DESK) else None,
        ),
    )


def _made(delivery: Delivery, provider: Provider) -> str:
    """What was made at the provider before for the same content."""
    digest = provider.made_for(delivery.content)
    rows = InteractiveContent.objects.filter(connection=delivery.connection, digest=digest)
    return rows.values_list("sid", flat=True).first() or "" if digest else ""


def _others(delivery: Delivery) -> frozenset[str]:
    """The provider's ids of what else went to this address over the connection, the newest of them."""
    rows = Delivery.objects.filter(connection=delivery.connection, address=delivery.address)
    known = rows.exclude(id=delivery.id).exclude(provider_id="").order_by("-created_at")
    return frozenset(known.values_list("provider_id", flat=True)[:MOST_OTHERS])


def _note_cut(delivery_ids: Sequence[UUID]) -> None:
    """Attempts whose process went away: nobody will write their end."""
    if delivery_ids:
        DeliveryAttempt.objects.filter(delivery_id__in=delivery_ids, outcome=AttemptOutcome.RUNNING).update(
            outcome=AttemptOutcome.CUT, reason="The process that sent it was stopped before it could say how it went."
        )


def _put_back(delivery: Delivery, before: _Before, hand: _Hand) -> None:
    """Not now: as if it had not been claimed."""
    hand.has_put_back = True
    _unclaim(delivery, before)


def _unclaim(delivery: Delivery, before: _Before) -> None:
    Delivery.objects.filter(id=delivery.id).update(
        claim=None,
        leased_until=None,
        attempts=F("attempts") - 1,
        tries=F("tries") - 1,
        is_in_doubt=before.was_in_doubt,
        is_parked=before.was_parked,
        awaits_window=before.did_await,
    )


def _is_poison(delivery: Delivery) -> bool:
    if delivery.cuts < MOST_CRASHES:
        return False
    _hold_conversation(delivery)
    settling.end(
        delivery,
        DeliveryStatus.FAILED,
        reason=f"The worker was stopped {MOST_CRASHES} times while sending this.",
        remedy="Look at the worker's log, then replay it.",
        keeps_doubt=True,
    )
    return True


def _is_of_blocked(delivery: Delivery, before: _Before) -> bool:
    if delivery.conversation is None or delivery.conversation.person.blocked_at is None:
        return False
    _hold_conversation(delivery)
    settling.end(
        delivery,
        DeliveryStatus.SUPPRESSED,
        reason=blocking.HELD_BACK,
        remedy=blocking.REMEDY,
        keeps_doubt=before.was_in_doubt,
    )
    return True


def _is_held_back(delivery: Delivery, withdrawn: dict[tuple[UUID, str], Consent | None], *, was_in_doubt: bool) -> bool:
    """Consent is asked in the very transaction that lets the message go; as the address is held, it stays until then.

    Of a test message too, which goes to a person; and a rehearsal, where all is a test, shows what a STOP does. The
    answer to STOP is the one thing that goes all the same.
    """
    if not accounts.kind_of(delivery.connection).can(Capability.CONSENT) or delivery.purpose == Purpose.CONFIRMATION:
        return False
    whose = (delivery.connection_id, delivery.address)
    if whose not in withdrawn:
        withdrawn[whose] = consents.withdrawal(delivery.connection, delivery.address)
    found = withdrawn[whose]
    if found is None:
        return False
    _hold_conversation(delivery)
    reason, remedy = consents.words_of(found, delivery.connection)
    settling.end(delivery, DeliveryStatus.SUPPRESSED, reason=reason, remedy=remedy, keeps_doubt=was_in_doubt)
    return True


def _is_old_news(delivery: Delivery, before: _Before) -> bool:
    """A line of the house that was parked and tells late what was so then; what is replayed goes."""
    if not before.was_parked or before.was_in_doubt or timezone.now() - delivery.created_at < NEWS_FOR:
        return False
    if not Message.objects.filter(deliveries=delivery, author_kind=AuthorKind.SYSTEM).exists():
        return False
    _hold_conversation(delivery)
    settling.end(delivery, DeliveryStatus.SUPPRESSED, reason=OLD_NEWS, remedy=OLD_NEWS_REMEDY)
    return True


def _is_outside_window(delivery: Delivery, before: _Before) -> bool:
    """The window is asked in the transaction that lets the message go, too: theirs waits for it, or for us.

    What may have gone before is looked up first, whatever the window is by now.
    """
    if before.was_in_doubt or not windows.holds_back(delivery) or windows.put_in_template(delivery):
        return False
    _hold_conversation(delivery)
    _unclaim(delivery, before)
    delivery.refresh_from_db(fields=["attempts", "tries", "is_in_doubt", "awaits_window"])
    settling.await_window(delivery)
    return True


def _is_at_night(delivery: Delivery, before: _Before) -> bool:
    """What nobody asked for waits while it is quiet where they are; what was let go before is not held again."""
    hours = QuietHours.of(str(delivery.connection.config.get("quiet_hours") or ""))
    if hours is None or delivery.purpose != Purpose.CONVERSATION or delivery.let_go_at is not None:
        return False
    quiet = quiet_hours.now_at(delivery.address, hours, timezone.now())
    if quiet is None or not spending.is_unasked(delivery):
        return False
    _hold_conversation(delivery)
    _unclaim(delivery, before)
    delivery.refresh_from_db(fields=["attempts", "tries", "is_in_doubt"])
    words = f"It is {quiet.there:%H:%M} where they are, and {hours} are the connection's quiet hours."
    delivery.code = quiet_hours.CODE
    settling.park(delivery, quiet.until, reason=words, remedy="It goes by itself when they are over, or they write.")
    return True


def _may_not_cost(delivery: Delivery, before: _Before, hand: _Hand) -> bool:
    """What sending costs is counted in the transaction that lets it go."""
    refusal = spending.let_go(delivery)
    if refusal is None:
        return False
    _hold_conversation(delivery)
    if refusal.until is None:
        held = DeliveryStatus.SUPPRESSED
        settling.end(delivery, held, reason=refusal.words, remedy=refusal.remedy, keeps_doubt=before.was_in_doubt)
        return True
    _unclaim(delivery, before)
    delivery.refresh_from_db(fields=["attempts", "tries", "is_in_doubt"])
    settling.park(delivery, refusal.until, reason=refusal.words, remedy=refusal.remedy)
    if refusal.is_of_day:
        spending.note_used_up(delivery.connection, refusal.until)
    if refusal.is_for_all:
        hand.stopped.add(delivery.connection_id)
        others = Delivery.objects.exclude(spending.was_counted_today())
        hand.settled += settling.park_others(
            delivery.connection, others, refusal.until, reason=refusal.words, remedy=refusal.remedy
        )
    return True
