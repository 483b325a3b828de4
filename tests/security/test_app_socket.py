"""`/app/socket`: the cookie opens it on our own origin alone; rights are checked at every subscription and after."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from convoship.asgi import application
from convoship.lib import frame_rate
from convoship.lib.actors import SYSTEM
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import conversations, handoff, live, notes
from deployments.models import Conversation
from deployments.pages import socket as app_socket
from tests import factories
from tests.security.matrix import World
from tests.widget.conftest import hub_of_this_loop
from workspaces.models import Membership, User
from workspaces.permissions import Role

__all__ = ["hub_of_this_loop"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]


class Page:
    """A signed-in page's socket."""

    def __init__(self, cookie: str | None, origin: str | None) -> None:
        headers = [(b"host", b"127.0.0.1")]
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        if cookie is not None:
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()))
        self.socket = WebsocketCommunicator(application, "/app/socket", headers=headers)

    async def opens(self) -> bool:
        accepted, _ = await self.socket.connect(timeout=3)
        return bool(accepted)

    async def say(self, **frame: Any) -> None:
        await self.socket.send_to(text_data=json.dumps(frame))

    async def hear(self, kind: str) -> dict[str, Any]:
        while True:
            frame: dict[str, Any] = json.loads(await self.socket.receive_from(3))
            if frame["type"] == kind:
                return frame

    async def close_code(self) -> int:
        while True:
            event = await self.socket.receive_output(8)
            if event["type"] == "websocket.close":
                return int(event["code"])


def cookie_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture
def world(transactional_db: None) -> World:
    return World()


async def page_of(user: User, origin: str | None = settings.PUBLIC_BASE_URL) -> Page:
    return Page(await in_thread(cookie_of, user), origin)


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", settings.PUBLIC_BASE_URL + ".evil.example"])
async def test_a_foreign_page_with_the_members_cookie_is_refused(world: World, origin: str | None) -> None:
    page = await page_of(await in_thread(lambda: world.owner), origin)
    assert not await page.opens()


async def test_without_a_session_or_a_workspace_nothing_opens(world: World) -> None:
    assert not await Page(None, settings.PUBLIC_BASE_URL).opens()
    assert not await Page("nonsense", settings.PUBLIC_BASE_URL).opens()
    homeless = await in_thread(factories.make_user)
    assert not await (await page_of(homeless)).opens()


async def test_a_member_hears_their_conversations_and_list(world: World) -> None:
    page = await page_of(await in_thread(lambda: world.owner))
    assert await page.opens()
    conversation_id = world.ids["conversation_id"]
    await page.say(type="subscribe", conversation=str(conversation_id))
    await page.say(type="subscribe", list=True)
    await page.say(type="ping")
    await page.hear("pong")

    def speak() -> None:
        with tenant(world.workspace.id):
            handoff.reply(SYSTEM, None, conversations.lock(conversation_id), "Here I am", None)

    heard: list[dict[str, Any]] = []
    async with asyncio.timeout(5):
        while len(heard) < 2:
            await in_thread(speak)
            heard = [await page.hear("change"), await page.hear("conversation")]
    assert {frame["conversation_id"] for frame in heard} == {str(conversation_id)}
    await page.socket.disconnect()


