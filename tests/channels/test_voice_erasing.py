"""Erasing a person empties the calls with them, and leaves that there were calls."""

from __future__ import annotations

import pytest

from channels_app.models import Call, CallSpeech, CallStep, CallTurn
from deployments import erasing
from deployments.models import Person
from tests.channels.callers import Line
from tests.channels.test_erasing import traces
from tests.channels.twilio_end import PERSON

pytestmark = pytest.mark.asyncio


async def test_of_a_caller_who_is_erased_nothing_is_left_but_that_they_called(line: Line) -> None:
    answered = await line.speak(await line.ring(), "zqmarkerzq hello")
    await line.press(answered, "4711")
    await line.hang_up()
    await line.ring(From="+14155550177")

    def erase() -> dict[str, int]:
        erasing.begin(line.who, Person.objects.get(identities__value=PERSON))
        return {}

    await line.inside(erase)

    def left() -> tuple[dict[str, int], dict[str, int]]:
        return traces(line.workspace.id, "zqmarkerzq"), traces(line.workspace.id, PERSON)

    assert await line.inside(left) == ({}, {})

    def rows() -> tuple[int, list[str], int]:
        call = Call.objects.get(caller="")
        words = [*CallStep.objects.filter(call=call).values_list("words", flat=True)]
        keys = [*CallTurn.objects.filter(call=call).values_list("keys", flat=True)]
        return Call.objects.count(), [*filter(None, words + keys)], CallSpeech.objects.filter(call=call).count()

    assert await line.inside(rows) == (2, [], 0)
