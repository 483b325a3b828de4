"""The dialects of a call's sound: read and written as the vendors' pages show it, and nothing breaks them."""

from __future__ import annotations

import base64
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels_app.voice.media import telnyx_wire
from channels_app.voice.media.asterisk_wire import MOST_EARLY, AsteriskWire
from channels_app.voice.media.events import (
    FRAME,
    SILENCE,
    Audio,
    BadFrame,
    Key,
    Marked,
    Started,
    Stopped,
)
from channels_app.voice.media.telnyx_wire import TelnyxWire
from channels_app.voice.media.twilio_wire import TwilioWire
from tests.channels.media_senders import AsteriskSender, TelnyxSender
from tests.channels.wires import as_read, golden, heard, read, started, talk

# --- Twilio -----------------------------------------------------------------------------------------------------------


def test_twilios_frames_are_read_as_its_page_shows_them() -> None:
    said = golden("twilio")["from"]
    assert read(TwilioWire(), *(said[name] for name in said)) == [
        Started(
            stream="MZXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
            call="CAXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
            account="ACXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
            parameters={"FirstName": "Jane", "LastName": "Doe", "RemoteParty": "Bob"},
        ),
        Audio(base64.b64decode("no+JhoaJjpzS")),
        Key("1"),
        Marked("my label"),
        Stopped(),
    ]


def test_twilio_is_sent_what_its_page_shows() -> None:
    dialect, page = TwilioWire(), golden("twilio")
    read(dialect, page["from"]["start"])
    sent = page["to"]
    assert as_read(dialect.audio(base64.b64decode("a3242sY="))) == [sent["media"]]
    assert as_read(dialect.mark("my-label")) == [sent["mark"]]
    assert as_read(dialect.clear()) == [sent["clear"]]
    assert dialect.hang_up() == ()


def test_signalwires_start_is_read_whatever_it_leaves_out() -> None:
    dialect = TwilioWire()
    start = {"event": "start", "start": {"streamSid": "s-1", "callSid": "c-1"}}
    assert read(dialect, start) == [Started(stream="s-1", call="c-1")]
    assert read(dialect, {"event": "media", "media": {"payload": "/w=="}}) == [Audio(b"\xff")]


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ({"streamSid": "s", "mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 24000}}, "audio/x-l16, 24000 Hz"),
        ({"streamSid": "s", "mediaFormat": {"encoding": "audio/x-mulaw", "channels": 2}}, "mono"),
        ({"streamSid": "s", "mediaFormat": {"encoding": "audio/x-mulaw", "channels": [1]}, "callSid": {}}, None),
        ({"callSid": "c"}, "streamSid"),
        ("now", "“start”"),
    ],
)
def test_a_start_that_cant_be_answered_says_what_to_set(start: Any, words: str | None) -> None:
    if words is None:
        assert read(TwilioWire(), {"event": "start", "start": start}) == [Started(stream="s")]
        return
    with pytest.raises(BadFrame, match=words):
        read(TwilioWire(), {"event": "start", "start": start})


# --- Telnyx -----------------------------------------------------------------------------------------------------------


def test_telnyxs_frames_are_read_as_its_page_shows_them() -> None:
    said = golden("telnyx")["from"]
    dialect = TelnyxWire()
    names = ("connected", "start", "media", "outbound_media", "dtmf", "mark", "stop")
    assert read(dialect, *(said[name] for name in names)) == [
        Started(
            stream="32DE0DEA-53CB-4B21-89A4-9E1819C043BC",
            call="v2:T02llQxIyaRkhfRKxgAP8nY511EhFLizdvdUKJiSw8d6A9BborherQ",
            account="3E6F995F-85F7-4705-9741-53B116D28237",
            parameters={"customer_id": "customer_123"},
        ),
        Audio(base64.b64decode("no+JhoaJjpzSHxAKBgYJ")),
        Key("1"),
        Marked("my label"),
        Stopped(),
    ]
    (older,) = read(TelnyxWire(), said["older_start"])
    assert isinstance(older, Started)
    assert older.stream == "32de0dea-53cb-4b21-89a4-9e1819c043bc"


def test_an_error_of_telnyxs_is_told_with_what_to_look_at() -> None:
    with pytest.raises(BadFrame, match=r"rate_limit_reached, 100005, Too many requests.*stream_bidirectional_mode"):
        read(TelnyxWire(), golden("telnyx")["from"]["error"])
    newer = {"event": "error", "payload": {"code": 100003, "title": "malformed_frame", "detail": "no"}}
    with pytest.raises(BadFrame, match="malformed_frame, 100003"):
        read(TelnyxWire(), newer)


