"""When somebody has begun to speak, and when they are done."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from channels_app.voice.engines.base import Transcript
from channels_app.voice.media.endpointer import WINDOW, WORDS_WITHIN, Edge, Endpointer, TurnEnd
from channels_app.voice.media.interruptions import Interruptions, Verdict, is_listening


class Caller:
    """Speaks and pauses, window after window."""

    def __init__(self) -> None:
        self.endpointer, self.now = Endpointer(), 0.0
        self.edges: list[tuple[Edge, float]] = []
        self.ended: list[tuple[float, TurnEnd]] = []

    def sounds(self, share: float, seconds: float) -> None:
        for _ in range(round(seconds / WINDOW)):
            self.now += WINDOW
            edge = self.endpointer.sound(share, self.now)
            if edge:
                self.edges.append((edge, self.now))
            if end := self.endpointer.end(self.now):
                self.ended.append((self.now, end))

    def speaks(self, seconds: float) -> None:
        self.sounds(0.9, seconds)

    def pauses(self, seconds: float) -> None:
        self.sounds(0.05, seconds)

    def is_heard(self, text: str, *, final: bool = True, ends_turn: bool = False) -> None:
        self.endpointer.heard(Transcript(text, final, ends_turn), self.now)


def test_somebody_speaks_after_a_tenth_of_a_second_of_speech():
    caller = Caller()
    caller.speaks(0.5)
    assert [edge for edge, _ in caller.edges] == [Edge.BEGAN]
    assert caller.edges[0][1] <= 0.1


def test_a_click_is_no_speech():
    caller = Caller()
    for _ in range(20):
        caller.speaks(0.064)
        caller.pauses(0.1)
    assert caller.edges == []
    assert caller.ended == []


def test_a_whole_sentence_ends_after_a_short_pause():
    caller = Caller()
    caller.speaks(1.0)
    caller.pauses(0.32)
    caller.is_heard("When are you open?")
    caller.pauses(0.1)
    assert [end.text for _, end in caller.ended] == ["When are you open?"]
    assert caller.ended[0][0] - 1.0 < 0.45
    assert 250 <= caller.ended[0][1].waited_ms <= 450


def test_words_without_an_end_wait_longer_for_more():
    caller = Caller()
    caller.speaks(1.0)
    caller.pauses(0.32)
    caller.is_heard("I would like")
    caller.pauses(0.2)
    assert caller.ended == []
    caller.speaks(1.0)
    caller.pauses(0.32)
    caller.is_heard("a table for two")
    caller.pauses(0.5)
    assert [end.text for _, end in caller.ended] == ["I would like a table for two"]


def test_an_engine_that_says_they_are_done_is_believed():
    caller = Caller()
    caller.speaks(1.0)
    caller.is_heard("my number is five", ends_turn=True)
    caller.pauses(0.032)
    assert [end.text for _, end in caller.ended] == ["my number is five"]


def test_words_that_the_engine_owes_are_waited_for_but_not_for_ever():
    caller = Caller()
    caller.speaks(1.0)
    caller.pauses(2.0)
    assert caller.ended == []
    caller.is_heard("late")
    caller.pauses(0.1)
    assert [end.text for _, end in caller.ended] == ["late"]
    caller.speaks(1.0)
    caller.pauses(WORDS_WITHIN + 0.5)
    assert caller.ended[1][1].text == ""


def test_a_noise_without_words_ends_in_nothing():
    caller = Caller()
    caller.speaks(0.4)
    caller.pauses(0.32)
    caller.is_heard("")
    caller.pauses(0.2)
    assert [end.text for _, end in caller.ended] == [""]


def test_a_soft_voice_that_only_the_engine_hears_is_heard():
    caller = Caller()
    caller.pauses(0.5)
    caller.is_heard("Hello there.")
    caller.pauses(0.5)
    assert [end.text for _, end in caller.ended] == ["Hello there."]


def test_what_was_only_guessed_counts_where_nothing_better_comes():
    caller = Caller()
    caller.speaks(1.0)
    caller.is_heard("when are", final=False)
    caller.is_heard("when are you open", final=False)
    caller.pauses(WORDS_WITHIN + 0.5)
    assert [end.text for _, end in caller.ended] == ["when are you open"]


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans(), st.sampled_from(["", "a.", "b c"]))))
def test_whatever_happens_each_final_word_is_in_one_turn_or_still_waits(steps):
    caller = Caller()
    said: list[str] = []
    for share, final, text in steps:
        caller.sounds(share, 0.2)
        caller.is_heard(text, final=final)
        said += text.split() if final else []
    taken = " ".join(end.text for _, end in caller.ended).split()
    assert [one for one in (taken + caller.endpointer.words.split()) if one in said][: len(said)] or not said
    caller.pauses(WORDS_WITHIN + 1)
    everything = " ".join(end.text for _, end in caller.ended).split()
    for word in set(said):
        assert everything.count(word) >= said.count(word)


def test_a_voice_is_held_at_once_and_given_up_with_the_first_word():
    rules = Interruptions(True)
    assert rules.began(True, 1.0) == Verdict.HOLD
    assert rules.heard("uh-huh") is None
    assert rules.heard("stop") == Verdict.GIVE_UP
    assert rules.ended("stop it") is None


def test_who_only_listens_is_spoken_to_on():
    for words in ("", "mhm", "Uh-huh.", "okay", "hm hm"):
        rules = Interruptions(True)
        rules.began(True, 1.0)
        assert rules.ended(words) == Verdict.RESUME
    for words in ("yes", "no", "okay stop", "ja", "hello"):
        assert not is_listening(words)


def test_nobody_is_interrupted_who_may_not_be_or_says_nothing():
    assert Interruptions(False).began(True, 1.0) is None
    assert Interruptions(True).began(False, 1.0) is None
