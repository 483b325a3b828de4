"""What the product itself says to visitors."""

from __future__ import annotations

import pytest

from deployments.words import say_on


@pytest.mark.parametrize(("locale", "said"), [("en", "Nobody is free right now."), ("de", "Gerade ist niemand frei.")])
def test_a_step_without_words_for_when_people_are_back_is_told_without_it(locale: str, said: str) -> None:
    words = say_on("voice", "closed_wait_over", "_at", locale, opens_at="Monday, 9:00", within="2 min")
    assert words.startswith(said)


def test_a_step_in_a_call_is_told_with_its_ending_where_there_are_words_for_it() -> None:
    words = say_on("voice", "closed_wait", "_at", "en", opens_at="Monday, 9:00", within="2 min")
    assert "Monday, 9:00" in words
