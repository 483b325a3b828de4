"""A conversation at Genesys and back, through the outbox, the inbound address and the looks."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.test import Client
from django.utils import timezone

from channels_app import connections, desk_looks
from channels_app.models import Delivery, DeskCase
from channels_app.providers.genesys import webhooks
from channels_app.providers.genesys.provider import Genesys
from channels_app.providers.registry import PROVIDERS
from convoship.lib.tenancy import tenant
from deployments import conversations, handoff, handoff_rules, publishing
from deployments.models import Conversation, Handoff, Message
from tests import factories
from tests.channels.conftest import Bridge, make_bridge
from tests.channels.far_end import FarEnd
from tests.channels.genesys_end import (
    INBOUND,
    INTEGRATION,
    INTERACTION,
    SECRET,
    THERE,
    Organization,
    as_json,
    fixture,
    organization,
)
from tests.channels.phones import Phone, make_phone
from tests.channels.test_desks import Room
from tests.channels.twilio_end import TwilioEnd
from workspaces import secret_store

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]
LONG_AGO = "2026-11-28T09:59:00.000Z"
MESSAGES, RECEIPTS = f"POST {INBOUND}/message", f"POST {INBOUND}/receipt"


class GenesysRoom(Room):
    """A visitor whose assistant hands over to Genesys."""

    def __init__(self, bridge: Bridge, there: Organization) -> None:
        super().__init__(bridge)
        self.there = there
        self.path = f"/v1/public/channels/genesys/{bridge.connection.id}"

    async def hand_over(self) -> None:
        await self.begin([str(self.bridge.connection.id)])
        await self.visitor("My kettle leaks.")
        await self.ask()

    async def told(self, **changes: Any) -> int:
        """Genesys tells of an agent's message, or whatever else `changes` make of it."""
        body = fixture("text")
        body["id"] = uuid4().hex
        body["channel"]["to"]["id"] = str(self.id)
        return await self._post(self.path, {**body, **changes})

    async def acts(self, **body: Any) -> int:
        return await self._post(f"{self.path}/return", body, **{"x-convoship-secret": SECRET})

    async def _post(self, path: str, body: Any, **headers: str) -> int:
        raw = json.dumps(body).encode()
        headers = headers or {"x-hub-signature-256": webhooks.signature(SECRET, raw)}
        answer = await self.bridge.client.post(path, raw, content_type="application/json", headers=headers)
        await self.bridge.drain()
        return int(answer.status_code)

    async def authors(self) -> list[str]:
        def found() -> list[str]:
            rows = Message.objects.filter(conversation=self.id, author_kind="agent").order_by("seq")
            return list(rows.values_list("author_name", flat=True))

        return await self.bridge.inside(found)

    async def look(self) -> DeskCase:
        def claimed() -> Any:
            DeskCase.objects.update(look_at=timezone.now() - dt.timedelta(seconds=1))
            return desk_looks.claim(self.bridge.workspace.id, 5)

        for one in await self.bridge.inside(claimed):
            await desk_looks.run(one)
        await self.bridge.drain()
        return await self.bridge.inside(DeskCase.objects.latest, "opened_at")


@pytest.fixture
def there(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Organization]:
    settings.OUTBOUND_ALLOW_PRIVATE = True
    monkeypatch.setitem(PROVIDERS, "genesys", Genesys)
    with organization() as found:
        yield found


@pytest.fixture
def room(transactional_db: None, there: Organization, far: FarEnd) -> GenesysRoom:
    workspace = factories.make_workspace()
    bridge = make_bridge(workspace, far)
    with tenant(workspace.id):
        for name, value in (("g_id", str(uuid4())), ("g_secret", "s"), ("g_hook", SECRET)):
            secret_store.write(bridge.who, name, value)
        bridge.connection = connections.create(
            bridge.who,
            kind="genesys",
            name="Our Genesys",
            assistant_id=bridge.connection.assistant_id,
            config={"region": "eu-central-1", "integration_id": INTEGRATION, "api_base_url": there.base},
            credentials={"client_id": "g_id", "client_secret": "g_secret", "webhook_secret": "g_hook"},
        ).connection
    return GenesysRoom(bridge, there)


