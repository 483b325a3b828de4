"""In doubt whether a text arrived, only a look-up or an answer to it ends the doubt: nothing is sent twice."""

from __future__ import annotations

import datetime as dt
from uuid import uuid4

import pytest
from django.utils import timezone

from channels_app import replaying
from channels_app.claims import MOST_CRASHES
from channels_app.models import Connection, Delivery
from tests.channels.far_end import Said
from tests.channels.phones import Phone
from tests.channels.twilio_end import TOKEN, problem
from workspaces import secret_store

pytestmark = pytest.mark.asyncio


async def lost(phone: Phone) -> Delivery:
    """Twilio took it, and the line was cut before it could say so."""
    phone.twilio.lose()
    await phone.text("hello")
    await phone.drain()
    (row,) = await phone.deliveries()
    assert (row.status, row.is_in_doubt, len(phone.twilio.taken)) == ("queued", True, 1)
    return row


async def again(phone: Phone) -> Delivery:
    await phone.now()
    await phone.drain()
    (row,) = await phone.deliveries()
    return row


def fails_to_look_up(phone: Phone, monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    """Twilio answers this to the next look-up."""
    listed, answers = phone.twilio._list, [said]
    monkeypatch.setattr(phone.twilio, "_list", lambda path, query: answers.pop() if answers else listed(path, query))


@pytest.mark.parametrize(
    ("said", "stands"),
    [
        (problem(20429, 429), "queued"),
        (problem(20500, 500), "queued"),
        (Said(200, {}, b"<html>"), "queued"),
        (problem(20404, 404), "unknown"),
        (problem(20003, 401), "parked"),
    ],
    ids=["429", "500", "a page", "404", "401"],
)
async def test_a_look_up_that_fails_settles_nothing(
    phone: Phone, monkeypatch: pytest.MonkeyPatch, said: Said, stands: str
) -> None:
    await lost(phone)
    fails_to_look_up(phone, monkeypatch, said)
    row = await again(phone)
    assert (row.standing, row.is_in_doubt) == (stands, True)
    if stands == "unknown":
        assert "Nobody knows whether an earlier try arrived." in row.reason
        await phone.inside(lambda: replaying.replay(phone.who, row.id))
    row = await again(phone)
    assert (row.standing, row.provider_id, len(phone.twilio.taken)) == ("accepted", phone.twilio.taken[0].sid, 1)


async def test_a_secret_that_is_missing_when_it_should_be_looked_up_settles_nothing(phone: Phone) -> None:
    await lost(phone)
    await phone.inside(lambda: secret_store.delete(phone.who, "twilio-token"))
    row = await again(phone)
    assert (row.standing, row.is_in_doubt) == ("parked", True)
    await phone.inside(lambda: secret_store.write(phone.who, "twilio-token", TOKEN))
    row = await again(phone)
    assert (row.standing, len(phone.twilio.taken)) == ("accepted", 1)


async def test_what_workers_died_with_is_looked_up_when_it_is_replayed(phone: Phone) -> None:
    await lost(phone)
    cut = timezone.now() - dt.timedelta(days=1)
    await phone.inside(lambda: Delivery.objects.update(cuts=MOST_CRASHES - 1, claim=uuid4(), leased_until=cut))
    row = await again(phone)
    assert (row.status, row.is_in_doubt) == ("failed", True)
    await phone.inside(lambda: replaying.replay(phone.who, row.id))
    row = await again(phone)
    assert (row.status, len(phone.twilio.taken)) == ("accepted", 1)


async def test_what_a_stop_held_back_in_doubt_is_looked_up_when_it_is_replayed(phone: Phone) -> None:
    row = await lost(phone)
    await phone.text("STOP")
    await phone.now()
    await phone.drain()
    held = await phone.inside(lambda: Delivery.objects.get(id=row.id))
    assert (held.status, held.is_in_doubt) == ("suppressed", True)
    await phone.text("START")
    await phone.drain()
    await phone.inside(lambda: replaying.replay(phone.who, row.id))
    await phone.drain()
    ended = await phone.inside(lambda: Delivery.objects.get(id=row.id))
    assert (ended.status, len(phone.twilio.taken)) == ("accepted", 1)


async def test_a_look_up_that_finds_nothing_ends_the_doubt(phone: Phone) -> None:
    await lost(phone)
    phone.twilio.taken.clear()
    phone.twilio.say(problem(20429, 429))
    row = await again(phone)
    assert (row.status, row.is_in_doubt) == ("queued", False)
    row = await again(phone)
    assert (row.status, len(phone.twilio.taken)) == ("accepted", 1)
    assert await phone.inside(lambda: Connection.objects.get().failures) == 0
