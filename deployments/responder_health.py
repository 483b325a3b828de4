"""How it goes for an assistant whose answers come from elsewhere: red at once when they don't, green with the next.

A turn that was answered by a fall-back has failed here all the same: nobody would find a broken key else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from deployments.models import Assistant, ResponderHealth
from deployments.responders.dialogue import KIND as SCRIPTED

# Said of the question, or of what its owner allows: whatever answers is well.
_OF_THE_TURN = frozenset({"filter", "context", "budget"})


def note(assistant_id: UUID, responder: str, trace: Mapping[str, Any]) -> None:
    """A turn has ended, with this trace. Inside `tenant()`; takes the assistant's health row, and no lock after it."""
    if responder == SCRIPTED:
        return
    failure = trace.get("failure")
    now, rows = timezone.now(), ResponderHealth.objects.filter(assistant_id=assistant_id)
    if not failure:
        if trace.get("by") == responder and not rows.filter(code="").exists():
            _answered(assistant_id)
        return
    code = str(failure["code"] or "broken")
    if code in _OF_THE_TURN:
        return
    said = {"code": code, "reason": str(failure["reason"])[:300], "remedy": str(failure["remedy"])[:300]}
    row, _ = ResponderHealth.objects.get_or_create(assistant_id=assistant_id)
    rows.filter(id=row.id, code="").update(since=now)
    rows.update(**said, count=F("count") + 1, failed_at=now)


def _answered(assistant_id: UUID) -> None:
    well = {"code": "", "reason": "", "remedy": "", "count": 0, "since": None, "answered_at": timezone.now()}
    ResponderHealth.objects.update_or_create(assistant_id=assistant_id, defaults=well)


def forget(assistant_id: UUID) -> None:
    """Something else answers from now on, of which nothing is known yet. Inside `tenant()`."""
    ResponderHealth.objects.filter(assistant_id=assistant_id).delete()


def of(assistant: Assistant) -> ResponderHealth | None:
    """How it goes, None where nothing was asked yet. Without a query where the rows came with `select_related`."""
    if assistant.responder == SCRIPTED:
        return None
    try:
        return assistant.health
    except ResponderHealth.DoesNotExist:
        return None
