"""What happens on a call's sound, in one language for all dialects; and the port of a dialect. Pure.

Sound is G.711 mu-law at 8 kHz, one byte a sample, the caller's side alone: what every telephone network can give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

# A frame's length, in seconds and in samples.
FRAME_SECONDS, FRAME = 0.02, 160
RATE = 8000
SILENCE = b"\xff"

Frame = str | bytes


class BadFrame(ValueError):
    """A frame that is none of this dialect's; the text says what is wrong with it."""


@dataclass(frozen=True)
class Started:
    """The first that a stream tells: which call it is, as its sender names it, and what was handed along."""

    stream: str = ""
    call: str = ""
    account: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Audio:
    """The caller's sound."""

    ulaw: bytes


@dataclass(frozen=True)
class Key:
    """A key of the telephone: 0 to 9, *, #, A to D."""

    key: str


@dataclass(frozen=True)
class Marked:
    """What was sent before this mark was played, or thrown away by a `clear`."""

    name: str


@dataclass(frozen=True)
class Stopped:
    """The stream is over: the caller hung up, or the other side took the call away."""

    reason: str = ""


Event = Started | Audio | Key | Marked | Stopped


class Ear(Protocol):
    """Whom a far side tells what happens (a `Line`). No method waits."""

    def hear(self, event: Event) -> None:
        """What happened on the call's sound."""

    def rest(self) -> None:
        """The far side put us on hold."""

    def go_on(self) -> None:
        """They are back."""


class Dialect(Protocol):
    """How one kind of sender writes this, one object a socket: it may keep what a stream said of itself.

    No method waits or reads a clock. A mark need not come back (where a sender keeps none, or loses it): whoever sends
    it has to do without.
    """

    # What the socket is accepted with (`Sec-WebSocket-Protocol`), or "".
    subprotocol: str

    def read(self, frame: Frame) -> Sequence[Event]:
        """What a frame tells; nothing where it is of a kind that tells us nothing. Raises `BadFrame`."""

    def audio(self, ulaw: bytes) -> Sequence[Frame]:
        """Play this after what was sent before; any number of bytes, at most half a second's."""

    def mark(self, name: str) -> Sequence[Frame]:
        """Say when what was sent up to here was played."""

    def clear(self) -> Sequence[Frame]:
        """Throw away what was sent and not yet played."""

    def hang_up(self) -> Sequence[Frame]:
        """End the call itself; nothing where a dialect has no such word and the closed socket has to do."""
