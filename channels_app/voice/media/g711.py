"""G.711 mu-law, one byte a sample, to and from linear sound of 16 bits, little-endian. Pure; from tables.

From tables and not by `audioop`, which Python 3.13 has no more: that way a process without speech packages can carry
calls on every Python. A frame of 20 ms takes some ten microseconds. The tables give what `audioop` gives, for every
code and every sample (a test compares them where it is there).

Source: ITU-T G.711 (11/88), table 2a and 2b, in the usual inverted form: silence is 0xff.
"""

from __future__ import annotations

import sys
from array import array
from functools import cache

# A sample's range is cut into eight segments, each twice as wide as the one before; the bias makes them whole octaves.
_BIAS, _STEPS = 33, 16
_LARGEST = 8158


def to_linear(ulaw: bytes) -> bytes:
    """Two bytes for each of these."""
    table = _linear_of()
    return b"".join([table[code] for code in ulaw])


def to_ulaw(linear: bytes) -> bytes:
    """One byte for each two of these; raises `ValueError` where half a sample is left."""
    if len(linear) % 2:
        raise ValueError("Linear sound of 16 bits has two bytes a sample; here half a sample is left.")
    samples = array("H", linear)
    if sys.byteorder == "big":
        samples.byteswap()
    return bytes(map(_ulaw_of().__getitem__, samples))


@cache
def _linear_of() -> tuple[bytes, ...]:
    return tuple(_sample(code).to_bytes(2, "little", signed=True) for code in range(256))


@cache
def _ulaw_of() -> bytes:
    """By the sample's 16 bits, read as a number without sign; the lowest two decide nothing."""
    rising = b"".join(bytes((_code(value),)) * 4 for value in range(-8192, 8192))
    return rising[32768:] + rising[:32768]


def _sample(code: int) -> int:
    code = ~code & 0xFF
    segment, step = code >> 4 & 7, code & 15
    magnitude = ((2 * step + _BIAS) << segment) - _BIAS
    # The table is of 14 bits.
    return -4 * magnitude if code & 0x80 else 4 * magnitude


def _code(value: int) -> int:
    """Of a sample's upper 14 bits."""
    sign = 0x80 if value < 0 else 0
    magnitude = min(abs(value), _LARGEST) + _BIAS
    segment = magnitude.bit_length() - 6
    step = (magnitude >> (segment + 1)) % _STEPS
    return ~(sign | segment << 4 | step) & 0xFF
