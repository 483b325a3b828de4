"""The frames of `convoship.v1` (CONTRACT section 4): what a client may send, parsed and bounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from convoship.lib.parsers import BadJSON, loads
from convoship.lib.problems import Problem
from deployments.sessions import page_of

PROTOCOL = "convoship.v1"
LARGEST_FROM_CLIENT = 128 * 1024
KINDS = frozenset({"hello", "message.send", "message.stop", "typing", "read", "ping"})


class Close:
    """Close codes."""

    TOKEN = 4401
    REVOKED = 4403
    NO_HELLO = 4408
    ENDED = 4409
    RATE = 4429
    TOO_LARGE = 1009
    OVERLOAD = 1013


@dataclass(frozen=True)
class Hello:
    """The first frame: the session's token, how far the client has come, and the page it is on if it says."""

    token: str
    after: int
    rev: int | None
    page: Mapping[str, str]


def parse(text: str) -> tuple[str, Mapping[str, Any]]:
    """A frame's kind and body; `Problem` with words for anything that is none."""
    try:
        frame = loads(text)
    except BadJSON as error:
        raise Problem("invalid", str(error)) from error
    if not isinstance(frame, Mapping) or not isinstance(frame.get("type"), str):
        raise Problem("invalid", 'A frame is a JSON object with a "type".')
    kind = frame["type"]
    if kind not in KINDS:
        raise Problem("invalid", f"There is no frame {kind[:40]!r}. Known: {', '.join(sorted(KINDS))}.")
    return kind, frame


def hello(frame: Mapping[str, Any]) -> Hello:
    """The typed hello."""
    token, after, rev = frame.get("token"), frame.get("after", 0), frame.get("rev")
    if not isinstance(token, str):
        raise Problem("token_missing", "hello needs the session's token.")
    for name, value in (("after", after), ("rev", rev)):
        if value is not None and (type(value) is not int or not 0 <= value < 2**31):
            raise Problem("invalid", f"{name} must be a whole number, 0 or more.")
    page = frame.get("page")
    return Hello(token, after or 0, rev, page_of(page) if isinstance(page, Mapping) else {})


def read(frame: Mapping[str, Any]) -> int:
    """How far the visitor says they have read."""
    seq = frame.get("seq")
    if type(seq) is not int or not 0 <= seq < 2**31:
        raise Problem("invalid", "read needs seq, a whole number, 0 or more.")
    return seq
