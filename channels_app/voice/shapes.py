"""How the admin API shows calls."""

from __future__ import annotations

from typing import Any

from channels_app.models import Call, CallRecording, CallSpeech, CallStep, CallTransfer, CallTurn
from channels_app.models.call import RecordingState
from convoship.lib.times import maybe_moment, moment
from deployments import file_links


def call_json(call: Call) -> dict[str, Any]:
    """A call without what happened in it."""
    lasted = (call.ended_at - call.answered_at).total_seconds() if call.ended_at and call.answered_at else None
    return {
        "id": str(call.id),
        "connection_id": str(call.connection_id),
        "conversation_id": str(call.conversation_id),
        "sid": call.sid,
        "direction": call.direction,
        "caller": call.caller,
        "called": call.called,
        "mode": call.mode,
        "state": call.state,
        "outcome": call.outcome or None,
        "reason": call.reason,
        "remedy": call.remedy,
        "language": call.language,
        "turns": call.turn,
        "began_at": moment(call.began_at),
        "answered_at": maybe_moment(call.answered_at),
        "ended_at": maybe_moment(call.ended_at),
        "seconds": round(lasted) if lasted is not None else None,
        "billed_seconds": call.seconds,
    }


def whole_call_json(call: Call) -> dict[str, Any]:
    """A call with all that happened in it."""
    speeches = call.speeches.select_related("turn").order_by("message__seq")
    return {
        **call_json(call),
        "turns": [_turn_json(row) for row in call.turns.order_by("number")],
        "speeches": [_speech_json(row) for row in speeches],
        "steps": [_step_json(row) for row in call.steps.order_by("at", "id")],
        "transfers": [_transfer_json(row) for row in call.transfers.order_by("began_at")],
        "recordings": [recording_json(row) for row in call.recordings.order_by("created_at")],
    }


def _turn_json(row: CallTurn) -> dict[str, Any]:
    return {
        "number": row.number,
        "message_id": str(row.message_id) if row.message_id else None,
        "keys": row.keys,
        "confidence": row.confidence,
        "heard_at": maybe_moment(row.heard_at),
        "asked_at": maybe_moment(row.asked_at),
        "first_word_at": maybe_moment(row.first_word_at),
        "spoken_at": maybe_moment(row.spoken_at),
        "finished_at": maybe_moment(row.finished_at),
        "responder_ms": row.responder_ms,
        "platform_ms": row.platform_ms,
        "endpoint_ms": row.endpoint_ms,
        "speech_ms": row.speech_ms,
        "error": row.error,
    }


def _speech_json(row: CallSpeech) -> dict[str, Any]:
    return {
        "message_id": str(row.message_id),
        "turn": row.turn.number if row.turn else None,
        "state": row.state,
        "whole": row.whole,
        "heard": row.heard,
    }


def _step_json(row: CallStep) -> dict[str, Any]:
    return {"at": moment(row.at), "kind": row.kind, "words": row.words, "remedy": row.remedy}


def _transfer_json(row: CallTransfer) -> dict[str, Any]:
    return {
        "manner": row.manner,
        "to": row.to,
        "state": row.state,
        "reason": row.reason,
        "remedy": row.remedy,
        "began_at": moment(row.began_at),
        "bridged_at": maybe_moment(row.bridged_at),
        "ended_at": maybe_moment(row.ended_at),
    }


def recording_json(row: CallRecording) -> dict[str, Any]:
    """A recording; `url` is good for an hour."""
    is_kept = row.state == RecordingState.KEPT and row.file_id is not None
    return {
        "id": str(row.id),
        "kind": row.kind,
        "state": RecordingState.DELETED.value if row.state == RecordingState.KEPT and not is_kept else row.state,
        "seconds": row.seconds,
        "url": file_links.link(row.workspace_id, row.file_id) if is_kept and row.file_id else None,
        "transcript": row.transcript,
        "reason": row.reason or row.missing,
        "remedy": row.remedy,
        "made_at": moment(row.created_at),
    }