async def test_a_page_is_told_when_it_is_heard_what_happens(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, keep = asyncio.Event(), live.Hub._keep_groups

    async def late(hub: live.Hub, layer: Any, channel: str) -> None:
        await gate.wait()
        await keep(hub, layer, channel)

    monkeypatch.setattr(live.Hub, "_keep_groups", late)
    page = await page_of(await in_thread(lambda: world.owner))
    assert await page.opens()
    conversation_id = world.ids["conversation_id"]

    def speak() -> None:
        with tenant(world.workspace.id):
            handoff.reply(SYSTEM, None, conversations.lock(conversation_id), "Here I am", None)

    await page.say(type="subscribe", conversation=str(conversation_id))
    await in_thread(speak)
    await page.say(type="ping")
    assert json.loads(await page.socket.receive_from(3)) == {"type": "pong"}, "what it can't hear yet is nobody's"
    gate.set()
    await page.hear("listening")
    # Once told, it misses nothing: one word is enough.
    await in_thread(speak)
    assert (await page.hear("change"))["conversation_id"] == str(conversation_id)
    # What it asks for later is heard by the same ear, which it is told as well.
    await page.say(type="subscribe", list=True)
    await page.hear("listening")
    await in_thread(speak)
    await page.hear("conversation")
    await page.socket.disconnect()


async def test_another_workspaces_conversation_is_as_if_it_did_not_exist(world: World) -> None:
    theirs = await in_thread(World)
    page = await page_of(await in_thread(lambda: world.owner))
    assert await page.opens()
    answers = []
    for conversation in (str(theirs.ids["conversation_id"]), str(uuid.uuid4()), "x", 5, None):
        await page.say(type="subscribe", conversation=conversation)
        answers.append(await page.hear("error"))
        await page.say(type="typing", conversation=conversation, on=True)
        answers.append(await page.hear("error"))
    assert {json.dumps(answer) for answer in answers} == {json.dumps(answers[0])}
    await page.socket.disconnect()


async def test_a_viewer_hears_and_does_not_type(world: World) -> None:
    viewer = await in_thread(factories.member, world.workspace, Role.VIEWER)
    page = await page_of(viewer)
    assert await page.opens()
    await page.say(type="typing", conversation=str(world.ids["conversation_id"]), on=True)
    assert (await page.hear("error"))["code"] == "not_found"
    await page.socket.disconnect()


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"type": "shout"}', '{"type": "subscribe"}', "[" * 5000])
async def test_a_bad_frame_gets_an_error_frame_and_the_socket_lives_on(world: World, text: str) -> None:
    page = await page_of(await in_thread(lambda: world.owner))
    assert await page.opens()
    await page.socket.send_to(text_data=text)
    assert (await page.hear("error"))["detail"]
    await page.say(type="ping")
    await page.hear("pong")
    await page.socket.disconnect()


async def test_signing_out_ends_the_socket(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_socket, "RECHECK_SECONDS", 0.1)
    page = await page_of(await in_thread(lambda: world.owner))
    assert await page.opens()
    await in_thread(Session.objects.all().delete)
    assert await page.close_code() == 4401


async def test_a_new_password_ends_the_sockets_of_other_browsers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_socket, "RECHECK_SECONDS", 0.1)
    owner = await in_thread(lambda: world.owner)
    page = await page_of(owner)
    assert await page.opens()
    owner.set_password("another long one 5417")
    await in_thread(owner.save)
    assert await page.close_code() == 4401


async def test_a_session_that_is_over_ends_the_socket(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_socket, "RECHECK_SECONDS", 0.1)
    page = await page_of(await in_thread(lambda: world.owner))
    assert await page.opens()
    await in_thread(lambda: Session.objects.update(expire_date=timezone.now()))
    assert await page.close_code() == 4401


async def test_a_removed_member_is_let_go(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_socket, "RECHECK_SECONDS", 0.1)
    agent = await in_thread(factories.member, world.workspace, Role.AGENT)
    page = await page_of(agent)
    assert await page.opens()

    def remove() -> None:
        with tenant(world.workspace.id):
            Membership.objects.filter(user=agent).delete()

    await in_thread(remove)
    assert await page.close_code() == 4403


# --- Who else is here -------------------------------------------------------------------------------------------------


async def arriving(world: World, user: User) -> Page:
    """A page of this member's that has said that it looks at the world's conversation."""
    page = await page_of(user)
    assert await page.opens()
    conversation = str(world.ids["conversation_id"])
    await page.say(type="subscribe", conversation=conversation)
    await page.hear("listening")
    await page.say(type="viewing", conversation=conversation)
    return page


async def looking(world: World, user: User) -> Page:
    """One that was heard to say so; what it heard itself meanwhile is skipped."""
    page = await arriving(world, user)
    await page.say(type="ping")
    await page.hear("pong")
    return page


async def hears_of(page: Page, doing: str) -> dict[str, Any]:
    while True:
        frame = await page.hear("viewing")
        if frame["doing"] == doing:
            return frame


async def test_members_see_who_else_looks_and_writes_and_leaves(world: World) -> None:
    owner = await in_thread(lambda: world.owner)
    dana = await in_thread(
        lambda: factories.member(world.workspace, Role.AGENT, factories.make_user(name="Dana van Reyes"))
    )
    first = await looking(world, owner)
    await asyncio.sleep(0)
    second = await looking(world, dana)
    conversation = str(world.ids["conversation_id"])
    await second.say(type="viewing", conversation=conversation)
    frame = await hears_of(first, "viewing")
    assert frame["user"] == {"id": str(dana.id), "name": "Dana van Reyes", "initials": "DR"}
    assert set(frame) == {"type", "conversation_id", "user", "doing"}
    # Who was there already is known to the newcomer at once, or by the next heartbeat.
    await first.say(type="viewing", conversation=conversation)
    assert (await hears_of(second, "viewing"))["user"]["id"] == str(owner.id)
    await second.say(type="typing", conversation=conversation, on=True)
    await hears_of(first, "reply")
    await second.say(type="typing", conversation=conversation, on=True, note=True)
    await hears_of(first, "note")
    await second.say(type="typing", conversation=conversation, on=False, note=True)
    await hears_of(first, "quiet")
    await second.socket.disconnect()
    await hears_of(first, "gone")
    await first.socket.disconnect()


