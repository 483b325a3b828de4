"""The shape of a telephone call within its conversation (`deployments.calls.as_json`)."""

from __future__ import annotations

from workspaces.api.schema import TEXT, TIME, UUID, WHOLE, Schema, component, fields, or_null

_MILLISECONDS: Schema = {"type": ["integer", "null"], "minimum": 0}


def _list(item: Schema, description: str) -> Schema:
    return {"type": "array", "items": item, "description": description}


_TURN = component(
    "CallTurn",
    fields(
        number={**WHOLE, "description": "Within the call; the greeting is 0."},
        message_id={**or_null(UUID), "description": "What the caller said; null of the greeting and of mere keys."},
        keys=TEXT,
        confidence={"type": ["number", "null"], "description": "How sure the provider was of the words, from 0 to 1."},
        heard_at=or_null(TIME),
        asked_at=or_null(TIME),
        first_word_at=or_null(TIME),
        spoken_at=or_null(TIME),
        finished_at=or_null(TIME),
        responder_ms={**_MILLISECONDS, "description": "From asking the assistant to its first word."},
        platform_ms={**_MILLISECONDS, "description": "What everything else took until the first word was given out."},
        error=TEXT,
    ),
)
_SPEECH = component(
    "CallSpeech",
    fields(
        message_id=UUID,
        turn=or_null(WHOLE),
        state={"enum": ["spoken", "cut", "unheard"]},
        whole={**TEXT, "description": "What was to be said."},
        heard={**TEXT, "description": "What the caller heard of it."},
    ),
)
_STEP = component("CallStep", fields(at=TIME, kind=TEXT, words=TEXT, remedy=TEXT))
_TRANSFER = component(
    "CallTransfer",
    fields(
        manner={"enum": ["cold", "warm", "queue"]},
        to=TEXT,
        state={"enum": ["dialling", "whispering", "bridged", "returned", "failed", "ended"]},
        reason=TEXT,
        remedy=TEXT,
        began_at=TIME,
        bridged_at=or_null(TIME),
        ended_at=or_null(TIME),
    ),
)
_RECORDING = component(
    "CallRecording",
    fields(
        id=UUID,
        kind={"enum": ["recording", "voicemail"]},
        state={"enum": ["made", "fetching", "kept", "failed", "deleted"]},
        seconds=or_null(WHOLE),
        url={**or_null({"type": "string", "format": "uri"}), "description": "Plays it; good for an hour."},
        transcript=TEXT,
        reason=TEXT,
        remedy=TEXT,
        made_at=TIME,
    ),
)
CALL_IN_FULL = component(
    "CallInFull",
    fields(
        id=UUID,
        connection_id=UUID,
        conversation_id=UUID,
        sid=TEXT,
        direction={"enum": ["inbound", "outbound"]},
        caller=TEXT,
        called=TEXT,
        mode=TEXT,
        state=TEXT,
        outcome={**or_null(TEXT), "description": "How it ended; null while it goes on."},
        reason=TEXT,
        remedy=TEXT,
        language=TEXT,
        began_at=TIME,
        answered_at=or_null(TIME),
        ended_at=or_null(TIME),
        seconds=or_null(WHOLE),
        billed_seconds=or_null(WHOLE),
        turns=_list(_TURN, "What the caller said or pressed, and how fast it was answered."),
        speeches=_list(_SPEECH, "How much of each answer was heard."),
        steps=_list(_STEP, "What happened beside what was said, in order."),
        transfers=_list(_TRANSFER, "Each attempt to put the call through."),
        recordings=_list(_RECORDING, "The audio that was kept of it."),
    ),
)
CALL: Schema = {
    "oneOf": [CALL_IN_FULL, {"type": "null"}],
    "description": "The telephone call that the conversation is; null where it is none.",
}
