"""Desks that only post: whether they were heard of a case at all, and what an end means of which no more is said."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

import pytest
from django.db import transaction
from django.utils import timezone

from channels_app import desk_cases, desks
from channels_app.models import DeskCase, InboundEvent
from channels_app.providers.events import DeskSaid
from deployments.models import Handoff
from tests import factories
from tests.channels.conftest import Bridge, make_bridge
from tests.channels.far_end import FarEnd
from tests.channels.test_desks import Room

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def desk_bridge(db: None, far: FarEnd) -> Bridge:
    return make_bridge(factories.make_workspace(), far, desk=True, events=["conversation.ended"])


async def offered(bridge: Bridge) -> Room:
    room = Room(bridge)
    await room.begin([str(bridge.connection.id)])
    await room.visitor("Hello")
    await room.ask()
    return room


async def say(bridge: Bridge, room: Room, says: Literal["accepted", "ended"], key: str) -> None:
    case = await room.case()
    event = DeskSaid(key=key, address=f"{case.id}.{case.offers}", says=says, name="Beth")

    def take() -> None:
        with transaction.atomic():
            desks.take(bridge.connection, event, key)

    await bridge.inside(take)


async def test_an_end_that_nobody_had_taken_sends_the_case_on(desk_bridge: Bridge) -> None:
    room = await offered(desk_bridge)
    await say(desk_bridge, room, "ended", "e1")
    case, conversation = await room.case(), await room.row()
    assert conversation.is_active
    assert case.tried[0]["desk"] == str(desk_bridge.connection.id)


async def test_an_end_after_somebody_took_it_ends_the_conversation(desk_bridge: Bridge) -> None:
    room = await offered(desk_bridge)
    await say(desk_bridge, room, "accepted", "a1")
    await say(desk_bridge, room, "ended", "e1")
    case, conversation = await room.case(), await room.row()
    assert not conversation.is_active
    assert case.outcome == Handoff.Outcome.RESOLVED


async def test_a_case_is_heard_of_once_the_desk_posted_by_either_name(desk_bridge: Bridge) -> None:
    await offered(desk_bridge)

    def look() -> list[bool]:
        row = DeskCase.objects.get()
        row.ref, found = "session-1", [desk_cases.is_heard(row)]
        common: dict[str, Any] = {
            "connection": desk_bridge.connection,
            "kind": "unknown",
            "content": {},
            "body_digest": b"",
            "state": "ignored",
            "due_at": timezone.now(),
            "workspace_id": desk_bridge.workspace.id,
        }
        InboundEvent.objects.create(key="other", lane="session-2", **common)
        found.append(desk_cases.is_heard(row))
        InboundEvent.objects.create(key="ours", lane="session-1", **common)
        found.append(desk_cases.is_heard(row))
        # What was heard before it was opened was of the one before.
        row.opened_at = timezone.now() + dt.timedelta(seconds=1)
        return [*found, desk_cases.is_heard(row)]

    assert await desk_bridge.inside(look) == [False, False, True, False]
