"""From one rate to another, by soxr: it is in the speech packages, and is looked for only where it is needed.

Not by `audioop.ratecv`, which filters nothing: what is above 4 kHz would be heard as something else below it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


class ResamplerMissing(RuntimeError):
    """soxr is not installed; the text says what brings it."""


class Resampler:
    """One direction of one call; linear sound of 16 bits, mono, in pieces of any length.

    It works in blocks, so that what comes out is 40 to 120 ms late (measured with soxr 1.1 and frames of 20 ms; its
    better qualities are later still, and `LQ` loses what is above 3 kHz). `rest` gives what is held back. No sample
    comes out as -1 (jambonz takes that for a mark): it is 0 then, which nobody hears.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        try:
            self._numpy, soxr = import_module("numpy"), import_module("soxr")
        except ImportError as error:
            raise ResamplerMissing("Or bring what resamples: make voice.") from error
        self._stream: Any = soxr.ResampleStream(from_rate, to_rate, 1, dtype="int16", quality="MQ")

    def put(self, linear: bytes) -> bytes:
        """What comes out for these, so far. An even number of bytes."""
        return self._bytes(self._stream.resample_chunk(self._numpy.frombuffer(linear, dtype="<i2"), last=False))

    def rest(self) -> bytes:
        """What was held back; from here on it is another sound."""
        found = self._bytes(self._stream.resample_chunk(self._numpy.zeros(0, dtype="<i2"), last=True))
        self._stream.clear()
        return found

    def _bytes(self, samples: Any) -> bytes:
        found: bytes = self._numpy.where(samples == -1, 0, samples).astype("<i2").tobytes()
        return found
