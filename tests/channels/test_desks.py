"""The desk port's conformance suite: whichever desk has a conversation, it is told all, and all it says arrives once.

A desk passes it by a driver: how its people do what they do, and what they have been told.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest
from django.test import AsyncClient
from django.utils import timezone

from channels_app.models import Connection, Delivery
from convoship.lib import standard_webhooks
from convoship.lib.threads import in_thread
from deployments import conversations, handoff, handoff_rules, inbox, live, sweeping, visits
from deployments.models import AssistantVersion, Conversation, Handoff, Message
from deployments.models.handoff import HandoffOutcome, HandoffState
from deployments.pages import inbox_queries
from deployments.visits import VisitorMessage
from tests import factories
from tests.channels.callers import Line
from tests.channels.conftest import Bridge, make_bridge
from tests.channels.far_end import FarEnd, Said, Seen
from tests.channels.files_in_messages import PDF
from tests.channels.put_through import SALES, People
from tests.channels.rehearsed_desks import REHEARSED, stage
from tests.channels.test_inbound_media import due as media_due
from tests.channels.test_inbound_media import folder as folder
from workspaces.permissions import Role

pytestmark = [pytest.mark.asyncio, pytest.mark.django_db(transaction=True)]


class Driver(Protocol):
    """A desk's people."""

    ref: str

    async def told(self) -> list[str]:
        """What they know of the case, in order: `open: first words`, `visitor words`, `closed: outcome`."""

    async def accept(self) -> None: ...
    async def say(self, text: str, key: str) -> None: ...
    async def give_back(self, summary: str) -> None: ...
    async def close(self) -> None: ...


class Room:
    """A visitor, and a conversation that one desk, or several, may be given."""

    def __init__(self, bridge: Bridge) -> None:
        self.bridge, self.said = bridge, 0

    async def begin(self, desks: list[str], **rules: Any) -> None:
        def begin() -> None:
            made = factories.make_deployment(self.bridge.workspace)
            version = made.deployment.assistant.published
            assert version is not None
            content = {**version.content, "handoff": handoff_rules.validate({"desks": desks, **rules})}
            version.delete()
            made.deployment.assistant.published = AssistantVersion.objects.create(
                assistant=made.deployment.assistant, number=1, content=content
            )
            made.deployment.assistant.save(update_fields=["published"])
            opened = factories.start_session(made)
            self.visit = visits.resolve(opened.token, opened.session.id)
            self.id = opened.session.conversation_id

        await self.bridge.inside(begin)

    async def visitor(self, text: str) -> None:
        self.said += 1
        message = VisitorMessage(client_id=f"c{self.said}", text=text)
        await in_thread(visits.post, self.visit, factories.caller(), message)
        await self.bridge.drain()

    async def ask(self) -> None:
        await in_thread(visits.ask_for_person, self.visit, factories.caller(), "They asked.")
        await self.bridge.drain()

    async def leave(self) -> None:
        await in_thread(visits.end, self.visit, factories.caller())
        await self.bridge.drain()

    async def row(self) -> Conversation:
        return await self.bridge.inside(lambda: Conversation.objects.get(id=self.id))

    async def case(self) -> Handoff:
        return await self.bridge.inside(lambda: Handoff.objects.latest("requested_at"))

    async def lines(self, kind: str) -> list[str]:
        def read() -> list[str]:
            rows = Message.objects.filter(conversation_id=self.id, author_kind=kind).order_by("seq")
            return list(rows.values_list("text", flat=True))

        return await self.bridge.inside(read)

    async def time_is_up(self) -> None:
        """As if the time of the next step had come, and the sweeper with it."""

        def run() -> None:
            now = timezone.now()
            Handoff.objects.filter(ended_at=None, state__in=("requested", "offered", "accepted")).update(
                due_at=now, wait_until=now
            )
            Handoff.objects.filter(ended_at=None, state="live").update(
                due_at=now, unanswered_since=now - dt.timedelta(hours=1)
            )

        await self.bridge.inside(run)
        await in_thread(sweeping.go_on, self.bridge.workspace.id, self.id)
        await self.bridge.drain()


