"""Desks outside the house, each against its stand-in: faults, lost calls, late words, a rehearsal's visitor."""

from __future__ import annotations

import datetime as dt
import html
import json
import re
from base64 import b64encode
from typing import Any
from urllib.parse import urlsplit

import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from channels_app.models import (
    Connection,
    Delivery,
    DeliveryAttempt,
    DeskCase,
    InboundEvent,
    Rehearsal,
    RehearsalLine,
)
from channels_app.providers.genesys import webhooks
from channels_app.rehearsal import receiving
from convoship.lib.tenancy import tenant
from deployments.models import Conversation, Message
from deployments.models.handoff import HandoffOutcome, HandoffState
from tests import factories
from tests.channels.conftest import Bridge, make_bridge
from tests.channels.far_end import FarEnd
from tests.channels.rehearsed_desks import REHEARSED, RehearsedDesk, stage
from tests.channels.test_desks import Room
from workspaces import secret_store

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def bridge(transactional_db: None, far: FarEnd) -> Bridge:
    return make_bridge(factories.make_workspace(), far, events=["conversation.ended"])


@pytest.fixture
def room(bridge: Bridge) -> Room:
    return Room(bridge)


@pytest.fixture(params=REHEARSED)
def desk(request: pytest.FixtureRequest, bridge: Bridge, live_server: LiveServer, settings: Any) -> RehearsedDesk:
    parts = urlsplit(live_server.url)
    stage(settings, live_server.url, str(parts.hostname), int(parts.port or 80))
    return REHEARSED[request.param](bridge)


async def opened(room: Room, desk: RehearsedDesk, *others: str) -> None:
    await room.begin([desk.ref, *others])
    await room.visitor("My kettle leaks.")
    await room.ask()


def tell(desk: RehearsedDesk, fault: str, calls: int | None = 1) -> None:
    with tenant(desk.workspace.id):
        Rehearsal.objects.filter(connection=desk.connection).update(fault=fault, fault_calls=calls)


async def deliveries(room: Room, what: str = "") -> list[Delivery]:
    def read() -> list[Delivery]:
        rows = Delivery.objects.order_by("created_at", "position")
        return list(rows.filter(what=what) if what else rows)

    return await room.bridge.inside(read)


async def is_passed_on_as_unknown(room: Room, desk: RehearsedDesk) -> None:
    """What may have arrived, and is not known again by anything, must not go twice: another desk is asked."""
    await desk.settle()
    first = (await deliveries(room, "handoff.opened"))[0]
    assert first.status in {"unknown", "failed"}
    assert first.reason
    case = await room.case()
    assert case.desk != desk.ref or case.ended_at


@pytest.mark.parametrize("fault", ["limited", "broken"])
async def test_an_opening_that_is_not_taken_is_tried_again_and_opens_one_case(
    room: Room, desk: RehearsedDesk, fault: str
) -> None:
    await sync_to_async(tell)(desk, fault)
    await opened(room, desk)
    if fault == "broken" and not desk.is_known_again:
        await is_passed_on_as_unknown(room, desk)
        return
    first = (await deliveries(room, "handoff.opened"))[0]
    assert (first.status, first.attempts) == ("queued", 1)
    assert first.reason
    assert first.remedy
    assert await desk.told() == ["open: My kettle leaks."]
    assert len(await sync_to_async(desk.cases)()) == 1


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # the test's server is WSGI
async def test_an_opening_that_is_taken_in_silence_opens_one_case(
    room: Room, desk: RehearsedDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "SILENCE_SECONDS", 3.0)
    monkeypatch.setattr("channels_app.providers.rest.SECONDS", 1.0)
    await sync_to_async(tell)(desk, "silent")
    await opened(room, desk)
    if not desk.is_known_again:
        await is_passed_on_as_unknown(room, desk)
        return
    first = (await deliveries(room, "handoff.opened"))[0]
    assert first.is_in_doubt
    monkeypatch.setattr("channels_app.providers.rest.SECONDS", 12.0)
    assert await desk.told() == ["open: My kettle leaks."]
    assert len(await sync_to_async(desk.cases)()) == 1


