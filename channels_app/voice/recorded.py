"""Recordings of a call and the caller's consent to them, as the call's page shows them."""

from __future__ import annotations

from collections.abc import Mapping

from django.urls import reverse
from django.utils import timezone

from channels_app.models import Call, CallRecording
from channels_app.models.call import RecordingKind, RecordingState, StepKind
from deployments import calls, file_links
from deployments.calls import Recorded

_LABELS: Mapping[str, str] = {
    RecordingKind.RECORDING: "Recording of the call",
    RecordingKind.VOICEMAIL: "Message that was left",
}


def consent_words(call: Call) -> str:
    """How the caller answered when they were asked whether they may be recorded; empty where they were not asked."""
    steps = call.steps.filter(kind=StepKind.RECORDING, data__has_key="consent").order_by("-at", "-id")
    newest = steps.first()
    return newest.words if newest is not None else ""


def shown(call: Call) -> list[Recorded]:
    """All audio of the call, the earliest first."""
    rows = call.recordings.select_related("file").order_by("created_at")
    return [_shown(call, row) for row in rows]


def _shown(call: Call, row: CallRecording) -> Recorded:
    standing, tone = _standing(row)
    is_here = row.state == RecordingState.KEPT and row.file is not None
    # Its next try, where there was one before.
    is_put_off = row.state in (RecordingState.MADE, RecordingState.FETCHING) and bool(row.reason) and row.claim is None
    again = ""
    # Of one of ours that was lost there is nothing left to try.
    has_sound = not row.is_own or row.parts.exists()
    if (row.state == RecordingState.FAILED or is_put_off) and has_sound:
        again = reverse("call_recording_again", args=[call.conversation_id, row.id])
    return Recorded(
        id=str(row.id),
        label=_LABELS[row.kind],
        standing=standing,
        tone=tone,
        made_at=row.created_at,
        length=calls.lasting(row.seconds) if row.seconds else "",
        url=file_links.link(row.workspace_id, row.file.id) if is_here and row.file else "",
        content_type=row.file.content_type if row.file else "",
        transcript=row.transcript,
        reason=row.reason or row.missing,
        remedy=row.remedy,
        next_try_at=row.due_at if is_put_off and row.due_at > timezone.now() else None,
        again=again,
        act="Store again" if row.is_own else "Fetch again",
    )


def _standing(row: CallRecording) -> tuple[str, str]:
    """Its badge: words and tone."""
    match row.state:
        case RecordingState.MADE if row.seconds is None:
            return "Goes on", "accent"
        case RecordingState.MADE | RecordingState.FETCHING:
            return "Being stored" if row.is_own else "Being fetched", "warn" if row.reason else "accent"
        case RecordingState.KEPT if row.file_id is not None:
            return "Kept", "good"
        case RecordingState.FAILED:
            return "Not kept", "bad"
        case _:
            return "Deleted", ""
