"""An answer that is being written, as a voice says it: clause by clause, without marks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_app.voice.relay_clauses import Clauses
from channels_app.voice.relay_keys import MENU_PAUSE, NUMBER_PAUSE, Keys


def clauses(text: str, size: int = 4) -> list[str]:
    taking = Clauses()
    found = [clause for at in range(0, len(text), size) for clause in taking.take(text[at : at + size])]
    return [*found, *([rest] if (rest := taking.rest()) else [])]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello there. How are you? Fine!", ["Hello there. ", "How are you? ", "Fine! "]),
        ("Of course I can, let me look. One moment.", ["Of course I can, ", "let me look. ", "One moment. "]),
        ("It costs 3.50 euros. Fine.", ["It costs 3.50 euros. ", "Fine. "]),
        ("Dr. Smith, e.g. at 5 p.m. is here. Yes.", ["Dr. Smith, e.g. at 5 p.m. is here. ", "Yes. "]),
        ("This is **very. important**. Really.", ["This is very. important. ", "Really. "]),
        (
            "See [our page. It helps](https://example.com/a.b). Good.",
            ["See our page. It helps, example.com. ", "Good. "],
        ),
        ("# Title\n\n- one\n- two\n\nBye", ["Title. ", "one. ", "two. ", "Bye "]),
        ("1. First\n2. Second\n", ["1. First. ", "2. Second. "]),
        ("注文は発送されました。明日届きます。", ["注文は発送されました。 ", "明日届きます。 "]),
        ("```\nx = 1. y\n```\nDone.", ["x = 1. y. ", "Done. "]),
        ("***", []),
        ("", []),
    ],
)
def test_an_answer_is_said_clause_by_clause(text: str, said: list[str]) -> None:
    assert clauses(text) == said
    assert clauses(text, 1) == said


def test_a_text_without_an_end_is_said_all_the_same() -> None:
    found = clauses("word " * 400)
    assert len(found) > 2
    assert "".join(found).split() == ["word"] * 400


@given(st.text(st.sampled_from("ab .,*_`[]()!\n#-1"), max_size=200), st.integers(1, 9))
def test_no_letter_is_lost_or_said_twice_however_it_is_cut(text: str, size: int) -> None:
    def letters(words: str) -> str:
        return "".join(character for character in words if character in "ab")

    found = "".join(clauses(text, size))
    # (Of a link its address is not said, and of an item its number may go with it.)
    if "](" not in text:
        assert letters(found) == letters(text)


def test_keys_are_a_choice_or_a_number() -> None:
    keys = Keys({"1": "Sales", "0": "transfer"})
    assert keys.press("1", 10.0) == ""
    assert keys.due_at == 10.0 + MENU_PAUSE
    assert keys.press("2", 10.5) == ""
    assert keys.due_at == 10.5 + NUMBER_PAUSE
    assert keys.press("#", 11.0) == "12"
    assert keys.due_at is None
    assert keys.press("#", 12.0) == ""
    assert keys.press("0", 13.0) == ""
    assert keys.take() == "0"
    assert [keys.press("7", 20.0) for _ in range(32)][-1] == "7" * 32
