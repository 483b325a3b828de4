"""What providers report of what we sent. A status only moves forward, in whatever order its reports come."""

from __future__ import annotations

from dataclasses import replace

from channels_app import address_locks, consents, settling, template_faults, windows
from channels_app.models import Connection, Delivery
from channels_app.models.outbound import DeliveryStatus
from channels_app.models.personal import ERASED
from channels_app.providers.events import StatusReported
from convoship.lib.problems import Problem
from deployments import conversations, reading
from deployments.models import Identity

# How far along each status is. `failed` is final, and so is whatever the provider says after it.
_RANK = {
    DeliveryStatus.QUEUED: 0,
    DeliveryStatus.PARKED: 0,
    DeliveryStatus.UNKNOWN: 1,
    DeliveryStatus.ACCEPTED: 2,
    DeliveryStatus.SENT: 3,
    DeliveryStatus.DELIVERED: 4,
    DeliveryStatus.READ: 5,
    DeliveryStatus.FAILED: 6,
}


def is_forward(before: str, after: str) -> bool:
    """Whether a delivery that stands at `before` moves to `after`; one that was delivered doesn't fail any more."""
    if before == DeliveryStatus.SUPPRESSED:
        return False
    if after == DeliveryStatus.FAILED:
        return before not in {DeliveryStatus.FAILED, DeliveryStatus.DELIVERED, DeliveryStatus.READ}
    if before == DeliveryStatus.FAILED:
        return after in {DeliveryStatus.DELIVERED, DeliveryStatus.READ}
    return _RANK[DeliveryStatus(after)] > _RANK[DeliveryStatus(before)]


def apply(connection: Connection, event: StatusReported) -> tuple[Delivery | None, str]:
    """The delivery that the report is about, moved forward, and words where nothing came of it.

    A report may be quicker than the receipt of what it is about; it is then put off and found later.
    """
    found = _find(connection, event)
    if found is None and event.is_maybe_others and not _is_one_under_way(connection, event.address):
        return None, "It is of a message that somebody else sent, so this changes nothing."
    if found is None:
        raise Problem(
            "conflict",
            "The provider reports on something that Convoship does not know of having sent.",
            hint="It may have been sent by another program over the same account.",
        )
    if event.opted_out or event.window_closed:
        address_locks.own(connection, found.address)
    if found.conversation_id:
        conversations.lock(found.conversation_id)
    rows = Delivery.objects.select_for_update(of=("self",)).select_related("message", "connection")
    delivery = rows.get(id=found.id)
    if delivery.reason == ERASED:
        return delivery, _of_erased(connection, event)
    if event.opted_out:
        consents.note(connection, delivery.address, withdrawn=True, source="The provider reported: opted out.")
    if event.provider_id and (
        delivery.provider_id not in ("", event.provider_id) or event.provider_id == delivery.refused_id
    ):
        return delivery, "It is about an earlier attempt, and a later one counts."
    if not is_forward(delivery.status, event.status):
        return delivery, f"It was {delivery.get_status_display().lower()} already."
    if event.provider_id and not delivery.provider_id:
        delivery.provider_id = event.provider_id[:100]
    delivery.code = event.code[:40]
    if event.window_closed and event.status == DeliveryStatus.FAILED:
        windows.note_closed(connection, delivery.address)
        if windows.can_wait(delivery):
            settling.await_window(delivery)
            return delivery, ""
        event = replace(event, reason=windows.REFUSED, remedy=windows.REFUSED_REMEDY)
    if event.status == DeliveryStatus.FAILED:
        template_faults.note(delivery, event.code)
        if template_faults.take_out(delivery, event.code):
            settling.await_window(delivery)
            return delivery, ""
    if event.status == DeliveryStatus.FAILED and delivery.dismissed_at is not None:
        # Whoever put it aside knew of no failure.
        delivery.dismissed_at = None
        delivery.save(update_fields=["dismissed_at"])
    settling.end(delivery, event.status, reason=event.reason, remedy=event.remedy)
    if event.status == DeliveryStatus.READ and delivery.message is not None and delivery.conversation_id:
        reading.by_visitor(delivery.conversation_id, delivery.message.seq)
    return delivery, ""


def _of_erased(connection: Connection, event: StatusReported) -> str:
    """Reports may come days later, of reading say: an opt-out holds, without its address, and nothing else is kept."""
    if event.opted_out and event.address:
        consents.note(connection, event.address, withdrawn=True, source="The provider reported: opted out.")
        if not Identity.objects.filter(value=event.address).exists():
            consents.forget(connection, event.address)
    return ERASED


def _is_one_under_way(connection: Connection, address: str) -> bool:
    """Whether something to there may have arrived whose receipt, and with it its id, is not here yet."""
    unknown = (DeliveryStatus.QUEUED, DeliveryStatus.UNKNOWN)
    rows = Delivery.objects.filter(connection=connection, address=address, status__in=unknown, provider_id="")
    return rows.exclude(claim=None, tries=0).exists()


def _find(connection: Connection, event: StatusReported) -> Delivery | None:
    rows = Delivery.objects.filter(connection=connection)
    if event.delivery_id:
        return rows.filter(id=event.delivery_id).first()
    return rows.filter(provider_id=event.provider_id).first() if event.provider_id else None
