"""Whether anybody gives the answers that wait: each process that does writes its row as it looks for them.

A process that is there, and connected, says nothing; that it looked just now does.
"""

from __future__ import annotations

import datetime as dt
import os
import platform
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from deployments.models import AnswererBeat

BEAT_EVERY_SECONDS = 3.0
# One that has not looked for so long is dead, or stuck.
LONGEST_SILENCE = dt.timedelta(seconds=10)
KEPT = dt.timedelta(days=1)


def are_wanted() -> bool:
    """Whether answers are left to processes of their own here (`ANSWER_PROCESSES`)."""
    return bool(settings.ANSWER_PROCESSES > 0)


def note(beat_id: UUID) -> None:
    """This process looked for answers just now."""
    now = timezone.now()
    if not AnswererBeat.objects.filter(id=beat_id).update(looked_at=now):
        AnswererBeat.objects.filter(looked_at__lt=now - KEPT).delete()
        AnswererBeat.objects.create(id=beat_id, name=f"{platform.node()}:{os.getpid()}"[:100], looked_at=now)


def forget(beat_id: UUID) -> None:
    """This process ended as it should."""
    AnswererBeat.objects.filter(id=beat_id).delete()


def alive() -> int:
    """How many look for answers."""
    return AnswererBeat.objects.filter(looked_at__gte=timezone.now() - LONGEST_SILENCE).count()
