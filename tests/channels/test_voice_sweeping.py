"""No call stays open for ever: what nothing is heard of is asked for at Twilio, and ended as it is told."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.utils import timezone

from channels_app.models import Call, Connection
from channels_app.voice import record
from deployments import conversations
from deployments.models import Conversation
from tests.channels.callers import Line
from tests.channels.twilio_end import problem

pytestmark = pytest.mark.asyncio


async def quiet(line: Line, **changes: object) -> None:
    """Nothing has been heard of the call for long enough."""
    await line.inside(lambda: Call.objects.update(due_at=timezone.now(), **changes))


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("completed", "hung_up"),
        ("busy", "busy"),
        ("no-answer", "no_answer"),
        ("canceled", "canceled"),
        ("failed", "failed"),
    ],
)
async def test_a_call_that_is_over_at_twilio_is_ended_as_twilio_tells(line: Line, status: str, outcome: str) -> None:
    await line.ring()
    line.twilio.has_call(line.sid, status, 61)
    await quiet(line)
    await line.drain()
    call = await line.call()
    assert (call.state, call.outcome) == ("ended", outcome)
    if status == "completed":
        assert (call.seconds, call.minutes) == (61, 2)


async def test_a_call_that_goes_on_is_left_alone_and_looked_at_later(line: Line) -> None:
    await line.ring()
    line.twilio.has_call(line.sid)
    await quiet(line)
    await line.drain()
    call = await line.call()
    assert call.state == "active"
    assert call.due_at > timezone.now()
    assert call.claim is None


async def test_a_call_that_twilio_does_not_know_is_lost_and_says_so(line: Line) -> None:
    await line.ring()
    await quiet(line)
    await line.drain()
    call = await line.call()
    assert (call.outcome, call.reason) == ("lost", "Twilio knows no such call.")
    assert call.remedy
    assert call.conversation.status == "abandoned"


async def test_the_longest_call_is_hung_up_with_words_though_nobody_asks(line: Line) -> None:
    await line.ring()
    line.twilio.has_call(line.sid)
    await quiet(line, ends_by=timezone.now())
    # Its session, or its next request, says goodbye by itself.
    await line.drain()
    assert (line.twilio.told, (await line.call()).outcome) == ([], "")
    await quiet(line, ends_by=timezone.now() - record.ENDS_BY_ITSELF)
    await line.drain()
    ((sid, told),) = line.twilio.told
    assert sid == line.sid
    assert "longest time" in told["Twiml"]
    assert "<Hangup" in told["Twiml"]
    assert (await line.call()).outcome == "too_long"


async def test_a_conversation_that_a_person_ends_hangs_the_call_up(line: Line) -> None:
    await line.ring()
    line.twilio.has_call(line.sid)

    def end() -> None:
        conversation = conversations.lock(Conversation.objects.get().id)
        conversations.end(conversation, "completed", "Kim closed it.", "")

    await line.inside(end)
    assert (await line.call()).due_at < timezone.now() + dt.timedelta(seconds=60)
    await quiet(line)
    await line.drain()
    assert "<Hangup" in line.twilio.told[0][1]["Twiml"]
    call = await line.call()
    assert (call.outcome, call.conversation.status) == ("completed", "completed")


async def test_while_twilio_does_not_answer_it_is_asked_again_and_at_last_the_call_is_lost(line: Line) -> None:
    await line.ring()
    line.twilio.call_wrongs.append(problem(20500, 500))
    await quiet(line)
    await line.drain()
    call = await line.call()
    assert call.state == "active"
    assert "error" in await line.steps()
    line.twilio.call_wrongs.append(problem(20500, 500))
    await quiet(line, last_sign_at=timezone.now() - dt.timedelta(minutes=20))
    await line.drain()
    call = await line.call()
    assert call.outcome == "lost"
    assert "could not be asked" in call.reason
    assert call.remedy


async def test_calls_of_a_paused_connection_end_too(line: Line) -> None:
    await line.ring()
    line.twilio.has_call(line.sid, "completed", 5)
    await line.inside(lambda: Connection.objects.update(state="paused"))
    await quiet(line)
    await line.drain()
    assert (await line.call()).state == "ended"


async def test_a_worker_that_died_leaves_a_call_to_the_next(line: Line) -> None:
    await line.ring()
    line.twilio.has_call(line.sid, "completed", 5)
    await quiet(line, claim=uuid.uuid4(), leased_until=timezone.now() - dt.timedelta(seconds=1))
    await line.drain()
    assert (await line.call()).state == "ended"
