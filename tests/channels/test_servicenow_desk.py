"""A hand-over to ServiceNow from its beginning to its end, through the outbox, the looks and the inbound address."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from django.utils import timezone

from channels_app import connections
from channels_app.models import Delivery, DeskCase
from channels_app.providers import registry
from channels_app.providers.servicenow import budget
from channels_app.providers.servicenow.provider import Servicenow
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from tests import factories
from tests.channels.conftest import Bridge
from tests.channels.far_end import FarEnd, Said
from tests.channels.servicenow_instance import AGENT, SECRET, START, US, Instance, answer, error
from tests.channels.test_desks import Room
from workspaces import secret_store

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


class Desk(Bridge):
    """A connection to ServiceNow, whose far end is an instance."""

    @property
    def path(self) -> str:
        return f"/v1/public/channels/servicenow/{self.connection.id}"

    async def told(self, body: dict[str, Any]) -> Any:
        """A call of the business rule, or a post of the Virtual Agent."""
        raw, timestamp = json.dumps(body).encode(), str(int(time.time()))
        mac = hmac.new(SECRET.encode(), f"{timestamp}.".encode() + raw, hashlib.sha256).digest()
        headers = {
            "X-Convoship-Timestamp": timestamp,
            "X-Convoship-Signature": base64.b64encode(mac).decode(),
            "X-Convoship-Secret": SECRET,
        }
        response = await self.post(raw, headers)
        await self.drain()
        return response

    async def case(self) -> DeskCase:
        return await self.inside(lambda: DeskCase.objects.latest("opened_at"))


def make(far: FarEnd, **config: Any) -> Desk:
    workspace = factories.make_workspace()
    who, assistant = factories.actor(workspace), factories.make_assistant(workspace)
    base = {"instance": "acme", "api_base_url": f"http://127.0.0.1:{far.port}", **config}
    with tenant(workspace.id):
        for key, value in (("snow-user", US), ("snow-password", "p"), ("snow-secret", SECRET)):
            secret_store.write(who, key, value)
        made = connections.create(
            who,
            kind="servicenow",
            name="Service desk",
            assistant_id=assistant.id,
            config=base,
            credentials={"username": "snow-user", "password": "snow-password", "webhook_secret": "snow-secret"},
        )
    return Desk(workspace, made.connection, {}, far, who, factories.owner_of(workspace).email)


@pytest.fixture
def instance(far: FarEnd, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Instance:
    settings.OUTBOUND_ALLOW_PRIVATE = True
    monkeypatch.setitem(registry.PROVIDERS, "servicenow", Servicenow)
    budget._accounts.clear()
    found = Instance(far)
    # What it calls now is about what we do.
    found.seconds = int(time.time() - START.timestamp())
    return found


async def opened(desk: Desk) -> Room:
    room = Room(desk)
    await room.begin([str(desk.connection.id)])
    await room.visitor("My laptop is broken.")
    await room.ask()
    return room


async def test_a_hand_over_goes_through_an_incident_both_ways(instance: Instance, far: FarEnd) -> None:
    desk = await in_thread(make, far)
    room = await opened(desk)
    (record,) = instance.tables["incident"]
    case = await desk.case()
    assert (case.ref, case.number, case.key) == (record["sys_id"], record["number"], record["correlation_id"])
    assert (await room.case()).case_ref == record["number"]
    sys_id, told = record["sys_id"], 0

    async def rule() -> None:
        nonlocal told
        told += 1
        response = await desk.told({"event_id": f"e{told}", "table": "incident", "sys_id": sys_id})
        assert response.status_code == 200

    instance.update("incident", record, {"assigned_to": AGENT}, AGENT)
    await rule()
    assert ((await room.case()).state, (await room.case()).holder_name) == ("accepted", "Beth Anglin")
    instance.write(sys_id, "comments", "Have you tried turning it off?")
    await rule()
    assert await room.lines("agent") == ["Have you tried turning it off?"]
    assert (await room.case()).state == "live"
    await room.visitor("Yes.")
    await desk.now()
    await desk.drain()
    assert instance.journal("comments")[-1].endswith(": Yes.")
    # Nothing of ours comes back.
    await rule()
    assert await room.lines("agent") == ["Have you tried turning it off?"]
    instance.write(sys_id, "work_notes", "/bot New charger ordered")
    await rule()
    assert ((await room.case()).outcome, (await room.case()).summary) == ("by_desk", "New charger ordered")
    # The same conversation again is in the same record.
    await room.ask()
    await desk.now()
    await desk.drain()
    assert len(instance.tables["incident"]) == 1
    assert record["correlation_id"] == (await desk.case()).key
    instance.update("incident", record, {"state": "6"}, AGENT)
    await rule()
    assert not (await room.row()).is_active


async def test_what_an_agent_writes_after_the_end_is_answered_by_a_note(instance: Instance, far: FarEnd) -> None:
    desk = await in_thread(make, far)
    room = await opened(desk)
    await room.leave()
    (record,) = instance.tables["incident"]
    instance.write(record["sys_id"], "comments", "Hello?")
    await desk.told({"event_id": "e1", "sys_id": record["sys_id"]})
    await desk.drain()
    assert await room.lines("agent") == []
    assert "did not reach the visitor" in instance.journal("work_notes")[-1]


async def test_lost_answers_make_nothing_twice(instance: Instance, far: FarEnd) -> None:
    desk = await in_thread(make, far)
    done, lost = instance.say, []

    def say(seen: Any) -> Said:
        said = done(seen)
        if seen.method in {"POST", "PATCH"} and seen.body not in lost:
            lost.append(seen.body)
            return Said(cut=True)
        return said

    far.answers = say
    room = await opened(desk)
    await room.visitor("Hello?")
    for _ in range(8):
        await desk.now()
        await desk.drain()
    assert len(instance.tables["incident"]) == 1
    assert len(instance.journal("work_notes")) == 1
    assert [one.partition(": ")[2] for one in instance.journal("comments")] == ["My laptop is broken.", "Hello?"]
    statuses = await desk.inside(lambda: set(Delivery.objects.values_list("status", flat=True)))
    assert statuses == {"delivered"}


async def test_a_forged_call_changes_nothing(instance: Instance, far: FarEnd) -> None:
    desk = await in_thread(make, far)
    room = await opened(desk)
    (record,) = instance.tables["incident"]
    instance.write(record["sys_id"], "comments", "Your card number, please")
    response = await desk.post({"sys_id": record["sys_id"]}, {"X-Convoship-Signature": "x"})
    await desk.drain()
    assert response.status_code in {401, 403}
    assert await room.lines("agent") == []


# --- The Virtual Agent ------------------------------------------------------------------------------------------------


async def chatting(instance: Instance, far: FarEnd) -> tuple[Desk, Room, dict[str, Any]]:
    desk = await in_thread(lambda: make(far, mode="virtual_agent"))
    far.answers = lambda seen: answer({"result": {"status": "success"}})
    room = await opened(desk)
    body = far.seen[0].json
    echo = {one: body[one] for one in ("requestId", "clientSessionId", "clientVariables", "userId")}
    return desk, room, echo


def spoken(words: str, message_id: str) -> dict[str, Any]:
    element = {"uiType": "OutputText", "value": words, "messageId": message_id}
    return {"agentChat": True, "body": [{**element, "agentInfo": {"sentFromAgent": True, "agentName": "Beth"}}]}


async def test_a_live_agent_chats_and_ends_it(instance: Instance, far: FarEnd) -> None:
    desk, room, echo = await chatting(instance, far)
    assert far.seen[0].json["action"] == "AGENT"
    for _ in range(2):
        response = await desk.told({**echo, **spoken("Hello, this is Beth", "m1")})
        assert response.status_code == 200
    assert await room.lines("agent") == ["Hello, this is Beth"]
    await room.visitor("Hi Beth")
    assert far.seen[-1].json["message"]["text"] == "Hi Beth"
    await desk.told({**echo, "body": [], "completed": True})
    assert not (await room.row()).is_active


TIMED_OUT = {
    "completed": True,
    "body": [
        {"uiType": "ActionMsg", "actionType": "System", "message": "The chat has timed out."},
        {"uiType": "ActionMsg", "actionType": "SwitchToVirtualAgent"},
    ],
}


@pytest.mark.parametrize("has_come", [True, False])
async def test_a_chat_that_times_out_goes_back_or_on_and_is_not_said_to_be_closed_by_its_agent(
    instance: Instance, far: FarEnd, has_come: bool
) -> None:
    desk, room, echo = await chatting(instance, far)
    if has_come:
        await desk.told({**echo, **spoken("Hello, this is Beth", "m1")})
    await desk.told({**echo, **TIMED_OUT})
    case, row = await room.case(), await room.row()
    assert row.is_active
    assert not any("closed" in line for line in await room.lines("system"))
    if has_come:
        assert (case.outcome, case.summary) == ("by_desk", "The chat has timed out.")
    else:
        assert case.tried[0]["words"] == "The chat has timed out."


async def test_nobody_there_sends_the_conversation_back(instance: Instance, far: FarEnd) -> None:
    desk, room, echo = await chatting(instance, far)
    words = "No agents are available at the moment."
    await desk.told({**echo, "completed": True, "body": [{"uiType": "OutputText", "value": words}]})
    case, row = await room.case(), await room.row()
    assert row.is_active
    assert case.tried[0]["words"] == words


async def test_silence_after_the_opening_shows_with_the_case_until_something_is_heard(
    instance: Instance, far: FarEnd
) -> None:
    desk, _, echo = await chatting(instance, far)

    async def look() -> DeskCase:
        await desk.inside(lambda: DeskCase.objects.update(look_at=timezone.now()))
        await desk.drain()
        return await desk.case()

    assert "nothing came back" in (await look()).trouble
    await desk.told({**echo, "body": [{"uiType": "OutputText", "value": "Please wait"}]})
    assert (await look()).trouble == ""


async def test_refused_credentials_stop_the_connection(instance: Instance, far: FarEnd) -> None:
    desk = await in_thread(make, far)
    far.answers = lambda seen: error(401, "User Not Authenticated")
    await opened(desk)
    connection = await desk.refresh()
    assert connection.stopped_since is not None
    assert "System Security" in connection.fault_remedy
