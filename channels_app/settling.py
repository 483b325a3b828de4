"""How deliveries end: what came of an attempt is written where its claim still stands, and their messages say so.

Everything here is synchronous and runs inside `tenant()`.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from channels_app import (
    accounts,
    address_locks,
    consents,
    desk_cases,
    desk_receipts,
    desks,
    hiding,
    ladder,
    template_faults,
    windows,
)
from channels_app.in_hand import Claimed, token_of
from channels_app.models import Connection, Delivery, DeliveryAttempt, InteractiveContent
from channels_app.models.outbound import AttemptOutcome, DeliveryStatus
from channels_app.models.personal import ERASED
from channels_app.providers.base import ProviderError, Receipt
from convoship.lib.failpoints import failpoint
from deployments import conversations
from deployments.models import Conversation, Message
from deployments.models.conversation import AuthorKind, MessageStatus

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt: a receipt (found by look-up or new), or an error.

    `keeps_doubt`: it never came to sending, as it could not be found out whether an earlier attempt arrived.
    """

    receipt: Receipt | None = None
    error: ProviderError | None = None
    was_found: bool = False
    keeps_doubt: bool = False
    milliseconds: int = 0


def finish(claimed: Claimed, outcome: Outcome) -> bool:
    """Write the end of an attempt, if the claim still stands; False (and a line in the log) where it doesn't."""
    failpoint("F5")
    delivery = _hold(claimed, outcome.error)
    _note_made(claimed, outcome)
    if delivery is None:
        _note_late(claimed, outcome)
        return False
    if outcome.receipt is not None:
        _succeed(delivery, outcome.receipt, outcome)
    elif outcome.error is not None:
        fail(delivery, outcome.error, milliseconds=outcome.milliseconds, keeps_doubt=outcome.keeps_doubt)
    return True


def _note_made(claimed: Claimed, outcome: Outcome) -> None:
    """What was made at the provider serves the same content again, whatever became of this message."""
    of = outcome.receipt or outcome.error
    digest = claimed.provider.made_for(claimed.outgoing.content) if of is not None and of.made else ""
    if of is not None and digest and of.made != claimed.outgoing.made:
        InteractiveContent.objects.update_or_create(
            connection_id=claimed.provider.account.connection_id, digest=digest, defaults={"sid": of.made}
        )


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
        provider_id = outcome.receipt.provider_id[:100]
        rows = Delivery.objects.filter(id=claimed.delivery_id, provider_id="").exclude(reason=ERASED)
        rows.exclude(refused_id=provider_id).update(provider_id=provider_id)
    elif outcome.error is not None:
        # Of what was erased meanwhile nothing is kept of what its provider says.
        is_erased = Delivery.objects.filter(id=claimed.delivery_id, reason=ERASED).exists()
        words = "" if is_erased else outcome.error.words[:300]
        mine.update(outcome=AttemptOutcome.UNKNOWN, reason=words, milliseconds=outcome.milliseconds)
    logger.warning("delivery %s went on without this attempt, whose end changes nothing", claimed.delivery_id)


def _hold(claimed: Claimed, error: ProviderError | None) -> Delivery | None:
    """The delivery, with its conversation locked first, as everybody locks them; and its address, where it decides."""
    found = Delivery.objects.filter(id=claimed.delivery_id).values_list("conversation_id", "address").first()
    conversation_id, address = found or (None, "")
    if error is not None and (error.opted_out or error.window_closed):
        address_locks.own_all(claimed.workspace_id, [address])
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


def _succeed(delivery: Delivery, receipt: Receipt, outcome: Outcome) -> None:
    now = timezone.now()
    _note_attempt(
        delivery,
        AttemptOutcome.FOUND if outcome.was_found else AttemptOutcome.ACCEPTED,
        http_status=receipt.http_status,
        answer=receipt.answer,
        milliseconds=outcome.milliseconds,
    )
    delivery.provider_id, delivery.accepted_at = receipt.provider_id[:100], now
    if receipt.case is not None:
        desk_cases.note_there(delivery, receipt.case)
    end(delivery, receipt.status)
    ladder.note_success(delivery.connection, now)


