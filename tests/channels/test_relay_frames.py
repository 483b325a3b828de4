"""ConversationRelay's frames: read with tolerance, made so that Twilio never refuses one."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.voice import relay_frames
from channels_app.voice.relay_frames import BadFrame, Digit, Fault, Interrupt, Prompt, Setup, Unknown, parse
from tests.channels.relays import allowed

# As Twilio documents it (twilio.com/docs/voice/conversationrelay/websocket-messages).
SETUP = {
    "type": "setup",
    "sessionId": "VX00000000000000000000000000000000",
    "accountSid": "ACXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
    "parentCallSid": "",
    "callSid": "CA00000000000000000000000000000000",
    "from": "+18005550100",
    "to": "+18005550101",
    "forwardedFrom": "+18005550102",
    "callType": "PSTN",
    "callerName": "",
    "direction": "inbound",
    "callStatus": "RINGING",
    "customParameters": {"callReference": "bar"},
}


def test_a_setup_is_read_with_its_parameters() -> None:
    assert parse(json.dumps(SETUP)) == Setup(
        session=SETUP["sessionId"],  # type: ignore[arg-type]
        account=SETUP["accountSid"],  # type: ignore[arg-type]
        call=SETUP["callSid"],  # type: ignore[arg-type]
        caller="+18005550100",
        called="+18005550101",
        direction="inbound",
        status="RINGING",
        parameters={"callReference": "bar"},
    )


@pytest.mark.parametrize(
    ("frame", "means"),
    [
        ({"voicePrompt": "hello", "lang": "en-US", "last": True}, Prompt("hello", "en-US", True)),
        ({"voicePrompt": "hel", "lang": "en-US", "last": False}, Prompt("hel", "en-US", False)),
        ({"voicePrompt": "hello", "last": "false"}, Prompt("hello", "", False)),
        ({"voicePrompt": "hello"}, Prompt("hello", "", True)),
        ({"voicePrompt": None, "lang": 3, "last": None}, Prompt("", "", True)),
        ({"voicePrompt": "a\x00b\u2028c", "lang": "en_GB", "last": True}, Prompt("a\ufffdb c", "en-GB", True)),
    ],
)
def test_what_is_said_is_read_whatever_is_left_out(frame: dict[str, Any], means: Prompt) -> None:
    assert parse(json.dumps({"type": "prompt", **frame})) == means


@pytest.mark.parametrize(
    ("given", "means"),
    [(460, 460), ("460", 460), ("460.7", 460), (None, None), ("soon", None), (-1, None), (True, None)],
)
def test_how_long_was_listened_comes_as_a_number_or_as_text(given: Any, means: int | None) -> None:
    frame = {"type": "interrupt", "utteranceUntilInterrupt": "Life is a", "durationUntilInterruptMs": given}
    assert parse(json.dumps(frame)) == Interrupt("Life is a", means)


def test_other_frames_are_read() -> None:
    assert parse('{"type":"dtmf","digit":"1"}') == Digit("1")
    assert parse('{"type":"dtmf","digit":5}') == Digit("5")
    assert parse('{"type":"dtmf","digit":"12"}') == Unknown("dtmf")
    assert parse('{"type":"error","description":"Invalid message received"}') == Fault("Invalid message received")
    assert parse('{"type":"info","name":"tokensPlayed"}') == Unknown("info")
    assert parse('{"digit":"1"}') == Unknown("")


@pytest.mark.parametrize("text", ["", "hello", "[]", "1", '{"type":', "[" * 5000, '{"type":"prompt","last":NaN}'])
def test_what_is_no_frame_is_told_so(text: str) -> None:
    with pytest.raises(BadFrame):
        parse(text)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ('"\\ud83d\\ude00!"', "\N{GRINNING FACE}!"),
        ('"\\ud83d!"', "\ufffd!"),
        ('"\\ude00!"', "\ufffd!"),
        ('"a\\u0000b"', "a\ufffdb"),
        ('"\ud83d!"', "\ufffd!"),
    ],
)
def test_half_a_character_makes_no_sentence_unreadable(raw: str, text: str) -> None:
    assert parse(f'{{"type":"prompt","voicePrompt":{raw},"last":true}}') == Prompt(text, "", True)


# Letters, what JSON escapes, what no text may hold, and characters outside of the first plane.
CHARACTERS = [*"aZ0 .,*#<&'\"\\\n\t\0\x7f\x85\u2028\ufeff\ufffe", "é", "語", "\N{GRINNING FACE}", "\U000e0001"]
texts = st.text(st.sampled_from(CHARACTERS), max_size=60)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
names = [
    "voicePrompt", "last", "lang", "digit", "utteranceUntilInterrupt", "durationUntilInterruptMs", "description",
    "sessionId", "callSid", "accountSid", "customParameters", "from", "to",
]  # fmt: skip
kinds = st.sampled_from(["setup", "prompt", "dtmf", "interrupt", "error", "info", "", "SETUP"])


@given(kinds, st.dictionaries(st.sampled_from(names), json_values))
def test_no_frame_of_any_values_breaks_the_reader(kind: str, fields: dict[str, Any]) -> None:
    try:
        found = parse(json.dumps({"type": kind, **fields}))
    except BadFrame:
        return
    assert isinstance(found, Setup | Prompt | Digit | Interrupt | Fault | Unknown)
    if isinstance(found, Prompt):
        # What goes into the database, and on to a responder.
        found.text.encode()
        assert "\0" not in found.text
        assert len(found.text) <= relay_frames.LONGEST_PROMPT


@given(texts)
def test_no_text_breaks_the_reader(text: str) -> None:
    with suppress(BadFrame):
        parse(text)


# --- What leaves ------------------------------------------------------------------------------------------------------


def test_golden_frames() -> None:
    assert relay_frames.text("Hi.", last=False) == '{"type":"text","token":"Hi.","last":false}'
    assert relay_frames.text("", last=True) == '{"type":"text","token":"","last":true}'
    assert (
        relay_frames.text("Grüß Gott", last=True, language="de_AT", interruptible=False)
        == '{"type":"text","token":"Grüß Gott","last":true,"lang":"de-AT","interruptible":false}'
    )
    assert relay_frames.language("de-DE") == '{"type":"language","ttsLanguage":"de-DE","transcriptionLanguage":"de-DE"}'
    assert relay_frames.end() == '{"type":"end"}'
    assert relay_frames.end({"then": "transfer"}) == '{"type":"end","handoffData":"{\\"then\\":\\"transfer\\"}"}'


@given(texts, st.booleans(), st.text(st.sampled_from("aZ0-_ é"), max_size=12), st.sampled_from([None, True, False]))
def test_no_words_make_a_frame_that_is_refused(words: str, last: bool, tag: str, may: bool | None) -> None:
    try:
        frame = relay_frames.text(words, last=last, language=tag, interruptible=may)
    except BadFrame:
        return
    body = allowed(frame)
    assert all(character in "\t\n" or character >= " " for character in body["token"])


@given(st.one_of(texts, st.from_regex(r"[0-9a-z*#/:.-]{1,70}")))
def test_no_argument_makes_another_frame_that_is_refused(value: str) -> None:
    makers: list[Callable[[str], str]] = [
        relay_frames.language,
        lambda text: relay_frames.end({"reason": text}),
    ]
    for make in makers:
        try:
            frame = make(value)
        except BadFrame:
            continue
        allowed(frame)