async def test_a_desk_that_forbids_it_is_passed_over_at_once_and_says_so(room: Room, desk: RehearsedDesk) -> None:
    await sync_to_async(tell)(desk, desk.forbids, None)
    await opened(room, desk, "inbox")
    case = await room.case()
    assert (case.desk, case.state) == ("inbox", HandoffState.OFFERED)
    assert case.tried[-1]["words"].startswith("It could not be told:")
    row = await room.bridge.inside(lambda: Connection.objects.get(id=desk.connection.id))
    assert "forbids" in row.fault
    assert row.fault_remedy
    # The next case is not even offered to it.
    await room.leave()
    await room.begin([desk.ref, "inbox"])
    await room.ask()
    assert (await room.case()).desk == "inbox"
    assert len(await deliveries(room, "handoff.opened")) == 1


async def test_what_a_desk_says_signed_wrongly_is_refused_counted_and_changes_nothing(
    room: Room, desk: RehearsedDesk
) -> None:
    await opened(room, desk)
    await desk.accept()

    def look() -> tuple[int, int]:
        events = InboundEvent.objects.filter(connection=desk.connection).count()
        return events, sum(row.count for row in desk.connection.refusals.all())

    events, _ = await room.bridge.inside(look)
    case = await desk.case()
    form = {"address": case.ref, "does": desk.replies, "text": "Your PIN, please.", "name": "Eve", "wrongly": "on"}
    await sync_to_async(desk.client.post)(f"/app/channels/{desk.connection.id}/rehearsal/say", form)
    assert await room.bridge.inside(look) == (events, 1)
    assert await room.lines("agent") == []


async def test_a_reply_that_no_call_told_of_is_found_by_looking(room: Room, desk: RehearsedDesk) -> None:
    if not desk.is_read:
        pytest.skip("nothing can be read at this desk, and a case that is over takes no words")
    await opened(room, desk)
    await desk.settle()

    case = await desk.case()
    # What calls us with another signature might as well not have.
    form = {"address": case.ref, "does": desk.replies, "text": "We send another.", "name": "Olga", "wrongly": "on"}
    await sync_to_async(desk.client.post)(f"/app/channels/{desk.connection.id}/rehearsal/say", form)
    assert await room.lines("agent") == []
    await desk.settle()
    assert await room.lines("agent") == ["We send another."]
    await desk.settle()
    assert await room.lines("agent") == ["We send another."]


async def test_what_we_write_into_a_case_never_comes_back_as_the_desks_words(room: Room, desk: RehearsedDesk) -> None:
    await opened(room, desk)
    for text in ("It is the red one.", "K2", "Hello?"):
        await room.visitor(text)
        await desk.settle()
    await desk.does(desk.notes, "A note between us.")
    assert await room.lines("agent") == []
    assert await room.lines("visitor") == ["My kettle leaks.", "It is the red one.", "K2", "Hello?"]
    assert (await room.row()).control == "waiting"


async def test_who_writes_into_a_case_that_is_over_is_told_there_that_nobody_got_it(
    room: Room, desk: RehearsedDesk
) -> None:
    if not desk.is_read:
        pytest.skip("nothing can be read at this desk, and a case that is over takes no words")
    await sync_to_async(desk.leaves_cases)()
    await opened(room, desk)
    await desk.say("Hello.", "d1")
    await room.leave()
    await desk.settle()
    await desk.say("Are you still there?", "d2")
    assert await room.lines("agent") == ["Hello."]
    assert await desk.undelivered(), (await desk.case()).entries


