"""STOP, START and HELP: kept in a ledger, asked at the moment of sending, answered by silence."""

from __future__ import annotations

import asyncio
import datetime as dt
from uuid import uuid4

import pytest
from django.utils import timezone

from channels_app import claims, examples
from channels_app.drain import Drain
from channels_app.models import Connection, Consent, ConsentChange, Delivery
from channels_app.providers.twilio import words
from deployments.models import Conversation
from tests.channels.phones import ROOMY, Phone
from tests.channels.twilio_end import PERSON

OTHER = "+14155550199"


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("STOP", "stop"),
        (" stop \n", "stop"),
        ("Stop.", "stop"),
        ("StopAll", "stop"),
        ("UNSUBSCRIBE", "stop"),
        ("cancel", "stop"),
        ("ARRÊT", "stop"),
        ("Arre\u0302t", "stop"),
        ("Abmelden", "stop"),
        ("ｓｔｏｐ", "stop"),
        ("opt-out", "stop"),
        ("STOP,", "stop"),
        ("Stop?", "stop"),
        ("STOP \U0001f6d1\ufe0f", "stop"),
        ("STOP\u200b", "stop"),
        ("\u202astop\u202c", "stop"),
        ("Stop promotions", "stop"),
        ("\u00a1ALTO!", "stop"),
        ("BAJA", "stop"),
        ("\u0421\u0422\u041e\u041f", "stop"),
        ("\u505c\u6b62", "stop"),
        ("\u9000\u8ba2\u3002", "stop"),
        ("\u062a\u0648\u0642\u0641", "stop"),
        ("\u0130PTAL", "stop"),
        ("START", "start"),
        ("unstop", "start"),
        ("HELP", "help"),
        ("Hilfe", "help"),
        ("please stop", ""),
        ("Baja California", ""),
        ("stop 5", ""),
        ("stopwatch", ""),
        ("no", ""),
        ("nein", ""),
        ("\U0001f44d", ""),
        ("Stop sending me these", ""),
        ("Where is the bus stop?", ""),
        ("stop" + " " * 60, ""),
        ("end of story", ""),
        ("", ""),
        ("...", ""),
    ],
)
def test_a_word_counts_where_it_is_the_whole_message(text: str, wish: str) -> None:
    assert words.wish_of(text) == wish


def test_twilios_own_finding_wins_and_a_connection_has_words_of_its_own() -> None:
    assert words.wish_of("leave me alone", "STOP") == "stop"
    assert words.wish_of("hello", "START") == "start"
    assert words.wish_of("Basta!", extra_stop=["basta", ""]) == "stop"
    assert words.wish_of("", extra_stop=[""]) == ""


@pytest.mark.asyncio
async def test_after_stop_there_is_silence_until_start(phone: Phone) -> None:
    await phone.text("hello")
    await phone.drain()
    said = len(phone.twilio.taken)
    assert said
    await phone.text("Stop")
    # Stored with the event, not when a worker comes to it.
    assert await phone.consent() == "withdrawn"
    await phone.drain()
    await phone.text("are you there?")
    await phone.text("HELP")
    await phone.drain()
    assert len(phone.twilio.taken) == said
    assert (await phone.inside(lambda: Conversation.objects.get().status)) == "completed"
    assert [event.state for event in await phone.events()] == ["handled"] * 4
    await phone.text("START")
    await phone.drain()
    assert len(phone.twilio.taken) == said
    assert await phone.consent() == "given"
    await phone.text("hello")
    await phone.drain()
    assert len(phone.twilio.taken) > said
    ledger = await phone.inside(lambda: list(ConsentChange.objects.order_by("at").values_list("state", "source")))
    assert ledger == [("withdrawn", "They wrote 'Stop'."), ("given", "They wrote 'START'.")]


@pytest.mark.asyncio
async def test_who_never_opted_out_may_say_yes_to_the_assistant_and_agrees_to_nothing_by_it(phone: Phone) -> None:
    await phone.text("yes")
    await phone.drain()
    assert phone.twilio.taken
    assert (await phone.messages())[0].text == "yes"
    assert await phone.consent() is None
    # After STOP it opts in, as Twilio lets them through again.
    await phone.text("STOP")
    await phone.text("yes")
    await phone.drain()
    assert await phone.consent() == "given"