class Inbox:
    """The workspace's own members, by the API that programs and pages share."""

    ref = "inbox"

    def __init__(self, room: Room) -> None:
        self.room = room

    def _key(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def _post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        if not hasattr(self, "token"):
            self.token = (await in_thread(factories.make_api_key, self.room.bridge.workspace)).token
        answer: Any = await self.room.bridge.client.post(
            f"/v1/conversations/{self.room.id}{path}", body or {}, content_type="application/json", headers=self._key()
        )
        assert answer.status_code in (200, 201, 409), answer.content
        return answer

    async def told(self) -> list[str]:
        case, first = await self.room.case(), ""
        lines = []
        for text, seq in await self.room.bridge.inside(
            lambda: list(
                Message.objects.filter(conversation_id=self.room.id, author_kind="visitor")
                .order_by("seq")
                .values_list("text", "seq")
            )
        ):
            is_before = seq <= self.opened_at
            first = first or text
            if not is_before:
                lines.append(text)
        ended = [f"closed: {case.outcome}"] if case.ended_at else []
        return [f"open: {first}", *lines, *ended]

    async def accept(self) -> None:
        def run() -> None:
            user = factories.member(self.room.bridge.workspace, Role.AGENT, factories.make_user(name="Olga"))
            handoff.assign(self.room.bridge.who, conversations.lock(self.room.id), user)

        await self.room.bridge.inside(run)

    async def say(self, text: str, key: str) -> None:
        await self._post("/messages", {"text": text, "client_id": key})

    async def give_back(self, summary: str) -> None:
        await self.room.bridge.inside(
            lambda: handoff.give_back(self.room.bridge.who, conversations.lock(self.room.id), summary)
        )

    async def close(self) -> None:
        await self._post("/resolve")

    opened_at = 0


class Webhook:
    """A program of the customer's, behind a signed webhook."""

    def __init__(self, room: Room) -> None:
        self.room, self.ref = room, str(room.bridge.connection.id)

    async def told(self) -> list[str]:
        lines = []
        seen: set[str] = set()
        for request in self.room.bridge.far.seen:
            standard_webhooks.verify([self.room.bridge.secrets["signing_secret"]], request.headers, request.body)
            if request.headers["webhook-id"] in seen:
                continue
            seen.add(request.headers["webhook-id"])
            event = request.json
            self.key = event["data"]["handoff_key"]
            match event["type"]:
                case "handoff.opened":
                    visitors = [m["text"] for m in event["data"]["messages"] if m["author"]["kind"] == "visitor"]
                    lines.append(f"open: {visitors[0]}")
                case "handoff.message":
                    lines.append(event["data"]["message"]["text"])
                case "handoff.closed":
                    lines.append(f"closed: {event['data']['outcome']}")
        return lines

    async def _tell(self, says: str, event_id: str = "", **more: str) -> Any:
        await self.told()
        body = {"type": f"handoff.{says}", "handoff_key": self.key, **more}
        answer = await self.room.bridge.post({**body, "event_id": event_id} if event_id else body)
        assert answer.status_code in (200, 202), answer.data
        await self.room.bridge.drain()
        return answer

    async def accept(self) -> None:
        await self._tell("accepted", name="Olga")

    async def say(self, text: str, key: str) -> None:
        await self._tell("message", key, name="Olga", text=text)

    async def give_back(self, summary: str) -> None:
        await self._tell("returned", summary=summary)

    async def close(self) -> None:
        await self._tell("closed", name="Olga")


@pytest.fixture
def room(bridge: Bridge) -> Room:
    return Room(bridge)


@pytest.fixture
def bridge(transactional_db: None, far: FarEnd) -> Bridge:
    return make_bridge(factories.make_workspace(), far, desk=True, events=["conversation.ended"])


DESKS: dict[str, Callable[[Room], Any]] = {"inbox": Inbox, "webhook": Webhook}


@pytest.fixture(params=[*DESKS, *REHEARSED])
def desk(request: pytest.FixtureRequest, room: Room, settings: Any) -> Driver:
    driver: Driver
    if request.param in DESKS:
        driver = DESKS[request.param](room)
    else:
        server = request.getfixturevalue("live_server")
        parts = urlsplit(server.url)
        stage(settings, server.url, str(parts.hostname), int(parts.port or 80))
        driver = REHEARSED[request.param](room.bridge)
    return driver


async def opened(room: Room, desk: Driver, **rules: Any) -> None:
    await room.begin([desk.ref], **rules)
    await room.visitor("My kettle leaks.")
    if isinstance(desk, Inbox):
        desk.opened_at = (await room.row()).head_seq
    await room.ask()


async def test_a_case_opens_with_the_whole_conversation_and_every_turn_goes_both_ways(room: Room, desk: Driver) -> None:
    await opened(room, desk)
    assert await desk.told() == ["open: My kettle leaks."]
    assert (await room.row()).control == "waiting"
    await desk.accept()
    assert (await room.case()).state == HandoffState.ACCEPTED
    assert "Olga" in (await room.lines("system"))[-1]
    await room.visitor("It is the red one.")
    await desk.say("Which model?", "d1")
    assert (await room.row()).control == "human"
    await room.visitor("K2")
    await desk.say("We send another.", "d2")
    assert await desk.told() == ["open: My kettle leaks.", "It is the red one.", "K2"]
    assert await room.lines("agent") == ["Which model?", "We send another."]
    assert (await room.case()).unanswered_since is None


async def test_what_is_said_twice_arrives_once(room: Room, desk: Driver) -> None:
    await opened(room, desk)
    for _ in range(3):
        await desk.say("Hello.", "d1")
    assert await room.lines("agent") == ["Hello."]


async def test_a_desk_may_speak_without_accepting_first_and_accept_afterwards(room: Room, desk: Driver) -> None:
    await opened(room, desk)
    await desk.say("Hello.", "d1")
    await desk.accept()
    assert (await room.row()).control == "human"


async def test_the_desk_closes_and_what_it_says_afterwards_changes_nothing(room: Room, desk: Driver) -> None:
    await opened(room, desk)
    await desk.say("Done.", "d1")
    await desk.close()
    row = await room.row()
    assert (row.status, (await room.case()).outcome) == ("completed", HandoffOutcome.RESOLVED)
    await desk.close()
    await desk.say("One more thing.", "d2")
    assert await room.lines("agent") == ["Done."]


async def test_the_visitor_leaves_and_the_desk_is_told(room: Room, desk: Driver) -> None:
    await opened(room, desk)
    await desk.say("Hello.", "d1")
    await room.leave()
    assert (await desk.told())[-1] == "closed: ended"
    assert (await room.case()).state == HandoffState.CLOSED


async def test_the_desk_gives_it_back_with_what_was_done(room: Room, desk: Driver) -> None:
    await opened(room, desk)
    await desk.say("I looked it up.", "d1")
    await desk.give_back("Sent a new one.")
    assert (await room.row()).control == "assistant"
    if getattr(desk, "tells_summary", True):
        assert (await room.case()).summary == "Sent a new one."
    await room.visitor("Where is my order?")
    assert (await room.lines("assistant"))[-1]


async def test_nobody_takes_it_in_time(room: Room, desk: Driver) -> None:
    await opened(room, desk)
    await room.time_is_up()
    assert (await room.row()).control == "assistant"
    assert (await room.lines("system"))[-1].startswith("Nobody is free right now")
    assert (await desk.told())[-1] == "closed: nobody_came"


async def test_whoever_has_it_goes_away_and_it_is_offered_anew(room: Room, desk: Driver) -> None:
    await opened(room, desk)
    await desk.say("Hello.", "d1")
    first = (await room.case()).offers
    await room.visitor("Are you there?")
    await room.time_is_up()
    case = await room.case()
    assert (case.state, case.offers) == (HandoffState.OFFERED, first + 1)
    assert "can't answer right now" in (await room.lines("system"))[-1]


# --- What only a desk outside the house can meet ----------------------------------------------------------------------


async def test_a_crash_between_the_opening_and_its_receipt_opens_one_case(room: Room) -> None:
    desk = Webhook(room)
    room.bridge.far.script(Said(cut=True), Said())
    await opened(room, desk)
    await room.bridge.now()
    await room.bridge.drain()
    assert len(room.bridge.far.seen) == 2
    assert {request.headers["webhook-id"] for request in room.bridge.far.seen} == {
        room.bridge.far.seen[0].headers["webhook-id"]
    }
    assert await desk.told() == ["open: My kettle leaks."]


async def test_a_desk_that_says_that_it_can_not_is_passed_over(room: Room) -> None:
    desk = Webhook(room)
    await room.begin([desk.ref, "inbox"])
    await room.visitor("My kettle leaks.")
    await room.ask()
    await desk._tell("unavailable", reason="Everybody is at lunch.")
    case = await room.case()
    assert (case.desk, case.state) == ("inbox", HandoffState.OFFERED)
    assert case.tried[-1]["words"] == "Everybody is at lunch."


async def test_a_desk_that_refuses_what_it_is_told_is_passed_over_with_its_reason(room: Room) -> None:
    desk = Webhook(room)
    room.bridge.far.script(Said(status=410))
    await room.begin([desk.ref, "inbox"])
    await room.visitor("My kettle leaks.")
    await room.ask()
    case = await room.case()
    assert (case.desk, case.state) == ("inbox", HandoffState.OFFERED)
    assert case.tried[-1]["words"].startswith("It could not be told:")


async def test_a_paused_connection_is_not_asked(room: Room) -> None:
    desk = Webhook(room)
    await room.bridge.inside(lambda: Connection.objects.update(state="paused"))
    await room.begin([desk.ref, "inbox"])
    await room.ask()
    assert (await room.case()).desk == "inbox"
    assert room.bridge.far.seen == []


async def test_a_member_takes_over_from_the_desk_which_is_told(room: Room) -> None:
    desk = Webhook(room)
    await opened(room, desk)
    await desk.say("Hello.", "d1")

    def take() -> None:
        user = factories.member(room.bridge.workspace, Role.AGENT, factories.make_user(name="Dana"))
        handoff.join(room.bridge.who, user, conversations.lock(room.id))

    await room.bridge.inside(take)
    await room.bridge.drain()
    assert (await desk.told())[-1] == "closed: by_person"
    await desk.say("Still here?", "d2")
    assert await room.lines("agent") == ["Hello."]
    [late] = [event for event in await room.bridge.events() if "not there any more" in event.reason]
    assert late.state == "handled"


async def test_what_a_desks_person_has_is_nobodys_to_take_and_a_program_answers_nothing_for_them(room: Room) -> None:
    await opened(room, Webhook(room))
    await Webhook(room).say("Hello.", "d1")
    await room.visitor("Are you there?")

    def look() -> tuple[int, int]:
        owner = factories.owner_of(room.bridge.workspace)
        rows = Conversation.objects.filter(inbox.shown("unassigned", owner))
        handoff.reply(room.bridge.who, None, conversations.lock(room.id), "From the shop's own program.", None)
        return rows.count(), inbox_queries.counts(owner)["unassigned"]

    assert await room.bridge.inside(look) == (0, 0)
    assert (await room.case()).unanswered_since is not None


async def test_a_desk_is_told_what_a_program_posts_meanwhile_and_by_whom(room: Room) -> None:
    desk, program = Webhook(room), Inbox(room)
    await opened(room, desk)
    await desk.say("Hello.", "d1")
    for _ in range(2):
        await program.say("Your parcel has left.", "p1")
    await room.bridge.drain()
    await room.visitor("Thanks.")
    assert await desk.told() == ["open: My kettle leaks.", "Your parcel has left.", "Thanks."]
    told = [event.json["data"]["message"]["author"] for event in room.bridge.far.seen[1:]]
    assert [author["kind"] for author in told] == ["agent", "visitor"]
    assert told[0]["name"] == (await room.bridge.inside(lambda: Message.objects.get(client_id="p1").author_name))


async def test_the_visitor_is_told_who_joins_once_and_who_goes_on_where_it_is_somebody_else(room: Room) -> None:
    desk = Webhook(room)
    await opened(room, desk)
    said: tuple[dict[str, str], ...] = (
        {"name": "\u200b \u2800"},
        {"name": "Olga"},
        {"name": " OLGA\u200b"},
        {},
        {"name": "Max"},
        {"name": "Olga"},
    )
    for number, name in enumerate(said):
        await desk._tell("message", f"d{number}", text="Hello.", **name)
    shop = room.bridge.connection.name
    assert [line for line in await room.lines("system") if "person" not in line] == [
        f"{shop} has joined the conversation.",
        "You are talking to Olga now.",
        "You are talking to Max now.",
        "You are talking to Olga now.",
    ]
    authors = await room.bridge.inside(
        lambda: list(Message.objects.filter(author_kind="agent").order_by("seq").values_list("author_name", flat=True))
    )
    assert authors == [shop, "Olga", "OLGA", "Olga", "Max", "Olga"]


async def test_a_desk_gets_the_visitors_files_and_those_that_come_later(bridge: Bridge, folder: Path) -> None:
    """Over a channel a file is fetched after its message: told of as on its way, and again when it is there."""
    is_there = False

    def answers(seen: Seen) -> Said:
        if seen.method == "GET":
            return Said(body=PDF) if is_there else Said(404)
        return Said()

    bridge.far.answers = answers

    def rules() -> None:
        assistant = bridge.connection.assistant
        assert assistant is not None
        assert assistant.published is not None
        rules = handoff_rules.validate({"desks": [str(bridge.connection.id)]})
        content = {**assistant.published.content, "handoff": rules}
        assistant.published = AssistantVersion.objects.create(assistant=assistant, number=2, content=content)
        assistant.save(update_fields=["published"])

    await bridge.inside(rules)
    files = [f"http://127.0.0.1:{bridge.far.port}/files/plan.pdf"]
    await bridge.say("look", attachments=files)
    await bridge.drain()
    await bridge.inside(
        lambda: handoff.request_by(bridge.who, conversations.lock(Conversation.objects.get().id), "A leak.")
    )
    await bridge.drain()

    def told(what: str) -> list[dict[str, Any]]:
        return [seen.json["data"] for seen in bridge.far.seen if seen.body and seen.json["type"] == what]

    [opened] = told("handoff.opened")
    [waiting] = opened["messages"][0]["attachments"]
    assert (waiting["name"], waiting["state"], "url" in waiting) == ("File", "fetching", False)
    is_there = True
    await media_due(bridge)
    [came] = told("handoff.files")
    assert (came["handoff_key"], came["message"]["text"]) == (opened["handoff_key"], "look")
    [file] = came["message"]["attachments"]
    assert (file["name"], file["content_type"], "state" in file) == ("plan.pdf", "application/pdf", False)
    given = await AsyncClient().get(urlsplit(file["url"]).path)
    assert given.status_code == 200
    # What is said while they have it, too.
    await bridge.say("and this", attachments=files)
    await bridge.drain()
    assert [one["message"]["text"] for one in told("handoff.message")] == ["and this"]
    assert told("handoff.files")[-1]["message"]["attachments"][0]["url"]


async def test_a_desk_that_types_is_seen_typing(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    typed: list[Mapping[str, Any]] = []
    monkeypatch.setattr(live, "tell_typing", lambda *args, on: typed.append({"author": args[2], "on": on}))
    desk = Webhook(room)
    await opened(room, desk)
    await desk._tell("typing", name="Olga")
    assert typed == [{"author": {"kind": "agent", "name": "Olga"}, "on": True}]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "handoff.message", "handoff_key": "x"}, "text"),
        ({"type": "handoff.moved", "handoff_key": "x"}, "type"),
        ({"type": "handoff.accepted"}, "handoff_key"),
        ({"type": ["handoff.accepted"], "handoff_key": "x"}, "type"),
        ({"type": "handoff.closed", "handoff_key": "x", "why": "so"}, "why"),
    ],
)
async def test_what_a_desk_says_unreadably_is_refused_by_field(bridge: Bridge, body: Any, field: str) -> None:
    answer = await bridge.post(body)
    assert answer.status_code == 422
    assert field in answer.data["errors"]


