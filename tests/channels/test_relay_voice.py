"""What leaves while an answer is made, whatever a responder says and whenever a caller speaks over it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from channels_app.voice import speaking
from channels_app.voice.relay_voice import Answering, Stamps, Voice
from deployments.models import Message
from deployments.models.conversation import Stop
from deployments.responders.base import End, EndOfText, HandOver, Missed, Remember, Reply, Say, Token, Trace
from tests.channels.relays import allowed

CHARACTERS = [*'ab1 .,!?*_`#[]()<>&"\\\n\t\0\x7f\u2028', "é", "語", "。", "\N{GRINNING FACE}", "\ud83d", "\ude00"]
texts = st.text(st.sampled_from(CHARACTERS), max_size=40)
buttons: Any = (
    {"type": "buttons", "buttons": [{"label": "Yes <b>", "payload": "y"}, {"label": "No", "payload": "n"}]},
)
replies = st.one_of(
    st.builds(Token, texts),
    st.builds(Say, texts.filter(lambda text: not any("\ud800" <= one <= "\udfff" for one in text)), st.just(())),
    st.builds(EndOfText, st.sampled_from([(), buttons])),
    st.sampled_from([HandOver("They asked."), End("Done."), Missed(), Remember({}), Trace({"a": 1})]),
)


def voice(frames: list[str]) -> Voice:
    return Voice(
        frames.append,
        lambda text, blocks: speaking.spoken(Message(text=text, blocks=list(blocks)), "en"),
        lambda words: speaking.readable(words, "en"),
    )


def answering(of: Voice, done: list[Answering]) -> Answering:
    return Answering(of, 1, Stamps(timezone.now()), 0.0, lambda _: None, lambda _: None, done.append)


@settings(deadline=None, max_examples=200)
@given(st.lists(replies, max_size=12), st.integers(0, 14), texts, st.none() | st.integers(0, 60_000))
def test_only_frames_that_twilio_takes_leave_and_none_after_an_interruption(
    said: list[Reply], at: int, heard: str, after_ms: int | None
) -> None:
    frames: list[str] = []
    speaks = voice(frames)
    done: list[Answering] = []
    ear = answering(speaks, done)
    stopped: list[str] = []
    claim: Any = SimpleNamespace()
    ear.begins(claim, stopped.append)
    silent_from = None
    for place, reply in enumerate(said):
        if place == at:
            speaks.interrupted(heard, after_ms)
            ear.stop(Stop.VISITOR)
            silent_from = len(frames)
        ear.hears(reply)
    ear.ends(claim, [])
    assert done == [ear]
    for frame in frames:
        allowed(frame)
    if silent_from is not None:
        assert len(frames) == silent_from
        assert stopped == [Stop.VISITOR]
    # Whatever belongs together is ended.
    elif frames:
        assert allowed(frames[-1])["last"]


def test_what_is_said_after_a_stop_is_kept_as_what_was_meant() -> None:
    frames: list[str] = []
    speaks = voice(frames)
    ear = answering(speaks, [])
    claim: Any = SimpleNamespace()
    ear.begins(claim, lambda _: None)
    ear.hears(Token("First this. "))
    [found] = speaks.interrupted("First", 400)
    ear.stop(Stop.VISITOR)
    ear.hears(Token("Then that. "))
    ear.ends(claim, [])
    assert (found.heard, found.utterance.whole) == ("First", "First this. Then that. ")
    assert not found.is_whole


def test_a_stop_that_comes_before_the_answer_begins_ends_it_at_once() -> None:
    ear = answering(voice([]), [])
    ear.stop(Stop.VISITOR)
    stopped: list[str] = []
    claim: Any = SimpleNamespace()
    ear.begins(claim, stopped.append)
    assert stopped == [Stop.VISITOR]


def test_an_answer_to_something_else_is_not_said_by_this_ear() -> None:
    frames: list[str] = []
    ear = answering(voice(frames), [])
    claim: Any = SimpleNamespace()
    ear.begins(claim, lambda _: None)
    ear.ends(claim, [])
    ear.begins(claim, lambda _: None)
    ear.hears(Say("To something else."))
    assert frames == []


def test_a_long_message_is_cut_into_tokens_between_words() -> None:
    frames: list[str] = []
    voice(frames).say(1, "word " * 900)
    tokens = [allowed(frame)["token"] for frame in frames]
    assert max(map(len, tokens)) <= 1000
    assert "".join(tokens) == "word " * 900


def test_what_is_shown_after_a_streamed_text_is_a_sentence_of_its_own() -> None:
    frames: list[str] = []
    ear = answering(voice(frames), [])
    claim: Any = SimpleNamespace()
    ear.begins(claim, lambda _: None)
    ear.hears(Token("We ship all over Europe"))
    ear.hears(EndOfText(buttons))
    said = "".join(allowed(frame)["token"] for frame in frames)
    assert said == "We ship all over Europe. You can say: Yes <b>, or No."


def test_an_answer_that_another_process_gives_is_said_no_further() -> None:
    frames: list[str] = []
    ear = answering(voice(frames), [])
    claim: Any = SimpleNamespace()
    ear.begins(claim, lambda _: None)
    ear.hears(Token("First this. Then "))
    before = len(frames)
    ear.ends(claim, None)
    assert (len(frames), ear.heard_of_it) == (before, "First this. ")
    assert ear.stamps.finished_at is None
