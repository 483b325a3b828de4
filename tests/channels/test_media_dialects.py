"""All dialects alike, each against the other end that its vendor's page describes; and whatever may come."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels_app.voice.media import dialects, frames
from channels_app.voice.media.asterisk_wire import AsteriskWire
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
from channels_app.voice.media.telnyx_wire import TelnyxWire
from channels_app.voice.media.twilio_wire import TwilioWire
from tests.channels import media_sender
from tests.channels.media_sender import Sender
from tests.channels.media_senders import AsteriskSender, JambonzSender, TelnyxSender, TwilioSender, all_senders
from tests.channels.wires import heard, read, started, talk


@pytest.fixture(params=range(len(all_senders())), ids=["twilio", "telnyx", "asterisk", "asterisk-plain", "jambonz"])
def pair(request: pytest.FixtureRequest) -> tuple[Dialect, Sender]:
    name, sender = all_senders(ticket="t-1")[request.param]
    return dialects.new(name), sender


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
    kind = next(kind for kind in DIALECTS.values() if kind.make and type(kind.make()) is type(dialect))
    assert sender.has_hung_up == kind.hangs_up


def test_the_ticket_stands_where_the_list_says(pair: tuple[Dialect, Sender]) -> None:
    dialect, sender = pair
    kind = next(kind for kind in DIALECTS.values() if kind.make and type(kind.make()) is type(dialect))
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


@pytest.mark.parametrize("make", [kind.make for kind in DIALECTS.values() if kind.make])
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


def test_there_are_the_four_dialects_of_the_contract_and_sip_which_has_no_socket() -> None:
    assert list(DIALECTS) == ["media_streams", "telnyx", "asterisk", "jambonz", "sip"]
    assert [name for name, kind in DIALECTS.items() if not kind.has_socket] == ["sip"]
    assert dialects.DEFAULT == "media_streams"
    assert [name for name, _ in dialects.CHOICES] == list(DIALECTS)
    assert {name for name, kind in DIALECTS.items() if kind.is_by_documentation} == {"telnyx", "asterisk", "jambonz"}
    for name in ("fax", "sip"):
        with pytest.raises(ValueError, match="There are: media_streams, telnyx, asterisk, jambonz"):
            dialects.new(name)


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
        with pytest.raises((media_sender.Refused, json.JSONDecodeError)):
            sender.take(frame)
