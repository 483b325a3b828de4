"""What a caller heard of what was sent: by Twilio's own words, and by time where it gives none."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.voice.relay_ledger import BEGINS_AFTER_SECONDS, CHARACTERS_PER_SECOND, Heard, Ledger, seconds_of

ANSWER = ["Your order 4711 left us on Monday. ", "It should arrive tomorrow, ", "at ten o'clock. "]


def sent(*texts: list[str], at: float = 100.0) -> Ledger:
    ledger = Ledger()
    for number, pieces in enumerate(texts, start=1):
        utterance = ledger.begin(number)
        for piece in pieces:
            ledger.sent(utterance, piece, at)
        utterance.whole = utterance.sent
    return ledger


def heard(found: list[Heard]) -> list[str]:
    return [one.heard for one in found]


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("Your order 4711 left us", "Your order 4711 left us"),
        ("your order 4711 left us on monday", "Your order 4711 left us on Monday."),
        ("Your  order 4711, left us on Monday. It should", "Your order 4711 left us on Monday. It should"),
        ("Your order 4711 left us on Monday. It should arrive tomorrow, at ten o'clock.", "".join(ANSWER).rstrip()),
        # Numbers that the voice spells out.
        ("Your order forty-seven eleven left us on Monday", "Your order 4711 left us on Monday."),
        # The utterance under way alone.
        ("It should arrive", "Your order 4711 left us on Monday. It should arrive"),
        ("", ""),
    ],
)
def test_an_answer_is_cut_where_what_was_heard_ends(words: str, left: str) -> None:
    [one] = sent(ANSWER).interrupted(words, 0 if not words else 1500, 102.0)
    assert one.heard.rstrip() == left.rstrip()


def test_what_comes_after_was_never_heard() -> None:
    ledger = sent(["First this. "], ["Then that. "], ["In the end this. "])
    found = ledger.interrupted("Then", 900, 101.0)
    assert heard(found) == ["First this. ", "Then", ""]
    assert [one.is_whole for one in found] == [True, False, False]
    # Nothing of it is asked about again.
    assert ledger.interrupted("Then", 900, 101.0) == []


def test_of_words_that_were_said_twice_the_ones_are_meant_that_fit_the_time() -> None:
    again = ["One moment please. ", "It takes a while, as the other side is slow today. ", "One moment please. "]
    [late] = sent(again).interrupted("One moment please", int(seconds_of("".join(again)) * 1000), 110.0)
    assert late.heard == "".join(again).rstrip()
    [early] = sent(again).interrupted("One moment please", 1200, 101.0)
    assert early.heard == "One moment please."


def test_words_that_are_nowhere_are_judged_by_the_time_they_took() -> None:
    [one] = sent(ANSWER).interrupted("completely different talk of nobody", 2000, 102.0)
    assert 20 <= len(one.heard) <= 40
    [none] = sent(ANSWER).interrupted("completely different talk of nobody", None, 100.1)
    assert none.heard == ""


def test_a_language_without_spaces_is_cut_to_the_character() -> None:
    [one] = sent(["ご注文は月曜日に発送されました。", "明日届く予定です。"]).interrupted("ご注文は月曜日", 1400, 102.0)
    assert one.heard == "ご注文は月曜日"


def test_without_a_word_of_twilio_the_time_tells() -> None:
    ledger = sent(["a" * 30 + ". ", "b" * 30 + ". "], at=10.0)
    whole = seconds_of("a" * 30 + ". ") + BEGINS_AFTER_SECONDS
    assert heard(ledger.broke(10.0 + whole)) == ["a" * 30 + ". "]
    ledger = sent(["one two three four five six. "], at=10.0)
    [one] = ledger.broke(10.0 + BEGINS_AFTER_SECONDS + 8.5 / CHARACTERS_PER_SECOND)
    assert one.heard == "one two "
    assert heard(sent(["one two. "], at=10.0).broke(10.1)) == [""]
    assert heard(sent(["one two. "], at=10.0).broke(1000.0)) == ["one two. "]


def test_the_voice_is_heard_for_as_long_as_it_takes() -> None:
    ledger = Ledger()
    first = ledger.begin(1)
    ledger.sent(first, "x" * 30, 10.0)
    ledger.sent(first, "x" * 30, 10.5)
    assert ledger.is_speaking(14.0)
    assert not ledger.is_speaking(14.5)


texts_of_any = st.text(st.sampled_from([*"abc .,!1", "é", "語", "ß", "\N{GRINNING FACE}"]), max_size=30)


@given(st.lists(st.lists(texts_of_any, max_size=4), max_size=4), texts_of_any, st.none() | st.integers(0, 90_000))
def test_whatever_is_said_to_be_heard_is_a_beginning_of_what_was_sent(
    texts: list[list[str]], words: str, after_ms: int | None
) -> None:
    found = sent(*texts).interrupted(words, after_ms, 101.0)
    assert len(found) == len(texts)
    has_ended = False
    for one in found:
        assert one.utterance.sent.startswith(one.heard)
        if has_ended:
            assert not one.heard
        has_ended = has_ended or len(one.heard) < len(one.utterance.sent)


@given(st.lists(st.text("abc, .", min_size=1, max_size=40), min_size=1, max_size=5), st.data())
def test_what_twilio_repeats_to_the_letter_is_found_to_the_letter(pieces: list[str], data: st.DataObject) -> None:
    whole = "".join(pieces)
    at = data.draw(st.integers(0, len(whole)))
    [one] = sent(pieces).interrupted(whole[:at], None if at else 0, 101.0)

    def letters(text: str) -> str:
        return "".join(character for character in text if character.isalnum())

    if letters(whole[:at]):
        assert letters(one.heard) == letters(whole[:at])


def test_a_long_answer_that_is_told_otherwise_is_found_at_once() -> None:
    """A caller may speak over a long one again and again, and every other call shares the loop that looks for it."""
    things = (
        "kettle lamp table chair mirror carpet window garden bottle basket ladder hammer blanket pillow " * 3
    ).split()
    spoken = [f"For {n} euros you get {n} of the {thing} number {n}. " for n, thing in enumerate(things, start=11)]
    ledger = Ledger()
    one = ledger.begin(1)
    for piece in spoken:
        ledger.sent(one, piece, 0.0)
    one.whole = one.sent
    told = "".join(spoken[:38]).replace("11", "eleven").replace("2", "two").replace("3", "three")
    began = time.process_time()
    (found,) = ledger.interrupted(told, None, 500.0)
    assert time.process_time() - began < 0.5
    assert abs(len(found.heard) - len("".join(spoken[:38]))) <= len(spoken[0])