async def test_who_answers_after_nobody_had_come_in_time_still_reaches_the_visitor(
    room: Room, desk: RehearsedDesk
) -> None:
    if not desk.is_read:
        pytest.skip("nothing can be read at this desk, and a case that is over takes no words")
    await sync_to_async(desk.leaves_cases)()
    await opened(room, desk)
    await desk.settle()
    await room.time_is_up()
    first = await room.case()
    assert (first.outcome, (await room.row()).control) == (HandoffOutcome.NOBODY_CAME, "assistant")
    await desk.say("Sorry that it took so long.", "d1")
    assert await room.lines("agent") == ["Sorry that it took so long."]
    row, case = await room.row(), await room.case()
    assert (row.control, case.state, case.desk) == ("human", HandoffState.LIVE, desk.ref)
    await room.visitor("Never mind. It is the red one.")
    await desk.settle()
    assert "Never mind. It is the red one." in await desk.customers()
    await desk.close()
    assert (await room.row()).status == "completed"


async def test_a_case_tells_who_it_is_why_and_all_that_was_said(room: Room, desk: RehearsedDesk) -> None:
    await opened(room, desk)
    await desk.settle()
    said = "\n".join(one.text for one in (await desk.case()).entries if one.role in {"note", "customer", "bot"})
    assert "They asked." in said
    assert f"/app/conversations/{room.id}/" in said
    for line in await room.bridge.inside(lambda: list(Message.objects.filter(conversation_id=room.id))):
        assert line.text.splitlines()[0].replace("**", "") in said
    assert {row.status for row in await deliveries(room)} <= {"accepted", "sent", "delivered"}
    assert all(row.provider_id or row.what != "handoff.opened" for row in await deliveries(room))
    case = await room.bridge.inside(lambda: DeskCase.objects.get())
    assert desk.is_it(case, await desk.case())
    assert (bool(case.number), case.trouble) == (True, "")
    page = await sync_to_async(desk.client.get)(f"/app/conversations/{room.id}/")
    assert case.number in page.content.decode()


async def test_a_look_in_vain_is_said_where_the_hand_over_is_shown(
    room: Room, desk: RehearsedDesk, settings: Any
) -> None:
    await opened(room, desk)
    await desk.settle()
    if not desk.is_read:
        pytest.skip("nothing can be read at this desk")
    # As if nothing answered at the desk.
    settings.PUBLIC_BASE_URL = "http://localhost:1"
    await room.bridge.inside(
        lambda: DeskCase.objects.update(look_at=timezone.now() - dt.timedelta(seconds=1), looked_at=None)
    )
    await room.bridge.drain()
    case = await room.bridge.inside(lambda: DeskCase.objects.get())
    assert case.failures
    assert case.trouble
    page = await sync_to_async(desk.client.get)(f"/app/conversations/{room.id}/")
    assert html.escape(case.trouble, quote=True) in page.content.decode()


async def test_the_addresses_can_be_set_where_the_vendor_lets_them(desk: RehearsedDesk) -> None:
    page = await sync_to_async(desk.client.get)(f"/app/channels/{desk.connection.id}/")
    path = f"/app/channels/{desk.connection.id}/register"
    if path not in page.content.decode():
        return
    answer = await sync_to_async(desk.client.post)(path)
    assert answer.context["found"].is_good, answer.context["found"]


async def test_test_makes_and_closes_a_case_of_its_own(desk: RehearsedDesk) -> None:
    await sync_to_async(desk.client.post)(f"/app/channels/{desk.connection.id}/register")
    page = await sync_to_async(desk.client.post)(f"/app/channels/{desk.connection.id}/test")
    row = await desk.bridge.inside(lambda: Connection.objects.get(id=desk.connection.id))
    assert row.tested, page.content.decode()[:500]
    assert all(one["is_good"] for one in row.tested), row.tested
    # What the vendor reports of it afterwards is nothing that went wrong.
    await desk.settle()
    events = await desk.bridge.inside(lambda: list(InboundEvent.objects.filter(connection=desk.connection)))
    assert [(one.state, one.reason) for one in events if one.state in ("received", "failed")] == []


