"""The rate of a sender: how much of a connection may leave at once, and how long it rests then.

A connection is given a slot of its rate: so many messages, and then nothing until the slot is over. Drains of several
workers agree by the connection's row, which is held from the look until what was claimed is committed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from channels_app.models import Connection, Delivery
from channels_app.models.connection import ConnectionState
from channels_app.models.outbound import DeliveryStatus
from channels_app.providers.base import Capability
from channels_app.providers.registry import PROVIDERS

# A fast sender's messages leave in bundles, for one look after the other takes time.
SHORTEST_SLOT = 0.25
# What a connection of a paced kind may send that is set up without a rate.
UNLIMITED = 10_000


@dataclass(frozen=True)
class Slot:
    """What may leave over a connection now, and how long it rests then."""

    connection_id: UUID
    most: int
    rest: dt.timedelta


def kinds() -> list[str]:
    """The kinds whose senders have a rate."""
    return [kind for kind, provider in PROVIDERS.items() if provider.can(Capability.PACED)]


def rest(connection: Connection) -> dt.timedelta:
    """How long the connection rests after a slot; nothing where its sender has no rate."""
    rate = _rate(connection)
    return _slot(connection.id, rate).rest if rate else dt.timedelta()


def _rate(connection: Connection) -> float:
    provider = PROVIDERS[connection.kind]
    return provider.rate(connection.config) if provider.can(Capability.PACED) else 0.0


def _slot(connection_id: UUID, rate: float) -> Slot:
    most = max(1, int(rate * SHORTEST_SLOT))
    return Slot(connection_id, most, dt.timedelta(seconds=most / rate))


def open_slots() -> Iterator[Slot]:
    """The workspace's connections with a rate that have something due and don't rest; each held from then on."""
    due = Delivery.objects.filter(connection=OuterRef("pk"), status=DeliveryStatus.QUEUED, due_at__lte=timezone.now())
    rested = Q(rests_until=None) | Q(rests_until__lte=timezone.now())
    rows = Connection.objects.filter(rested, Exists(due), kind__in=kinds(), state=ConnectionState.ACTIVE)
    for connection in rows.select_for_update(no_key=True, skip_locked=True).order_by("id"):
        rate = _rate(connection)
        yield _slot(connection.id, rate) if rate else Slot(connection.id, UNLIMITED, dt.timedelta())


def use(slot: Slot) -> None:
    """The slot is used up: the held connection rests."""
    if slot.rest:
        Connection.objects.filter(id=slot.connection_id).update(rests_until=timezone.now() + slot.rest)
