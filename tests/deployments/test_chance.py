"""The words about a difference: right where the textbook's numbers are known, and never surer than they may be."""

from __future__ import annotations

import random

import pytest

from deployments.chance import Share, difference, judge, wilson


@pytest.mark.parametrize(
    ("share", "low", "high"),
    # Wilson's score interval without correction, Newcombe 1998 (one proportion), table I.
    [(Share(81, 263), 0.2553, 0.3662), (Share(15, 148), 0.0624, 0.1605), (Share(0, 20), 0.0, 0.1611),
     (Share(1, 29), 0.0061, 0.1718)],
)  # fmt: skip
def test_wilsons_interval_is_the_published_one(share: Share, low: float, high: float) -> None:
    assert list(wilson(share)) == pytest.approx([low, high], abs=5e-5)


@pytest.mark.parametrize(
    ("b", "a", "low", "high"),
    # Newcombe 1998 (two proportions), table II, method 10.
    [((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((10, 10), (0, 20), 0.6791, 1.0),
     ((5, 56), (0, 29), -0.0381, 0.1926)],
)  # fmt: skip
def test_the_interval_of_a_difference_is_the_published_one(
    b: tuple[int, int], a: tuple[int, int], low: float, high: float
) -> None:
    assert list(difference(Share(*a), Share(*b))) == pytest.approx([low, high], abs=5e-5)


def test_few_conversations_say_nothing_however_far_apart_they_are() -> None:
    found = judge(Share(0, 29), Share(400, 400), more_is_better=True)
    assert (found.level, found.low) == ("few", None)
    assert "29 and 400" in found.words


@pytest.mark.parametrize(
    ("a", "b", "more_is_better", "level"),
    [
        ((80, 100), (84, 100), True, "chance"),
        ((60, 100), (84, 100), True, "better"),
        ((84, 100), (60, 100), True, "worse"),
        ((20, 100), (2, 100), False, "better"),
        ((2, 100), (20, 100), False, "worse"),
        ((0, 100), (0, 100), False, "chance"),
    ],
)
def test_a_difference_is_called_what_it_is(
    a: tuple[int, int], b: tuple[int, int], more_is_better: bool, level: str
) -> None:
    assert judge(Share(*a), Share(*b), more_is_better=more_is_better).level == level


def test_two_sides_that_are_the_same_seldom_seem_to_differ() -> None:
    dice = random.Random(3)

    def side() -> Share:
        return Share(sum(dice.random() < 0.8 for _ in range(200)), 200)

    cried = sum(judge(side(), side(), more_is_better=True).level != "chance" for _ in range(600))
    assert cried / 600 < 0.08
