"""Who is before whom: calls that wait for one telephone, or for the same desk. Rows alone."""

from __future__ import annotations

import hashlib

from django.db import connection as database
from django.db.models import Q
from django.utils import timezone

from channels_app.models import CallTransfer
from channels_app.models.call import TransferManner
from deployments.models import Handoff
from deployments.models.conversation import Channel
from deployments.models.handoff import WAITING


def place_of(case: Handoff) -> int:
    """The place of a hand-over among the calls that wait for its desk: 1 is next."""
    before = Handoff.objects.filter(
        state__in=WAITING, desk=case.desk, conversation__channel=Channel.VOICE, requested_at__lt=case.requested_at
    )
    return before.count() + 1


def takes_turn(transfer: CallTransfer) -> bool:
    """Whether the telephone that this call waits for is free, and this call is the next that it is rung for.

    One call of a workspace finds out at a time, so that no telephone is rung for two.
    """
    digest = hashlib.sha256(b"line" + transfer.workspace_id.bytes + transfer.to.encode()).digest()
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(digest[:8], "big", signed=True)])
    now = timezone.now()
    line = CallTransfer.objects.filter(to=transfer.to, manner=TransferManner.QUEUE, ended_at=None)
    if line.filter(dialled_at__isnull=False).exists():
        return False
    ready = line.filter(Q(ring_at=None) | Q(ring_at__lte=now))
    first = ready.order_by("began_at", "id").first()
    return first is not None and first.id == transfer.id
