"""What was sent to the far side, what it played, and which words were heard."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from channels_app.voice.media.events import RATE
from channels_app.voice.media.playout import AHEAD, BEGINS_AFTER, MARK_PATIENCE, Playout

WORDS = "The quick brown fox jumps over the lazy dog. "


def say(playout: Playout, words: str, seconds: float) -> None:
    passage = playout.begin(words)
    playout.add(passage, b"\x01" * round(seconds * RATE))
    playout.end(passage)


def sent(playout: Playout, now: float) -> tuple[float, list[str]]:
    """Seconds of sound that are sent now, and marks."""
    due = list(playout.due(now))
    return sum(len(ulaw) for ulaw, _ in due) / RATE, [mark for _, mark in due if mark]


def test_no_more_than_a_second_lies_ahead_at_the_far_side():
    playout = Playout()
    say(playout, WORDS, 5.0)
    assert AHEAD <= sent(playout, 10.0)[0] <= AHEAD + 0.2
    assert sent(playout, 10.0) == (0.0, [])
    assert playout.next_at(10.0) is not None
    assert 10.0 < (playout.next_at(10.0) or 0) < 10.5
    assert 0.3 <= sent(playout, 10.5)[0] <= 0.7


def test_a_mark_follows_each_passage_once_all_of_it_was_sent():
    playout = Playout()
    say(playout, "One. ", 0.3)
    say(playout, "Two. ", 0.3)
    assert sent(playout, 0.0) == (0.6, ["p1", "p2"])


def test_what_came_back_marked_was_heard_whole_and_the_next_begins_then():
    playout = Playout()
    say(playout, "One. ", 0.3)
    say(playout, "Two words. ", 0.4)
    sent(playout, 0.0)
    # The far side was half a second late.
    assert playout.marked("p1", 0.86)
    assert playout.heard(0.9).heard == "One. "
    assert playout.heard(1.2).heard == "One. Two "
    assert playout.done_at(1.0) == 0.86 + 0.4


def test_a_mark_of_something_else_is_nothing():
    playout = Playout()
    say(playout, "One. ", 0.3)
    sent(playout, 0.0)
    assert not playout.marked("p9", 0.4)
    assert not playout.marked("another", 0.4)
    assert playout.is_speaking


def test_without_marks_the_clock_tells_what_was_heard():
    playout = Playout()
    say(playout, WORDS, 3.0)
    sent(playout, 0.0)
    sent(playout, 1.0)
    assert playout.heard(BEGINS_AFTER + 1.5).heard == "The quick brown fox "
    assert playout.heard(0.0).heard == ""
    assert playout.heard(BEGINS_AFTER + 1.5).after_ms == 1500


def test_a_mark_that_never_comes_back_is_given_up():
    playout = Playout()
    say(playout, "One. ", 0.3)
    sent(playout, 0.0)
    playout.forget_lost(0.36 + MARK_PATIENCE - 0.1)
    assert playout.is_speaking
    playout.forget_lost(0.36 + MARK_PATIENCE + 0.1)
    assert not playout.is_speaking
    assert playout.heard(9.0).heard == "One. "


def test_what_is_still_being_made_counts_by_its_words():
    playout = Playout()
    passage = playout.begin("x" * 150)
    assert playout.done_at(5.0) == 15.0
    playout.add(passage, b"\x01" * RATE)
    sent(playout, 5.0)
    assert abs(playout.done_at(5.0) - 15.06) < 0.1


def test_who_is_held_says_the_rest_later_from_a_whole_word():
    playout = Playout()
    say(playout, WORDS, 3.0)
    say(playout, "And more. ", 1.0)
    sent(playout, 0.0)
    sent(playout, 1.0)
    heard = playout.heard(1.56).heard
    left = [passage.words for passage in playout.hold(1.56)]
    assert heard == "The quick brown fox "
    assert heard + "".join(left) == WORDS + "And more. "
    assert not playout.is_speaking
    assert playout.heard(9.0).heard == heard


def test_what_was_answered_to_is_no_part_of_the_next_interruption():
    playout = Playout()
    say(playout, "One. ", 0.3)
    sent(playout, 0.0)
    playout.marked("p1", 0.4)
    playout.settle()
    say(playout, "Two. ", 0.3)
    sent(playout, 1.0)
    assert playout.heard(2.0).heard == "Two. "


@given(
    st.lists(st.tuples(st.text(alphabet="ab ", min_size=1, max_size=40), st.floats(0.02, 3.0)), max_size=6),
    st.lists(st.floats(0.01, 0.7), max_size=12),
)
def test_all_sound_is_sent_once_and_in_order_and_heard_words_are_a_beginning(passages, steps):
    playout, now, total = Playout(), 0.0, 0
    for words, seconds in passages:
        say(playout, words, seconds)
        total += round(seconds * RATE)
    whole = "".join(words for words, _ in passages)
    out, marks = 0, []
    for step in (*steps, *[0.8] * 40):
        for ulaw, mark in playout.due(now):
            out += len(ulaw)
            marks += [mark] if mark else []
        assert whole.startswith(playout.heard(now).heard)
        now += step
    assert out == total
    assert marks == [f"p{number}" for number in range(1, len(passages) + 1)]
