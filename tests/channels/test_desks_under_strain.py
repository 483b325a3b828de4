"""Desks outside the house when something goes wrong beside: late, forbidden, stopped, deleted, busy, or at once."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from asgiref.sync import sync_to_async
from django.db.models import F
from django.test import Client
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from channels_app import connections, desk_cases, desk_looks, doors, inbound
from channels_app.drain import PLACES_OF_ONE, Drain
from channels_app.models import Connection, DeskCase, InboundEvent, Rehearsal
from channels_app.providers import rest
from channels_app.providers.servicenow.pasting import USER
from channels_app.providers.servicenow.va_events import COPY_SECONDS
from channels_app.rehearsal import rehearsing
from channels_app.rehearsal.desk import DeskStandIn
from convoship.lib.outbound.sending import Answered
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments.models.handoff import HandoffState
from tests import factories
from tests.channels.conftest import Bridge
from tests.channels.rehearsed_desks import REHEARSED, RehearsedDesk, stage
from tests.channels.test_desks import Room
from tests.channels.test_rehearsed_desks import bridge as bridge
from tests.channels.test_rehearsed_desks import deliveries, opened, tell
from tests.channels.test_rehearsed_desks import desk as desk
from tests.channels.test_rehearsed_desks import room as room
from workspaces import secret_store
from workspaces.permissions import Role

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]

Make = Callable[[str], RehearsedDesk]

only_zendesk = pytest.mark.parametrize("desk", ["zendesk"], indirect=True)
those_with_records = pytest.mark.parametrize("desk", ["zendesk", "servicenow"], indirect=True)


@pytest.fixture
def make(bridge: Bridge, live_server: LiveServer, settings: Any) -> Make:
    """As many desks as a test wants."""
    parts = urlsplit(live_server.url)
    stage(settings, live_server.url, str(parts.hostname), int(parts.port or 80))
    return lambda kind: REHEARSED[kind](bridge)


async def unheard(desk: RehearsedDesk, does: str, text: str = "") -> None:
    """A button of the screen of which no call tells us."""
    form = {"address": (await desk.case()).ref, "does": does, "text": text, "name": "Olga", "wrongly": "on"}
    await sync_to_async(desk.client.post)(f"/app/channels/{desk.connection.id}/rehearsal/say", form)


async def looks_at(room: Room, seconds: int) -> None:
    """The cases are to be looked at in so many seconds."""
    at = timezone.now() + dt.timedelta(seconds=seconds)
    await room.bridge.inside(lambda: DeskCase.objects.update(look_at=at))


async def looks(room: Room, desk: RehearsedDesk) -> list[desk_looks.ClaimedLook]:
    """What is to be looked at, although it is not its time."""
    await looks_at(room, -1)
    return await room.bridge.inside(desk_looks.claim, desk.workspace.id, 5)


async def connection(room: Room, desk: RehearsedDesk) -> Connection:
    return await room.bridge.inside(lambda: Connection.objects.get(id=desk.connection.id))


async def row_of(room: Room, desk: RehearsedDesk) -> DeskCase:
    return await room.bridge.inside(lambda: DeskCase.objects.filter(connection=desk.connection).latest("opened_at"))


def is_free(row: Connection) -> bool:
    return (row.stopped_since, row.rests_until, row.fault) == (None, None, "")


# --- Late -------------------------------------------------------------------------------------------------------------


async def answered_late(room: Room, desk: RehearsedDesk) -> None:
    await sync_to_async(desk.leaves_cases)()
    await opened(room, desk)
    await desk.settle()
    await room.time_is_up()
    await desk.say("Sorry that it took so long.", "d1")


@those_with_records
async def test_after_a_late_answer_the_agents_next_line_is_heard(room: Room, desk: RehearsedDesk) -> None:
    await answered_late(room, desk)
    await desk.say("Is it the red one?", "d2")
    assert await room.lines("agent") == ["Sorry that it took so long.", "Is it the red one?"]


@those_with_records
async def test_after_a_late_answer_the_agent_can_give_it_back(room: Room, desk: RehearsedDesk) -> None:
    await answered_late(room, desk)
    await desk.give_back("Sent another.")
    assert (await room.row()).control == "assistant"
    assert (await room.case()).summary == "Sent another."


@those_with_records
async def test_after_a_late_answer_solving_ends_the_conversation(room: Room, desk: RehearsedDesk) -> None:
    await answered_late(room, desk)
    await desk.close()
    assert (await room.row()).status == "completed"


# --- Passed on --------------------------------------------------------------------------------------------------------


async def test_a_desk_that_forbids_it_holds_up_no_other_desk_outside_the_house(room: Room, make: Make) -> None:
    first, second = await sync_to_async(make)("zendesk"), await sync_to_async(make)("servicenow")
    await sync_to_async(tell)(first, first.forbids, None)
    await room.begin([first.ref, second.ref])
    # So long that more than the opening has to be told.
    for number in range(4):
        await room.visitor(f"{number}: my kettle leaks. " + "x" * 9000)
    await room.ask()
    for _ in range(3):
        await room.bridge.drain()
    assert (await room.case()).desk == second.ref
    assert len(await sync_to_async(second.cases)()) == 1
    assert await sync_to_async(first.cases)() == []
    told = [one for one in await deliveries(room) if str(one.connection_id) == first.ref]
    assert [one.status for one in told] == ["failed"] + ["suppressed"] * (len(told) - 1)
    assert len(told) > 1
    assert {one.reason for one in told[1:]} == {"The case went on to another desk before this was told."}


@those_with_records
async def test_a_turn_that_fails_for_good_moves_the_case_on_and_its_record_says_so(
    room: Room, desk: RehearsedDesk
) -> None:
    await opened(room, desk, "inbox")
    await desk.settle()
    await desk.say("Hello.", "d1")
    await looks_at(room, 3600)
    await sync_to_async(tell)(desk, desk.forbids, 1)
    await room.visitor("One more thing.")
    await room.bridge.now()
    await room.bridge.drain()
    case = await room.case()
    assert (case.desk, case.state) == ("inbox", HandoffState.OFFERED)
    assert case.tried[-1]["words"].startswith("It could not be told:")
    assert (await row_of(room, desk)).closed_at is not None
    assert (await deliveries(room, "handoff.message"))[-1].status == "failed"
    # Of one record that may not be touched nothing follows for others.
    assert is_free(await connection(room, desk))
    await desk.settle()
    notes = [one.text for one in (await desk.case()).entries if one.role == "note"]
    assert any("so the conversation went on to somebody else" in text for text in notes), notes


@only_zendesk
async def test_a_ticket_that_was_deleted_makes_the_case_the_next_desks(room: Room, desk: RehearsedDesk) -> None:
    await opened(room, desk, "inbox")
    await desk.settle()
    ref = (await desk.case()).ref

    def delete() -> None:
        rehearsal = Rehearsal.objects.get(connection=desk.connection)
        del rehearsal.contents["tickets"][ref]
        rehearsal.save()

    await room.bridge.inside(delete)
    await looks_at(room, -1)
    await room.bridge.drain()
    case = await room.case()
    assert (case.desk, case.state) == ("inbox", HandoffState.OFFERED)
    assert case.tried[-1]["words"] == f"Ticket #{ref} is not at Zendesk any more."
    assert is_free(await connection(room, desk))


# --- At once ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("desk", ["servicenow"], indirect=True)
async def test_what_an_agent_wrote_before_they_resolved_it_is_told_before_the_end(
    room: Room, desk: RehearsedDesk
) -> None:
    await opened(room, desk)
    await desk.settle()
    await desk.say("Hello.", "d1")
    await unheard(desk, "reply", "I sent another. Bye.")
    await unheard(desk, "resolve")
    for look in await looks(room, desk):
        await desk_looks.run(look)
    events = {one.id: one for one in await room.bridge.events() if one.state == "received"}
    assert [one.content["says"] for one in events.values()] == ["message", "closed"]
    assert len({one.lane for one in events.values()}) == 1
    # Whoever claims gets the end only after the words.
    for says in ("message", "closed"):
        (claimed,) = await room.bridge.inside(inbound.claim, desk.workspace.id, 10)
        assert events[claimed.event_id].content["says"] == says
        assert await room.bridge.inside(inbound.claim, desk.workspace.id, 10) == []
        await room.bridge.inside(inbound.handle, claimed)
    assert await room.lines("agent") == ["Hello.", "I sent another. Bye."]
    assert (await room.row()).status == "completed"


@only_zendesk
async def test_a_visitors_line_that_goes_out_after_the_agent_solved_does_not_hide_that(
    room: Room, desk: RehearsedDesk
) -> None:
    await opened(room, desk)
    await desk.settle()
    await desk.say("Hello.", "d1")
    await unheard(desk, desk.closes)
    await looks_at(room, 3600)
    await room.visitor("Thanks!")
    await looks_at(room, 3600)
    await room.bridge.now()
    await room.bridge.drain()
    assert "Thanks!" in await desk.customers()
    await desk.settle()
    assert (await room.row()).status == "completed"


@those_with_records
async def test_a_note_that_only_begins_like_the_word_that_gives_back_is_a_note(room: Room, desk: RehearsedDesk) -> None:
    await opened(room, desk)
    await desk.say("Hello.", "d1")
    for text in ("/bottleneck in the warehouse", "/bot-like, this one"):
        await desk.does(desk.notes, text)
    assert (await room.row()).control == "human"
    assert await room.lines("agent") == ["Hello."]
    await desk.give_back("tried")
    assert (await room.row()).control == "assistant"


@pytest.mark.parametrize("desk", ["servicenow_live_agent"], indirect=True)
async def test_a_post_that_ends_the_second_chat_of_a_session_counts_although_the_first_ended_with_the_same(
    room: Room, desk: RehearsedDesk
) -> None:
    body = json.dumps({"clientSessionId": "", "body": [], "takeControl": True})

    def headers(raw: str) -> dict[str, str]:
        with tenant(desk.workspace.id):
            stand_in = rehearsing.held(desk.connection.id)
            assert isinstance(stand_in, DeskStandIn)
            return stand_in.sign("", raw, wrongly=False)

    async def gives_back() -> str:
        raw = body.replace('""', f'"{room.id}"')
        sent = await sync_to_async(headers)(raw)
        path = f"/v1/public/channels/servicenow/{desk.connection.id}"
        answer: Any = await room.bridge.client.generic("POST", path, raw, "application/json", headers=sent)
        assert answer.status_code == 200
        await room.bridge.drain()
        return str((await room.row()).control)

    await opened(room, desk)
    await desk.accept()
    assert await gives_back() == "assistant"
    await room.ask()
    await desk.settle()
    assert (await room.row()).control == "waiting"
    # The same at once is a copy.
    assert await gives_back() == "waiting"
    past = dt.timedelta(seconds=COPY_SECONDS + 1)
    await room.bridge.inside(lambda: InboundEvent.objects.update(received_at=F("received_at") - past))
    assert await gives_back() == "assistant"


# --- Looks ------------------------------------------------------------------------------------------------------------


@those_with_records
async def test_a_record_that_may_not_be_read_stops_no_connection(
    room: Room, desk: RehearsedDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opened(room, desk)
    await desk.settle()
    really = rest.ask

    async def forbidding(method: str, url: str, **more: Any) -> Answered:
        if method == "GET" and (await row_of(room, desk)).ref in url:
            return Answered(403, {"content-type": "application/json"}, b'{"error": {"message": "Not yours"}}')
        return await really(method, url, **more)

    monkeypatch.setattr(rest, "ask", forbidding)
    for look in await looks(room, desk):
        await desk_looks.run(look)
    row = await row_of(room, desk)
    assert "forbids it for this case" in row.trouble
    assert row.trouble_remedy
    assert row.look_at is not None
    assert is_free(await connection(room, desk))
    monkeypatch.setattr(rest, "ask", really)
    await desk.say("Here I am.", "d1")
    assert await room.lines("agent") == ["Here I am."]


@those_with_records
async def test_a_good_look_frees_no_connection(room: Room, desk: RehearsedDesk) -> None:
    await opened(room, desk)
    await desk.settle()
    (look,) = await looks(room, desk)
    now = timezone.now()
    stands: dict[str, Any] = {
        "stopped_since": now,
        "rests_until": now + dt.timedelta(minutes=15),
        "fault": "Forbidden.",
    }
    await room.bridge.inside(lambda: Connection.objects.filter(id=desk.connection.id).update(failures=3, **stands))
    await desk_looks.run(look)
    row = await row_of(room, desk)
    assert (row.failures, row.trouble, row.claim) == (0, "", None)
    assert row.looked_at is not None
    assert row.looked_at >= now
    found = await connection(room, desk)
    assert {name: getattr(found, name) for name in stands} == stands
    assert found.failures == 3


@those_with_records
@pytest.mark.parametrize("how", ["stopped_since", "rests_until"])
async def test_a_connection_that_is_stopped_or_rests_is_asked_nothing(
    room: Room, desk: RehearsedDesk, how: str
) -> None:
    await opened(room, desk)
    await desk.settle()
    await looks_at(room, -1)
    assert await in_thread(doors.due_cases, 200) == [desk.workspace.id]
    until = timezone.now() + dt.timedelta(minutes=1)
    await room.bridge.inside(lambda: Connection.objects.filter(id=desk.connection.id).update(**{how: until}))
    assert await in_thread(doors.due_cases, 200) == []
    assert await looks(room, desk) == []
    await room.bridge.inside(lambda: Connection.objects.filter(id=desk.connection.id).update(**{how: None}))
    assert await in_thread(doors.due_cases, 200) == [desk.workspace.id]
    assert len(await looks(room, desk)) == 1


@those_with_records
@pytest.mark.parametrize("is_good", [True, False])
async def test_a_case_that_is_long_closed_is_looked_at_once_more_and_then_never(
    room: Room, desk: RehearsedDesk, settings: Any, is_good: bool
) -> None:
    await opened(room, desk)
    await desk.settle()
    await room.leave()
    await desk.settle()
    if not is_good:
        # As if nothing answered at the desk.
        settings.PUBLIC_BASE_URL = "http://localhost:1"

    async def looked(closed_for: dt.timedelta) -> DeskCase:
        at = timezone.now() - closed_for
        await room.bridge.inside(lambda: DeskCase.objects.update(closed_at=at))
        (look,) = await looks(room, desk)
        await desk_looks.run(look)
        row = await row_of(room, desk)
        assert bool(row.trouble) is not is_good
        return row

    a_minute = dt.timedelta(minutes=1)
    assert (await looked(desk_cases.AFTER_CLOSING - a_minute)).look_at is not None
    assert (await looked(desk_cases.AFTER_CLOSING + a_minute)).look_at is None


@only_zendesk
async def test_people_at_desks_are_heard_while_a_campaign_fills_their_workspaces_places(
    room: Room, desk: RehearsedDesk
) -> None:
    await opened(room, desk)
    await desk.settle()
    await unheard(desk, desk.replies, "Here I am.")
    drain = Drain()
    drain.busy[desk.workspace.id] = PLACES_OF_ONE
    drain.looking[desk.workspace.id] = desk_looks.AT_ONCE
    await looks_at(room, -1)
    assert await drain._look_at_cases() == 0
    drain.looking.clear()
    assert await drain._look_at_cases() == 1
    assert drain.looking[desk.workspace.id] == 1
    await asyncio.gather(*drain.tasks)
    assert not drain.looking
    assert drain.busy[desk.workspace.id] == PLACES_OF_ONE
    await room.bridge.drain()
    assert await room.lines("agent") == ["Here I am."]


# --- What stands on pages ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OWNER])
async def test_no_value_of_a_credential_stands_on_the_page_of_a_connection(bridge: Bridge, role: Role) -> None:
    value = "convoship.hidden-user"

    def page() -> str:
        with tenant(bridge.workspace.id):
            secret_store.write(bridge.who, "servicenow_user", value)
            secret_store.write(bridge.who, "servicenow_rest", "x" * 40)
            made = connections.create(
                bridge.who,
                kind="servicenow",
                name="Service desk",
                assistant_id=factories.make_assistant(bridge.workspace).id,
                config={"instance": "acme"},
                credentials={
                    "username": "servicenow_user",
                    "password": "servicenow_rest",
                    "webhook_secret": "servicenow_rest",
                },
            )
        client = Client()
        client.force_login(factories.member(bridge.workspace, role))
        answer = client.get(f"/app/channels/{made.connection.id}/")
        assert answer.status_code == 200
        return answer.content.decode()

    shown = await sync_to_async(page)()
    assert USER in shown
    assert value not in shown
    assert "x" * 40 not in shown