def test_telnyx_is_sent_what_its_page_shows() -> None:
    dialect, page = TelnyxWire(), golden("telnyx")
    read(dialect, page["from"]["start"])
    assert as_read(dialect.audio(SILENCE * FRAME)) == [page["to"]["media"]]
    assert as_read(dialect.mark("my-label")) == [page["to"]["mark"]]
    assert as_read(dialect.clear()) == [page["to"]["clear"]]
    assert dialect.hang_up() == ()


def test_parameters_that_telnyx_takes_as_a_list_are_read_as_one_too() -> None:
    start = {"custom_parameters": [{"name": "ticket", "value": "t-1"}, {"name": "n", "value": 5}, "x", {"value": "y"}]}
    (found,) = read(TelnyxWire(), {"event": "start", "start": start})
    assert isinstance(found, Started)
    assert found.parameters == {"ticket": "t-1", "n": "5"}


def test_telnyx_gets_no_chunk_below_20_ms_and_nothing_held_outlives_a_clear() -> None:
    dialect, sender = TelnyxWire(), TelnyxSender()
    started(dialect, sender)
    assert dialect.audio(b"\x01" * 159) == []
    talk(sender, dialect.clear())
    talk(sender, dialect.audio(b"\x02" * 161))
    talk(sender, dialect.mark("end"))
    sender.play_all()
    assert sender.heard == b"\x02" * 161 + SILENCE * 159


@pytest.mark.parametrize("encoding", ["PCMA", "G722", "OPUS", "", None])
def test_telnyx_is_asked_for_mu_law(encoding: Any) -> None:
    start = {"event": "start", "start": {"media_format": {"encoding": encoding, "sample_rate": 8000}}}
    with pytest.raises(BadFrame, match="Set stream_codec"):
        read(TelnyxWire(), start)


@given(st.lists(st.integers(0, telnyx_wire.WINDOW + 1), min_size=1, max_size=60))
@settings(max_examples=200)
def test_chunks_that_overtook_within_the_window_lose_no_byte(delays: list[int]) -> None:
    sender, dialect = TelnyxSender(), TelnyxWire()
    started(dialect, sender)
    ulaw = random.Random(len(delays)).randbytes(FRAME * len(delays))
    # Each comes so many places late: at most as many overtake it as the window holds.
    in_order = enumerate(zip(sender.audio(ulaw), delays, strict=True))
    arriving = [frame for _, (frame, _) in sorted(in_order, key=lambda one: one[0] + one[1][1])]
    told = read(dialect, *arriving, *sender.stop())
    assert told.pop() == Stopped()
    assert heard(told) == ulaw


