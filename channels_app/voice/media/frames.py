"""What the dialects share: reading what strangers write, with bounds and plain words, and writing. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from channels_app.voice.media.events import RATE, BadFrame, Frame
from convoship.lib.parsers import BadJSON, loads

# A frame of text, in characters. The largest that means something is an opening with everything it may hand along.
LARGEST_TEXT = 64 * 1024
# Sound in one frame, in seconds. Senders cut it into 20 to 200 ms; after a stall jambonz sends all that it kept.
LONGEST_SOUND = 5.0
# Of what is handed along in an opening: how many, and how long a name and a value may be.
MOST_PARAMETERS, LONGEST_NAME, LONGEST_VALUE = 50, 64, 1000
LONGEST_ID = 200
# Of ours in one frame, in samples: half a second.
MOST_SENT = RATE // 2

_KEYS = frozenset("0123456789*#ABCD")
# Marks are our own names. Asterisk ends one at a space and takes 128 bytes with the command around it.
_MARK = re.compile(r"[A-Za-z0-9._:-]{1,64}")


class NotStarted(RuntimeError):
    """Something was to be sent on a stream that hasn't said yet which one it is: a mistake of ours."""


def text(frame: Frame) -> str:
    """A frame of text, within bounds."""
    if isinstance(frame, bytes):
        raise BadFrame("This dialect has frames of text alone; a binary one came. Which dialect does the sender speak?")
    if len(frame) > LARGEST_TEXT:
        raise BadFrame(f"A frame of {len(frame)} characters came; at most {LARGEST_TEXT} are taken.")
    return frame


def body(frame: Frame) -> Mapping[str, Any]:
    """A frame that is a JSON object."""
    try:
        found = loads(text(frame), called="The frame")
    except BadJSON as error:
        raise BadFrame(str(error)) from error
    if not isinstance(found, Mapping):
        raise BadFrame("A frame is a JSON object; another kind of JSON came.")
    return found


def part(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object of this name, which has to be there."""
    found = of.get(name)
    if not isinstance(found, Mapping):
        raise BadFrame(f"The frame has no object “{name}”.")
    return found


def word(value: object, longest: int = LONGEST_ID) -> str:
    """A text or number as text, without controls; anything else is "". Never longer than this."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    found = str(value).strip()[:longest]
    return found if found.isprintable() else "".join(one for one in found if one.isprintable())


def number(value: object) -> int | None:
    """A whole number that isn't negative, also where it is written as text; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value < 2**53 else None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:
        return int(value)
    return None


def parameters(given: object) -> dict[str, str]:
    """What was handed along: an object, or a list of `{name, value}`. Texts and numbers alone, and only so many."""
    if isinstance(given, list):
        given = {word(one.get("name")): one.get("value") for one in given if isinstance(one, Mapping)}
    if not isinstance(given, Mapping):
        return {}
    found: dict[str, str] = {}
    for name, value in given.items():
        if len(found) >= MOST_PARAMETERS:
            break
        called = word(name, LONGEST_NAME)
        if called and isinstance(value, str | int | float) and not isinstance(value, bool):
            found[called] = word(value, LONGEST_VALUE)
    return found


def key(value: object) -> str:
    """A key of the telephone; "" where it is none (some senders tell a hook flash as one)."""
    found = word(value, 2).upper()
    return found if found in _KEYS else ""


def sound(payload: object) -> bytes:
    """Mu-law from base64."""
    if not isinstance(payload, str):
        raise BadFrame("The sound is missing: “media.payload” has to be base64.")
    most = int(LONGEST_SOUND * RATE)
    if len(payload) > (most + 2) // 3 * 4:
        raise BadFrame(f"More than {LONGEST_SOUND:g} s of sound came in one frame. Cut it into 20 ms.")
    try:
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadFrame("The sound can't be read: “media.payload” is not base64.") from error


def raw_sound(frame: bytes, bytes_a_second: int) -> bytes:
    """Sound that is a binary frame itself."""
    if len(frame) > LONGEST_SOUND * bytes_a_second:
        raise BadFrame(f"More than {LONGEST_SOUND:g} s of sound came in one frame. Cut it into 20 ms.")
    return frame


def base64_of(ulaw: bytes) -> str:
    return base64.b64encode(ulaw).decode("ascii")


def written(value: Mapping[str, Any]) -> str:
    """JSON without a space: Asterisk counts each byte."""
    return json.dumps(value, separators=(",", ":"))


def cut(sent: bytes, most: int = MOST_SENT) -> Sequence[bytes]:
    """In pieces of at most so many bytes; nothing of nothing."""
    return [sent[at : at + most] for at in range(0, len(sent), most)]


def mark_name(name: str) -> str:
    """The name, if it is one that every dialect carries unchanged; `ValueError` otherwise."""
    if not _MARK.fullmatch(name):
        raise ValueError(f"A mark's name is 1 to 64 of A-Z a-z 0-9 . _ : -, not {name!r}.")
    return name