async def test_a_conversation_goes_there_and_the_answer_comes_back_with_a_receipt(room: GenesysRoom) -> None:
    await room.hand_over()
    opening = room.there.asked(MESSAGES)[0].json
    assert "My kettle leaks." in opening["text"]
    assert opening["channel"]["from"]["id"] == str(room.id)
    case = await room.bridge.inside(DeskCase.objects.get)
    assert (case.ref, case.number) == (str(room.id), INTERACTION)
    await room.visitor("It is the red one.")
    assert room.there.asked(MESSAGES)[-1].json["text"] == "It is the red one."
    message_id = uuid4().hex
    assert [await room.told(id=message_id) for _ in range(2)] == [204, 204]
    assert await room.lines("agent") == ["Hello, this is Bea. How can I help?"]
    assert [(one.json["id"], one.json["status"]) for one in room.there.asked(RECEIPTS)] == [(message_id, "Delivered")]


async def test_an_agent_who_is_quicker_than_our_own_receipt_is_heard(room: GenesysRoom) -> None:
    await room.hand_over()
    await room.bridge.inside(lambda: DeskCase.objects.update(ref="", number="", taken_at=None))
    await room.told()
    assert await room.lines("agent") == ["Hello, this is Bea. How can I help?"]


async def test_a_flow_gives_it_back_by_genesys_own_number(room: GenesysRoom) -> None:
    await room.hand_over()
    assert await room.acts(conversation_id=INTERACTION, does="return", summary="Sent another.") == 204
    case = await room.case()
    assert (case.outcome, case.summary) == ("by_desk", "Sent another.")
    assert (await room.row()).control == "assistant"
    assert (await room._post(f"{room.path}/return", {}, **{"x-convoship-secret": "wrong"})) == 403


async def test_an_agents_word_gives_it_back_and_the_visitor_does_not_read_it(room: GenesysRoom) -> None:
    await room.hand_over()
    await room.told(text="/bot Sent another.")
    assert (await room.case()).summary == "Sent another."
    assert await room.lines("agent") == []


async def test_words_that_reach_nobody_get_a_failed_receipt_and_no_message(room: GenesysRoom) -> None:
    await room.hand_over()
    await room.acts(conversation_id=INTERACTION, does="end")
    assert (await room.row()).status == "completed"
    before = len(room.there.asked(MESSAGES))
    await room.told()
    receipt = room.there.asked(RECEIPTS)[-1].json
    assert (receipt["status"], "ended" in receipt["reasons"][0]["message"]) == ("Failed", True)
    assert len(room.there.asked(MESSAGES)) == before


async def test_what_genesys_can_not_take_afterwards_is_not_left_there(room: GenesysRoom) -> None:
    await room.hand_over()
    failed = fixture("receipt_failed") | {"id": fixture("taken")["id"]}
    await room._post(room.path, failed)
    tried = (await room.case()).tried
    assert "could not be fetched" in tried[0]["words"]
    assert (await room.row()).control == "assistant"


async def test_the_visitor_leaves_and_the_interaction_is_ended(room: GenesysRoom) -> None:
    await room.hand_over()
    room.there.on(f"GET {THERE}", as_json(fixture("conversation")))
    room.there.on(f"PATCH {THERE}", as_json({}))
    await room.leave()
    assert "does not reach the visitor" in room.there.asked(MESSAGES)[-1].json["text"]
    assert len(room.there.asked(f"PATCH {THERE}")) == 1


async def test_who_nobody_came_for_is_promised_no_answer_in_an_interaction_that_is_ended(room: GenesysRoom) -> None:
    await room.hand_over()
    room.there.on(f"GET {THERE}", as_json(fixture("conversation")))
    room.there.on(f"PATCH {THERE}", as_json({}))
    await room.bridge.inside(lambda: Handoff.objects.update(due_at=timezone.now(), wait_until=timezone.now()))
    await room.bridge.inside(lambda: handoff.overdue(conversations.lock(room.id)))
    await room.bridge.drain()
    told = room.there.asked(MESSAGES)[-1].json["text"]
    assert told.startswith("Convoship: Nobody came in time.")
    assert "still reaches" not in told
    assert len(room.there.asked(f"PATCH {THERE}")) == 1


