"""Mu-law to linear sound and back, bit by bit."""

from __future__ import annotations

import struct
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.voice.media import g711


def test_every_code_comes_back_as_itself_but_the_second_zero() -> None:
    codes = bytes(range(256))
    back = g711.to_ulaw(g711.to_linear(codes))
    # G.711 has two codes for zero, 0x7f and 0xff; what is linear has one.
    assert back == codes.replace(b"\x7f", b"\xff")


def test_all_codes_and_all_samples_are_what_the_standard_library_made_of_them() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = pytest.importorskip(
            "audioop", reason="gone from Python 3.13; the tables are compared on 3.11 and 3.12"
        )
    codes, samples = bytes(range(256)), struct.pack("<65536h", *range(-32768, 32768))
    assert g711.to_linear(codes) == audioop.ulaw2lin(codes, 2)
    assert g711.to_ulaw(samples) == audioop.lin2ulaw(samples, 2)


def test_the_ends_of_the_table_of_g711_stand_where_it_says() -> None:
    # ITU-T G.711, table 2a: 8031 is the largest value at the decoder's output, of 14 bits.
    ends = {0x80: 4 * 8031, 0x00: -4 * 8031, 0xFF: 0, 0x7F: 0, 0xFE: 8, 0x7E: -8}
    for code, sample in ends.items():
        assert struct.unpack("<h", g711.to_linear(bytes([code]))) == (sample,)


def test_every_code_of_a_law_is_what_the_standard_library_made_of_it() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = pytest.importorskip(
            "audioop", reason="gone from Python 3.13; the tables are compared on 3.11 and 3.12"
        )
    codes = bytes(range(256))
    assert g711.ulaw_of_alaw(codes) == audioop.lin2ulaw(audioop.alaw2lin(codes, 2), 2)
    assert g711.alaw_of_ulaw(codes) == audioop.lin2alaw(audioop.ulaw2lin(codes, 2), 2)


def test_silence_of_a_law_is_silence() -> None:
    # ITU-T G.711, table 1: its smallest positive value is sent as 0xd5.
    assert g711.alaw_of_ulaw(b"\xff\x7f") == b"\xd5\xd5"
    assert g711.to_linear(g711.ulaw_of_alaw(b"\xd5")) == struct.pack("<h", 8)


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="half a sample"):
        g711.to_ulaw(b"\0\0\0")


def test_nothing_becomes_nothing() -> None:
    assert g711.to_linear(b"") == g711.to_ulaw(b"") == b""


@given(st.lists(st.integers(-32768, 32767), max_size=50))
def test_a_sample_comes_back_within_its_step(samples: list[int]) -> None:
    packed = struct.pack(f"<{len(samples)}h", *samples)
    back = struct.unpack(f"<{len(samples)}h", g711.to_linear(g711.to_ulaw(packed)))
    for sample, found in zip(samples, back, strict=True):
        # Half a step of its segment, and the two bits that decide nothing.
        step = 8 << max(0, min(7, (abs(sample) + 136).bit_length() - 8))
        assert abs(min(max(sample, -32124), 32124) - found) <= step // 2 + 4