@pytest.mark.asyncio
async def test_help_is_twilios_to_answer_unless_the_connection_says_otherwise(phone: Phone) -> None:
    await phone.text("HELP")
    await phone.drain()
    assert phone.twilio.taken == []

    def let() -> None:
        connection = Connection.objects.get()
        connection.config |= {"answers_help": True}
        connection.save()

    await phone.inside(let)
    await phone.text("HELP")
    await phone.drain()
    assert phone.twilio.taken


@pytest.mark.asyncio
async def test_a_test_message_that_waits_is_held_back_by_a_stop(phone: Phone) -> None:
    await phone.text("hello")
    await phone.drain()
    said = len(phone.twilio.taken)
    (test,) = await phone.inside(lambda: examples.send_message(phone.who, phone.connection, PERSON))
    await phone.text("STOP")
    await phone.drain()
    held = await phone.inside(lambda: Delivery.objects.get(id=test.id))
    assert (held.status, len(phone.twilio.taken)) == ("suppressed", said)
    assert "opted out" in held.reason


@pytest.mark.asyncio
async def test_a_stop_for_one_number_stops_nobody_else(phone: Phone) -> None:
    await phone.text("STOP")
    await phone.text("hello", OTHER)
    await phone.drain()
    assert {one.form["To"] for one in phone.twilio.taken} == {OTHER}


@pytest.mark.asyncio
@pytest.mark.parametrize("by_report", [True, False])
async def test_twilios_refusal_because_they_opted_out_is_noted(phone: Phone, by_report: bool) -> None:
    if not by_report:
        phone.twilio.refuse(21610, 400)
    await phone.text("hello")
    await phone.drain()
    if by_report:
        await phone.report(phone.twilio.taken[0], "failed", 21610)
        await phone.drain()
    first = (await phone.deliveries())[0]
    assert (first.status, first.code) == ("failed", "21610")
    assert "START" in first.remedy
    assert await phone.consent() == "withdrawn"
    assert (await phone.refresh()).fault == ""
    said = len(phone.twilio.taken)
    await phone.text("hello?")
    await phone.drain()
    assert len(phone.twilio.taken) == said


@pytest.mark.asyncio
async def test_a_thousand_queued_texts_race_a_stop_and_none_leaves_that_was_claimed_after_it(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    await phone.allow(**ROOMY)
    # Nothing is claimed a second time, however slow this machine is.
    monkeypatch.setattr(claims, "LEASE", dt.timedelta(hours=1))
    now = timezone.now()

    def queue() -> None:
        # Lanes of their own, so that nothing but consent holds them back.
        Delivery.objects.bulk_create(
            Delivery(
                workspace_id=phone.workspace.id,
                connection=phone.connection,
                lane=uuid4(),
                position=1,
                address=PERSON,
                what="SMS",
                content={"text": f"number {number}"},
                due_at=now,
            )
            for number in range(1000)
        )

    await phone.inside(queue)
    claimed_at = []

    async def claim_all() -> None:
        while await phone.inside(phone._rush):
            for one in await phone.inside(lambda: claims.claim(phone.workspace.id, 64)):
                claimed_at.append(one.delivery_id)

    async def stop() -> None:
        while len(claimed_at) < 40:
            await asyncio.sleep(0)
            await phone.inside(lambda: None)
        await phone.text("STOP")

    await asyncio.gather(claim_all(), claim_all(), stop())
    statuses = await phone.inside(lambda: list(Delivery.objects.values_list("status", "id")))
    held = {found for status, found in statuses if status == "suppressed"}
    assert held.isdisjoint(claimed_at)
    assert len(held) + len(claimed_at) == 1000
    assert held
    consent = await phone.inside(lambda: Consent.objects.get())
    late = await phone.inside(lambda: Delivery.objects.filter(tried__started_at__gt=consent.changed_at).count())
    # A claim that was under way held the STOP up, so its attempt began before the ledger said so or is the very same.
    assert late == 0
    await Drain().idle()
    assert phone.twilio.taken == []