@pytest.mark.parametrize(
    ("answer", "says"),
    [(400, "No desk could be told of it"), (504, "It could not be told whether anybody took it")],
)
async def test_a_desk_that_was_never_told_is_not_one_where_nobody_came(
    room: GenesysRoom, answer: int, says: str
) -> None:
    room.there.on(MESSAGES, as_json({"message": "No."}, answer))
    await room.hand_over()
    if (await room.case()).is_open:
        await room.bridge.inside(lambda: Handoff.objects.update(due_at=timezone.now(), wait_until=timezone.now()))
        await room.bridge.inside(lambda: handoff.overdue(conversations.lock(room.id)))
    case = await room.case()
    assert (case.outcome, case.shown_outcome) == ("nobody_came", says)
    assert case.tried[-1]["words"].startswith("It could not be told")
    client = Client()
    await sync_to_async(client.force_login)(await sync_to_async(factories.owner_of)(room.bridge.workspace))
    page = await sync_to_async(client.get)(f"/app/conversations/{room.id}/")
    assert says in page.content.decode()


async def test_an_integration_that_is_gone_stops_the_connection_and_says_where_to_look(room: GenesysRoom) -> None:
    room.there.on(MESSAGES, as_json({"message": "The requested resource was not found."}, 404))
    await room.hand_over()
    row = await room.bridge.refresh()
    assert row.fault == "There is no Open Messaging integration with this ID in this region."
    assert "Platforms" in row.fault_remedy
    assert row.stopped_since is not None


async def test_no_address_is_offered_that_genesys_never_calls(room: GenesysRoom) -> None:
    client = Client()
    await sync_to_async(client.force_login)(await sync_to_async(factories.owner_of)(room.bridge.workspace))
    page = (await sync_to_async(client.get)(f"/app/channels/{room.bridge.connection.id}/")).content.decode()
    assert "Inbound address" in page
    assert "Status address" not in page


async def test_an_agent_is_told_that_the_visitors_phone_never_got_their_words(
    room: GenesysRoom, twilio: TwilioEnd
) -> None:
    def on_the_phone() -> Phone:
        assistant, workspace = factories.make_assistant(room.bridge.workspace), room.bridge.workspace
        rules = {"desks": [str(room.bridge.connection.id)], "keywords": ["human"]}
        with tenant(workspace.id):
            publishing.change_draft(room.bridge.who, assistant, handoff=handoff_rules.validate(rules))
            publishing.publish(room.bridge.who, assistant.id)
        return make_phone(workspace, twilio, assistant)

    phone = await sync_to_async(on_the_phone)()
    await phone.text("A human, please")
    await phone.drain()
    room.id = (await room.bridge.inside(Conversation.objects.get)).id
    message_id = uuid4().hex
    await room.told(id=message_id)
    await phone.drain()
    first = room.there.asked(RECEIPTS)[-1].json
    assert (first["status"], first["isFinalReceipt"]) == ("Delivered", False)
    sent = next(one for one in twilio.taken if "How can I help?" in one.body)
    await phone.report(sent, "undelivered", 30003)
    await phone.drain()
    last = room.there.asked(RECEIPTS)[-1].json
    assert (last["id"], last["status"], last["isFinalReceipt"]) == (message_id, "Failed", True)
    assert last["reasons"][0]["message"].startswith("SMS: ")
    assert (await room.row()).control == "human"


async def test_where_one_desk_was_told_and_another_was_not_nobody_came(room: GenesysRoom) -> None:
    await room.hand_over()
    case = await room.case()
    case.outcome, case.offers, case.tried = "nobody_came", 2, [{"desk": "a", "words": "No.", "untold": "surely"}]
    assert case.shown_outcome == "Nobody came in time"


