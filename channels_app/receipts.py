"""Receipts of several attempts, written in one transaction: the statements that one takes serve all of a batch.

It does what `settling.finish` does for each, where that is plain: the claim stands, nobody else holds the conversation,
and the delivery carries one whole message. Everything else is left to `finish`. Nothing is waited for while several
conversations are held, so batches can't block each other. Synchronous, inside `tenant()`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db import connection as database
from django.utils import timezone

from channels_app import accounts, ladder
from channels_app.in_hand import Claimed
from channels_app.models import Delivery
from channels_app.models.outbound import AttemptOutcome, DeliveryStatus
from channels_app.providers.base import Capability, Receipt
from channels_app.settling import Outcome
from convoship.lib.failpoints import failpoint
from deployments import conversations
from deployments.models import Conversation
from deployments.models.conversation import MessageStatus

_ATTEMPTS = """
    UPDATE channels_app_deliveryattempt AS a
       SET outcome = t.outcome, http_status = coalesce(t.http_status, a.http_status), answer = t.answer,
           milliseconds = t.milliseconds
      FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::int[], %s::text[], %s::int[])
        AS t(delivery, claim, outcome, http_status, answer, milliseconds)
     WHERE a.delivery_id = t.delivery AND a.claim = t.claim
"""
_DELIVERIES = """
    UPDATE channels_app_delivery AS d
       SET status = t.status, provider_id = t.provider_id, accepted_at = %s, settled_at = %s, is_parked = false,
           reason = '', remedy = '', claim = NULL, leased_until = NULL, is_in_doubt = false
      FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS t(id, status, provider_id)
     WHERE d.id = t.id
"""


def write(ended: Sequence[tuple[Claimed, Outcome]]) -> set[UUID]:
    """Write what of these can be written together; answers the ids of those deliveries."""
    failpoint("F5")
    by_id = {claimed.delivery_id: (claimed, outcome) for claimed, outcome in ended if _is_plain(outcome)}
    held = conversations.lock_those_free(
        Delivery.objects.filter(id__in=by_id, conversation__isnull=False).values("conversation_id")
    )
    written = [delivery for delivery in _theirs(by_id, held) if _carries_one(delivery)]
    if not written:
        return set()
    now = timezone.now()
    of_them = [(delivery, *_receipt_of(by_id[delivery.id])) for delivery in written]
    with database.cursor() as cursor:
        cursor.execute(
            _ATTEMPTS,
            [
                [delivery.id for delivery in written],
                [delivery.claim for delivery in written],
                [AttemptOutcome.FOUND if out.was_found else AttemptOutcome.ACCEPTED for _, _, out in of_them],
                [receipt.http_status for _, receipt, _ in of_them],
                [receipt.answer[:2000] for _, receipt, _ in of_them],
                [out.milliseconds for _, _, out in of_them],
            ],
        )
        values = [(delivery.id, receipt.status, receipt.provider_id[:100]) for delivery, receipt, _ in of_them]
        cursor.execute(_DELIVERIES, [now, now, *(list(column) for column in zip(*values, strict=True))])
    told = []
    for delivery, receipt, _ in of_them:
        assert delivery.message is not None  # noqa: S101 (`_carries_one`)
        assert delivery.conversation_id is not None  # noqa: S101 (`_theirs`)
        told.append((held[delivery.conversation_id], delivery.message, MessageStatus(receipt.status)))
    conversations.tell_statuses(told)
    for connection in {delivery.connection_id: delivery.connection for delivery in written}.values():
        ladder.note_success(connection, now)
    failpoint("F6")
    return {delivery.id for delivery in written}


def _is_plain(outcome: Outcome) -> bool:
    return outcome.receipt is not None and outcome.receipt.status != DeliveryStatus.UNKNOWN


def _receipt_of(ended: tuple[Claimed, Outcome]) -> tuple[Receipt, Outcome]:
    _, outcome = ended
    assert outcome.receipt is not None  # noqa: S101 (`_is_plain`)
    return outcome.receipt, outcome


def _theirs(by_id: Mapping[UUID, tuple[Claimed, Outcome]], held: Mapping[UUID, Conversation]) -> list[Delivery]:
    """The deliveries of held conversations whose claims stand, of each conversation one."""
    rows = Delivery.objects.select_for_update(of=("self",), skip_locked=True).select_related("connection", "message")
    found = rows.filter(id__in=by_id, conversation_id__in=held, status=DeliveryStatus.QUEUED)
    claims = {claimed.delivery_id: claimed.token for claimed, _ in by_id.values()}
    one_each: dict[UUID | None, Delivery] = {}
    for delivery in found:
        if delivery.claim == claims[delivery.id]:
            one_each.setdefault(delivery.conversation_id, delivery)
    return list(one_each.values())


def _carries_one(delivery: Delivery) -> bool:
    """Whether its status is that of one message: it carries no more, and not a piece of one."""
    kind = accounts.kind_of(delivery.connection)
    is_whole = not kind.longest_text and not kind.can(Capability.CALLS)
    return is_whole and delivery.message is not None and delivery.first_seq == delivery.message.seq