# Of what nobody knows, whatever an attempt's own words hoped for.
ASK_OR_REPLAY = "Ask the other side whether it arrived; replay it if it did not."


def fail(delivery: Delivery, error: ProviderError, *, milliseconds: int, keeps_doubt: bool = False) -> None:
    """An attempt at a claimed delivery came to nothing: it is tried again, or ends. `keeps_doubt`: as `Outcome` has it.

    Only an answer to what was sent, or a look-up that found nothing, says that it did not arrive (R3).
    """
    now = timezone.now()
    kind = accounts.kind_of(delivery.connection)
    if error.window_closed and not windows.can_wait(delivery):
        error.words, error.remedy = windows.REFUSED, windows.REFUSED_REMEDY
    step = ladder.next_step(delivery, kind, error, now)
    if keeps_doubt and step.what == "failed":
        words = f"{step.words or error.words} Nobody knows whether an earlier try arrived."
        step = ladder.Step("unknown", step.at, words)
    if step.what == "park" and desks.is_waited_for(delivery):
        # A visitor waits: another desk may take it meanwhile.
        step = ladder.Step("failed", step.at)
    outcome = {
        "retry": AttemptOutcome.RETRY,
        "park": AttemptOutcome.RETRY,
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
    template_faults.note(delivery, error.code)
    if error.window_closed and not keeps_doubt:
        windows.note_closed(delivery.connection, delivery.address)
    if error.window_closed and not keeps_doubt and windows.can_wait(delivery):
        delivery.code = error.code[:40]
        await_window(delivery)
    elif not keeps_doubt and template_faults.take_out(delivery, error.code):
        # Nobody chose the template that carried it: it waits, as without one.
        delivery.code = error.code[:40]
        await_window(delivery)
    elif step.what == "park":
        delivery.code, delivery.is_in_doubt = error.code[:40], error.ambiguous or keeps_doubt
        park(delivery, step.at, reason=error.words, remedy=error.remedy)
    elif step.what == "retry":
        delivery.reason, delivery.remedy, delivery.code = error.words[:300], error.remedy[:300], error.code[:40]
        delivery.claim, delivery.leased_until, delivery.due_at = None, None, step.at
        delivery.is_in_doubt, delivery.cuts = error.ambiguous or keeps_doubt, 0
        delivery.save(
            update_fields=["reason", "remedy", "code", "claim", "leased_until", "due_at", "is_in_doubt", "cuts"]
        )
        if delivery.message is not None and delivery.message.status == MessageStatus.PARKED:
            # What it waited for is over; it has tries of its own before it.
            tell_messages(delivery)
    else:
        delivery.code = error.code[:40]
        remedy = ASK_OR_REPLAY if step.what == "unknown" else error.remedy
        end(delivery, step.what, reason=step.words or error.words, remedy=remedy)
    ladder.note_failure(delivery.connection, kind, error, now)


def _note_attempt(delivery: Delivery, outcome: str, **told: object) -> None:
    told = {name: value for name, value in told.items() if value is not None}
    if told.get("answer"):
        told["answer"] = hiding.of(delivery.connection).text(str(told["answer"]))
    for name, longest in (("reason", 300), ("code", 40), ("answer", 2000)):
        if name in told:
            told[name] = str(told[name])[:longest]
    DeliveryAttempt.objects.filter(delivery=delivery, claim=token_of(delivery)).update(outcome=outcome, **told)


def end(delivery: Delivery, status: str, *, reason: str = "", remedy: str = "", keeps_doubt: bool = False) -> None:
    """The delivery leaves the queue, and its messages say so. The conversation is locked, if there is one.

    `keeps_doubt`: it may have arrived all the same, so that a replay has to look it up first.
    """
    delivery.status, delivery.reason, delivery.remedy = status, reason[:300], remedy[:300]
    delivery.claim, delivery.leased_until = None, None
    delivery.is_in_doubt = keeps_doubt or status == DeliveryStatus.UNKNOWN
    delivery.settled_at, delivery.is_parked, delivery.awaits_window = timezone.now(), False, False
    delivery.save(
        update_fields=[
            "status",
            "is_parked",
            "awaits_window",
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
    desks.on_settled(delivery)
    desk_receipts.on_settled(delivery)


# In one transaction.
MOST_PARKED = 200
_PARKED = (
    *("reason", "remedy", "code", "is_parked", "is_in_doubt", "claim", "leased_until", "due_at"),
    *("tries", "cuts", "first_tried_at"),
)
_AWAITING = (
    *_PARKED,
    *("awaits_window", "awaits_since", "status", "provider_id", "refused_id", "accepted_at", "settled_at"),
)


def await_window(delivery: Delivery) -> None:
    """It waits until its person writes again; where the conversation is over nothing waits any more."""
    reason = windows.reason(delivery.connection, delivery.address)
    if delivery.conversation is not None and not delivery.conversation.is_active:
        words = f"{reason} The conversation has ended, so it waits no longer."
        end(delivery, DeliveryStatus.SUPPRESSED, reason=words, remedy="Start a new conversation with a template.")
        return
    # It may have been taken before, and have come back.
    delivery.refused_id = delivery.provider_id or delivery.refused_id
    delivery.status, delivery.provider_id, delivery.is_in_doubt = DeliveryStatus.QUEUED, "", False
    if not delivery.awaits_window or delivery.awaits_since is None:
        delivery.awaits_since = timezone.now()
    delivery.accepted_at, delivery.settled_at, delivery.awaits_window = None, None, True
    delivery.reason, delivery.remedy, delivery.is_parked = reason, windows.REMEDY, True
    delivery.claim, delivery.leased_until, delivery.due_at = None, None, timezone.now() + windows.LOOKED_AGAIN
    delivery.tries, delivery.cuts, delivery.first_tried_at = 0, 0, None
    delivery.save(update_fields=_AWAITING)
    tell_messages(delivery)


def park(delivery: Delivery, until: dt.datetime, *, reason: str, remedy: str) -> None:
    """It keeps its place in the queue and is not tried before `until`, unless something is mended or it is hurried."""
    delivery.reason, delivery.remedy, delivery.is_parked = reason[:300], remedy[:300], True
    delivery.claim, delivery.leased_until, delivery.due_at = None, None, until
    # What it waited for was not its own failing: it has all its tries before it.
    delivery.tries, delivery.cuts, delivery.first_tried_at = 0, 0, None
    delivery.save(update_fields=_PARKED)
    tell_messages(delivery)


def park_others(
    connection: Connection, others: QuerySet[Delivery], until: dt.datetime, *, reason: str, remedy: str
) -> int:
    """Park those of `others` that are due over this connection, too; answers how many that were.

    One by one each would be claimed for it, thousands of them at midnight. What somebody else holds is left for later.
    """
    earlier = Delivery.objects.filter(
        lane=OuterRef("lane"), position__lt=OuterRef("position"), status=DeliveryStatus.QUEUED
    )
    due = others.filter(
        ~Exists(earlier), connection=connection, status=DeliveryStatus.QUEUED, claim=None, due_at__lte=timezone.now()
    )
    rows = due.select_for_update(of=("self",), skip_locked=True).select_related("connection", "message")
    found = list(rows.order_by("due_at")[:MOST_PARKED])
    held = conversations.lock_those_free({one.conversation_id for one in found if one.conversation_id})
    free = [one for one in found if one.conversation_id is None or one.conversation_id in held]
    for delivery in free:
        park(delivery, until, reason=reason, remedy=remedy)
    return len(free)


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
        if (message.status, message.reason, message.remedy) != (told.standing, told.reason, told.remedy):
            conversations.change_message(
                conversation,
                message,
                status=MessageStatus(told.standing),
                reason=told.reason,
                remedy=told.remedy,
            )
    failpoint("F6")


# What a message in several pieces is, by its pieces: the first of these that one of them is.
_TELLING = (
    DeliveryStatus.FAILED,
    DeliveryStatus.SUPPRESSED,
    DeliveryStatus.UNKNOWN,
    DeliveryStatus.PARKED,
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
    return min([delivery, *pieces], key=lambda one: _TELLING.index(one.standing))
