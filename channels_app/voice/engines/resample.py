"""An engine's linear sound, of whatever rate, as a telephone's: mu-law at 8 kHz. By soxr.

Not by `audioop.ratecv`, which filters nothing: what is above 4 kHz would be heard as something else below it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from channels_app.voice.media import g711
from channels_app.voice.media.events import RATE


class ToTelephone:
    """A stream of linear sound, 16 bits, little-endian, mono, in pieces that may end within a sample."""

    def __init__(self, rate: int) -> None:
        self._half = b""
        self._stream = _stream(rate, RATE)

    def put(self, linear: bytes) -> bytes:
        """The sound of these, as far as it is settled: some milliseconds are held back."""
        sound = self._half + linear
        whole = len(sound) - len(sound) % 2
        self._half = sound[whole:]
        return g711.to_ulaw(self._stream(sound[:whole], False))

    def rest(self) -> bytes:
        """What was held back; nothing comes after it."""
        return g711.to_ulaw(self._stream(b"", True))


class FromTelephone:
    """The other way: mu-law at 8 kHz as linear sound of 16 bits."""

    def __init__(self, rate: int) -> None:
        self._stream = _stream(RATE, rate)

    def put(self, ulaw: bytes) -> bytes:
        """The linear sound of these, as far as it is settled."""
        return self._stream(g711.to_linear(ulaw), False)

    def rest(self) -> bytes:
        """What was held back; nothing comes after it."""
        return self._stream(b"", True)


def to_telephone(linear: bytes, rate: int) -> bytes:
    """All of a sound at once."""
    made = ToTelephone(rate)
    return made.put(linear) + made.rest()


def from_telephone(ulaw: bytes, rate: int) -> bytes:
    """All of a sound at once."""
    made = FromTelephone(rate)
    return made.put(ulaw) + made.rest()


def _stream(from_rate: int, to_rate: int) -> Callable[[bytes, bool], bytes]:
    """A function of linear sound and of whether it is the last, from one rate to another."""
    if from_rate == to_rate:
        return lambda linear, last: linear
    import numpy
    import soxr

    stream: Any = soxr.ResampleStream(from_rate, to_rate, 1, dtype="int16")

    def resampled(linear: bytes, last: bool) -> bytes:
        samples = stream.resample_chunk(numpy.frombuffer(linear, dtype="<i2"), last=last)
        found: bytes = samples.astype("<i2").tobytes()
        return found

    return resampled
