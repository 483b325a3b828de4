"""Sending again: a delivery that failed, is unknown or was held back; and trying at once what waits."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from channels_app import accounts, bell, consents, releasing
from channels_app.models import Connection, Delivery
from channels_app.models.outbound import DeliveryStatus
from channels_app.providers.base import Capability
from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, not_found
from deployments import conversations
from workspaces import audit

# What was taken is not sent again: the person would get it twice.
REPLAYABLE = frozenset({DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN, DeliveryStatus.SUPPRESSED})


def held(delivery_id: UUID) -> Delivery:
    """The delivery, held until the transaction ends, its conversation first; 404 where there is none by that id."""
    found = Delivery.objects.filter(id=delivery_id).values_list("conversation_id", flat=True)
    ids = list(found)
    if not ids:
        raise not_found()
    if ids[0] is not None:
        conversations.lock(ids[0])
    return Delivery.objects.select_for_update(of=("self",)).select_related("connection", "message").get(id=delivery_id)


def replay(actor: Actor, delivery_id: UUID) -> Delivery:
    """Send it again under its own key; one that waits is tried at once. 409 with words where that can't be."""
    delivery = held(delivery_id)
    if delivery.status == DeliveryStatus.QUEUED:
        if delivery.claim is None:
            releasing.hurry(delivery)
    elif delivery.status in REPLAYABLE:
        _check_kept(delivery)
        _check_consent(delivery)
        releasing.replay(delivery)
    else:
        raise Problem(
            "conflict",
            f"This was {delivery.get_status_display().lower()}, so sending it again would double it.",
            hint="Write a new message instead.",
        )
    audit.record(actor, "delivery.replayed", delivery)
    transaction.on_commit(bell.ring)
    return delivery


def _check_kept(delivery: Delivery) -> None:
    if not delivery.address:
        raise Problem(
            "conflict",
            "Its person was erased, and what it said with them.",
            hint="There is nothing left that could be sent.",
        )


def _check_consent(delivery: Delivery) -> None:
    connection: Connection = delivery.connection
    if accounts.kind_of(connection).can(Capability.CONSENT) and consents.is_withdrawn(connection, delivery.address):
        raise Problem(
            "conflict",
            "They have opted out, so nothing can be sent to them.",
            hint="They can opt in again with START. Nobody else can do it for them.",
        )


def replay_range(actor: Actor, connection: Connection, deliveries: list[UUID]) -> int:
    """Replay these of a connection, those that can be; answers how many that were."""
    replayed = 0
    for delivery_id in deliveries:
        delivery = held(delivery_id)
        is_whole = delivery.connection_id == connection.id and bool(delivery.address)
        if is_whole and delivery.status in REPLAYABLE:
            releasing.replay(delivery)
            audit.record(actor, "delivery.replayed", delivery)
            replayed += 1
    audit.record(actor, "connection.deliveries_replayed", connection, deliveries=replayed)
    transaction.on_commit(bell.ring)
    return replayed
