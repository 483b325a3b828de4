"""Calls over Twilio, sentence by sentence: what a caller hears, and what is left of the call."""

from __future__ import annotations

import pytest

from tests.channels.callers import Line, turn_of

pytestmark = pytest.mark.asyncio


async def test_a_caller_is_greeted_answered_and_remembered(line: Line) -> None:
    greeted = await line.ring()
    assert greeted.words
    assert turn_of(greeted.listens_at) == 1
    answered = await line.say(greeted, "hello")
    assert answered.words
    assert turn_of(answered.listens_at) == 2
    await line.hang_up()
    call = await line.call()
    assert (call.state, call.outcome, call.seconds) == ("ended", "hung_up", 42)
    assert call.conversation.status == "abandoned"
    assert call.conversation.channel == "voice"
