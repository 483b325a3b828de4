"""`text/event-stream` as it comes in, bounded: html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6.

Here rather than from a library, since those read lines of any length: what is written here is somebody else's, and one
line of it must not fill the memory. Ids and `retry` mean nothing to an answer that is read once, and are passed over.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass


class TooLarge(Exception):
    """More than may come in one event, or in all."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event's name (`message` where it has none) and its data."""

    name: str
    data: str


class EventReader:
    """Bytes in, events out. At most `longest` characters an event, `largest` bytes in all."""

    def __init__(self, *, longest: int, largest: int) -> None:
        self._longest, self._left = longest, largest
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
        self._line: list[str] = []
        self._held = 0  # characters of the event so far
        self._after_return = False  # a line feed now belongs to the line end before
        self._name, self._data = "", list[str]()

    def take(self, piece: bytes) -> Iterator[Event]:
        """The events that this piece completes. One that has no end when the stream ends is none (9.2.6)."""
        self._left -= len(piece)
        if self._left < 0:
            raise TooLarge
        text = self._decoder.decode(piece)
        if self._after_return and text:
            text, self._after_return = text.removeprefix("\n"), False
        if text.endswith("\r"):
            self._after_return = True
        # Not `splitlines`: a text may hold the other characters that that takes for line ends.
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for line in lines[:-1]:
            self._hold(line)
            whole, self._line = "".join(self._line), []
            event = self._event(whole)
            if event is not None:
                yield event
        self._hold(lines[-1])

    def _hold(self, part: str) -> None:
        self._held += len(part)
        if self._held > self._longest:
            raise TooLarge
        self._line.append(part)

    def _event(self, line: str) -> Event | None:
        if not line:
            name, data = self._name or "message", self._data
            self._name, self._data, self._held = "", [], 0
            return Event(name, "\n".join(data)) if data or name != "message" else None
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._name = value
        elif field == "data":
            self._data.append(value)
        else:
            self._held -= len(line)  # comments keep a connection open, as many as there are
        return None
