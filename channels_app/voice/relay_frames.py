"""ConversationRelay's frames: what Twilio tells us as typed values, and those that we send. Pure.

What comes in is read with tolerance: fields may be added, left out or of another type, and a kind that we don't know
is `Unknown` and no error. What goes out is strict: Twilio refuses a frame of another form (error 64107) and its words
are lost, so every frame is made here, by a function of its own, and nothing else is ever sent.

Forms: twilio.com/docs/voice/conversationrelay/websocket-messages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from convoship.lib.parsers import BadJSON, loads
from deployments.pieces import whole

# A frame of either side, in bytes of UTF-8.
LARGEST_FRAME = 16 * 1024
# Of what somebody says in one go: more is nobody's sentence.
LONGEST_PROMPT = 4000
# Of one token, in characters: far below a frame, whatever its bytes.
LONGEST_TOKEN = 1000
LONGEST_HANDOFF = 4000
DIGITS = frozenset("0123456789*#")

_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
# Characters that no voice says: controls but the line's end and the tab.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\u2028\u2029\ufeff]")


class BadFrame(ValueError):
    """What came can't be read, or what was to go out is none of the five forms; the message says why."""


# --- From Twilio ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Setup:
    """The first frame of a session."""

    session: str
    account: str
    call: str
    caller: str = ""
    called: str = ""
    direction: str = ""
    status: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the caller said; `is_last` where they are done.

    `waited_ms`: how long after their last sound that was known, where we listen ourselves.
    """

    text: str
    language: str = ""
    is_last: bool = True
    waited_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Digit:
    """A key that was pressed: one of 0-9, * and #."""

    key: str


@dataclass(frozen=True, slots=True)
class Interrupt:
    """The caller spoke over our voice: what they had heard by then, and after how long (None: not told)."""

    heard: str
    after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """Twilio could not do something, a frame of ours for instance."""

    words: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A frame of a kind that means nothing to us."""

    kind: str


Frame: TypeAlias = Setup | Prompt | Digit | Interrupt | Fault | Unknown


def parse(text: str) -> Frame:
    """One frame of Twilio's; `BadFrame` where it is none at all."""
    try:
        body = loads(_without_halves(text), called="The frame")
    except BadJSON as error:
        raise BadFrame(str(error)) from error
    if not isinstance(body, Mapping):
        raise BadFrame("A frame is a JSON object.")
    match kind := _word(body.get("type")):
        case "setup":
            return _setup(body)
        case "prompt":
            words = _text(body.get("voicePrompt"))[:LONGEST_PROMPT]
            # One without `last` is whole: an answer too early beats none at all.
            return Prompt(words, language_or_none(_word(body.get("lang"))), is_last=_truth(body.get("last"), True))
        case "dtmf":
            key = _word(body.get("digit"))
            return Digit(key) if key in DIGITS and len(key) == 1 else Unknown("dtmf")
        case "interrupt":
            heard = _text(body.get("utteranceUntilInterrupt"))
            return Interrupt(heard, _milliseconds(body.get("durationUntilInterruptMs")))
        case "error":
            return Fault(_text(body.get("description")).strip()[:500])
    return Unknown(kind[:40])


def _setup(body: Mapping[str, Any]) -> Setup:
    given = body.get("customParameters")
    parameters = {}
    if isinstance(given, Mapping):
        parameters = {str(name)[:64]: _word(value)[:500] for name, value in list(given.items())[:20]}
    return Setup(
        session=_word(body.get("sessionId"))[:64],
        account=_word(body.get("accountSid"))[:64],
        call=_word(body.get("callSid"))[:64],
        caller=_word(body.get("from"))[:64],
        called=_word(body.get("to"))[:64],
        direction=_word(body.get("direction"))[:32],
        status=_word(body.get("callStatus"))[:32],
        parameters=parameters,
    )


