"""What waits, or has ended, goes out after all: because somebody asked for it, or something was mended."""

from __future__ import annotations

import logging

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from channels_app import accounts, bell, hastening, quiet_hours
from channels_app.models import Connection, Delivery
from channels_app.models.connection import ConnectionState
from channels_app.models.outbound import DeliveryStatus
from channels_app.providers.base import Capability
from channels_app.settling import tell_messages
from convoship.lib import same_number

logger = logging.getLogger(__name__)


def go_on(connection: Connection) -> None:
    """What stopped the connection may be mended: it rests no longer, and what waits is tried."""
    rows = Connection.objects.filter(id=connection.id, failures__gt=0)
    if rows.update(rests_until=None, stopped_since=None):
        logger.info("connection %s is tried again, as something about it was mended", connection.id)
    release_waiting(connection)
    transaction.on_commit(bell.ring)


def release_waiting(connection: Connection) -> None:
    """What waits for its next try over this connection is due at once: something about it was mended."""
    Connection.objects.filter(id=connection.id).update(spent_until=None)
    hastening.make_due(_waiting(connection))


def has_waiting(connection: Connection) -> bool:
    """Whether anything waits for its next try over this connection, and would go out now if it were released."""
    return (
        connection.state == ConnectionState.ACTIVE and _waiting(connection).filter(due_at__gt=timezone.now()).exists()
    )


def _waiting(connection: Connection) -> QuerySet[Delivery]:
    return Delivery.objects.filter(connection=connection, status=DeliveryStatus.QUEUED, claim=None)


def release_awaiting(connection: Connection) -> None:
    """What waits for messages of theirs over this connection is looked at anew."""
    hastening.make_due(Delivery.objects.filter(connection=connection, awaits_window=True))
    transaction.on_commit(bell.ring)


def release_from_quiet(connection: Connection, address: str) -> None:
    """They wrote, so they are awake: what waits for the end of their night goes. The address is owned."""
    forms = same_number.forms(address)
    waiting = Delivery.objects.filter(connection=connection, address__in=forms, is_parked=True, code=quiet_hours.CODE)
    hastening.make_due(waiting)


def hurry(delivery: Delivery) -> None:
    """Try a held delivery at once that waits for its next try, and before it what it waits for in its lane."""
    earlier = Delivery.objects.filter(lane=delivery.lane, position__lte=delivery.position)
    hastening.make_due(earlier.filter(status=DeliveryStatus.QUEUED, claim=None))
    Connection.objects.filter(id=delivery.connection_id).update(rests_until=None)


def replay(delivery: Delivery) -> None:
    """Send a delivery again that failed, was held back or is unknown, under its own key. The conversation is locked."""
    now = timezone.now()
    delivery.tries, delivery.cuts, delivery.first_tried_at, delivery.due_at = 0, 0, None, now
    delivery.let_go_at, delivery.dismissed_at = None, None
    delivery.status, delivery.reason, delivery.remedy, delivery.code = DeliveryStatus.QUEUED, "", "", ""
    # What may have arrived before stays in doubt and is looked up first. Where that can't be done, whoever replays it
    # has decided.
    delivery.is_in_doubt = delivery.is_in_doubt and accounts.kind_of(delivery.connection).can(Capability.LOOK_UP)
    delivery.settled_at = None
    # Reports on what was sent before are not about what is sent now.
    delivery.provider_id = ""
    delivery.save(
        update_fields=[
            "tries",
            "cuts",
            "first_tried_at",
            "due_at",
            "let_go_at",
            "dismissed_at",
            "status",
            "reason",
            "remedy",
            "code",
            "is_in_doubt",
            "settled_at",
            "provider_id",
        ]
    )
    tell_messages(delivery)