@pytest.mark.parametrize("key", ["nonsense", "0b0b0b0b-0000-4000-8000-00000000000b.1", "0b0b.1", "x.y.z"])
async def test_a_case_that_never_was_changes_nothing_and_is_said(bridge: Bridge, key: str) -> None:
    await bridge.post({"type": "handoff.closed", "handoff_key": key})
    await bridge.drain()
    [event] = await bridge.events()
    assert (event.state, event.reason) == ("handled", f"There is no case {key} of this connection.")


async def test_a_desk_can_not_speak_in_a_case_of_another_connection(room: Room, far: FarEnd) -> None:
    desk = Webhook(room)
    await opened(room, desk)
    await desk.told()
    other = await in_thread(lambda: make_bridge(room.bridge.workspace, far, desk=True))
    await other.post({"type": "handoff.message", "handoff_key": desk.key, "text": "Your card number, please."})
    await other.drain()
    assert await room.lines("agent") == []


# --- A telephone ------------------------------------------------------------------------------------------------------


class Telephone:
    """A telephone that calls are put through to: what it is told are attempts, what it says are keys and hang-ups."""

    def __init__(self, people: People) -> None:
        self.people, self.ref = people, str(people.line.connection.id)

    async def told(self) -> list[str]:
        lines = []
        for one in await self.people.transfers():
            lines.append(f"open: {one.to}")
            lines += [f"closed: {one.reason}"] if one.ended_at else []
        return lines


