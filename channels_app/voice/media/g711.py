"""G.711 mu-law, one byte a sample, to and from linear sound of 16 bits, little-endian, and A-law. Pure; from tables.

From tables and not by `audioop`, which Python 3.13 has no more: that way a process without speech packages can carry
calls on every Python. A frame of 20 ms takes some ten microseconds. The tables give what `audioop` gives, for every
code and every sample (a test compares them where it is there).

Source: ITU-T G.711 (11/88), table 2a and 2b, in the usual inverted form: silence is 0xff. A-law is table 1a and 1b, its
even bits inverted as it is sent.
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


def ulaw_of_alaw(alaw: bytes) -> bytes:
    """The nearest code of mu-law for each of these."""
    return alaw.translate(_ulaw_of_alaw())


def alaw_of_ulaw(ulaw: bytes) -> bytes:
    """The code of A-law for each of these."""
    return ulaw.translate(_alaw_of_ulaw())


@cache
def _ulaw_of_alaw() -> bytes:
    return to_ulaw(b"".join(_alaw_sample(code).to_bytes(2, "little", signed=True) for code in range(256)))


@cache
def _alaw_of_ulaw() -> bytes:
    return bytes(_alaw_code(_sample(code)) for code in range(256))


def _alaw_sample(code: int) -> int:
    code ^= 0x55
    segment, step = code >> 4 & 7, code & 15
    magnitude = 16 * step + 8 if segment == 0 else (16 * step + 264) << (segment - 1)
    return magnitude if code & 0x80 else -magnitude


def _alaw_code(sample: int) -> int:
    value, mask = sample >> 3, 0xD5
    if value < 0:
        value, mask = -value - 1, 0x55
    segment = max(0, value.bit_length() - 5)
    return (segment << 4 | value >> max(1, segment) & 15) ^ mask


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
