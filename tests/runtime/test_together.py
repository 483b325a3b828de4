"""What several tasks ask of one place at about the same time is asked of it in one call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from convoship.lib.together import Together


class Place:
    """Doubles numbers, and remembers how it was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[int]]] = []
        self.fault: Exception | None = None

    async def ask(self, key: str, questions: Sequence[int]) -> list[int]:
        self.calls.append((key, list(questions)))
        if self.fault is not None:
            raise self.fault
        return [2 * one for one in questions]


@pytest.mark.asyncio
async def test_questions_of_one_key_are_asked_in_one_call_and_each_gets_its_own_answer() -> None:
    place = Place()
    together = Together(place.ask, lambda: 0.05)
    answers = await asyncio.gather(*(together.answer("b" if one == 3 else "a", one) for one in (1, 2, 3)))
    assert answers == [2, 4, 6]
    assert sorted(place.calls) == [("a", [1, 2]), ("b", [3])]
    assert await together.answer("a", 5) == 10


@pytest.mark.asyncio
async def test_what_goes_wrong_is_told_to_everybody_who_asked_and_to_nobody_after() -> None:
    place = Place()
    together = Together(place.ask, lambda: 0.0)
    place.fault = RuntimeError("away")
    told = await asyncio.gather(together.answer("a", 1), together.answer("a", 2), return_exceptions=True)
    assert list(told) == [place.fault, place.fault]
    place.fault = None
    assert await together.answer("a", 1) == 2


@pytest.mark.asyncio
async def test_who_stops_waiting_takes_nothing_from_the_others() -> None:
    place = Place()
    together = Together(place.ask, lambda: 0.05)
    impatient = asyncio.ensure_future(together.answer("a", 1))
    patient = asyncio.ensure_future(together.answer("a", 2))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == 4


@pytest.mark.asyncio
@pytest.mark.parametrize("has_begun", [False, True])
async def test_a_call_that_is_stopped_before_it_is_made_leaves_nobody_waiting(has_begun: bool) -> None:
    together = Together(Place().ask, lambda: 60.0)
    waiting = [asyncio.ensure_future(together.answer("a", one)) for one in (1, 2)]
    await asyncio.sleep(0)
    if has_begun:
        await asyncio.sleep(0)
    [gathering] = together._asking
    gathering.cancel()
    done, late = await asyncio.wait(waiting, timeout=1)
    assert not late
    assert all(one.cancelled() for one in done)
    assert not together._asking
    again = asyncio.ensure_future(together.answer("a", 3))
    await asyncio.sleep(0)
    assert len(together._asking) == 1  # it gathers anew
    again.cancel()


@pytest.mark.asyncio
async def test_a_call_with_too_few_answers_leaves_nobody_waiting() -> None:
    async def ask(_key: str, _questions: Sequence[int]) -> list[int]:
        return [1]

    together = Together(ask, lambda: 0.0)
    told = await asyncio.wait_for(
        asyncio.gather(together.answer("a", 1), together.answer("a", 2), return_exceptions=True), 1
    )
    assert told[0] == 1
    assert isinstance(told[1], ValueError)


def test_each_loop_asks_for_itself() -> None:
    place = Place()
    together = Together(place.ask, lambda: 0.05)

    async def leaves() -> None:
        asyncio.ensure_future(together.answer("a", 1))  # noqa: RUF006 (its loop ends before it)
        await asyncio.sleep(0)

    asyncio.run(leaves())
    assert asyncio.run(together.answer("a", 2)) == 4
