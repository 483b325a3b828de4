"""Reading answers to questions."""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.responders import slots
from deployments.responders.schema import KINDS
from deployments.responders.slots import Unreadable

MONDAY = dt.datetime(2026, 11, 23, 10, tzinfo=dt.UTC)
SIZES = [
    {"label": "Small"},
    {"label": "Large", "synonyms": ["big", "huge"]},
    {"label": "Extra large", "value": "xl"},
]


def read(kind: str, text: str, locale: str = "en", **question: Any) -> Any:
    if kind == "choice":
        question.setdefault("choices", SIZES)
    return slots.read({"kind": kind, **question}, text, locale, MONDAY).value


@pytest.mark.parametrize(
    ("kind", "text", "locale", "value"),
    [
        ("text", "  Ada Lovelace ", "en", "Ada Lovelace"),
        ("number", "3", "en", 3),
        ("number", "we are 4 people", "en", 4),
        ("number", "three", "en", 3),
        ("number", "zwei", "de", 2),
        ("number", "1,234.50", "en", 1234.5),
        ("number", "1.234,50", "de", 1234.5),
        ("number", "2,5", "de", 2.5),
        ("number", "2,5", "en", 2.5),
        ("number", "-5", "en", -5),
        ("email", "it is a.b+c@example.com.", "en", "a.b+c@example.com"),
        ("phone", "+49 30 901820", "en", "+4930901820"),
        ("phone", "030 901820", "de", "+4930901820"),
        ("phone", "call me at (415) 555-2671", "en-US", "+14155552671"),
        ("phone", "020 7946 0958", "en-GB", "+442079460958"),
        ("date", "2026-12-24", "en", "2026-12-24"),
        ("date", "12/24/2026", "en-US", "2026-12-24"),
        ("date", "24/12/2026", "en-GB", "2026-12-24"),
        ("date", "24.12.", "de", "2026-12-24"),
        ("date", "tomorrow", "en", "2026-11-24"),
        ("date", "übermorgen", "de", "2026-11-25"),
        ("date", "next Friday", "en", "2026-11-27"),
        ("date", "on friday at 3pm", "en", "2026-11-27"),
        ("date", "am nächsten Freitag", "de", "2026-11-27"),
        ("date", "31 January", "en", "2027-01-31"),
        ("choice", "small", "en", "Small"),
        ("choice", "the big one", "en", "Large"),
        ("choice", "lrage", "en", "Large"),
        ("choice", "2", "en", "Large"),
        ("choice", "extra large please", "en", "xl"),
        ("choice", "xl", "en", "xl"),
        ("yes_no", "Yes please!", "en", True),
        ("yes_no", "sure, why not", "en", True),
        ("yes_no", "nope", "en", False),
        ("yes_no", "ja gerne", "de", True),
        ("yes_no", "nein, danke", "de", False),
    ],
)
def test_an_answer_is_read_as_people_give_it(kind: str, text: str, locale: str, value: object) -> None:
    assert read(kind, text, locale) == value


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("number", "a few", "a number"),
        ("number", "between 3 and 4", "a number"),
        ("email", "a@b", "name@example.com"),
        ("email", "x@y.com or z@y.com", "name@example.com"),
        ("phone", "123", "country"),
        ("date", "some day", "31 January"),
        ("date", "december", "31 January"),
        ("date", "at 3pm", "31 January"),
        ("choice", "no idea", "Small, Large, Extra large"),
        ("yes_no", "maybe", "yes or no"),
        ("text", "", "a few words"),
    ],
)
def test_what_can_not_be_taken_is_refused_with_words_that_help(kind: str, text: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        read(kind, text)


@pytest.mark.parametrize(
    ("kind", "bounds", "text", "words"),
    [
        ("text", {"min": 2}, "a", "at least 2"),
        ("text", {"max": 3}, "abcd", "at most 3"),
        ("number", {"min": 1}, "0", "from 1"),
        ("number", {"max": 10}, "11", "up to 10"),
        ("date", {"min": "today"}, "2026-11-22", "23 November 2026"),
        ("date", {"max": "2026-12-01"}, "2026-12-02", "1 December 2026"),
    ],
)
def test_bounds_are_said(kind: str, bounds: dict[str, Any], text: str, words: str) -> None:
    with pytest.raises(Unreadable, match=words):
        read(kind, text, **bounds)


def test_refusals_speak_german_too() -> None:
    with pytest.raises(Unreadable, match="Ja oder Nein"):
        read("yes_no", "vielleicht", "de-AT")


@pytest.mark.parametrize(("text", "locale"), [("Cancel!", "en"), ("never mind", "fr"), ("abbrechen", "de")])
def test_a_wish_to_leave_is_understood(text: str, locale: str) -> None:
    assert slots.cancels(text, locale)
    assert not slots.cancels(f"please {text} my order of 3 chairs", locale)


@given(kind=st.sampled_from(KINDS), text=st.text(max_size=200), locale=st.sampled_from(["en", "de", "fr", "", "xx-YY"]))
def test_no_text_breaks_a_reader(kind: str, text: str, locale: str) -> None:
    with suppress(Unreadable):
        assert read(kind, text, locale) is not None