async def test_the_visitor_of_a_rehearsal_is_handed_over_to_the_rehearsed_desk(room: Room, desk: RehearsedDesk) -> None:
    path = f"/app/channels/{desk.connection.id}/rehearsal/visitor"
    await sync_to_async(desk.client.post)(path, {"does": "say", "visitor_text": "My kettle leaks."})
    await sync_to_async(desk.client.post)(path, {"does": "ask"})
    assert (await desk.told())[0] == "open: My kettle leaks."
    await desk.say("Which one?", "d1")
    screen = (await sync_to_async(desk.client.get)(f"/app/channels/{desk.connection.id}/rehearsal")).content.decode()
    sides = re.findall(r"(?s)<section class=.(?:visitor|agent)-side.*?</section>", screen)
    assert [("Which one?" in side) for side in sides] == [True, True]
    row = await room.bridge.inside(lambda: Conversation.objects.latest("started_at"))
    assert (row.is_test, row.control) == (True, "human")
    await sync_to_async(desk.client.post)(path, {"does": "leave"})
    assert (await desk.told())[-1] == "closed: ended"


async def test_desk_check_runs_the_whole_suite_on_a_desk_and_says_what_it_saw(
    desk: RehearsedDesk, capsys: pytest.CaptureFixture[str]
) -> None:
    await sync_to_async(desk.client.post)(f"/app/channels/{desk.connection.id}/register")
    await sync_to_async(call_command)("desk_check", str(desk.connection.id), patience=20.0)
    said = capsys.readouterr().out
    assert "FAILED" not in said
    for step in ("A case is opened", "A second line arrives", "The answer arrives", "The assistant has it again"):
        assert f"ok      {step}" in said, said
    assert said.endswith("Every step was good.\n")