async def test_an_agent_without_a_name_is_a_person_until_a_look_tells_who(room: GenesysRoom) -> None:
    await room.hand_over()
    await room.bridge.inside(lambda: DeskCase.objects.update(about={"conversation": INTERACTION, "opened": LONG_AGO}))
    room.there.on(f"GET {THERE}", as_json(fixture("conversation")))
    room.there.on(f"POST {THERE}/messages/bulk", as_json({"entities": []}))
    # What they write asks for the look.
    await room.told()
    assert room.there.asked(f"GET {THERE}")
    assert (await room.lines("system"))[-1] == "A person has joined the conversation."
    await room.told()
    assert await room.authors() == ["", "Bea Agent"]
    assert "Our Genesys" not in " ".join(await room.lines("system"))


async def test_another_agent_who_has_it_by_now_is_told_to_the_visitor(room: GenesysRoom) -> None:
    await room.hand_over()
    await room.look()
    there = fixture("conversation")
    there["participants"] = there["participants"][:4]
    for one in there["participants"]:
        one.pop("messages", None)
    room.there.on(f"GET {THERE}", as_json(there))
    await room.bridge.inside(lambda: DeskCase.objects.update(about={"conversation": INTERACTION, "opened": LONG_AGO}))
    await room.look()
    await room.told()
    bea = there["participants"][3]
    max_ = {**bea, "id": str(uuid4()), "name": "Max Agent", "connectedTime": "2026-11-28T10:09:00.000Z"}
    there["participants"] = [*there["participants"][:3], {**bea, "state": "disconnected"}, max_]
    room.there.on(f"GET {THERE}", as_json(there))
    await room.look()
    await room.told()
    assert await room.authors() == ["Bea Agent", "Max Agent"]
    assert (await room.lines("system"))[-1] == "You are talking to Max Agent now."
    await room.look()
    assert (await room.lines("system"))[-1] == "You are talking to Max Agent now."


async def test_a_look_finds_what_an_outage_lost_and_what_came_is_not_doubled(room: GenesysRoom) -> None:
    await room.hand_over()

    def opened_long_ago() -> None:
        case = DeskCase.objects.get()
        case.about |= {"opened": "2026-11-28T09:59:00.000Z"}
        case.save(update_fields=["about"])

    await room.bridge.inside(opened_long_ago)
    room.there.on(f"GET {THERE}", as_json(fixture("conversation")))
    room.there.on(f"POST {THERE}/messages/bulk", as_json(fixture("bulk")))
    await room.told(id=fixture("text")["id"])
    await room.look()
    assert len(await room.lines("agent")) == 2
    await room.look()
    assert (await room.case()).holder_name == "Bea Agent"
    over = fixture("conversation")
    over["participants"][3] |= {"state": "disconnected", "endTime": "2026-11-28T10:05:00.000Z"}
    room.there.on(f"GET {THERE}", as_json(over))
    await room.look()
    assert (await room.row()).status == "completed"
    assert len(await room.lines("agent")) == 2


async def test_who_may_not_look_sees_why_and_still_sends(room: GenesysRoom) -> None:
    await room.hand_over()
    room.there.on(f"GET {THERE}", as_json({"message": "No."}, 403))
    case = await room.look()
    assert "does not let" in case.trouble
    assert "Conversation > Message > View" in case.trouble_remedy
    assert (await room.bridge.refresh()).stopped_since is None
    await room.visitor("Still there?")
    assert room.there.asked(MESSAGES)[-1].json["text"] == "Still there?"


async def test_after_72_hours_of_silence_the_assistant_has_it_again(room: GenesysRoom) -> None:
    await room.hand_over()
    long_ago = timezone.now() - dt.timedelta(hours=73)
    await room.bridge.inside(lambda: Conversation.objects.update(last_activity_at=long_ago))
    await room.look()
    assert "72 hours" in (await room.case()).summary
    assert (await room.row()).control == "assistant"


async def test_a_receipt_that_fails_moves_no_case(room: GenesysRoom) -> None:
    await room.hand_over()
    room.there.on(RECEIPTS, as_json({"message": "No."}, 400))
    await room.told()
    assert (await room.row()).control == "human"
    rows = await room.bridge.inside(
        lambda: list(Delivery.objects.filter(what="handoff.receipt").values_list("status", flat=True))
    )
    assert rows == ["delivered"]