@pytest.fixture
async def telephone(line: Line) -> Telephone:
    people = People(line)
    await people.nobody()
    await line.allow(transfer_to=SALES, manner="warm")
    await people.rules(keywords=["human"], desks=[str(line.connection.id)])
    return Telephone(people)


async def test_a_telephone_is_told_of_a_case_once_and_that_it_is_over(telephone: Telephone) -> None:
    people = telephone.people
    dialled = await people.ask()
    assert await telephone.told() == [f"open: {SALES}"]
    await people.line.ask(people.line.url("lead", "?at=1"))
    assert await telephone.told() == [f"open: {SALES}"]
    await people.line.hang_up()
    assert await telephone.told() == [f"open: {SALES}", "closed: The caller hung up before it was put through."]
    assert (await people.pick_up(dialled)).has("Hangup")


async def test_each_time_that_a_telephone_is_offered_a_call_it_is_another_case(telephone: Telephone) -> None:
    people = telephone.people
    back = await people.done(await people.ask(), "busy")
    dialled = await people.line.speak(back, "a human please")
    one, other = await people.transfers()
    assert one.key != other.key
    assert (one.ended_at is None, other.ended_at is None) == (False, True)
    assert dialled.verb("Number").text == SALES


async def test_a_member_takes_over_from_a_telephone_which_stops_ringing(telephone: Telephone) -> None:
    people = telephone.people
    dialled = await people.ask()
    heard = await people.pick_up(dialled)
    talk = await people.talk()

    def take() -> None:
        user = factories.member(people.line.workspace, Role.AGENT, factories.make_user(name="Dana"))
        handoff.join(people.line.who, user, conversations.lock(talk.id))

    await people.line.inside(take)
    assert await telephone.told() == [f"open: {SALES}", "closed: Taken over by Dana."]
    late = await people.press(heard, "1")
    assert late.words == "The caller is not waiting any more. Goodbye."
    assert (await people.talk()).control == "human"


async def test_a_telephone_whose_connection_is_paused_is_not_rung(telephone: Telephone) -> None:
    people = telephone.people
    greeted = await people.line.ring()
    await people.line.inside(lambda: Connection.objects.update(state="paused"))
    answered = await people.line.speak(greeted, "a human please")
    assert await telephone.told() == []
    assert not answered.has("Dial")


async def test_what_a_desk_is_told_stands_on_the_connections_page_as_any_delivery(room: Room) -> None:
    await opened(room, Webhook(room))
    [delivery] = await room.bridge.inside(lambda: list(Delivery.objects.all()))
    assert (delivery.what, delivery.status) == ("handoff.opened", "delivered")
