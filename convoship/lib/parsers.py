"""JSON bodies, strictly: no NaN, no NUL, no lone surrogates, no duplicate meaning, bounded in size and depth.

What PostgreSQL or the next program could not hold is refused at the edge with words, instead of failing later as a 500.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from convoship.lib.problems import Problem

MAX_BODY_BYTES = 256 * 1024
MAX_DEPTH = 40


class BadJSON(ValueError):
    """The text is not JSON that we take; the message says why."""


def _no_constant(name: str) -> Any:
    raise BadJSON(f"{name} is not JSON.")


def _finite(number: str) -> float:
    value = float(number)
    if value in {float("inf"), float("-inf")}:
        raise BadJSON(f"The number {number[:20]} is too large.")
    return value


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in twice[:60])
        raise BadJSON(f"The key “{shown}” stands twice in one object: it isn't clear which one counts.")
    return value


# Made once: to make one takes longer than to read a frame of a socket.
_decode = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite).decode
_decode_strictly = json.JSONDecoder(
    parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_no_key_twice
).decode


def loads(raw: bytes | str, *, no_key_twice: bool = False, called: str = "The body") -> Any:
    """Parse JSON or raise `BadJSON` with plain words; `no_key_twice` also where an object repeats a key.

    `called` is what the words call it, at the beginning of a sentence.
    """
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
    except UnicodeDecodeError as error:
        raise BadJSON(f"{called} is not UTF-8.") from error
    if depth(text) > MAX_DEPTH:
        raise BadJSON(f"The JSON is nested more than {MAX_DEPTH} deep.")
    try:
        value = _decode_strictly(text) if no_key_twice else _decode(text)
    except BadJSON:
        raise
    except json.JSONDecodeError as error:
        raise BadJSON(f"{called} is not valid JSON. {_place_in_words(error)}") from error
    except ValueError as error:  # Python's limit on the digits of a whole number
        raise BadJSON(f"{called} is not valid JSON. A number in it has too many digits.") from error
    except RecursionError as error:
        raise BadJSON(f"{called} is not valid JSON. It is nested too deep.") from error
    if "\\u" in text or "\x00" in text:
        _check_text(value)
    return value


# What Python's parser says, by its beginning, in plain words: what is wrong and what to do.
_FAULTS = {
    "Expecting value": "Something is missing here, or isn't JSON. Write text in double quotes, a number, true, "
    "false, null, a list or an object, and no comma after the last one.",
    "Expecting ','": "A comma or a closing bracket is missing before this. Look also for a double quote inside of a "
    'text: it is written \\".',
    "Expecting ':'": 'A colon is missing after the name. Write it as "name": value.',
    "Expecting property name": 'A name in double quotes is missing here. Write it as "name": value, and no comma '
    "after the last one.",
    "Illegal trailing comma": "There is a comma after the last one. Take it out.",
    "Extra data": "The JSON has ended before this. Take out what follows, or a closing bracket too many before it.",
    "Unterminated string": "The text that begins here has no end. Close it with a double quote.",
    "Invalid control character": "There is a line break or a tab inside of a text. Write it as \\n or \\t.",
    "Invalid \\": "A backslash stands before something that it can't. Write a backslash itself as \\\\.",
}


def _place_in_words(error: json.JSONDecodeError) -> str:
    """Where the fault is and what to do: `Line 3, column 5: A comma …`."""
    if error.pos >= len(error.doc.rstrip()) and not error.msg.startswith("Unterminated"):
        what = "It ends too early. Look for a missing closing bracket, or for a part that wasn't copied."
    else:
        what = next((words for begins, words in _FAULTS.items() if error.msg.startswith(begins)), "This isn't JSON.")
    return f"Line {error.lineno}, column {error.colno}: {what}"


def depth(text: str) -> int:
    """An upper bound of the nesting, found without parsing (brackets in strings count, which only makes it larger)."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _check_text(value: Any) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise BadJSON("Text may not contain the NUL character.")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise BadJSON("Text may not contain half of a surrogate pair.")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check_text(item)
    elif isinstance(value, list):
        for item in value:
            _check_text(item)


class StrictJSONParser(BaseParser):
    """DRF's door to `loads`."""

    media_type = "application/json"
    most_bytes = MAX_BODY_BYTES
    no_key_twice = False

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The parsed body; an empty one is `{}`."""
        raw = stream.read(self.most_bytes + 1)
        if len(raw) > self.most_bytes:
            raise Problem("payload_too_large", f"The body may have at most {self.most_bytes // 1024} KiB.")
        if not raw:
            return {}
        try:
            return loads(raw, no_key_twice=self.no_key_twice)
        except BadJSON as error:
            raise Problem("invalid", str(error)) from error