async def test_desk_check_says_which_step_failed_and_ends_what_it_began(
    desk: RehearsedDesk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await sync_to_async(desk.client.post)(f"/app/channels/{desk.connection.id}/register")

    monkeypatch.setattr("convoship.management.commands.desk_check._play", lambda *args: None)
    with pytest.raises(CommandError, match="Not every step was good"):
        await sync_to_async(call_command)("desk_check", str(desk.connection.id), patience=1.0)
    assert "FAILED  The answer arrives: Nothing was heard." in capsys.readouterr().out
    row = await desk.bridge.inside(lambda: Conversation.objects.latest("started_at"))
    assert row.status == "completed"


async def test_desk_check_opens_nothing_at_a_real_account_unless_told_so(desk: RehearsedDesk) -> None:
    await desk.bridge.inside(lambda: Connection.objects.filter(id=desk.connection.id).update(is_rehearsal=False))
    with pytest.raises(CommandError, match="say --live"):
        await sync_to_async(call_command)("desk_check", str(desk.connection.id))
    with pytest.raises(CommandError, match="takes no hand-overs"):
        await sync_to_async(call_command)("desk_check", str(desk.bridge.connection.id), live=True)


async def test_no_secret_stands_in_what_is_kept_of_the_wire_or_shown_of_it(room: Room, desk: RehearsedDesk) -> None:
    def secrets() -> set[str]:
        row = Connection.objects.get(id=desk.connection.id)
        return {secret_store.value_of(key) for field, key in row.credentials.items() if field not in NO_SECRETS}

    def kept() -> list[str]:
        rows = RehearsalLine.objects.filter(connection=desk.connection).values("url", "headers", "body", "answer")
        attempts = DeliveryAttempt.objects.filter(delivery__connection=desk.connection).values_list("answer", flat=True)
        return [json.dumps(row) for row in rows] + list(attempts)

    found = await room.bridge.inside(secrets)
    await sync_to_async(desk.client.post)(f"/app/channels/{desk.connection.id}/register")
    await sync_to_async(desk.client.post)(f"/app/channels/{desk.connection.id}/test")
    await opened(room, desk)
    await desk.accept()
    await desk.say("Which one?", "d1")
    await desk.give_back("Sent a new one.")
    found |= await room.bridge.inside(secrets)
    if desk.kind == "genesys":
        found.add(webhooks.second_check(await room.bridge.inside(lambda: own_secret(desk))))
    assert found
    screen = (await sync_to_async(desk.client.get)(f"/app/channels/{desk.connection.id}/rehearsal/live")).content
    for text in (*await room.bridge.inside(kept), html.unescape(screen.decode())):
        for value in found:
            assert value not in text, (value, text[:2000])
        assert not re.search(r'"(access_token|client_secret|secret)": ?"(?!\[hidden\])', text.replace('\\"', '"'))


async def test_what_was_kept_with_a_secret_is_shown_without_it(room: Room, desk: RehearsedDesk) -> None:
    def write() -> str:
        secret = own_secret(desk)
        RehearsalLine.objects.create(
            connection=desk.connection,
            kind="said",
            url=f"https://example.com/?key=1&client_secret=abc-123&said={secret}",
            headers={"X-Convoship-Secret": secret, "X-Other": secret, "Authorization": "Basic YWJjZGVmOjEyMw=="},
            body=json.dumps({"value": secret, "access_token": "abc-123", "said": "Basic authentication, please."}),
            answer=f"token_type=bearer&access_token=abc-123&x={b64encode(secret.encode()).decode()}",
        )
        return secret

    secret = await room.bridge.inside(write)
    screen = (await sync_to_async(desk.client.get)(f"/app/channels/{desk.connection.id}/rehearsal/live")).content
    page = html.unescape(screen.decode())
    for value in (secret, "abc-123", "YWJjZGVmOjEyMw", b64encode(secret.encode()).decode()):
        assert value not in page
    assert "X-Convoship-Secret: [hidden]" in page
    assert "key=1&client_secret=[hidden]&said=[hidden]" in page
    assert "Basic authentication, please." in page


# They say who we are, and stand on pages as settings do.
NO_SECRETS = {"client_id", "username", "email"}


def own_secret(desk: RehearsedDesk) -> str:
    row = Connection.objects.get(id=desk.connection.id)
    return secret_store.value_of(row.credentials["webhook_secret"])


async def test_the_case_of_a_rehearsal_is_opened_on_its_agents_screen(room: Room, desk: RehearsedDesk) -> None:
    await opened(room, desk)
    await desk.settle()
    first, ref = room.id, (await desk.case()).ref
    await room.begin([desk.ref])
    await room.visitor("Another kettle.")
    await room.ask()
    await desk.settle()
    assert (await desk.case()).ref != ref
    page = (await sync_to_async(desk.client.get)(f"/app/conversations/{first}/")).content.decode()
    links = {html.unescape(one) for one in re.findall(r'href="([^"]*/rehearsal\?with=[^"]*)"', page)}
    (link,) = links
    screen = (await sync_to_async(desk.client.get)(link)).content.decode()
    assert f'id="case-{ref}"' in screen
    case = await room.bridge.inside(lambda: DeskCase.objects.get(conversation_id=first))
    assert not case.url or html.escape(case.url) not in page


@pytest.mark.parametrize(
    ("url", "is_led_to"),
    [
        ("own", True),
        ("javascript:alert(1)", False),
        ("https://evil.example/agent/tickets/1", False),
        ("https://zendesk.com.evil.example/agent/tickets/1", False),
        ("https://zendesk.com@evil.example/agent/tickets/1", False),
        ("http://[", False),
    ],
)
async def test_a_case_is_led_to_at_its_vendors_own_host_alone(
    room: Room, bridge: Bridge, live_server: LiveServer, settings: Any, url: str, is_led_to: bool
) -> None:
    parts = urlsplit(live_server.url)
    stage(settings, live_server.url, str(parts.hostname), int(parts.port or 80))
    desk = await sync_to_async(REHEARSED["zendesk"])(bridge)
    await opened(room, desk)
    await desk.settle()

    def write() -> str:
        row = DeskCase.objects.get()
        row.url = row.url if url == "own" else url
        row.save()
        # From here on as if it were a real one.
        Connection.objects.filter(id=desk.connection.id).update(is_rehearsal=False)
        return row.url

    written = await room.bridge.inside(write)
    page = (await sync_to_async(desk.client.get)(f"/app/conversations/{room.id}/")).content.decode()
    now = page.partition('id="handoff-now"')[2].partition("</dl>")[0]
    assert (f'href="{html.escape(written)}"' in now) is is_led_to
    assert "evil.example" not in page
    assert "javascript:" not in now


async def test_the_page_of_a_conversation_says_where_it_is_handed_over_to_and_what_was_tried(
    room: Room, desk: RehearsedDesk
) -> None:
    gone = "00000000-0000-4000-8000-000000000000"
    await room.begin([gone, desk.ref])
    await room.visitor("My kettle leaks.")
    await room.ask()
    await desk.settle()
    case = await room.bridge.inside(lambda: DeskCase.objects.get())

    async def now() -> str:
        page = (await sync_to_async(desk.client.get)(f"/app/conversations/{room.id}/")).content.decode()
        # Before what has to be opened first.
        part = page.partition('id="handoff-now"')[2].partition("</dl>")[0]
        assert page.index('id="handoff-now"') < page.index('id="handoffs-all"')
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", part)).split())

    said = await now()
    assert f"{desk.connection.name} (rehearsal)" in said
    assert f"{case.number} (in a new tab)" in said
    assert ", taken just now" in said
    assert "State Offered since just now" in said or "State Accepted since just now" in said
    assert "Asked in vain Connection 00000000, deleted: The connection is deleted." in said
    await desk.say("Which one?", "d1")
    # Genesys doesn't tell the names of its agents.
    assert re.search(r"State With a person since just now : (Olga|Rehearsal of Genesys)", await now())


async def test_dead_letters_say_who_said_what_when_and_why_and_go_again_in_their_order(
    room: Room, desk: RehearsedDesk
) -> None:
    await opened(room, desk)
    await desk.settle()
    said = [f"Line {number}." for number in range(1, 7)]
    await room.bridge.inside(lambda: Connection.objects.filter(id=desk.connection.id).update(state="paused"))
    for text in said:
        await room.visitor(text)
        # Each on its own, where several would go together.
        await room.bridge.inside(lambda: Delivery.objects.filter(status="queued").update(tries=1))

    def die() -> list[str]:
        rows = list(Delivery.objects.filter(status="queued", what="handoff.message").order_by("-position"))
        # The last one first, as they may die where several are under way.
        for row in rows:
            row.status, row.reason, row.settled_at = "failed", "The desk was not there.", timezone.now()
            row.save()
        Connection.objects.filter(id=desk.connection.id).update(state="active")
        return [str(row.id) for row in rows]

    ids = await room.bridge.inside(die)
    assert len(ids) == len(said)
    path = f"/app/channels/{desk.connection.id}/deliveries"
    page = (await sync_to_async(desk.client.get)(f"{path}?show=dead")).content.decode()
    read = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())
    for text in said:
        assert re.search(rf"\w: {text}", read), read
    assert read.count("The desk was not there.") == len(said)
    one = (await sync_to_async(desk.client.get)(f"{path}/{ids[0]}")).content.decode()
    part = one.partition('id="told-title"')[2].partition("</section>")[0]
    assert "Line 6." in part
    assert "{" not in part
    await sync_to_async(desk.client.post)(f"{path}/replay", {"show": "dead", "q": ""})
    await desk.settle()
    heard = "\n".join(await desk.customers())
    places = [heard.index(text) for text in said]
    assert places == sorted(places)
    assert all(heard.count(text) == 1 for text in said)
