"""jambonz's `listen`: linear sound of one rate or another, and what its page shows."""

from __future__ import annotations

import importlib.util
import math
import random
import struct
from collections.abc import Mapping
from typing import Any

import pytest

from channels_app.voice.media import g711, resampling
from channels_app.voice.media.events import (
    FRAME,
    RATE,
    SILENCE,
    Audio,
    BadFrame,
    Key,
    Marked,
    Started,
)
from channels_app.voice.media.jambonz_wire import JambonzWire
from tests.channels.media_senders import JambonzSender
from tests.channels.wires import as_read, golden, heard, read, started, talk


def test_jambonzs_frames_are_read_as_its_page_shows_them() -> None:
    said = golden("jambonz")["from"]
    dialect = JambonzWire()
    (opening,) = read(dialect, said["opening"])
    assert isinstance(opening, Started)
    assert (opening.call, opening.account) == (said["opening"]["callSid"], said["opening"]["accountSid"])
    # What `metadata` held stands beside the call's attributes.
    assert opening.parameters["ticket"] == "c2VjcmV0LXRpY2tldA"
    assert opening.parameters["from"] == "+15083084809"
    rest = [said[name] for name in ("dtmf", "playout", "cleared", "play_done")]
    assert read(dialect, *rest, struct.pack("<2h", 0, 8)) == [
        Key("2"),
        Marked("my-mark-1"),
        Marked("my-mark-1"),
        Audio(b"\xff\xfe"),
    ]


def test_jambonz_is_sent_what_its_page_shows() -> None:
    page, dialect = golden("jambonz"), JambonzWire()
    read(dialect, page["from"]["opening"])
    ulaw = random.Random(4).randbytes(1280)
    assert as_read(dialect.audio(ulaw)) == [g711.to_linear(ulaw)]
    assert as_read(dialect.mark("my-mark-1")) == [page["to"]["mark"]]
    assert as_read(dialect.clear()) == [page["to"]["kill"]]
    assert as_read(dialect.hang_up()) == [page["to"]["disconnect"]]


def test_the_end_of_what_is_said_does_not_wait_at_jambonz_for_more() -> None:
    dialect, sender = JambonzWire(), JambonzSender()
    started(dialect, sender)
    ulaw = random.Random(5).randbytes(2000).replace(b"\x7f", b"\xff")
    for at in range(0, 2000, FRAME):
        talk(sender, dialect.audio(ulaw[at : at + FRAME]))
    talk(sender, dialect.mark("end"))
    assert sender.waiting == b""
    assert list(sender.play_all()) == [sender._mark("end", "playout")]
    assert bytes(sender.heard) == ulaw.ljust(len(sender.heard), SILENCE)
    # At most what jambonz waits for is added, and it is silence.
    assert len(sender.heard) - len(ulaw) < 640


def test_a_word_shorter_than_jambonz_waits_for_is_heard_all_the_same() -> None:
    dialect, sender = JambonzWire(), JambonzSender()
    started(dialect, sender)
    assert dialect.audio(b"\x01" * FRAME) == ()
    talk(sender, dialect.mark("end"))
    sender.play_all()
    assert sender.heard.startswith(b"\x01" * FRAME)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"mixType": "stereo"}, "Set mixType"),
        ({"sampleRate": 11025}, "Set it to 8000"),
        ({"sampleRate": True}, "Set it to 8000"),
        ({"sampleRate": "soon"}, "Set it to 8000"),
    ],
)
def test_a_listen_that_asks_for_something_else_is_told_what_to_set(changed: Mapping[str, Any], words: str) -> None:
    with pytest.raises(BadFrame, match=words):
        read(JambonzWire(), golden("jambonz")["from"]["opening"] | changed)


def test_another_rate_without_what_resamples_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise resampling.ResamplerMissing("Or bring what resamples: make voice.")

    monkeypatch.setattr("channels_app.voice.media.jambonz_wire.Resampler", missing)
    with pytest.raises(BadFrame, match=r"at 16000 Hz\. Set sampleRate and bidirectionalAudio\.sampleRate.*make voice"):
        read(JambonzWire(), golden("jambonz")["from"]["opening"] | {"sampleRate": 16000})


has_soxr = importlib.util.find_spec("soxr") is not None


@pytest.mark.skipif(has_soxr, reason="soxr is installed")
def test_what_is_not_installed_is_said() -> None:
    with pytest.raises(resampling.ResamplerMissing, match="make voice"):
        resampling.Resampler(16000, 8000, resampling.QUICK)


def tone(hertz: int, rate: int, seconds: float) -> bytes:
    count = int(rate * seconds)
    return struct.pack(f"<{count}h", *(int(12000 * math.sin(math.tau * hertz * at / rate)) for at in range(count)))


def loudness(linear: bytes) -> float:
    samples = struct.unpack(f"<{len(linear) // 2}h", linear)
    return math.sqrt(sum(one * one for one in samples) / max(1, len(samples)))


@pytest.mark.skipif(not has_soxr, reason="soxr is in the speech packages: make voice")
@pytest.mark.parametrize("rate", [16000, 24000, 48000])
def test_sound_of_another_rate_is_heard_and_spoken(rate: int) -> None:
    dialect, sender = JambonzWire(), JambonzSender(rate=rate)
    started(dialect, sender)
    low = heard(read(dialect, *sender.linear(tone(1000, rate, 1.0))))
    # Some of it is held back by the filter.
    assert 0.87 * RATE < len(low) <= RATE
    assert loudness(g711.to_linear(low)) > 7000
    # What no telephone carries is filtered out, and not heard as something lower.
    other = JambonzWire()
    read(other, *sender.opening())
    high = heard(read(other, *sender.linear(tone(5000, rate, 1.0))))
    assert loudness(g711.to_linear(high[1000:])) < 12
    spoken = g711.to_ulaw(tone(1000, RATE, 1.0))
    for at in range(0, len(spoken), FRAME):
        talk(sender, dialect.audio(spoken[at : at + FRAME]))
    talk(sender, dialect.mark("end"))
    assert len(sender.linear_taken) >= 2 * rate
    assert loudness(bytes(sender.linear_taken)) > 7000
