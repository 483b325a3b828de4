"""Recordings that we make ourselves, of calls whose sound is ours: written in parts while the call goes on.

A recording that nobody writes to any more, and of which nobody said that it is over, broke off with its process: the
worker finds it soon after, and what there is of it is kept. All inside `tenant()`, in one transaction each.
"""

from __future__ import annotations

import datetime as dt
import struct
import uuid
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.db.models.functions import Length
from django.utils import timezone

from channels_app import bell
from channels_app.models import Call, CallRecording, RecordingPart
from channels_app.models.call import RecordingKind, RecordingState, StepKind
from channels_app.providers.base import ProviderError
from channels_app.voice import record
from convoship.lib.problems import Problem
from deployments import live

# Bytes of a second: two sides, a byte a sample.
SECOND = 2 * 8000
# So long nothing is written of a recording that goes on, until it is taken to have broken off.
UNHEARD_FOR = dt.timedelta(seconds=60)
_MU_LAW = 7
_DIED = "the process that carried the call died, or could write no more"
_LOOK = "Look at that process's log, and at whether the server was restarted."


def is_agreed(call: Call) -> bool:
    """Whether its caller has agreed to be recorded, as over an earlier socket of the same call."""
    return call.steps.filter(kind=StepKind.RECORDING, data__consent="given").exists()


def begin(call: Call) -> UUID:
    """The recording of a held call begins now."""
    row = CallRecording.objects.create(
        connection=call.connection,
        call=call,
        sid=f"own-{uuid.uuid4().hex}",
        kind=RecordingKind.RECORDING,
        is_own=True,
        due_at=timezone.now() + UNHEARD_FOR,
    )
    record.note(call, StepKind.RECORDING, "The recording has begun.", recording=row.sid)
    return row.id


def add(recording_id: UUID, number: int, sound: bytes) -> bool:
    """Its next part; the same one again changes nothing. False where it is erased, or taken to have broken off."""
    rows = CallRecording.objects.select_for_update(of=("self",))
    row = rows.filter(id=recording_id, state=RecordingState.MADE, seconds=None).first()
    if row is None:
        return False
    if not row.parts.filter(number=number).exists():
        RecordingPart.objects.create(recording=row, number=number, sound=sound)
    row.due_at = timezone.now() + UNHEARD_FOR
    row.save(update_fields=["due_at"])
    return True


def end(recording_id: UUID, missing: str = "") -> None:
    """All its parts are there, and it can be kept. `missing`: what of the call is not on it."""
    held = _held(recording_id)
    if held is None:
        return
    call, row = held
    if row.state != RecordingState.MADE or row.seconds is not None:
        return
    row.seconds, row.missing, row.due_at = _seconds(row), missing[:300], timezone.now()
    row.save(update_fields=["seconds", "missing", "due_at"])
    if missing:
        record.note(call, StepKind.ERROR, missing)
    live.tell_team(call.conversation, "call")
    transaction.on_commit(bell.ring)


def put_together(recording_id: UUID) -> bytes:
    """The recording as a file, a WAV of two channels. `ProviderError` where there is nothing of it."""
    held = _held(recording_id)
    if held is None:
        raise ProviderError("The recording was deleted.", permanent=True)
    call, row = held
    parts = [bytes(sound) for sound in row.parts.order_by("number").values_list("sound", flat=True)]
    broke_off = row.seconds is None
    if not parts:
        words, remedy = "The call was over before anything was recorded.", "There is nothing to be kept."
        if broke_off:
            words = f"The recording is lost: {_DIED} before anything of it was written."
            remedy = _LOOK
        raise ProviderError(words, remedy, permanent=True)
    if broke_off:
        row.seconds = _seconds(row)
        row.missing = f"It breaks off after {row.seconds} s: {_DIED}. The rest is lost."
        row.save(update_fields=["seconds", "missing"])
        words = f"The recording broke off after {row.seconds} s: {_DIED}."
        record.note(call, StepKind.ERROR, words, _LOOK)
    return b"".join([_header(sum(len(part) for part in parts)), *parts])


def drop_parts(recording_id: UUID) -> None:
    """It is kept, so its parts are not needed any more."""
    RecordingPart.objects.filter(recording=recording_id).delete()


def _held(recording_id: UUID) -> tuple[Call, CallRecording] | None:
    """Both, held; None where it is gone."""
    call_id = CallRecording.objects.filter(id=recording_id).values_list("call_id", flat=True).first()
    if call_id is None:
        return None
    try:
        call = record.lock(call_id)
    except Problem:
        return None
    row = CallRecording.objects.select_for_update(of=("self",)).filter(id=recording_id).first()
    return (call, row) if row is not None else None


def _seconds(row: CallRecording) -> int:
    length = row.parts.aggregate(length=Sum(Length("sound")))["length"] or 0
    return round(length / SECOND)


def _header(size: int) -> bytes:
    """What stands before so many bytes of mu-law, by RIFF (WAVE_FORMAT_MULAW, with its `fact`)."""
    form = struct.pack("<4sIHHIIHHH", b"fmt ", 18, _MU_LAW, 2, SECOND // 2, SECOND, 2, 8, 0)
    fact = struct.pack("<4sII", b"fact", 4, size // 2)
    data = struct.pack("<4sI", b"data", size)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(form) + len(fact) + len(data) + size, b"WAVE") + form + fact + data