async def test_a_newcomer_is_answered_at_once_by_who_is_there(world: World) -> None:
    owner = await in_thread(lambda: world.owner)
    agent = await in_thread(factories.member, world.workspace, Role.AGENT)
    first = await looking(world, owner)
    second = await arriving(world, agent)
    assert (await second.hear("viewing"))["user"]["id"] == str(owner.id)
    for page in (first, second):
        await page.socket.disconnect()


async def test_nothing_of_members_is_told_to_the_visitor(world: World) -> None:
    heard: list[Any] = []
    hub = live.Hub.get()
    ids = (world.workspace.id, world.ids["conversation_id"])
    hub.listen(live.conversation_group(*ids), heard.append)
    owner = await in_thread(lambda: world.owner)
    page = await looking(world, owner)
    other = await looking(world, await in_thread(factories.member, world.workspace, Role.AGENT))

    def note() -> None:
        with tenant(world.workspace.id):
            notes.add(factories.actor(world.workspace), conversations.lock(ids[1]), "a secret between us")

    async with asyncio.timeout(5):
        while True:
            await in_thread(note)
            await other.say(type="viewing", conversation=str(ids[1]))
            await other.say(type="typing", conversation=str(ids[1]), on=True, note=True)
            frame = await page.hear("note")
            if frame:
                break
    await hears_of(page, "note")
    assert heard == []
    hub.leave(live.conversation_group(*ids), heard.append)
    for each in (page, other):
        await each.socket.disconnect()


async def test_a_page_that_sends_a_flood_is_closed_and_what_it_says_from_then_on_is_told_to_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []
    monkeypatch.setattr(live, "tell_typing", lambda *_, on: told.append(on))
    monkeypatch.setattr(frame_rate, "MOST_FRAMES", 5)
    page = await page_of(await in_thread(lambda: world.owner))
    assert await page.opens()
    for _ in range(20):
        await page.say(type="typing", conversation=str(world.ids["conversation_id"]), on=True)
    assert await page.close_code() == 4429
    assert len(told) == 5


async def test_another_workspace_can_not_be_looked_into(world: World) -> None:
    theirs = await in_thread(World)
    page = await page_of(await in_thread(lambda: world.owner))
    assert await page.opens()
    for frame in ({"type": "viewing"}, {"type": "read", "seq": 1}):
        await page.say(**frame, conversation=str(theirs.ids["conversation_id"]))
        assert (await page.hear("error"))["code"] == "not_found"
    for seq in (-1, 2**31, "1", None, True):
        await page.say(type="read", seq=seq, conversation=str(world.ids["conversation_id"]))
        await page.say(type="ping")
        await page.hear("pong")
    await page.socket.disconnect()


# --- What was read ----------------------------------------------------------------------------------------------------


async def test_only_the_reading_of_whose_conversation_it_is_counts(world: World) -> None:
    owner = await in_thread(lambda: world.owner)
    page = await looking(world, owner)
    conversation_id = world.ids["conversation_id"]

    def take() -> None:
        with tenant(world.workspace.id):
            handoff.join(factories.actor(world.workspace), owner, conversations.lock(conversation_id))

    def read() -> int:
        with tenant(world.workspace.id):
            return Conversation.objects.get(id=conversation_id).agent_read_seq

    def head() -> int:
        with tenant(world.workspace.id):
            return Conversation.objects.get(id=conversation_id).head_seq

    async def say(seq: int) -> int:
        await page.say(type="read", conversation=str(conversation_id), seq=seq)
        await page.say(type="ping")
        await page.hear("pong")
        return int(await in_thread(read))

    assert await say(1) == 0
    await in_thread(take)
    assert await say(1) == 1
    last = await in_thread(head)
    assert await say(2**31 - 1) == last, "no further than there are messages"
    assert await say(1) == last, "and never back"
    await page.socket.disconnect()
