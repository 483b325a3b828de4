"""The dialects of a call's sound: read and written as the vendors' pages show it, and nothing breaks them."""

from __future__ import annotations

import base64
import importlib.util
import json
import math
import random
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels_app.voice.media import dialects, frames, g711, resampling, telnyx_wire
from channels_app.voice.media.asterisk_wire import MOST_EARLY, AsteriskWire
from channels_app.voice.media.dialects import DIALECTS, TicketPlace
from channels_app.voice.media.events import (
    FRAME,
    RATE,
    SILENCE,
    Audio,
    BadFrame,
    Dialect,
    Event,
    Frame,
    Key,
    Marked,
    Started,
    Stopped,
)
from channels_app.voice.media.jambonz_wire import JambonzWire
from channels_app.voice.media.telnyx_wire import TelnyxWire
from channels_app.voice.media.twilio_wire import TwilioWire
from tests.channels import media_senders
from tests.channels.media_senders import AsteriskSender, JambonzSender, Sender, TelnyxSender, TwilioSender, all_senders

FIXTURES = Path(__file__).parent / "fixtures" / "media"


def golden(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    assert found["page"].startswith("https://")
    return found


def read(dialect: Dialect, *said: Any) -> list[Event]:
    """What these tell; objects go as JSON."""
    told: list[Event] = []
    for one in said:
        told += dialect.read(json.dumps(one) if isinstance(one, Mapping) else one)
    return told


def as_read(sent: Sequence[Frame]) -> list[Any]:
    return [json.loads(one) if isinstance(one, str) and one.startswith("{") else one for one in sent]


def heard(told: Sequence[Event]) -> bytes:
    return b"".join(one.ulaw for one in told if isinstance(one, Audio))


def started(dialect: Dialect, sender: Sender) -> Started:
    (found,) = read(dialect, *sender.opening())
    assert isinstance(found, Started)
    return found


def talk(sender: Sender, sent: Sequence[Frame]) -> list[Frame]:
    """What the other end answers at once to what we send."""
    return [answer for one in sent for answer in sender.take(one)]


@pytest.fixture(params=range(len(all_senders())), ids=["twilio", "telnyx", "asterisk", "asterisk-plain", "jambonz"])
def pair(request: pytest.FixtureRequest) -> tuple[Dialect, Sender]:
    name, sender = all_senders(ticket="t-1")[request.param]
    return dialects.new(name), sender


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


# --- jambonz ----------------------------------------------------------------------------------------------------------


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
        resampling.Resampler(16000, 8000)


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


# --- All of them ------------------------------------------------------------------------------------------------------


def test_a_call_is_heard_spoken_to_marked_and_ended(pair: tuple[Dialect, Sender]) -> None:
    dialect, sender = pair
    opening = started(dialect, sender)
    assert opening.call
    ulaw = random.Random(6).randbytes(FRAME * 50).replace(b"\x7f", b"\xff")
    assert heard(read(dialect, *sender.audio(ulaw))) == ulaw
    for key in "0123456789*#":
        assert read(dialect, *sender.key(key)) == [Key(key)]
    for at in range(0, len(ulaw), FRAME):
        assert talk(sender, dialect.audio(ulaw[at : at + FRAME])) == []
    assert talk(sender, dialect.mark("m-1")) == []
    # Not before all of it was heard.
    assert read(dialect, *sender.play(len(ulaw) - 1)) == []
    assert read(dialect, *sender.play_all()) == [Marked("m-1")]
    assert sender.heard.rstrip(SILENCE) == ulaw.rstrip(SILENCE)
    assert all(isinstance(one, Stopped) for one in read(dialect, *sender.stop()))


def test_what_is_thrown_away_is_not_heard_and_no_mark_of_it_comes_back_as_played(pair: tuple[Dialect, Sender]) -> None:
    dialect, sender = pair
    started(dialect, sender)
    talk(sender, dialect.audio(b"\x01" * 4000))
    talk(sender, dialect.mark("m-1"))
    read(dialect, *sender.play(FRAME))
    at_once = read(dialect, *talk(sender, dialect.clear()))
    # Asterisk forgets them, the others tell them at once.
    assert at_once == ([] if isinstance(sender, AsteriskSender) else [Marked("m-1")])
    assert (sender.cleared, sender.queued) == (1, 0)
    talk(sender, dialect.audio(b"\x02" * 1600))
    talk(sender, dialect.mark("m-2"))
    assert read(dialect, *sender.play_all()) == [Marked("m-2")]
    assert sender.heard.rstrip(SILENCE) == b"\x01" * FRAME + b"\x02" * 1600


def test_a_mark_with_nothing_before_it_comes_back(pair: tuple[Dialect, Sender]) -> None:
    dialect, sender = pair
    started(dialect, sender)
    answers = talk(sender, dialect.mark("m-1"))
    assert read(dialect, *answers) == [Marked("m-1")]


def test_who_has_a_word_to_hang_up_with_uses_it(pair: tuple[Dialect, Sender]) -> None:
    dialect, sender = pair
    started(dialect, sender)
    talk(sender, dialect.hang_up())
    kind = next(kind for kind in DIALECTS.values() if type(kind.make()) is type(dialect))
    assert sender.has_hung_up == kind.hangs_up


def test_the_ticket_stands_where_the_list_says(pair: tuple[Dialect, Sender]) -> None:
    dialect, sender = pair
    kind = next(kind for kind in DIALECTS.values() if type(kind.make()) is type(dialect))
    has_it = started(dialect, sender).parameters.get(dialects.TICKET) == "t-1"
    if TicketPlace.PARAMETERS in kind.ticket_places:
        assert has_it
    else:
        assert kind.ticket_places == (TicketPlace.ADDRESS,)
    assert dialect.subprotocol == sender.subprotocol


def test_a_second_start_is_refused(pair: tuple[Dialect, Sender]) -> None:
    dialect, sender = pair
    started(dialect, sender)
    if isinstance(sender, JambonzSender):
        # jambonz has no name for its first frame: later ones that look like it say nothing.
        assert read(dialect, *sender.opening()) == []
        return
    with pytest.raises(BadFrame, match="started already"):
        read(dialect, *sender.opening())


@pytest.mark.parametrize("make", [kind.make for kind in DIALECTS.values()])
def test_nothing_is_sent_before_the_stream_says_which_one_it_is(make: Callable[[], Dialect]) -> None:
    for act in (lambda one: one.audio(b"\1" * 2000), lambda one: one.mark("m"), lambda one: one.clear()):
        with pytest.raises(frames.NotStarted):
            act(make())
    # Who gives up before that closes the socket.
    assert list(make().hang_up()) == []


@pytest.mark.parametrize("name", ["", "a b", "ä", "x" * 65, 'a"b', "a\n"])
def test_a_mark_that_some_dialect_would_not_carry_is_a_mistake_in_all(pair: tuple[Dialect, Sender], name: str) -> None:
    dialect, sender = pair
    started(dialect, sender)
    with pytest.raises(ValueError, match="mark's name"):
        dialect.mark(name)


def test_sound_of_any_length_is_cut_and_none_is_nothing(pair: tuple[Dialect, Sender]) -> None:
    dialect, sender = pair
    started(dialect, sender)
    assert list(dialect.audio(b"")) == []
    talk(sender, dialect.audio(b"\x01" * 20000))
    talk(sender, dialect.mark("m"))
    sender.play_all()
    assert sender.heard.rstrip(SILENCE) == b"\x01" * 20000


@pytest.mark.parametrize("kind", ["twilio", "telnyx"])
def test_binary_frames_in_a_dialect_of_text_are_told_so(kind: str) -> None:
    dialect: Dialect = TwilioWire() if kind == "twilio" else TelnyxWire()
    with pytest.raises(BadFrame, match="binary"):
        dialect.read(b"\xff" * 160)


def test_frames_are_bounded(pair: tuple[Dialect, Sender]) -> None:
    dialect, sender = pair
    started(dialect, sender)
    with pytest.raises(BadFrame, match="at most"):
        dialect.read("{" + " " * frames.LARGEST_TEXT)
    long = bytes(5 * sender_bytes(sender) + 6)
    assert len(long) < frames.LARGEST_FRAME
    with pytest.raises(BadFrame, match="More than 5 s"):
        read(dialect, *([long] if isinstance(sender, AsteriskSender | JambonzSender) else [sender._sound(long)]))


def sender_bytes(sender: Sender) -> int:
    """Of a second."""
    return 2 * RATE if isinstance(sender, JambonzSender) else RATE


@pytest.mark.parametrize("payload", ["***", "a", "/w", "/w=", "ä", None, 5, {}, "/w==\n"])
@pytest.mark.parametrize("make", [TwilioWire, TelnyxWire])
def test_sound_that_is_no_base64_is_told_so(make: Callable[[], Dialect], payload: Any) -> None:
    dialect = make()
    read(dialect, *(TwilioSender() if make is TwilioWire else TelnyxSender()).opening())
    with pytest.raises(BadFrame, match="base64"):
        read(dialect, {"event": "media", "media": {"chunk": "1", "payload": payload}})


def test_kinds_that_nobody_knows_and_keys_that_are_none_tell_nothing(pair: tuple[Dialect, Sender]) -> None:
    dialect, sender = pair
    started(dialect, sender)
    for unknown in ({"event": "weather"}, {"event": 5}, {}, {"event": None}, {"type": "weather"}):
        assert read(dialect, unknown) == []
    assert read(dialect, *sender.key("!")) == []
    assert read(dialect, *sender.key("a")) == [Key("A")]


def test_what_a_database_could_not_hold_is_left_out_of_names() -> None:
    dialect = AsteriskWire()
    (found,) = read(dialect, "MEDIA_START connection_id:a\0b channel_id:c\x07d format:ulaw")
    assert found == Started(stream="ab", call="cd")
    many = {"bad": {}, "": "x"} | {f"p{n}": "v" * 1100 for n in range(55)}
    (start,) = read(TwilioWire(), {"event": "start", "start": {"streamSid": "s", "customParameters": many}})
    assert isinstance(start, Started)
    assert len(start.parameters) == frames.MOST_PARAMETERS
    assert {len(value) for value in start.parameters.values()} == {frames.LONGEST_VALUE}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = [
    "event", "type", "start", "media", "mark", "dtmf", "data", "stop", "payload", "chunk", "track", "digit", "name",
    "streamSid", "stream_id", "callSid", "call_control_id", "mediaFormat", "media_format", "encoding", "sampleRate",
    "sample_rate", "channels", "customParameters", "custom_parameters", "mixType", "format", "channel_variables",
    "correlation_id", "error", "error_text", "duration",
]  # fmt: skip
EVENTS = [
    "connected", "start", "media", "dtmf", "mark", "stop", "error", "MEDIA_START", "DTMF_END", "MEDIA_XOFF",
    "MEDIA_BUFFERING_COMPLETED", "ERROR", "playDone",
]  # fmt: skip
objects = st.dictionaries(
    st.sampled_from(NAMES),
    values | st.dictionaries(st.sampled_from(NAMES), values, max_size=4) | st.sampled_from(EVENTS),
    max_size=6,
)
plain = st.builds(lambda event, rest: f"{event} {rest}", st.sampled_from(EVENTS), st.text(max_size=40))
anything = st.one_of(
    st.text(max_size=200),
    st.binary(max_size=400),
    plain,
    objects.map(json.dumps),
    st.builds(lambda event, more: json.dumps({**more, "event": event}), st.sampled_from(EVENTS), objects),
)


def tolerant(dialect: Dialect, frame: Frame) -> tuple[Sequence[Event], str | None]:
    try:
        return dialect.read(frame), None
    except BadFrame as error:
        return (), str(error)


@pytest.mark.parametrize("has_started", [False, True])
@given(st.data())
@settings(max_examples=80)
def test_nothing_that_comes_breaks_a_reader(has_started: bool, data: st.DataObject) -> None:
    for name, sender in all_senders():
        dialect = dialects.new(name)
        if has_started:
            read(dialect, *sender.opening())
        is_first = not has_started
        for frame in data.draw(st.lists(anything, max_size=6)):
            told, words = tolerant(dialect, frame)
            # For people: something, and not the whole of what came.
            assert words is None or 0 < len(words) < 700
            for event in told:
                # Nothing is told before the start, and it once.
                assert isinstance(event, Started) == is_first
                is_first = False
                assert isinstance(event, Started | Audio | Key | Marked | Stopped)
                if isinstance(event, Audio):
                    assert 0 < len(event.ulaw) <= 5 * RATE
                if isinstance(event, Started):
                    for text in (event.stream, event.call, event.account, *event.parameters.values()):
                        assert "\0" not in text
                        assert len(text) <= frames.LONGEST_VALUE
                        text.encode()


@given(st.lists(st.binary(max_size=700), max_size=12), st.data())
@settings(max_examples=60)
def test_what_we_say_arrives_byte_for_byte_however_it_is_cut(pieces: list[bytes], data: st.DataObject) -> None:
    marked = data.draw(st.sets(st.integers(0, 11), max_size=3))
    for name, sender in all_senders():
        dialect = dialects.new(name)
        started(dialect, sender)
        wanted = b""
        for at, piece in enumerate(pieces):
            piece = piece.replace(b"\x7f", b"\xff")
            wanted += piece
            talk(sender, dialect.audio(piece))
            if at in marked:
                talk(sender, dialect.mark(f"m-{at}"))
                sender.play_all()
        talk(sender, dialect.mark("end"))
        sender.play_all()
        # Silence is filled in before marks, and nothing else.
        assert bytes(sender.heard).replace(SILENCE, b"") == wanted.replace(SILENCE, b"")


def test_there_are_the_four_dialects_of_the_contract_and_no_other() -> None:
    assert list(DIALECTS) == ["media_streams", "telnyx", "asterisk", "jambonz"]
    assert dialects.DEFAULT == "media_streams"
    assert [name for name, _ in dialects.CHOICES] == list(DIALECTS)
    assert {name for name, kind in DIALECTS.items() if kind.is_by_documentation} == {"telnyx", "asterisk", "jambonz"}
    with pytest.raises(ValueError, match="There are: media_streams, telnyx"):
        dialects.new("fax")


def test_the_senders_refuse_what_their_pages_do_not_know() -> None:
    refused: list[tuple[Sender, Frame]] = [
        (TwilioSender(), json.dumps({"event": "media", "media": {"payload": "/w=="}})),
        (TwilioSender(), json.dumps({"event": "hangup", "streamSid": TwilioSender().stream})),
        (TelnyxSender(), json.dumps({"event": "media", "media": {"payload": "/w=="}})),
        (TelnyxSender(), b"\xff" * 160),
        (AsteriskSender(), b"\xff" * 100),
        (AsteriskSender(), "HANGUP " + "x" * 130),
        (AsteriskSender(is_json=False), json.dumps({"command": "HANGUP"})),
        (JambonzSender(), b"\xff"),
        (JambonzSender(), json.dumps({"type": "clear"})),
    ]
    for sender, frame in refused:
        with pytest.raises((media_senders.Refused, json.JSONDecodeError)):
            sender.take(frame)
