"""Schemas of telephone calls."""

from __future__ import annotations

from channels_app.models.call import (
    CallDirection,
    CallMode,
    CallOutcome,
    CallState,
)
from channels_app.voice.latency import SPANS
from workspaces.api.schema import TEXT, TIME, UUID, WHOLE, Schema, component, fields, or_null, page_of

_CALL = component(
    "Call",
    fields(
        id=UUID,
        connection_id=UUID,
        conversation_id=UUID,
        sid={**TEXT, "description": "The provider's id of the call."},
        direction={"enum": CallDirection.values},
        caller={**TEXT, "description": "E.164, or as the provider told it; empty once the person was erased."},
        called=TEXT,
        mode={"enum": CallMode.values, "description": "How it listens now: a relay that fails falls back to gather."},
        state={"enum": CallState.values},
        outcome={**or_null({"enum": CallOutcome.values}), "description": "How it ended; null while it goes on."},
        reason=TEXT,
        remedy={**TEXT, "description": "What to do about the reason."},
        language=TEXT,
        turns={**WHOLE, "description": "How often the caller spoke or pressed keys."},
        began_at=TIME,
        answered_at=or_null(TIME),
        ended_at=or_null(TIME),
        seconds={**or_null(WHOLE), "description": "From answering to the end, as Convoship saw it."},
        billed_seconds={**or_null(WHOLE), "description": "As the provider bills it, once that is told."},
    ),
)
CALLS = page_of("CallPage", _CALL)

_MILLISECONDS: Schema = {"type": ["integer", "null"], "minimum": 0}
_SPREAD = component(
    "LatencySpread",
    {
        "description": "Milliseconds that half, and 95 of 100, stayed below; null where nothing was measured.",
        **fields(p50=_MILLISECONDS, p95=_MILLISECONDS),
    },
)
_SPAN = component(
    "CallLatencySpan",
    fields(
        span={"enum": list(SPANS)},
        turns={**WHOLE, "description": "How many answers were measured."},
        first_word_ms=_SPREAD,
        platform_ms=_SPREAD,
        responder_ms=_SPREAD,
        calls={**WHOLE, "description": "How many calls began in it."},
        going_on=WHOLE,
        outcomes=fields(optional=(), **dict.fromkeys(CallOutcome.values, WHOLE)),
    ),
)
LATENCY = component(
    "CallLatency",
    {
        "description": "`platform_ms` is Convoship's own part of an answer's latency, `responder_ms` the assistant's; "
        "`first_word_ms` is both.",
        **fields(spans={"type": "array", "items": _SPAN}),
    },
)
