"""How it goes for an assistant whose answers come from elsewhere: red at once when they don't, green with the next.

A turn that was answered by a fall-back has failed here all the same: nobody would find a broken key else. Owners are
told of it as of a spent budget (`budget_notices`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from deployments import budget_notices
from deployments.models import Assistant, ResponderHealth
from deployments.responders.dialogue import KIND as SCRIPTED

# Said of the question, or of what its owner allows: whatever answers is well.
_OF_THE_TURN = frozenset({"filter", "context", "budget"})


def is_good(responder: str, trace: Mapping[str, Any]) -> bool:
    """Whether a turn with this trace says nothing new of what is known to be well."""
    return responder == SCRIPTED or not trace.get("failure")


def note(assistant_id: UUID, responder: str, trace: Mapping[str, Any]) -> None:
    """A turn has ended, with this trace. Inside `tenant()`; takes its health row, and that of its notice."""
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
    budget_notices.note_down(row.id, code)


def _answered(assistant_id: UUID) -> None:
    well = {"code": "", "reason": "", "remedy": "", "count": 0, "since": None, "answered_at": timezone.now()}
    ResponderHealth.objects.update_or_create(assistant_id=assistant_id, defaults=well)
    budget_notices.note_up(assistant_id)


def is_down(health: ResponderHealth) -> bool:
    """Whether visitors meet it: what they meet may be a script by now, or nothing."""
    published = health.assistant.published
    return bool(health.code) and published is not None and published.responder != SCRIPTED


def down() -> list[ResponderHealth]:
    """What visitors meet and doesn't answer, the longest first. Inside `tenant()`."""
    rows = ResponderHealth.objects.exclude(code="").select_related("assistant__published").order_by("since")
    return [row for row in rows if is_down(row)]


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
