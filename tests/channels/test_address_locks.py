"""Who takes what they write, who sends to them and who erases them hold the same things, and never block each other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from psycopg.errors import DeadlockDetected

from channels_app import address_locks, claims, consents, inbound, starting, webhooks
from channels_app.models import ConsentChange
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import erasing
from deployments.models import Person
from tests import factories
from tests.channels import twilio_end
from tests.channels.phones import Phone
from tests.channels.test_windows import begin, pass_a_day, states, write
from tests.channels.twilio_end import PERSON

pytestmark = pytest.mark.django_db(transaction=True)


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])


class SlowClaim:
    """A claim that stands still with its deliveries in hand until somebody waits for what it holds, or may go on."""

    def __init__(self, phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
        self.phone, self.holds, self.may_go_on = phone, threading.Event(), threading.Event()
        real = claims._is_held_back

        def slow(*given: Any, **named: Any) -> bool:
            self.holds.set()
            while not self.may_go_on.wait(0.01) and not somebody_waits():
                pass
            return real(*given, **named)

        monkeypatch.setattr(claims, "_is_held_back", slow)

    async def while_it_holds(self, act: Callable[[], Any]) -> Any:
        """What `act` answers, begun when the claim has its deliveries in hand."""
        taking = asyncio.create_task(self.phone.inside(lambda: claims.claim(self.phone.workspace.id, 5)))
        await asyncio.to_thread(self.holds.wait, 10)
        answer = await act()
        self.may_go_on.set()
        await taking
        return answer


async def post(phone: Phone, text: str) -> int:
    form = twilio_end.inbound(text, f"SM{next(phone.sids):032x}", f"whatsapp:{PERSON}")
    return int((await phone.form(form | {"To": f"whatsapp:{twilio_end.NUMBER}"})).status_code)


@pytest.mark.parametrize(("text", "consent"), [("Are you there?", None), ("STOP", "withdrawn")])
def test_what_they_write_is_stored_while_what_waited_for_them_is_being_claimed(
    whatsapp: Phone, monkeypatch: pytest.MonkeyPatch, text: str, consent: str | None
) -> None:
    async def run() -> None:
        await begin(whatsapp)
        await pass_a_day(whatsapp)
        await write(whatsapp, "Late.")
        await whatsapp.text("I am back")
        slow = SlowClaim(whatsapp, monkeypatch)
        assert await slow.while_it_holds(lambda: post(whatsapp, text)) == 200

    asyncio.run(run())
    assert asyncio.run(whatsapp.consent()) == consent
    assert [row.content["text"] for row in asyncio.run(whatsapp.events())][-1] == text


def test_somebody_is_erased_while_what_waits_for_them_is_being_claimed(
    whatsapp: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def erase() -> str:
        with tenant(whatsapp.workspace.id):
            return erasing.begin(whatsapp.who, Person.objects.get()).state

    async def run() -> None:
        await begin(whatsapp)
        await pass_a_day(whatsapp)
        await write(whatsapp, "Late.")
        await whatsapp.now()
        slow = SlowClaim(whatsapp, monkeypatch)
        assert await slow.while_it_holds(lambda: in_thread(erase)) == "erased"

    asyncio.run(run())


def test_a_claim_waits_for_nobody_who_decides_of_an_address_and_comes_back_to_it(whatsapp: Phone) -> None:
    async def run() -> None:
        await begin(whatsapp)
        await pass_a_day(whatsapp)
        await write(whatsapp, "Late.")
        await whatsapp.text("I am back")
        owns, may_end = threading.Event(), threading.Event()

        def own() -> None:
            address_locks.own(whatsapp.connection, PERSON)
            owns.set()
            may_end.wait(10)

        owning = asyncio.create_task(whatsapp.inside(own))
        await asyncio.to_thread(owns.wait, 10)
        taking = whatsapp.inside(lambda: claims.claim(whatsapp.workspace.id, 5))
        assert list(await asyncio.wait_for(taking, 5)) == []
        (left,) = [row for row in await whatsapp.deliveries() if row.content["text"] == "Late."]
        assert (left.status, left.claim, left.awaits_window, left.tries) == ("queued", None, True, 0)
        may_end.set()
        await owning
        await whatsapp.drain()
        assert await states(whatsapp, "Late.") == [("accepted", False, "")]

    asyncio.run(run())


@pytest.mark.parametrize(("deadlocks", "answer", "stored"), [(1, 200, 1), (2, 503, 0)])
def test_a_deadlock_is_gone_through_once_more_and_is_no_database_that_is_away(
    whatsapp: Phone, monkeypatch: pytest.MonkeyPatch, deadlocks: int, answer: int, stored: int
) -> None:
    real, left, dropped = inbound.record, [deadlocks], []

    def record(*given: Any) -> Any:
        found = real(*given)
        if left[0]:
            left[0] -= 1
            raise OperationalError("deadlock detected") from DeadlockDetected()
        return found

    monkeypatch.setattr(inbound, "record", record)
    monkeypatch.setattr(webhooks, "drop_broken_connections", lambda: dropped.append(1))
    assert asyncio.run(post(whatsapp, "hello")) == answer
    assert (len(asyncio.run(whatsapp.events())), dropped) == (stored, [])


def test_a_stop_that_comes_while_a_new_message_begins_holds(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    real, stopping = starting._require, []

    def require(*given: Any, **named: Any) -> None:
        real(*given, **named)
        stop = threading.Thread(target=lambda: asyncio.run(phone.text("STOP")))
        stop.start()
        stopping.append(stop)
        while stop.is_alive() and not somebody_waits():
            stop.join(0.01)

    monkeypatch.setattr(starting, "_require", require)
    key = factories.make_api_key(phone.workspace).token
    asked = {"connection_id": str(phone.connection.id), "to": PERSON, "text": "Your order", "consent": "Signed"}
    answer = Client().post(
        "/v1/conversations", asked, content_type="application/json", headers={"authorization": f"Bearer {key}"}
    )
    assert answer.status_code == 201, answer.content
    stopping[0].join(10)
    asyncio.run(phone.drain())
    with tenant(phone.workspace.id):
        assert [change.state for change in ConsentChange.objects.order_by("at")] == ["given", "withdrawn"]
        assert not consents.note_told(phone.connection, PERSON, "Somebody: she said so")
    assert asyncio.run(phone.consent()) == "withdrawn"
    assert [row.status for row in asyncio.run(phone.deliveries())] == ["suppressed"]
    assert phone.twilio.taken == []
