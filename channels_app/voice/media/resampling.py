"""From one rate to another, by soxr: it is in the speech packages, and is looked for only where it is needed.

Not by `audioop.ratecv`, which filters nothing: what is above 4 kHz would be heard as something else below it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from channels_app.voice.media import g711
from channels_app.voice.media.events import RATE

# soxr's names. The better one is later.
QUICK, GOOD = "MQ", "HQ"


class ResamplerMissing(RuntimeError):
    """soxr is not installed; the text says what brings it."""


class Resampler:
    """One direction of one sound; linear, 16 bits, little-endian, mono, in pieces of whole samples.

    It works in blocks, so that what comes out is 40 to 120 ms late (measured with soxr 1.1, `QUICK` and frames of 20
    ms; its better qualities are later still, and `LQ` loses what is above 3 kHz). `rest` gives what is held back. Where
    both rates are the same it changes nothing.

    `has_marks`: no sample comes out as -1, which jambonz takes for a mark; it is 0 then, which nobody hears.
    """

    def __init__(self, from_rate: int, to_rate: int, quality: str, *, has_marks: bool = False) -> None:
        self._stream: Any = None
        self._has_marks = has_marks
        if from_rate == to_rate:
            return
        try:
            self._numpy, soxr = import_module("numpy"), import_module("soxr")
        except ImportError as error:
            raise ResamplerMissing("Or bring what resamples: make voice.") from error
        self._stream = soxr.ResampleStream(from_rate, to_rate, 1, dtype="int16", quality=quality)

    def put(self, linear: bytes) -> bytes:
        """What comes out for these, so far. An even number of bytes."""
        if self._stream is None:
            return linear
        return self._bytes(self._stream.resample_chunk(self._numpy.frombuffer(linear, dtype="<i2"), last=False))

    def rest(self) -> bytes:
        """What was held back; from here on it is another sound."""
        if self._stream is None:
            return b""
        found = self._bytes(self._stream.resample_chunk(self._numpy.zeros(0, dtype="<i2"), last=True))
        self._stream.clear()
        return found

    def _bytes(self, samples: Any) -> bytes:
        if self._has_marks:
            samples = self._numpy.where(samples == -1, 0, samples)
        found: bytes = samples.astype("<i2").tobytes()
        return found


class ToTelephone:
    """An engine's linear sound, of whatever rate, as mu-law at 8 kHz; in pieces that may end within a sample."""

    def __init__(self, rate: int) -> None:
        self._half = b""
        self._resampler = Resampler(rate, RATE, GOOD)

    def put(self, linear: bytes) -> bytes:
        """The sound of these, as far as it is settled: some milliseconds are held back."""
        sound = self._half + linear
        whole = len(sound) - len(sound) % 2
        self._half = sound[whole:]
        return g711.to_ulaw(self._resampler.put(sound[:whole]))

    def rest(self) -> bytes:
        """What was held back; nothing comes after it."""
        return g711.to_ulaw(self._resampler.rest())


class FromTelephone:
    """The other way: mu-law at 8 kHz as linear sound of 16 bits."""

    def __init__(self, rate: int) -> None:
        self._resampler = Resampler(RATE, rate, GOOD)

    def put(self, ulaw: bytes) -> bytes:
        """The linear sound of these, as far as it is settled."""
        return self._resampler.put(g711.to_linear(ulaw))

    def rest(self) -> bytes:
        """What was held back; nothing comes after it."""
        return self._resampler.rest()


def to_telephone(linear: bytes, rate: int) -> bytes:
    """All of a sound at once."""
    made = ToTelephone(rate)
    return made.put(linear) + made.rest()


def from_telephone(ulaw: bytes, rate: int) -> bytes:
    """All of a sound at once."""
    made = FromTelephone(rate)
    return made.put(ulaw) + made.rest()
