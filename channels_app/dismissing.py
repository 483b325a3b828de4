"""Dead letters that somebody has seen to, or that don't matter: put aside, so that the count says what is new."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.utils import timezone

from channels_app import replaying
from channels_app.models import Connection, Delivery
from channels_app.models.outbound import DeliveryStatus
from convoship.lib.actors import Actor
from convoship.lib.problems import Problem
from workspaces import audit

# What nobody tries any more, and nobody got, as far as is known.
DEAD = (DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN)


def dismiss(actor: Actor, delivery_id: UUID) -> Delivery:
    """Put a dead letter aside; again is once. 409 with words for what is none, 404 where there is none by that id."""
    delivery = replaying.held(delivery_id)
    if delivery.status not in DEAD:
        raise Problem(
            "conflict",
            f"This is no dead letter: {delivery.called.lower()}.",
            hint="Only what failed, or of which nobody knows whether it arrived, can be dismissed.",
        )
    if delivery.dismissed_at is None:
        _dismiss(actor, delivery)
    return delivery


def dismiss_range(actor: Actor, connection: Connection, deliveries: Sequence[UUID]) -> int:
    """Put these dead letters of a connection aside; answers how many that were."""
    rows = Delivery.objects.filter(id__in=deliveries, connection=connection, status__in=DEAD, dismissed_at=None)
    found = list(rows.select_for_update(of=("self",)).order_by("created_at", "id"))
    for delivery in found:
        _dismiss(actor, delivery)
    audit.record(actor, "connection.deliveries_dismissed", connection, deliveries=len(found))
    return len(found)


def _dismiss(actor: Actor, delivery: Delivery) -> None:
    delivery.dismissed_at = timezone.now()
    delivery.save(update_fields=["dismissed_at"])
    audit.record(actor, "delivery.dismissed", delivery)
