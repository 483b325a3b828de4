"""ConversationRelay's frames: what Twilio takes, and what it sends (twilio.com/docs/voice/conversationrelay).

A frame that Twilio doesn't take is lost: it answers an `error` frame, writes 64107 into its log, and goes on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from convoship.lib import language_tags
from convoship.lib.parsers import BadJSON, loads

REFUSED_FRAME, NO_CONNECTION, CUT = 64107, 64102, 64105
LARGEST = 64 * 1024
_DIGITS = re.compile(r"[0-9*#wWA-Da-d]+")

Check = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_some(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("https://", "http://"))


def _are_digits(value: Any) -> bool:
    return isinstance(value, str) and _DIGITS.fullmatch(value) is not None


def _is_tag(value: Any) -> bool:
    return isinstance(value, str) and (value == "multi" or bool(language_tags.kept(value)))


# By type: the fields that have to be there, and those that may be.
_SHAPES: Mapping[str, tuple[Mapping[str, Check], Mapping[str, Check]]] = {
    "text": (
        {"token": _is_text},
        {"last": _is_flag, "lang": _is_tag, "interruptible": _is_flag, "preemptible": _is_flag},
    ),
    "play": (
        {"source": _is_address},
        {"loop": _is_count, "interruptible": _is_flag, "preemptible": _is_flag},
    ),
    "sendDigits": ({"digits": _are_digits}, {}),
    "language": ({}, {"ttsLanguage": _is_tag, "transcriptionLanguage": _is_tag}),
    "end": ({}, {"handoffData": _is_text}),
}


def read(text: str | bytes) -> tuple[dict[str, Any], str]:
    """A frame of ours, and what is wrong with it; "" where Twilio takes it."""
    if isinstance(text, bytes):
        return {}, "Frames are text, not binary."
    if len(text.encode()) > LARGEST:
        return {}, f"A frame has at most {LARGEST // 1024} KB."
    try:
        frame = loads(text)
    except BadJSON:
        return {}, "Invalid message: no JSON."
    if not isinstance(frame, dict):
        return {}, "Invalid message: no JSON object."
    kind = frame.get("type")
    shape = _SHAPES.get(kind) if isinstance(kind, str) else None
    if shape is None:
        return frame, f"Invalid message: unknown type {str(kind)[:40]!r}."
    needed, possible = shape
    for name, fits in needed.items():
        if name not in frame:
            return frame, f"Invalid message: {kind} lacks {name}."
        if not fits(frame[name]):
            return frame, f"Invalid message: {name} of {kind} is not what it has to be."
    for name, value in frame.items():
        if name == "type" or name in needed:
            continue
        if name not in possible:
            return frame, f"Invalid message: {kind} has no {name[:40]}."
        if not possible[name](value):
            return frame, f"Invalid message: {name} of {kind} is not what it has to be."
    if kind == "language" and len(frame) == 1:
        return frame, "Invalid message: language names none."
    return frame, ""


def setup(session: str, call: Mapping[str, str], parameters: Mapping[str, str]) -> dict[str, Any]:
    """The first frame. `call` has the names of a webhook's form."""
    return {
        "type": "setup",
        "sessionId": session,
        "accountSid": call["AccountSid"],
        "parentCallSid": call.get("ParentCallSid", ""),
        "callSid": call["CallSid"],
        "from": call["From"],
        "to": call["To"],
        "forwardedFrom": "",
        "callType": "PSTN",
        "callerName": "",
        "direction": call["Direction"],
        "callStatus": call["CallStatus"].upper().replace("-", "_"),
        "customParameters": dict(parameters),
    }


def prompt(words: str, lang: str, *, last: bool) -> dict[str, Any]:
    """What was said, whole or so far."""
    return {"type": "prompt", "voicePrompt": words, "lang": lang, "last": last}


def interrupt(heard: str, milliseconds: int) -> dict[str, Any]:
    """They spoke, or pressed a key, while something was spoken: what of it they had heard."""
    return {"type": "interrupt", "utteranceUntilInterrupt": heard, "durationUntilInterruptMs": milliseconds}


def dtmf(key: str) -> dict[str, Any]:
    """A key."""
    return {"type": "dtmf", "digit": key}


def error(words: str) -> dict[str, Any]:
    """A frame was refused."""
    return {"type": "error", "description": words}


def written(frame: Mapping[str, Any]) -> str:
    """As it goes over the socket."""
    return json.dumps(frame, ensure_ascii=False)
