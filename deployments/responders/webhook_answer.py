"""What a customer's bot may answer, and what is wrong with what it did: the same at once, streamed and called back.

    {"messages": [{"text", "blocks"?}], "actions": [{"type": "hand_over" | "end", "reason"?},
                                                    {"type": "remember", "state"}, {"type": "missed"}]}

Both lists may be left out. Blocks are those of CONTRACT section 4. The messages are said in order; of the actions
`remember` replaces the conversation's state, and `hand_over` or `end` comes last, whichever place it has.

Streamed, each event's data is one part of that: `token` `{"text"}`, `message` a message, `action` an action, and `done`
`{"blocks"?}` at the end, whose blocks belong to the text made of the tokens.

A bot is the customer's own, so it may do more than a model: show pictures and buttons of its choice, and keep what it
likes. Its words may be a model's all the same, which repeats what strangers told it: they go through `SafeOutput`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from convoship.lib.plain_errors import PlainValidator, failures
from deployments.responders.base import Block, End, HandOver, Missed, Remember, Reply, Say
from deployments.responders.safe_output import SafeOutput
from deployments.responders.schema import BLOCKS
from deployments.safe_text import LONGEST_TEXT

MOST_MESSAGES, MOST_ACTIONS = 20, 10
LONGEST_REASON = 300
LARGEST_STATE = 16_000  # characters of its JSON
LARGEST = 256 * 1024  # bytes of a whole answer
MOST_FAULTS_SAID = 3
_EMPTY = "This must not be empty."


class Faulty(Exception):
    """It is no answer. `errors`: what is wrong, by path."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__(self.said(errors))
        self.errors = errors

    @staticmethod
    def said(errors: Mapping[str, list[str]]) -> str:
        """The first faults, each with its path, on one line."""
        parts = [f"{path}: {' '.join(words)}" if path else " ".join(words) for path, words in errors.items()]
        more = len(parts) - MOST_FAULTS_SAID
        return " ".join(parts[:MOST_FAULTS_SAID]) + (f" And {more} more." if more > 0 else "")


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "additionalProperties": False, "properties": properties}


_text = {
    "type": "string",
    "maxLength": LONGEST_TEXT,
    "pattern": r"\S",
    "x-words": {"pattern": _EMPTY},
}
_reason = {"type": "string", "maxLength": LONGEST_REASON}
_kind = {"type": True}
_ACTIONS = {
    "hand_over": _object(["type"], **_kind, reason=_reason),
    "end": _object(["type"], **_kind, reason=_reason),
    "remember": _object(["type", "state"], **_kind, state={"type": "object"}),
    "missed": _object(["type"], **_kind),
}
MESSAGE = _object(["text"], text=_text, blocks=BLOCKS)
ACTION: dict[str, Any] = {
    "type": "object",
    "required": ["type"],
    "properties": {"type": {"enum": list(_ACTIONS)}},
    "allOf": [
        {"if": {"required": ["type"], "properties": {"type": {"const": kind}}}, "then": shape}
        for kind, shape in _ACTIONS.items()
    ],
}
ANSWER = _object(
    [],
    messages={"type": "array", "maxItems": MOST_MESSAGES, "items": MESSAGE},
    actions={"type": "array", "maxItems": MOST_ACTIONS, "items": ACTION},
)
_EVENTS = {
    "token": PlainValidator(_object(["text"], text={"type": "string", "maxLength": LONGEST_TEXT})),
    "message": PlainValidator(MESSAGE),
    "action": PlainValidator(ACTION),
    "done": PlainValidator(_object([], blocks=BLOCKS)),
}
_answer = PlainValidator(ANSWER)


def parsed(text: str | bytes) -> dict[str, Any]:
    """An answer as it came; `Faulty` where it is none."""
    content = _json(text)
    _check(_answer, content)
    return content


def parsed_event(name: str, data: str) -> dict[str, Any]:
    """One event of a stream; `Faulty` where it is none."""
    if name not in _EVENTS:
        raise Faulty({"event": [f"There is no event {name[:40]!r}. There are: {', '.join(_EVENTS)}."]})
    content = _json(data) if data or name != "done" else {}
    _check(_EVENTS[name], content)
    if name == "message" and not _safe(content["text"]).strip():
        raise Faulty({"text": [_EMPTY]})
    return content


def replies(content: Mapping[str, Any]) -> list[Reply]:
    """What a good answer says and wants."""
    said: list[Reply] = [say(message) for message in content.get("messages", ())]
    return said + in_order([act(action) for action in content.get("actions", ())])


def say(message: Mapping[str, Any]) -> Say:
    """A message of an answer."""
    return Say(_safe(message["text"])[:LONGEST_TEXT], blocks_of(message))


def _safe(text: str) -> str:
    safe = SafeOutput()
    return safe.take(text) + safe.rest()


def blocks_of(part: Mapping[str, Any]) -> tuple[Block, ...]:
    """The blocks of a part."""
    return tuple(part.get("blocks", ()))


def act(action: Mapping[str, Any]) -> Reply:
    """An action of an answer."""
    reason = action.get("reason", "").strip()
    match action["type"]:
        case "hand_over":
            return HandOver(reason or "The assistant asked for a person.")
        case "end":
            return End(reason or "The assistant ended the conversation.")
        case "remember":
            return Remember(action["state"])
    return Missed()


def in_order(acts: list[Reply]) -> list[Reply]:
    """What ends a turn last."""
    return sorted(acts, key=lambda reply: isinstance(reply, HandOver | End))


def _json(text: str | bytes) -> Any:
    try:
        return json.loads(text or b"{}", parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Faulty({"": ["This is no JSON."]}) from None


def _no_number(name: str) -> None:
    raise ValueError(name)


def _check(validator: Any, content: Any) -> None:
    errors = failures(validator, content)
    if not errors:
        errors = {**_of_states(content), **_of_messages(content.get("messages", ()))}
    if errors:
        raise Faulty(errors)


def _of_states(content: Mapping[str, Any]) -> dict[str, list[str]]:
    found = [("", content), *((f"actions[{place}].", one) for place, one in enumerate(content.get("actions", ())))]
    return {
        f"{path}state": [f"This is too large: at most {LARGEST_STATE} characters of JSON."]
        for path, part in found
        if len(json.dumps(part.get("state", {}))) > LARGEST_STATE
    }


def _of_messages(messages: Any) -> dict[str, list[str]]:
    """Of texts that have nothing left to be shown."""
    return {
        f"messages[{place}].text": [_EMPTY]
        for place, message in enumerate(messages)
        if not _safe(message["text"]).strip()
    }