def test_a_chunk_that_is_lost_holds_the_others_for_100_ms_and_no_longer() -> None:
    sender, dialect = TelnyxSender(), TelnyxWire()
    started(dialect, sender)
    lost, *others = sender.audio(random.Random(1).randbytes(10 * FRAME))
    lengths = [len(heard(read(dialect, one))) // FRAME for one in others]
    assert lengths == [0, 0, 0, 0, 0, 6, 1, 1, 1]
    # It came after all: too late to be heard in its place.
    assert read(dialect, lost) == []
    # And twice the same is once.
    assert read(dialect, others[-1]) == []


@pytest.mark.parametrize("first", [0, 1, 2, 57])
def test_chunks_may_be_counted_from_anywhere_and_anew(first: int) -> None:
    sender, dialect = TelnyxSender(), TelnyxWire()
    started(dialect, sender)
    ulaw = random.Random(2).randbytes(20 * FRAME)
    sender.chunks = first - 1
    told = read(dialect, *sender.audio(ulaw))
    assert heard(told) == ulaw
    sender.chunks = 0
    # Of a new count, what is below the old one can't be told from what is late: a window's length is lost, not more.
    again = heard(read(dialect, *sender.audio(ulaw)))
    assert len(again) >= len(ulaw) - telnyx_wire.WINDOW * FRAME
    assert ulaw.endswith(again)


def test_sound_that_overtook_the_start_waits_for_it() -> None:
    sender, dialect = TelnyxSender(), TelnyxWire()
    connected, start = sender.opening()
    sound = sender.audio(b"\x01" * 2 * FRAME)
    assert read(dialect, connected, *sound) == []
    told = read(dialect, start)
    assert isinstance(told[0], Started)
    assert heard(told) == b"\x01" * 2 * FRAME


# --- Asterisk ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["from", "plain_from"])
def test_asterisks_messages_are_read_as_its_page_shows_them(form: str) -> None:
    said = golden("asterisk")[form]
    variables = {"SOME_CHANNEL_VARIABLE": "some value", "ANOTHER_CHANNEL_VARIABLE": "some other value"}
    dialect = AsteriskWire()
    names = [name for name in said if name not in {"processed", "first_start"}]
    assert read(dialect, *(said[name] for name in names), b"\x01" * 160) == [
        Started(
            stream="e226e283-c90a-4ea9-9e37-389000b9ef47",
            call="pbx1-123456789.999",
            parameters=variables if form == "from" else {},
        ),
        Key("1"),
        Marked("61ea9311-d501-46e5-8825-017b342b39f2"),
        Audio(b"\x01" * 160),
    ]


def test_the_messages_of_the_first_versions_and_the_marks_of_later_ones_are_read() -> None:
    page, dialect = golden("asterisk"), AsteriskWire()
    (first,) = read(dialect, page["plain_from"]["first_start"])
    assert first == Started(stream="e226e283-c90a-4ea9-9e37-389000b9ef47", call="WebSocket/connectionid")
    assert read(dialect, page["from"]["processed"]) == [Marked("61ea9311-d501-46e5-8825-017b342b39f2")]


@pytest.mark.parametrize("form", ["", "plain_"])
def test_asterisk_is_sent_what_its_page_shows_in_the_form_that_it_began_in(form: str) -> None:
    page, dialect = golden("asterisk"), AsteriskWire()
    read(dialect, page[f"{form}from"]["start"])
    to = page[f"{form}to"]
    assert as_read(dialect.audio(b"\x01" * 200)) == [to["start_buffering"], b"\x01" * 200]
    assert as_read(dialect.audio(b"\x02" * 5)) == [b"\x02" * 5]
    assert as_read(dialect.mark("61ea9311-d501-46e5-8825-017b342b39f2")) == [to["stop_buffering"]]
    assert as_read(dialect.audio(b"\x03")) == [to["start_buffering"], b"\x03"]
    assert as_read(dialect.clear()) == [to["flush"]]
    # A flush ends the buffering.
    assert as_read(dialect.audio(b"\x04")) == [to["start_buffering"], b"\x04"]
    assert as_read(dialect.hang_up()) == [to["hangup"]]


def test_whether_asterisks_queue_is_full_is_known() -> None:
    dialect, sender = AsteriskWire(), AsteriskSender()
    started(dialect, sender)
    assert not dialect.is_full
    assert read(dialect, *sender.xoff()) == []
    assert dialect.is_full
    assert read(dialect, *sender.xon()) == []
    assert not dialect.is_full


def test_an_asterisk_that_sends_another_codec_is_told_what_to_set() -> None:
    with pytest.raises(BadFrame, match=r"sends slin16.*c\(ulaw\)"):
        read(AsteriskWire(), {"event": "MEDIA_START", "format": "slin16"})
    with pytest.raises(BadFrame, match="sends alaw"):
        read(AsteriskWire(), "MEDIA_START connection_id:x channel:y format:alaw optimal_frame_size:160")


@pytest.mark.parametrize(
    "said",
    [
        {"event": "ERROR", "channel_id": "x", "error_text": "FLUSH_MEDIA not supported in passthrough mode"},
        "ERROR channel_id:x error_text:FLUSH_MEDIA not supported in passthrough mode",
    ],
)
def test_an_error_of_asterisks_is_told(said: Any) -> None:
    with pytest.raises(BadFrame, match="Asterisk reports an error: FLUSH_MEDIA not supported in passthrough mode"):
        read(AsteriskWire(), said)


def test_sound_that_comes_before_asterisks_start_is_kept_in_bounds() -> None:
    dialect, sender = AsteriskWire(), AsteriskSender()
    ulaw = random.Random(3).randbytes(FRAME * (MOST_EARLY + 10))
    assert read(dialect, *sender.audio(ulaw)) == []
    told = read(dialect, *sender.opening())
    assert isinstance(told[0], Started)
    assert heard(told) == ulaw[10 * FRAME :]


def test_a_key_that_comes_before_asterisks_start_is_not_lost() -> None:
    dialect, sender = AsteriskWire(), AsteriskSender()
    assert read(dialect, *sender.key("5")) == []
    start, key = read(dialect, *sender.opening())
    assert isinstance(start, Started)
    assert key == Key("5")


def test_the_longest_command_fits_into_what_asterisk_reads() -> None:
    dialect, sender = AsteriskWire(), AsteriskSender()
    started(dialect, sender)
    for command in [*dialect.audio(b"\1"), *dialect.mark("m" * 64), *dialect.clear(), *dialect.hang_up()]:
        sender.take(command)
    assert sender.has_hung_up
