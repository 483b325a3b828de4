"""Quiet hours: by the clock where the number is, and never for ever."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine

from channels_app import quiet_hours
from channels_app.quiet_hours import QuietHours
from deployments import conversations
from deployments.conversations import NewMessage
from deployments.models import Conversation
from deployments.models.conversation import AuthorKind
from tests.channels.phones import Phone
from tests.channels.twilio_end import PERSON

NIGHT = QuietHours.of("21:00-08:00")
NEW_YORK, SAN_FRANCISCO, AUSTRALIA, EVERYWHERE = "+12125550123", "+14155550123", "+61412345678", "+18005550123"


def at(hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime(2026, 11, 25, hour, minute, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("number", "now", "until"),
    [
        (NEW_YORK, at(1), None),  # 20:00 there
        (NEW_YORK, at(2), at(13)),  # 21:00 there, until 8:00 there
        (SAN_FRANCISCO, at(2), None),
        (SAN_FRANCISCO, at(15, 59), at(16)),
        (SAN_FRANCISCO, at(16), None),
        # Quiet anywhere from Lord Howe to the Cocos Islands: from the one's evening to the other's morning.
        (AUSTRALIA, at(12), dt.datetime(2026, 11, 26, 1, 30, tzinfo=dt.UTC)),
        ("not a number", at(12), None),
    ],
)
def test_it_is_quiet_by_the_clock_where_the_number_is(number: str, now: dt.datetime, until: dt.datetime | None) -> None:
    quiet = quiet_hours.now_at(number, NIGHT, now)
    assert (quiet.until if quiet else None) == until


def test_where_a_number_may_be_anywhere_it_is_not_quiet_for_ever() -> None:
    ends = [quiet_hours.now_at(EVERYWHERE, NIGHT, at(hour)) for hour in range(24)]
    assert any(quiet is None for quiet in ends)
    assert all(quiet is None or quiet.until - at(23) < dt.timedelta(days=1) for quiet in ends)


@pytest.mark.parametrize("typed", ["21-8", "25:00-08:00", "08:00-08:00", "night"])
def test_what_are_no_hours_are_refused_in_words(typed: str) -> None:
    with pytest.raises(ValueError, match=r"hours|until when"):
        QuietHours.of(typed)


@pytest.mark.asyncio
async def test_what_nobody_asked_for_waits_for_the_morning_or_for_a_word_of_theirs(phone: Phone) -> None:
    await phone.allow(quiet_hours="21:00-08:00")

    def write(text: str) -> None:
        conversation = conversations.lock(Conversation.objects.get().id)
        conversations.post_message(conversation, NewMessage(author_kind=AuthorKind.AGENT, text=text))

    with time_machine.travel(at(7), tick=True):  # 23:00 in California
        await phone.text("hello")
        await phone.drain()
        assert phone.twilio.taken  # an answer was asked for
        before = len(phone.twilio.taken)
    with time_machine.travel(at(7) + dt.timedelta(days=2), tick=True):
        await phone.inside(lambda: write("An offer."))
        await phone.drain()
        assert len(phone.twilio.taken) == before
        [*_, held] = await phone.deliveries()
        assert (held.standing.value, held.code) == ("parked", "quiet_hours")
        assert held.reason == "It is 23:00 where they are, and 21:00-08:00 are the connection's quiet hours."
        assert held.due_at == at(16) + dt.timedelta(days=2)
        await phone.text("are you up?", PERSON)
        await phone.drain()
        assert "An offer." in [one.body for one in phone.twilio.taken]
