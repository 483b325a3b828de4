"""Liveness by work (R12): a process that is there, and connected, says nothing. What its drain did last does.

Each worker's drain writes its row as it looks for work; who asks holds that against what has waited longest.
"""

from __future__ import annotations

import datetime as dt
import os
import platform
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from django.db.models import Max
from django.utils import timezone

from channels_app import doors
from channels_app.models import WorkerBeat

BEAT_EVERY_SECONDS = 5.0
# Nothing looked, or nothing done though something waits, for so long: the worker is stuck.
LONGEST_SILENCE = dt.timedelta(seconds=60)
KEPT = dt.timedelta(days=1)


def note(beat_id: UUID, *, worked: bool) -> None:
    """This drain looked for work just now, and (`worked`) began or ended something since the last time."""
    now = timezone.now()
    changed = {"looked_at": now} | ({"worked_at": now} if worked else {})
    if not WorkerBeat.objects.filter(id=beat_id).update(**changed):
        WorkerBeat.objects.filter(looked_at__lt=now - KEPT).delete()
        WorkerBeat.objects.create(id=beat_id, name=f"{platform.node()}:{os.getpid()}"[:100], **changed)


def forget(beat_id: UUID) -> None:
    """This drain ended as it should."""
    WorkerBeat.objects.filter(id=beat_id).delete()


@dataclass(frozen=True)
class Standing:
    """How the workers stand. `away`: none has ever looked, or all ended; `oldest` is how long the oldest work waits."""

    state: Literal["works", "stuck", "away"]
    workers: int
    oldest: dt.timedelta

    @property
    def is_behind(self) -> bool:
        """Whether something waits that should have been taken up long ago."""
        return self.oldest > LONGEST_SILENCE


def standing() -> Standing:
    """How the workers stand now."""
    now = timezone.now()
    since = doors.backlog()
    oldest = max(now - since, dt.timedelta()) if since else dt.timedelta()
    workers = WorkerBeat.objects.filter(looked_at__gte=now - LONGEST_SILENCE).count()
    last = WorkerBeat.objects.aggregate(looked=Max("looked_at"), worked=Max("worked_at"))
    if last["looked"] is None:
        return Standing("away", 0, oldest)
    is_idle = last["worked"] is None or now - last["worked"] > LONGEST_SILENCE
    is_stuck = not workers or (is_idle and oldest > LONGEST_SILENCE)
    return Standing("stuck" if is_stuck else "works", workers, oldest)
