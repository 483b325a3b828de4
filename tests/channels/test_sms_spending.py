"""What SMS may cost: countries, guards against made-up traffic, and a day's ceiling, decided as each is sent."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db.models import F
from django.utils import timezone

from channels_app import beats, connections, examples, health, replaying, spending
from channels_app.drain import Drain
from channels_app.models import Connection, Delivery, InboundEvent, SpendingCount
from channels_app.models.spending import SpendingKind
from channels_app.providers import numbers
from channels_app.providers.twilio.messaging import REPLIES
from channels_app.providers.twilio.sms import TwilioSms
from channels_app.settling import MOST_PARKED
from convoship.lib.problems import Problem
from tests import factories
from tests.channels.far_end import Said
from tests.channels.phones import ROOMY, Phone, make_phone
from tests.channels.twilio_end import PERSON, SERVICE, TOKEN, TwilioEnd, problem
from workspaces import secret_store

GERMAN = "+4915112345678"


async def queue(phone: Phone, *addresses: str, text: str = "hello") -> None:
    """Something to be sent to each that nobody asked for."""

    def run() -> None:
        Delivery.objects.bulk_create(
            Delivery(
                workspace_id=phone.workspace.id,
                connection=phone.connection,
                lane=uuid4(),
                position=1,
                address=address,
                what="SMS",
                content={"text": text},
                due_at=timezone.now(),
            )
            for address in addresses
        )

    await phone.inside(run)


async def statuses(phone: Phone) -> list[str]:
    return sorted(row.standing.value for row in await phone.deliveries())


async def standing(phone: Phone) -> health.Standing:
    return await phone.inside(
        lambda: health.standing(Connection.objects.select_related("assistant").get(id=phone.connection.id))
    )


# --- A day's ceiling ------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_of_a_hundred_that_race_for_ten_segments_exactly_ten_are_sent(phone: Phone) -> None:
    await phone.allow(**ROOMY | {"daily_segments": 10, "rate": 100})
    await queue(phone, *(f"+1415555{number:04}" for number in range(100)))

    async def drain() -> None:
        while await phone.inside(phone._rush):
            await Drain().idle()

    await asyncio.gather(*(drain() for _ in range(5)))
    assert len(phone.twilio.taken) == 10
    assert await statuses(phone) == ["accepted"] * 10 + ["parked"] * 90


@pytest.mark.asyncio
async def test_the_count_itself_lets_ten_of_a_hundred_through_at_once(phone: Phone) -> None:
    since = timezone.now().replace(minute=0, second=0, microsecond=0)

    def count() -> int | None:
        return spending._count(phone.connection, SpendingKind.UNITS, "", since, most=10)

    counted = await asyncio.gather(*(phone.inside(count) for _ in range(100)))
    assert sorted(one for one in counted if one is not None) == list(range(1, 11))


@pytest.mark.asyncio
async def test_what_is_over_the_ceiling_waits_says_so_and_goes_on_after_midnight(phone: Phone) -> None:
    await phone.allow(daily_segments=1)
    await phone.text("hello")
    await phone.drain()
    sent = len(phone.twilio.taken)
    assert sent == 1
    await phone.text("thanks")
    await phone.drain()
    waiting = next(row for row in await phone.deliveries() if row.is_parked)
    assert waiting.reason == "The connection's 1 SMS segments of today are used up."
    assert "after midnight UTC" in waiting.remedy
    assert waiting.due_at == timezone.now().replace(hour=0, minute=0, second=0, microsecond=0) + dt.timedelta(days=1)
    told = next(one for one in await phone.messages() if one.id == waiting.message_id)
    assert (told.status, told.reason) == ("parked", waiting.reason)
    line = await standing(phone)
    assert line.tone == "bad"
    assert "used up" in line.words
    assert "ceiling" in line.remedy
    # Midnight, which the database has to be told of in other words.
    await phone.now()
    with time_machine.travel(waiting.due_at + dt.timedelta(minutes=1), tick=True):
        assert (await standing(phone)).tone == "good"
        await phone.drain()
    assert len(phone.twilio.taken) == 2
    ended = await phone.inside(lambda: Delivery.objects.get(id=waiting.id))
    assert (ended.standing, ended.reason) == ("accepted", "")


@pytest.mark.asyncio
async def test_a_ceiling_that_is_raised_lets_what_waits_go_at_once(phone: Phone) -> None:
    await phone.allow(**ROOMY | {"daily_segments": 2})
    await queue(phone, *(f"+1415555{number:04}" for number in range(5)))
    await phone.drain()
    assert await statuses(phone) == ["accepted"] * 2 + ["parked"] * 3
    await phone.allow(daily_segments=5)
    assert (await standing(phone)).tone == "good"
    await phone.drain()
    assert await statuses(phone) == ["accepted"] * 5


@pytest.mark.asyncio
async def test_what_has_to_wait_for_another_day_is_parked_together_and_no_worker_looks_stuck(phone: Phone) -> None:
    await phone.allow(**ROOMY | {"daily_segments": 1, "rate": 1})
    await phone.text("hello")
    await phone.drain()
    for number in range(3):
        await phone.text("hello", f"+1415556{number:04}")
    many = MOST_PARKED + 50
    await queue(phone, *(f"+1415555{number:04}" for number in range(many)))
    await phone.now()
    drain = Drain()
    # All events are handled, then one look parks so many.
    while await phone.inside(lambda: InboundEvent.objects.filter(state="received").exists()):
        await drain.look()
        await asyncio.sleep(0.01)
    looks = 0
    while await phone.inside(lambda: Delivery.objects.filter(status="queued", due_at__lte=timezone.now()).exists()):
        drain.worked = False
        drain.wake.clear()
        assert await drain.look()
        # It looks again at once, and its beat says that it does something.
        assert drain.worked
        assert drain.wake.is_set()
        looks += 1
    assert looks <= 3
    assert len(phone.twilio.taken) == 1
    waiting = [row for row in await phone.deliveries() if row.status == "queued"]
    assert len(waiting) == many + 3
    assert {(row.standing, row.reason) for row in waiting} == {
        ("parked", "The connection's 1 SMS segments of today are used up.")
    }
    assert len({row.due_at for row in waiting}) == 1
    told = [one for one in await phone.messages() if one.id in {row.message_id for row in waiting}]
    assert [one.status for one in told] == ["parked"] * 3
    assert (await phone.inside(beats.standing)).oldest == dt.timedelta()


@pytest.mark.asyncio
async def test_segments_are_what_counts_and_a_long_text_holds_back_what_follows_it_there(phone: Phone) -> None:
    await phone.allow(**ROOMY | {"daily_segments": 3})
    lane = uuid4()

    def run() -> None:
        for position, text in enumerate(("a" * 300, "b" * 300, "c"), start=1):
            Delivery.objects.create(
                connection=phone.connection,
                lane=lane,
                position=position,
                address=PERSON,
                what="SMS",
                content={"text": text},
                due_at=timezone.now(),
            )

    await phone.inside(run)
    await phone.drain()
    # One segment is left, and still nothing goes before its turn.
    assert [one.body[0] for one in phone.twilio.taken] == ["a"]
    await queue(phone, "+14155559999")
    await phone.drain()
    assert len(phone.twilio.taken) == 2


@pytest.mark.asyncio
async def test_what_no_day_has_room_for_is_held_back_and_holds_nobody_up(phone: Phone) -> None:
    await phone.allow(daily_segments=1)
    await queue(phone, PERSON, text="a" * 300)
    await queue(phone, "+14155559999")
    await phone.drain()
    held = next(row for row in await phone.deliveries() if row.address == PERSON)
    assert (held.status, held.reason) == (
        "suppressed",
        "It takes 2 SMS segments, and the connection may send 1 a day.",
    )
    assert len(phone.twilio.taken) == 1
    assert (await standing(phone)).tone == "good"


@pytest.mark.asyncio
async def test_further_tries_of_one_text_count_once_and_a_replay_counts_anew(phone: Phone) -> None:
    await phone.allow(daily_segments=2, unasked_per_hour=100)
    phone.twilio.say(problem(20429, 429))
    await queue(phone, PERSON)
    await phone.drain()
    await phone.now()
    await phone.drain()
    (row,) = await phone.deliveries()
    assert (row.status, row.attempts) == ("accepted", 2)
    await phone.report(phone.twilio.taken[0], "failed", 30003)
    await phone.drain()

    def used() -> int:
        return SpendingCount.objects.get(what="units").count

    assert await phone.inside(used) == 1
    await phone.inside(lambda: replaying.replay(phone.who, row.id))
    await phone.drain()
    assert await phone.inside(used) == 2
    assert len(phone.twilio.taken) == 2


@pytest.mark.asyncio
@pytest.mark.parametrize("why", ["missing", "refused"])
async def test_what_waited_for_a_secret_for_days_counts_on_the_day_it_leaves(phone: Phone, why: str) -> None:
    await phone.allow(**ROOMY | {"daily_segments": 2})
    if why == "missing":
        await phone.inside(lambda: secret_store.delete(phone.who, "twilio-token"))
    else:
        await phone.inside(lambda: secret_store.write(phone.who, "twilio-token", "another"))

    def pass_a_day() -> None:
        SpendingCount.objects.all().delete()
        Delivery.objects.filter(let_go_at__isnull=False).update(let_go_at=F("let_go_at") - dt.timedelta(days=1))
        Connection.objects.update(rests_until=None)

    for day in range(3):
        await queue(phone, *(f"+1415555{day}{number:03}" for number in range(2)))
        await phone.now()
        await phone.drain()
        await phone.inside(pass_a_day)
    await phone.inside(lambda: secret_store.write(phone.who, "twilio-token", TOKEN))
    await phone.drain()
    assert len(phone.twilio.taken) == 2
    assert await statuses(phone) == ["accepted"] * 2 + ["parked"] * 4


@pytest.mark.asyncio
async def test_where_the_count_can_not_be_read_nothing_is_sent(phone: Phone) -> None:
    await phone.inside(lambda: Connection.objects.update(config={**phone.connection.config, "daily_segments": "many"}))
    await phone.text("hello")
    await phone.drain()
    assert phone.twilio.taken == []
    first = (await phone.deliveries())[0]
    assert (first.standing, "can't be counted" in first.reason) == ("parked", True)
    assert first.due_at - timezone.now() <= dt.timedelta(minutes=1)
    await phone.allow(daily_segments=100)
    await phone.drain()
    assert (await phone.deliveries())[0].status == "accepted"


@pytest.mark.asyncio
async def test_counts_of_days_that_are_over_are_thrown_away(phone: Phone) -> None:
    def old() -> None:
        since = timezone.now() - dt.timedelta(days=4)
        SpendingCount.objects.create(connection=phone.connection, what="cold", whose="+1415555", since=since, count=3)

    await phone.inside(old)
    await phone.text("hello")
    await phone.drain()
    left = await phone.inside(lambda: list(SpendingCount.objects.values_list("since", flat=True)))
    assert left
    assert min(left) > timezone.now() - spending.KEPT


# --- Countries ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+14155550123", "US"),
        ("+4930901820", "DE"),
        ("+18095551234", "DO"),
        ("+447624123456", "IM"),
        ("+77011234567", "KZ"),
        # Not assigned as far as the library knows.
        ("+15551234567", "US"),
        # Satellites, and no number at all.
        ("+882123456789", None),
        ("+99912345678", None),
        ("hello", None),
    ],
)
def test_the_country_of_a_number(number: str, country: str | None) -> None:
    assert numbers.country_of(number) == country


@pytest.mark.parametrize(
    ("config", "countries"),
    [
        ({"from_number": "+4930901820"}, {"DE"}),
        ({"from_number": "+14155552671"}, {"US", "CA"}),
        ({"from_number": "+14155552671", "allowed_countries": ["DE"]}, {"DE"}),
        ({"messaging_service_sid": SERVICE}, set()),
    ],
)
def test_where_a_connection_sends_to(config: dict[str, Any], countries: set[str]) -> None:
    assert TwilioSms.bounds(config).countries == countries


@pytest.mark.asyncio
async def test_another_country_is_refused_in_words_until_it_is_allowed(phone: Phone) -> None:
    await phone.text("hello", GERMAN)
    await phone.drain()
    assert phone.twilio.taken == []
    first = (await phone.deliveries())[0]
    assert first.status == "suppressed"
    assert first.reason == f"{GERMAN} is a number of DE, and the connection sends to CA, US only."
    assert "Add DE to the countries" in first.remedy
    assert (await standing(phone)).tone == "good"
    await phone.allow(allowed_countries=["us", "de"])
    assert (await phone.refresh()).config["allowed_countries"] == ["DE", "US"]
    await phone.inside(lambda: replaying.replay(phone.who, first.id))
    await phone.drain()
    assert {one.form["To"] for one in phone.twilio.taken} == {GERMAN}
    assert (await phone.inside(lambda: Delivery.objects.get(id=first.id))).status == "accepted"


@pytest.mark.asyncio
async def test_a_service_without_countries_answers_who_wrote_and_writes_to_nobody_first(
    transactional_db: None, twilio: TwilioEnd
) -> None:
    workspace = await asyncio.to_thread(factories.make_workspace)
    phone = await asyncio.to_thread(lambda: make_phone(workspace, twilio, messaging_service_sid=SERVICE))
    await phone.text("hello", GERMAN)
    await queue(phone, PERSON)
    await phone.drain()
    assert {one.form["To"] for one in twilio.taken} == {GERMAN}
    held = next(row for row in await phone.deliveries() if row.address == PERSON)
    assert (held.status, "only answers who wrote to it" in held.reason) == ("suppressed", True)


@pytest.mark.asyncio
async def test_a_test_message_to_another_country_is_refused_where_it_is_typed(phone: Phone) -> None:
    def send() -> None:
        examples.send_message(phone.who, phone.connection, "+49 30 901820")

    with pytest.raises(Problem) as refused:
        await phone.inside(send)
    assert "is a number of DE" in refused.value.errors["address"][0]


# --- Guards ---------------------------------------------------------------------------------------------------------


@pytest.mark.asyncio
async def test_unasked_a_number_is_sent_three_in_an_hour_and_a_held_back_one_can_be_replayed_in_the_next(
    phone: Phone,
) -> None:
    await queue(phone, *[PERSON] * 5)
    await phone.drain()
    assert len(phone.twilio.taken) == 3
    held = [row for row in await phone.deliveries() if row.status == "suppressed"]
    assert len(held) == 2
    assert "3 messages went to this number that it had not asked for" in held[0].reason
    assert "next hour" in held[0].remedy
    # What was refused was counted nowhere else.
    counts = await phone.inside(lambda: dict(SpendingCount.objects.values_list("what", "count")))
    assert counts == {"unasked": 3, "cold": 3, "units": 3}
    await phone.inside(lambda: replaying.replay(phone.who, held[0].id))
    with time_machine.travel(timezone.now() + dt.timedelta(hours=1), tick=True):
        await phone.drain()
    assert len(phone.twilio.taken) == 4


@pytest.mark.asyncio
@pytest.mark.parametrize("again", ["beside", "instead"])
async def test_another_connection_does_not_double_what_goes_to_a_number_or_a_range(phone: Phone, again: str) -> None:
    await phone.allow(new_per_range=4)
    await queue(phone, *[PERSON] * 5)
    await phone.drain()
    assert len(phone.twilio.taken) == 3
    if again == "instead":
        await phone.inside(lambda: connections.delete(phone.who, phone.connection))
    other = await asyncio.to_thread(
        lambda: make_phone(phone.workspace, phone.twilio, from_number="+14155552672", new_per_range=4)
    )
    await queue(other, PERSON, PERSON[:-1] + "7", PERSON[:-1] + "8")
    await other.drain()
    # None to that number, and one more to its range.
    assert len(phone.twilio.taken) == 4
    assert PERSON not in {one.form["To"] for one in phone.twilio.taken[3:]}


@pytest.mark.asyncio
async def test_a_rehearsal_uses_up_nothing_of_what_may_be_sent(phone: Phone) -> None:
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)

    def count(is_rehearsal: bool) -> int | None:
        phone.connection.is_rehearsal = is_rehearsal
        return spending._count(phone.connection, SpendingKind.COLD, "+1415555", hour, most=1, is_of_all=True)

    assert [await phone.inside(count, one) for one in (True, True, False, False)] == [1, None, 1, None]


@pytest.mark.asyncio
async def test_who_keeps_writing_is_answered_each_time(phone: Phone) -> None:
    for _ in range(8):
        await phone.text("hello")
        await phone.drain()
    assert {row.status for row in await phone.deliveries()} == {"accepted"}
    assert len(phone.twilio.taken) >= 8


@pytest.mark.asyncio
async def test_after_so_many_answers_to_one_message_more_counts_as_unasked(phone: Phone) -> None:
    await phone.text("hello")
    await phone.drain()
    answer = (await phone.deliveries())[0]

    def more() -> None:
        last = Delivery.objects.count()
        for number in range(1, REPLIES + 10):
            Delivery.objects.create(
                connection=phone.connection,
                conversation=answer.conversation,
                lane=answer.lane,
                position=last + number,
                address=PERSON,
                what="SMS",
                content={"text": f"and {number}"},
                due_at=timezone.now(),
            )

    await phone.inside(more)
    await phone.drain()
    assert len(phone.twilio.taken) == REPLIES + 3
    await phone.text("go on")
    await phone.drain()
    assert len(phone.twilio.taken) > REPLIES + 3


@pytest.mark.asyncio
async def test_of_a_range_of_numbers_ten_new_ones_are_answered_in_an_hour(phone: Phone) -> None:
    for number in range(12):
        await phone.text("hello", f"+1415666{number:04}")
    await phone.text("hello", "+14156670000")
    await phone.drain()
    assert len({one.form["To"] for one in phone.twilio.taken}) == 11
    held = [row for row in await phone.deliveries() if row.status == "suppressed"]
    assert {row.address[:-4] for row in held} == {"+1415666"}
    assert "10 messages went to new numbers that begin with +1415666" in held[0].reason
    # Who was answered before goes on being answered.
    before = len(phone.twilio.taken)
    await phone.text("hello again", phone.twilio.taken[0].form["To"])
    await phone.drain()
    assert len(phone.twilio.taken) > before
    await phone.allow(new_per_range=100)
    await phone.inside(lambda: [replaying.replay(phone.who, row.id) for row in held])
    await phone.drain()
    assert "suppressed" not in await statuses(phone)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"allowed_countries": "US, Germany"}, "allowed_countries"),
        ({"allowed_countries": ["XX"]}, "allowed_countries"),
        ({"daily_segments": 0}, "daily_segments"),
        ({"daily_segments": "many"}, "daily_segments"),
        ({"unasked_per_hour": 10**9}, "unasked_per_hour"),
        ({"new_per_range": -1}, "new_per_range"),
    ],
)
async def test_what_can_not_be_a_bound_is_refused_beside_its_field(
    phone: Phone, config: dict[str, Any], field: str
) -> None:
    with pytest.raises(Problem) as refused:
        await phone.allow(**config)
    assert list(refused.value.errors) == [f"config.{field}"]


@pytest.mark.asyncio
async def test_a_connection_that_costs_nothing_is_not_counted(bridge: Any) -> None:
    bridge.far.script(Said(200))
    await bridge.say("hello")
    await bridge.drain()
    assert await bridge.inside(lambda: Delivery.objects.filter(let_go_at__isnull=False).count()) == 0
    assert await bridge.inside(SpendingCount.objects.count) == 0
