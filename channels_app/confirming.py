"""Answers to STOP and START, where nobody else gives them: the one message that goes to who has opted out."""

from __future__ import annotations

from channels_app import accounts, enqueueing, settling
from channels_app.models import Connection, Delivery
from channels_app.models.outbound import DeliveryStatus, Purpose
from channels_app.providers.base import Capability
from channels_app.providers.events import Wish
from convoship.lib import same_number

OVERTAKEN = "They wrote STOP or START again, and that is answered."


def confirm(connection: Connection, address: str, wish: Wish) -> None:
    """Tell them once that their word counts, over a connection whose provider doesn't. The address is owned."""
    kind = accounts.kind_of(connection)
    if kind.can(Capability.CONFIRMS_CONSENT):
        _drop_waiting(connection, address)
        content = {"text": kind.consent_reply(connection.config, wish)}
        enqueueing.enqueue_alone(
            connection, f"Answer to {wish.upper()}", content, address, purpose=Purpose.CONFIRMATION
        )


def _drop_waiting(connection: Connection, address: str) -> None:
    """Of answers that wait (for the next hour, say) the last one alone is true, so it alone is sent."""
    rows = Delivery.objects.select_for_update(of=("self",), skip_locked=True).select_related("connection")
    waiting = rows.filter(
        connection=connection,
        address__in=same_number.forms(address),
        purpose=Purpose.CONFIRMATION,
        status=DeliveryStatus.QUEUED,
        claim=None,
        is_in_doubt=False,
    )
    for delivery in waiting.order_by("id"):
        settling.end(delivery, DeliveryStatus.SUPPRESSED, reason=OVERTAKEN)
