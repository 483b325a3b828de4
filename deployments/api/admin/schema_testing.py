"""Shapes of trying an assistant and of its test cases."""

from __future__ import annotations

from deployments.responders.schema import CHANNELS
from deployments.safe_text import LONGEST_TEXT
from deployments.test_cases import CASES_SCHEMA, THRESHOLD_SCHEMA
from deployments.trying import LONGEST_LOCALE, STATE_SCHEMA
from workspaces.api.schema import TEXT, WHOLE, YES_NO, Schema, body, component, fields

LONGEST_PAYLOAD, MOST_HISTORY = 1000, 50

_SAID = {"type": "string", "maxLength": LONGEST_TEXT}
_PAYLOAD: Schema = {"type": "string", "maxLength": LONGEST_PAYLOAD, "description": "The value of a tapped button."}
_LINE = {
    **body(
        {"author": {"enum": ["visitor", "assistant"]}, "text": _SAID, "payload": _PAYLOAD}, required=("author", "text")
    )
}
_OF_VISITOR: Schema = {
    "type": "object",
    "maxProperties": 20,
    "patternProperties": {
        "^[A-Za-z_][A-Za-z0-9_-]{0,49}$": {
            "type": ["string", "number", "boolean"],
            "maxLength": 500,
            "minimum": -1e15,
            "maximum": 1e15,
        }
    },
    "additionalProperties": False,
    "description": "What a page would say of its user, for `{{visitor.name}}` and the like.",
    "example": {"name": "Ada", "email": "ada@example.com"},
}
TRY = body(
    {
        "text": {
            "type": "string",
            "maxLength": LONGEST_TEXT,
            "pattern": r"\S",
            "x-words": {"pattern": "This must not be empty."},
        },
        "payload": _PAYLOAD,
        "locale": {"type": "string", "maxLength": LONGEST_LOCALE},
        "channel": {"enum": list(CHANNELS), "default": CHANNELS[0]},
        "user": _OF_VISITOR,
        "state": {
            "type": "object",
            "description": f"{STATE_SCHEMA['description']} What it may hold depends on what answers.",
        },
        "history": {
            "type": "array",
            "maxItems": MOST_HISTORY,
            "items": _LINE,
            "description": "What was said before, the oldest first.",
        },
        "version": {
            "type": "integer",
            "minimum": 1,
            "maximum": 2_147_483_647,
            "description": "A published version's number; without it the draft answers.",
        },
    },
    required=("text",),
)
_SAY = fields(text=TEXT, blocks={"type": "array", "items": {"type": "object"}})
TRIED = component(
    "Tried",
    fields(
        optional=("welcome", "state", "hand_over", "end", "if_silent"),
        welcome={
            "type": "array",
            "items": _SAY,
            "description": "What was said before it, where this is the first turn (no `state`, no `history`).",
        },
        replies={"type": "array", "items": _SAY},
        trace={"type": "object", "description": "How the answer was found."},
        state={"type": "object", "description": "What the assistant would remember: send it with the next turn."},
        hand_over={**TEXT, "description": "Why a person would be asked for."},
        end={**TEXT, "description": "Why the conversation would end."},
        if_silent={
            "description": "What would be said to a visitor who stays silent for so long, and what then.",
            **fields(
                after_seconds=WHOLE,
                text=TEXT,
                blocks={"type": "array", "items": {"type": "object"}},
                then={"enum": ["", "hand_over", "end"]},
            ),
        },
    ),
)

# --- Test cases ---------------------------------------------------------------------------------------------------

TESTS = component("Tests", fields(cases=CASES_SCHEMA, threshold=THRESHOLD_SCHEMA))
NEW_TESTS = body({"cases": CASES_SCHEMA, "threshold": THRESHOLD_SCHEMA}, required=("cases", "threshold"))
_INTENT = {**TEXT, "description": "An intent's name; empty: not understood; `:small_talk`: answered by small talk."}
TEST_REPORT = component(
    "TestReport",
    fields(
        passed=WHOLE,
        total=WHOLE,
        failures={
            "type": "array",
            "items": fields(
                optional=("missing",),
                utterance=TEXT,
                expected=_INTENT,
                got=_INTENT,
                score={"type": "number", "minimum": 0, "maximum": 1},
                missing={**YES_NO, "description": "Set where no intent is called what was expected."},
            ),
        },
    ),
)
PUBLISH = body(
    {
        "note": {"type": "string", "maxLength": 200},
        "despite_tests": {
            **YES_NO,
            "default": False,
            "description": "Publish though fewer test cases pass than the assistant's threshold says.",
        },
    }
)
