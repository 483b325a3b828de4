"""A conversation at Zendesk's agents, in tickets, from end to end: against the rehearsed Zendesk, over the network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from asgiref.sync import sync_to_async
from pytest_django.live_server_helper import LiveServer

from channels_app import accounts
from channels_app.models import Connection, DeskCase, InboundEvent, Rehearsal, RehearsalLine
from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal import receiving
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import conversations, file_kinds, file_settings, files, handoff, visits
from deployments.file_settings import FileSettings
from deployments.models import Deployment
from deployments.visits import VisitorMessage
from tests import factories
from tests.channels.conftest import Bridge, make_bridge
from tests.channels.far_end import FarEnd
from tests.channels.files_in_messages import PDF
from tests.channels.rehearsed_desks import RehearsedZendesk, stage
from tests.channels.test_desks import Room
from tests.channels.test_inbound_media import folder as folder
from tests.channels.test_rehearsed_desks import deliveries, opened, tell

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def bridge(transactional_db: None, far: FarEnd) -> Bridge:
    return make_bridge(factories.make_workspace(), far, events=["conversation.ended"])


@pytest.fixture
def room(bridge: Bridge) -> Room:
    return Room(bridge)


@pytest.fixture
def desk(bridge: Bridge, live_server: LiveServer, settings: Any) -> RehearsedZendesk:
    parts = urlsplit(live_server.url)
    stage(settings, live_server.url, str(parts.hostname), int(parts.port or 80))
    return RehearsedZendesk(bridge)


async def says(desk: RehearsedZendesk, role: str) -> list[str]:
    """What stands in the ticket that changed last."""
    return [one.text for one in (await desk.case()).entries if one.role == role]


async def contents(desk: RehearsedZendesk) -> dict[str, Any]:
    rehearsal = await desk.bridge.inside(lambda: Rehearsal.objects.get(connection=desk.connection))
    return dict(rehearsal.contents)


async def test_turns_that_follow_quickly_are_one_comment(room: Room, desk: RehearsedZendesk) -> None:
    await opened(room, desk)
    await desk.settle()
    for text in ("It is the red one.", "K2.", "Hello?"):
        await room.visitor(text)
    waiting = await deliveries(room, "handoff.message")
    assert len(waiting) == 1
    await desk.settle()
    assert await says(desk, "customer") == ["My kettle leaks.", "It is the red one.\n\nK2.\n\nHello?"]
    # What has left is not changed any more.
    await room.visitor("One more thing.")
    await desk.settle()
    assert (await says(desk, "customer"))[2:] == ["One more thing."]


async def test_a_ticket_that_closes_in_the_middle_is_followed_up(room: Room, desk: RehearsedZendesk) -> None:
    await opened(room, desk)
    await desk.say("Hello.", "d1")
    await sync_to_async(tell)(desk, "closed")
    await room.visitor("Are you still there?")
    await room.bridge.now()
    await room.bridge.drain()
    after, before = await sync_to_async(desk.cases)()
    assert (before.number, before.status, after.number) == ("#1", "closed", "#2")
    assert ("Follow-up of", "1") in after.facts
    assert await says(desk, "customer") == ["Are you still there?"]
    await desk.say("Yes, I am.", "d2")
    assert await room.lines("agent") == ["Hello.", "Yes, I am."]
    case = await room.bridge.inside(DeskCase.objects.get)
    assert (case.ref, case.number) == ("2", "#2")
    assert (await room.case()).case_ref == "#2"


async def test_a_ticket_that_the_automation_closes_ends_the_conversation(room: Room, desk: RehearsedZendesk) -> None:
    await opened(room, desk)
    await desk.say("Hello.", "d1")
    await desk.does("close")
    assert (await room.row()).status == "completed"


async def handed_over_again(room: Room, desk: RehearsedZendesk) -> None:
    await room.visitor("It leaks again.")
    await room.ask()
    await desk.settle()


async def test_a_second_hand_over_of_a_conversation_goes_on_in_its_ticket(room: Room, desk: RehearsedZendesk) -> None:
    await opened(room, desk)
    await desk.say("Try again.", "d1")
    await desk.give_back("Told them to try again.")
    await handed_over_again(room, desk)
    (case,) = await sync_to_async(desk.cases)()
    assert (case.number, case.status) == ("#1", "open")
    assert await says(desk, "customer") == ["My kettle leaks.", "It leaks again."]
    await desk.say("We send another.", "d2")
    # What was said before it was given back is not said again.
    assert await room.lines("agent") == ["Try again.", "We send another."]


async def test_after_a_ticket_was_closed_the_next_hand_over_follows_it_up(room: Room, desk: RehearsedZendesk) -> None:
    await opened(room, desk)
    await desk.say("Try again.", "d1")
    await desk.give_back("Told them to try again.")
    await desk.does("close")
    await handed_over_again(room, desk)
    after, before = await sync_to_async(desk.cases)()
    assert (before.number, after.number, ("Follow-up of", "1") in after.facts) == ("#1", "#2", True)
    await desk.say("We send another.", "d2")
    assert await room.lines("agent") == ["Try again.", "We send another."]


async def test_a_note_with_bot_gives_it_back_with_what_it_says(room: Room, desk: RehearsedZendesk) -> None:
    await opened(room, desk)
    await desk.does("note", "The bot said something odd, see above.")
    assert (await room.row()).control == "waiting"
    await desk.does("note", "/bot  Sent a new one.")
    case, row = await room.case(), await room.row()
    assert (case.summary, row.control, row.status) == ("Sent a new one.", "assistant", "active")
    assert await room.lines("agent") == []


async def test_solving_a_ticket_ends_the_conversation_and_says_who_did(room: Room, desk: RehearsedZendesk) -> None:
    await opened(room, desk)
    await desk.does("solve", name="Max")
    row, case = await room.row(), await room.case()
    assert (row.status, case.outcome) == ("completed", "resolved")


async def test_a_mail_of_the_requesters_own_is_said_to_be_of_no_use_here(room: Room, desk: RehearsedZendesk) -> None:
    """It came another way: the visitor reads it nowhere in the conversation, and nobody else said it."""
    await opened(room, desk)
    await desk.settle()

    def mail() -> None:
        rehearsal = Rehearsal.objects.get(connection=desk.connection)
        ticket = rehearsal.contents["tickets"]["1"]
        first = ticket["comments"][0]
        mailed = {**first, "id": first["id"] + 1_000_000, "body": "By mail.", "via": {"channel": "email"}}
        ticket["comments"].append(mailed)
        rehearsal.save()

    await desk.bridge.inside(mail)
    await desk.settle()
    events = await desk.bridge.inside(lambda: list(InboundEvent.objects.filter(connection=desk.connection)))
    (event,) = [one for one in events if one.key.startswith("comment:")]
    page = await sync_to_async(desk.client.get)(f"/app/channels/{desk.connection.id}/events")
    assert "the visitor wrote to ticket #1 another way" in page.content.decode()
    assert (event.state, await room.lines("visitor")) == ("ignored", ["My kettle leaks."])


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # the test's server is WSGI
@pytest.mark.parametrize("text", ["It is the red one.\n\nAnd it is hot.", "*"])
async def test_a_comment_that_is_taken_in_silence_is_found_and_not_said_twice(
    room: Room, desk: RehearsedZendesk, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    await opened(room, desk)
    await desk.settle()
    monkeypatch.setattr(receiving, "SILENCE_SECONDS", 3.0)
    monkeypatch.setattr("channels_app.providers.rest.SECONDS", 1.0)
    await sync_to_async(tell)(desk, "silent")
    await room.visitor(text)
    await room.bridge.now()
    await room.bridge.drain()
    (turn,) = await deliveries(room, "handoff.message")
    assert turn.is_in_doubt
    monkeypatch.setattr("channels_app.providers.rest.SECONDS", 12.0)
    await desk.settle()
    assert await says(desk, "customer") == ["My kettle leaks.", text]
    (turn,) = await deliveries(room, "handoff.message")
    assert (turn.status, bool(turn.provider_id)) == ("delivered", True)
    assert await room.lines("visitor") == ["My kettle leaks.", text]


# --- Files ------------------------------------------------------------------------------------------------------------


async def sends_file(room: Room, text: str, name: str = "plan.pdf", content: bytes = PDF) -> None:
    """The visitor sends a file, as their widget does: it is kept, and a message names it."""

    def run() -> None:
        with tenant(room.bridge.workspace.id):
            Deployment.objects.update(files=FileSettings(on=True).as_json())
        checked = file_kinds.check(name, content, file_settings.DEFAULT_KINDS, file_settings.LARGEST_FILE)
        row = files.upload(room.visit, factories.caller(), checked)
        message = VisitorMessage(client_id=f"f{room.said}{name}", text=text, attachments=(row.id,))
        visits.post(room.visit, factories.caller(), message)

    await in_thread(run)
    await room.bridge.drain()


async def test_a_visitors_file_stands_in_the_ticket(room: Room, desk: RehearsedZendesk, folder: Path) -> None:
    await room.begin([desk.ref])
    await sends_file(room, "My kettle leaks.")
    await room.ask()
    await desk.settle()
    await sends_file(room, "", "second.pdf")
    await desk.settle()
    first, second = [one for one in (await desk.case()).entries if one.role == "customer"]
    assert (first.text, [one["name"] for one in first.files]) == ("My kettle leaks.\n\n[file: plan.pdf]", ["plan.pdf"])
    assert (second.text, [one["name"] for one in second.files]) == ("[file: second.pdf]", ["second.pdf"])
    kept = (await contents(desk))["tickets"]["1"]["comments"][0]["attachments"][0]
    assert (kept["content_type"], kept["size"]) == ("application/pdf", len(PDF))


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
async def test_a_file_alone_that_is_taken_in_silence_is_found(
    room: Room, desk: RehearsedZendesk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opened(room, desk)
    await desk.settle()
    monkeypatch.setattr(receiving, "SILENCE_SECONDS", 3.0)
    monkeypatch.setattr("channels_app.providers.rest.SECONDS", 1.0)
    await sync_to_async(tell)(desk, "silent")
    await sends_file(room, "")
    await room.bridge.now()
    await room.bridge.drain()
    monkeypatch.setattr("channels_app.providers.rest.SECONDS", 12.0)
    await desk.settle()
    assert await says(desk, "customer") == ["My kettle leaks.", "[file: plan.pdf]"]


async def test_an_agents_file_is_a_line_with_its_address(room: Room, desk: RehearsedZendesk) -> None:
    await opened(room, desk)
    await desk.settle()

    def attach() -> None:
        rehearsal = Rehearsal.objects.get(connection=desk.connection)
        ticket = rehearsal.contents["tickets"]["1"]
        agent = {**rehearsal.contents["users"]["22500000000001"], "id": 5, "name": "Olga", "role": "agent"}
        rehearsal.contents["users"]["5"] = agent
        file = {"id": 9, "token": "t0k3n", "name": "label.pdf", "content_type": "application/pdf", "size": 9}
        first = ticket["comments"][0]
        said = {**first, "id": first["id"] + 1_000_000, "body": "Print this.", "author_id": 5}
        ticket["comments"].append({**said, "via": {"channel": "web"}, "attachments": [file]})
        rehearsal.save()

    await desk.bridge.inside(attach)
    await desk.settle()
    ((words, line),) = [text.split("\n") for text in await room.lines("agent")]
    assert words == "Print this."
    assert line.startswith("label.pdf: http")
    assert line.endswith("/attachments/token/t0k3n/?name=label.pdf")


# --- The way back -----------------------------------------------------------------------------------------------------


async def test_webhook_and_trigger_are_made_once_however_often_the_button_is_pressed(desk: RehearsedZendesk) -> None:
    path = f"/app/channels/{desk.connection.id}/register"
    for _ in range(2):
        await sync_to_async(desk.client.post)(path)
    made = await contents(desk)
    assert (len(made["webhooks"]), len(made["triggers"])) == (1, 1)
    # A trigger that somebody changed is put right, and a webhook that was switched off is on again.
    (webhook,), (trigger,) = made["webhooks"].values(), made["triggers"].values()

    def spoil() -> None:
        rehearsal = Rehearsal.objects.get(connection=desk.connection)
        rehearsal.contents["webhooks"][webhook["id"]]["status"] = "inactive"
        rehearsal.contents["triggers"][str(trigger["id"])]["conditions"]["all"] = []
        rehearsal.save()

    await desk.bridge.inside(spoil)
    await sync_to_async(desk.client.post)(path)
    again = await contents(desk)
    assert again["webhooks"][webhook["id"]]["status"] == "active"
    assert again["triggers"][str(trigger["id"])]["conditions"] == trigger["conditions"]
    assert len(again["triggers"]) == 1


async def test_the_signing_secret_is_kept_as_a_secret_and_shown_nowhere(room: Room, desk: RehearsedZendesk) -> None:
    page = await sync_to_async(desk.client.post)(f"/app/channels/{desk.connection.id}/register", follow=True)
    (webhook,) = (await contents(desk))["webhooks"].values()

    def look() -> tuple[str, dict[str, str]]:
        connection = Connection.objects.get(id=desk.connection.id)
        given = accounts.to_receive(connection).account.credentials
        return given["webhook_secret"], connection.credentials

    value, credentials = await desk.bridge.inside(look)
    assert value == webhook["secret"]
    assert webhook["secret"] not in json.dumps(credentials)
    assert webhook["secret"] not in page.content.decode()
    # And what it signs is taken.
    await opened(room, desk)
    await desk.does("reply", "Hello.")
    assert await room.lines("agent") == ["Hello."]
    lines = await desk.bridge.inside(
        lambda: list(RehearsalLine.objects.filter(connection=desk.connection, kind=LineKind.SAID))
    )
    assert [line.answer_status for line in lines] == [204]
    # A line that we hear of ourselves is not even called for: the trigger leaves our own changes out.
    reports = await desk.bridge.inside(
        lambda: RehearsalLine.objects.filter(connection=desk.connection, kind=LineKind.REPORT).count()
    )
    assert reports == 0


async def test_a_note_of_an_agents_is_told_of_by_the_trigger(room: Room, desk: RehearsedZendesk) -> None:
    """Else a `/bot` would be found by a look alone, minutes later."""
    await sync_to_async(desk.client.post)(f"/app/channels/{desk.connection.id}/register")
    await opened(room, desk)
    await desk.does("note", "/bot Done.")
    lines = await desk.bridge.inside(
        lambda: list(RehearsalLine.objects.filter(connection=desk.connection, kind=LineKind.SAID))
    )
    assert [json.loads(line.body) for line in lines] == [{"ticket_id": "1"}]


async def test_a_member_who_takes_over_leaves_a_note_in_the_ticket(room: Room, desk: RehearsedZendesk) -> None:
    await opened(room, desk)
    await desk.say("Hello.", "d1")

    def take() -> None:
        user = factories.owner_of(room.bridge.workspace)
        handoff.join(room.bridge.who, user, conversations.lock(room.id))

    await room.bridge.inside(take)
    await desk.settle()
    assert (await says(desk, "note"))[-1].startswith("Convoship: ")
    assert (await desk.case()).status == "open"
    assert ((await room.row()).control, (await room.case()).desk) == ("human", "inbox")
    assert {one.status for one in await deliveries(room)} == {"delivered"}
