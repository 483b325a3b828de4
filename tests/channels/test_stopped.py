"""A connection whose credentials are refused stops: what has to be sent waits for the mending, and none of it dies."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from typing import Any
from uuid import uuid4

import pytest
from django.test import AsyncClient
from django.utils import timezone

from channels_app import claims, inbound, ladder, replaying
from channels_app.models import Connection, Delivery, DeliveryAttempt
from channels_app.providers.twilio import codes
from deployments import conversations
from tests import factories
from tests.channels.phones import Phone
from tests.channels.twilio_end import TOKEN, problem
from workspaces import secret_store

pytestmark = pytest.mark.asyncio
PEOPLE = [f"+1415555010{number}" for number in range(8)]


async def write(phone: Phone, value: str) -> None:
    await phone.inside(lambda: secret_store.write(phone.who, "twilio-token", value))


async def standings(phone: Phone) -> list[str]:
    return [row.standing.value for row in await phone.deliveries()]


async def queue(phone: Phone, how_many: int) -> None:
    """So many texts to as many people that nobody asked for."""

    def run() -> None:
        for number in range(how_many):
            Delivery.objects.create(
                connection=phone.connection,
                lane=uuid4(),
                position=1,
                address=f"+1415555{number:04}",
                what="SMS",
                content={"text": "hello"},
                due_at=timezone.now(),
            )

    await phone.inside(run)


def creations(phone: Phone) -> int:
    return sum(seen.method == "POST" for seen in phone.twilio.seen)


async def stopped(phone: Phone) -> Delivery:
    """Eight people have written, and the token is refused; what was tried first."""
    await phone.allow(rate=1)
    for person in PEOPLE:
        await phone.text("hello", person)
    await write(phone, "another token than Twilio has")
    await phone.drain()
    return next(row for row in await phone.deliveries() if row.is_parked)


async def test_where_the_token_is_refused_one_try_is_made_and_everything_waits(phone: Phone) -> None:
    first = await stopped(phone)
    assert creations(phone) == 1
    assert sorted(await standings(phone)) == ["parked"] + ["queued"] * 7
    assert (first.code, first.reason) == ("20003", codes.CODES[20003].words)
    assert first.remedy == codes.CODES[20003].remedy
    connection = await phone.refresh()
    assert connection.fault == first.reason
    assert connection.rests_until is not None
    assert connection.rests_until - timezone.now() > dt.timedelta(minutes=10)
    message = next(one for one in await phone.messages() if one.id == first.message_id)
    assert (message.status, message.reason) == ("parked", first.reason)
    await phone.drain()
    assert creations(phone) == 1


async def test_it_goes_on_by_itself_once_the_secret_is_replaced(phone: Phone) -> None:
    await stopped(phone)
    await write(phone, TOKEN)
    await phone.allow(rate=100)
    await phone.drain()
    assert set(await standings(phone)) == {"accepted"}
    assert {one.form["To"] for one in phone.twilio.taken} == set(PEOPLE)
    connection = await phone.refresh()
    assert (connection.fault, connection.failures) == ("", 0)


async def test_another_wrong_secret_costs_one_more_try_and_no_message(phone: Phone) -> None:
    await stopped(phone)
    await write(phone, "wrong again")
    await phone.inside(lambda: Connection.objects.update(rests_until=None))
    await phone.drain()
    assert creations(phone) == 2
    assert set(await standings(phone)) == {"parked", "queued"}


async def test_it_goes_on_once_the_test_finds_nothing_wrong(phone: Phone) -> None:
    phone.twilio.number |= {"sms_url": f"http://127.0.0.1:8000{phone.path}"}
    phone.twilio.refuse(20003, 401)
    await phone.text("hello")
    await phone.drain()
    assert await standings(phone) == ["parked"]
    key = await phone.inside(lambda: factories.make_api_key(phone.workspace))
    answer: Any = await AsyncClient().post(
        f"/v1/connections/{phone.connection.id}/test", headers={"authorization": f"Bearer {key.token}"}
    )
    assert answer.json()["is_good"] is True, answer.content
    await phone.drain()
    assert await standings(phone) == ["accepted"]


async def test_retry_now_tries_at_once(phone: Phone) -> None:
    first = await stopped(phone)
    await phone.inside(lambda: replaying.replay(phone.who, first.id))
    await phone.drain()
    assert creations(phone) == 2
    assert "failed" not in await standings(phone)


async def test_retry_now_of_one_that_waits_behind_it_tries_what_goes_first(phone: Phone) -> None:
    phone.twilio.refuse(20003, 401)
    await phone.text("hello")
    await phone.drain()
    await phone.text("again")
    await phone.drain()
    rows = await phone.deliveries()
    assert [row.standing for row in rows] == ["parked", "queued"]
    # Somebody has mended it at Twilio.
    await phone.inside(lambda: replaying.replay(phone.who, rows[-1].id))
    await phone.drain()
    assert await standings(phone) == ["accepted"] * 2


async def test_after_a_while_it_looks_by_itself(phone: Phone) -> None:
    phone.twilio.refuse(30002, 400)
    await phone.text("hello")
    await phone.drain()
    assert await standings(phone) == ["parked"]
    # Twilio has opened the account again, which nobody tells us.
    await phone.now()
    await phone.drain()
    assert await standings(phone) == ["accepted"]


async def test_a_secret_that_is_missing_stops_it_and_writing_it_goes_on(phone: Phone) -> None:
    await phone.text("hello")
    await phone.inside(lambda: secret_store.delete(phone.who, "twilio-token"))
    await phone.drain()
    (first,) = await phone.deliveries()
    assert (first.standing, first.reason) == ("parked", "The secret twilio-token is missing.")
    await write(phone, TOKEN)
    await phone.drain()
    assert await standings(phone) == ["accepted"]


async def test_a_secret_that_is_missing_costs_one_try_however_much_waits(phone: Phone) -> None:
    await phone.allow(rate=1)
    await phone.inside(lambda: secret_store.delete(phone.who, "twilio-token"))
    await queue(phone, 40)
    await phone.drain()
    assert await phone.inside(DeliveryAttempt.objects.count) == 1
    assert sorted(await standings(phone)) == ["parked"] + ["queued"] * 39
    assert (await phone.refresh()).failures == 1
    assert {row.attempts for row in await phone.deliveries() if not row.is_parked} == {0}


async def test_what_was_parked_has_all_its_tries_before_it(phone: Phone) -> None:
    phone.twilio.refuse(20003, 401)
    await phone.text("hello")
    await phone.drain()
    await write(phone, TOKEN)
    phone.twilio.say(problem(20429, 429))
    await phone.drain()
    (row,) = await phone.deliveries()
    assert (row.standing, row.tries, row.attempts) == ("queued", 1, 2)
    # And its message says no longer what it waited for.
    message = next(one for one in await phone.messages() if one.id == row.message_id)
    assert (message.status, message.reason) == ("queued", row.reason)


async def test_a_connection_that_has_been_stopped_for_days_gives_up_what_it_tries(phone: Phone) -> None:
    phone.twilio.refuse(20003, 401, times=2)
    await phone.text("hello")
    await phone.drain()
    long_ago = timezone.now() - ladder.LONGEST_STOP
    await phone.inside(lambda: Connection.objects.update(stopped_since=long_ago))
    await phone.now()
    await phone.drain()
    assert await standings(phone) == ["failed"]


async def test_an_old_failure_of_another_sort_is_not_held_against_what_a_stop_parks(phone: Phone) -> None:
    long_ago = timezone.now() - ladder.LONGEST_STOP * 2
    await phone.inside(lambda: Connection.objects.update(failures=1, failing_since=long_ago, fault="It was busy."))
    phone.twilio.refuse(20003, 401)
    await phone.text("hello")
    await phone.drain()
    assert await standings(phone) == ["parked"]


async def test_the_days_of_a_stop_begin_anew_once_it_may_be_mended_and_are_over_once_something_goes(
    phone: Phone,
) -> None:
    await stopped(phone)
    assert (await phone.refresh()).stopped_since is not None
    await write(phone, "wrong again")
    assert (await phone.refresh()).stopped_since is None
    await write(phone, TOKEN)
    await phone.drain()
    assert (await phone.refresh()).stopped_since is None


async def test_a_refusal_of_one_message_stops_nobody(phone: Phone) -> None:
    phone.twilio.refuse(21606, 400)
    await phone.text("hello", PEOPLE[0])
    await phone.text("hello", PEOPLE[1])
    await phone.drain()
    await phone.now()
    await phone.drain()
    assert sorted(await standings(phone)) == ["accepted", "failed"]


async def test_a_claim_that_would_park_waits_for_nobody_who_holds_the_conversation(phone: Phone) -> None:
    await phone.text("hello")
    await phone.inside(lambda: secret_store.delete(phone.who, "twilio-token"))

    def handle_events() -> None:
        for event in inbound.claim(phone.workspace.id, 10):
            inbound.handle(event)

    await phone.inside(handle_events)
    (row,) = await phone.deliveries()
    holds, may_end = threading.Event(), threading.Event()

    def retry() -> None:
        assert row.conversation_id is not None
        # As `replaying.held` does: the conversation first, and the delivery once the claim has begun.
        conversations.lock(row.conversation_id)
        holds.set()
        may_end.wait(10)
        replaying.replay(phone.who, row.id)

    retrying = asyncio.create_task(phone.inside(retry))
    await asyncio.to_thread(holds.wait, 10)
    taken = await asyncio.wait_for(phone.inside(lambda: claims.claim(phone.workspace.id, 10)), 5)
    assert list(taken) == []
    (left,) = await phone.deliveries()
    assert (left.status, left.claim, left.attempts, left.tries) == ("queued", None, 0, 0)
    may_end.set()
    await retrying
    await phone.drain()
    assert await standings(phone) == ["parked"]