def _without_halves(text: str) -> str:
    """Half a surrogate pair, written out or escaped, must not make a caller's words unreadable."""
    return re.sub(r"\\u(?:0000|[dD][89a-fA-F][0-9a-fA-F]{2})", _escaped, whole(text))


def _escaped(found: re.Match[str]) -> str:
    """Halves that make a pair with their neighbour stay; `json` joins them. A NUL is nobody's word."""
    escape = found[0].lower()
    if escape == "\\u0000":
        return "\\ufffd"
    text, at = found.string, found.start()
    if escape[3] in "89ab":
        following = text[found.end() : found.end() + 4].lower()
        has_other = following.startswith("\\ud") and following[3:4] in set("cdef")
    else:
        before = text[max(0, at - 6) : at].lower()
        has_other = before.startswith("\\ud") and before[3:4] in set("89ab")
    return found[0] if has_other else "\\ufffd"


def _word(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return ""
    return str(value).strip() if isinstance(value, str | int | float) else ""


def _text(value: object) -> str:
    return _CONTROLS.sub(" ", value) if isinstance(value, str) else ""


def _truth(value: object, otherwise: bool) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        return value.strip().lower() == "true"
    return otherwise


def _milliseconds(value: object) -> int | None:
    """A number, or one in a string: Twilio documents both."""
    try:
        found = int(float(_word(value)))
    except (ValueError, OverflowError):
        return None
    return found if 0 <= found < 24 * 3600 * 1000 else None


def language_or_none(tag: str) -> str:
    """The tag, or "" where it isn't one."""
    tag = tag.replace("_", "-")
    return tag if _TAG.fullmatch(tag) else ""


def is_other_language(tag: str, than: str) -> bool:
    """Whether it is another language, and not only another country's form of it."""
    return tag.replace("_", "-").partition("-")[0].lower() != than.replace("_", "-").partition("-")[0].lower()


# --- To Twilio --------------------------------------------------------------------------------------------------------


def text(token: str, *, last: bool, language: str = "", interruptible: bool | None = None) -> str:
    """Words to be said; `last` ends what belongs together. A token without words is only good as the last one."""
    token = clean(token)
    if not token and not last:
        raise BadFrame("A token without words has to be the last one.")
    if len(token) > LONGEST_TOKEN:
        raise BadFrame(f"A token has at most {LONGEST_TOKEN} characters.")
    body: dict[str, Any] = {"type": "text", "token": token, "last": last}
    if language:
        body["lang"] = _tag(language)
    if interruptible is not None:
        body["interruptible"] = interruptible
    return _frame(body)


def has_words(frame: str) -> bool:
    """Whether a frame of ours has words to be said."""
    return frame.startswith('{"type":"text"')


def language(tag: str) -> str:
    """Speak and listen in this language from now on."""
    return _frame({"type": "language", "ttsLanguage": _tag(tag), "transcriptionLanguage": _tag(tag)})


def end(handoff: Mapping[str, Any] | None = None) -> str:
    """The session is over; `handoff` comes back with the request to the `action` of `<Connect>`, as JSON."""
    if handoff is None:
        return _frame({"type": "end"})
    data = json.dumps(dict(handoff), ensure_ascii=False, separators=(",", ":"))
    if len(data) > LONGEST_HANDOFF:
        raise BadFrame(f"What is handed over has at most {LONGEST_HANDOFF} characters.")
    return _frame({"type": "end", "handoffData": data})


def clean(words: str) -> str:
    """What of it a voice can say."""
    return _CONTROLS.sub("", whole(words))


def _tag(value: str) -> str:
    found = language_or_none(value)
    if not found:
        raise BadFrame(f"{value[:40]!r} is no language.")
    return found


def _frame(body: Mapping[str, Any]) -> str:
    made = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    if len(made.encode()) > LARGEST_FRAME:
        raise BadFrame(f"A frame has at most {LARGEST_FRAME} bytes.")
    return made
