"""The visitor's socket: the handshake, the frames, the limits, the ends."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import uuid
from typing import Any

import pytest
import time_machine
from channels.layers import get_channel_layer
from django.conf import settings
from django.utils import timezone

from convoship.lib import frame_rate
from convoship.lib.actors import SYSTEM
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import conversations, deploying, handoff, live, previewing, pulse
from deployments.models import Conversation, Deployment, File, Handoff, Message
from tests import factories
from tests.widget.conftest import Site, Socket
from widget import consumers
from workspaces.models import Membership

pytestmark = pytest.mark.asyncio


async def act(site: Site, fn: Any, *args: Any, **kwargs: Any) -> Any:
    """Run an act in the site's workspace, as another process would."""

    def run() -> Any:
        with tenant(site.workspace_id):
            return fn(*args, **kwargs)

    return await in_thread(run)


def reply_as_agent(conversation_id: str, text: str) -> None:
    handoff.reply(SYSTEM, None, conversations.lock(uuid.UUID(conversation_id)), text, None)


async def test_hello_is_welcomed_with_the_conversation_so_far(site: Site) -> None:
    session = (await site.start()).data
    socket = Socket.of(session)
    welcome = await socket.open(session)
    assert welcome["messages"] == session["messages"]
    assert welcome["rev"] == session["session"]["rev"]
    assert welcome["has_more"] is False
    assert welcome["session"] == session["session"]
    await socket.disconnect()


async def test_a_file_goes_with_a_message_over_the_socket_and_is_told_to_every_window(site: Site) -> None:
    session = (await site.start()).data
    conversation_id = session["session"]["conversation_id"]

    def lay_down() -> str:
        Deployment.objects.update(files={"on": True})
        conversation = Conversation.objects.get(id=conversation_id)
        kept = {"key": "a", "name": "a.pdf", "content_type": "application/pdf", "size": 3, "stored_at": timezone.now()}
        return str(File.objects.create(conversation=conversation, **kept).id)

    file_id = await act(site, lay_down)
    socket, other = Socket.of(session), Socket.of(session)
    await socket.open(session)
    await other.open(session)
    await socket.say("message.send", client_id="none", text="look", attachments=[str(uuid.uuid4())])
    assert (await socket.hear("error"))["code"] == "invalid"
    await socket.say("message.send", client_id="one", attachments=[file_id])
    for window in (socket, other):
        [shown] = (await window.hear("message.created"))["message"]["attachments"]
        assert shown["url"].startswith(f"{settings.FILES_BASE_URL}/files/")
        del shown["url"]
        assert shown == {"id": file_id, "name": "a.pdf", "size": 3, "content_type": "application/pdf"}
    await socket.disconnect()
    await other.disconnect()


async def test_a_message_is_echoed_and_answered_on_the_same_socket(site: Site) -> None:
    session = (await site.start()).data
    socket = Socket.of(session)
    welcome = await socket.open(session)
    await socket.say("message.send", client_id="one", text="hello")
    mine = await socket.hear("message.created")
    answer = await socket.hear("message.created")
    assert (mine["message"]["client_id"], mine["message"]["rev"]) == ("one", welcome["rev"] + 1)
    assert (answer["message"]["author"]["kind"], answer["message"]["rev"]) == ("assistant", welcome["rev"] + 2)
    await socket.disconnect()


async def test_each_change_is_told_once_to_every_socket_of_the_conversation(site: Site) -> None:
    session = (await site.start()).data
    sockets = [Socket.of(session) for _ in range(3)]
    for socket in sockets:
        await socket.open(session)
    await sockets[0].say("message.send", client_id="one", text="hello")
    for socket in sockets:
        frames = [await socket.hear("message.created") for _ in range(2)]
        assert [frame["message"]["seq"] for frame in frames] == [2, 3]
        # A `head` may come at any time: it tells no change, but how far they go.
        assert await socket.hears_within(0.3) <= {"head"}
        await socket.disconnect()


async def test_a_person_who_joins_is_seen_live(site: Site) -> None:
    session = (await site.start()).data
    socket = Socket.of(session)
    await socket.open(session)
    await act(site, reply_as_agent, session["session"]["conversation_id"], "I am here")
    frames = [await socket.hear() for _ in range(3)]
    said = [frame["message"]["author"]["kind"] for frame in frames if frame["type"] == "message.created"]
    assert said == ["system", "agent"]
    assert [frame["session"]["control"] for frame in frames if frame["type"] == "session.updated"] == ["human"]
    await socket.disconnect()


async def test_a_visitor_who_waits_is_told_what_for_and_each_time_that_it_is_another_thing(site: Site) -> None:
    session = (await site.start()).data
    assert session["session"]["waits_for"] is None
    socket = Socket.of(session)
    await socket.open(session)
    path = f"/sessions/{session['session']['id']}"

    async def told() -> str | None:
        waits_for: str | None = (await socket.hear("session.updated"))["session"]["waits_for"]
        asked: Any = await site.call("GET", path, session["session_token"])
        assert asked.data["session"]["waits_for"] == waits_for
        return waits_for

    def go_on() -> None:
        Membership.objects.update(away_since=None)
        Handoff.objects.update(due_at=timezone.now())
        handoff.overdue(conversations.lock(uuid.UUID(session["session"]["conversation_id"])))

    await act(site, lambda: Membership.objects.update(away_since=timezone.now()))
    asked: Any = await site.call("POST", path + "/handoff", session["session_token"], {})
    assert (asked.data["session"]["control"], asked.data["session"]["waits_for"]) == ("waiting", "form")
    assert await told() == "form"
    await socket.say("message.send", client_id="one", text="Skip")
    assert await told() == "people"
    resumed: Any = await site.start(resume=session["session_token"])
    assert resumed.data["session"]["waits_for"] == "people"
    await act(site, go_on)  # without a word to the visitor
    assert await told() == "person"
    await act(site, reply_as_agent, session["session"]["conversation_id"], "I am here")
    assert await told() is None
    await socket.disconnect()


@pytest.mark.parametrize("origin", ["https://other.example", "http://shop.example", "null", None])
async def test_a_foreign_origin_is_refused_before_accepting(site: Site, origin: str | None) -> None:
    session = (await site.start()).data
    accepted, _ = await Socket.of(session, origin=origin).connect()
    assert not accepted


async def test_an_unknown_session_or_address_is_refused_before_accepting(site: Site) -> None:
    for path in (f"/v1/public/runtime/sessions/{uuid.uuid4()}/socket", "/v1/nothing", "/"):
        accepted, _ = await Socket(path).connect()
        assert not accepted


async def test_a_client_that_does_not_speak_our_protocol_is_refused(site: Site) -> None:
    session = (await site.start()).data
    accepted, _ = await Socket.of(session, protocols=("chat",)).connect()
    assert not accepted


async def test_without_hello_the_socket_is_closed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "HELLO_SECONDS", 0.1)
    session = (await site.start()).data
    socket = Socket.of(session)
    await socket.connect()
    assert await socket.closed() == 4408


@pytest.mark.parametrize("token", ["cst_nonsense", "", 5, None])
async def test_a_bad_token_is_told_and_closed(site: Site, token: object) -> None:
    session = (await site.start()).data
    socket = Socket.of(session)
    await socket.connect()
    await socket.say("hello", token=token)
    assert (await socket.hear("error"))["code"].startswith("token_")
    assert await socket.closed() == 4401


async def test_the_token_of_another_session_opens_nothing(site: Site) -> None:
    mine, yours = (await site.start()).data, (await site.start()).data
    socket = Socket.of(yours)
    await socket.connect()
    await socket.say("hello", token=mine["session_token"])
    assert await socket.closed() == 4401


@pytest.mark.parametrize(
    "text",
    [
        " ",
        "{",
        "[]",
        "null",
        '"hello"',
        '{"type": 5}',
        '{"type": "shout"}',
        '{"type": "message.send"}',
        '{"type": "message.send", "client_id": "a", "text": "\\u0000"}',
        '{"type": "message.send", "client_id": "a", "text": "\\ud800"}',
        '{"type": "message.send", "client_id": "a", "text": ' + "[" * 5000 + "}",
        '{"type": "message.send", "client_id": "a", "text": "' + "x" * 8001 + '"}',
        '{"type": "hello", "token": "again"}',
    ],
)
async def test_a_bad_frame_gets_an_error_frame_and_the_socket_lives_on(site: Site, text: str) -> None:
    session = (await site.start()).data
    socket = Socket.of(session)
    await socket.open(session)
    await socket.send_to(text_data=text)
    assert (await socket.hear("error"))["detail"]
    await socket.say("ping")
    await socket.hear("pong")
    await socket.disconnect()


async def test_binary_frames_are_refused_with_words(site: Site) -> None:
    session = (await site.start()).data
    socket = Socket.of(session)
    await socket.open(session)
    await socket.send_to(bytes_data=b"\x00")
    assert "text" in (await socket.hear("error"))["detail"]
    await socket.disconnect()


async def test_a_frame_before_hello_is_refused(site: Site) -> None:
    session = (await site.start()).data
    socket = Socket.of(session)
    await socket.connect()
    await socket.say("message.send", client_id="a", text="hello")
    assert (await socket.hear("error"))["code"] == "token_missing"
    assert await socket.closed() == 4401


async def test_a_frame_that_is_too_large_closes_the_socket(site: Site) -> None:
    session = (await site.start()).data
    socket = Socket.of(session)
    await socket.open(session)
    await socket.send_to(text_data=" " * (128 * 1024 + 1))
    assert await socket.closed() == 1009


async def test_a_flood_of_frames_closes_the_socket(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_rate, "MOST_FRAMES", 5)
    session = (await site.start()).data
    socket = Socket.of(session)
    await socket.open(session)
    for _ in range(6):
        await socket.say("ping")
    assert await socket.closed() == 4429


async def test_too_many_messages_are_told_with_a_time_and_the_socket_lives_on(site: Site, settings: Any) -> None:
    settings.LIMITS = settings.LIMITS | {"visitor_messages": "2/10"}
    session = (await site.start()).data
    socket = Socket.of(session)
    await socket.open(session)
    for number in range(3):
        await socket.say("message.send", client_id=str(number), text="hello")
    error = await socket.hear("error")
    assert (error["code"], error["client_id"]) == ("rate_limited", "2")
    assert 1 <= error["retry_after"] <= 11
    await socket.disconnect()


async def test_a_visitor_has_so_many_sockets_and_no_more(site: Site, settings: Any) -> None:
    settings.LIMITS = settings.LIMITS | {"visitor_sockets": 2}
    session = (await site.start()).data
    sockets = [Socket.of(session) for _ in range(2)]
    for socket in sockets:
        await socket.open(session)
    third = Socket.of(session)
    await third.connect()
    await third.say("hello", token=session["session_token"])
    assert await third.closed() == 4429
    await sockets[0].disconnect()
    fourth = Socket.of(session)
    await fourth.open(session)
    for socket in (sockets[1], fourth):
        await socket.disconnect()


async def test_an_ended_conversation_is_shown_and_takes_nothing(site: Site) -> None:
    session = (await site.start()).data
    await site.call("POST", f"/sessions/{session['session']['id']}/end", session["session_token"])
    socket = Socket.of(session)
    welcome = await socket.open(session)
    assert welcome["session"]["status"] == "completed"
    await socket.say("message.send", client_id="a", text="hello")
    error = await socket.hear("error")
    assert (error["code"], error["client_id"]) == ("conversation_ended", "a")
    assert await socket.closed() == 4409


async def test_revoking_closes_the_socket_within_a_second(site: Site) -> None:
    session = (await site.start()).data
    socket = Socket.of(session)
    await socket.open(session)
    await asyncio.sleep(0)
    await act(site, deploying.revoke, SYSTEM, site.made.deployment)
    async with asyncio.timeout(1):
        assert await socket.closed() == 4403


async def test_removing_the_origin_closes_the_socket(site: Site) -> None:
    session = (await site.start()).data
    socket = Socket.of(session)
    await socket.open(session)
    await act(site, deploying.change, SYSTEM, site.made.deployment, {"allowed_origins": ["https://new.example"]})
    async with asyncio.timeout(1):
        assert await socket.closed() == 4403


async def test_without_live_events_the_pulse_closes_a_revoked_socket_within_five_seconds(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = (await site.start()).data
    socket = Socket.of(session)
    await socket.open(session)
    monkeypatch.setattr(live, "_ring", lambda rings: None)
    await act(site, deploying.revoke, SYSTEM, site.made.deployment)
    async with asyncio.timeout(5):
        assert await socket.closed() == 4403


@pytest.mark.parametrize("by", ["event", "pulse"])
async def test_pausing_tells_the_visitor_why_and_closes_the_socket(
    site: Site, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    session = (await site.start()).data
    socket = Socket.of(session)
    await socket.open(session)
    if by == "pulse":
        monkeypatch.setattr(live, "_ring", lambda rings: None)
    await act(site, deploying.pause, SYSTEM, site.made.deployment)
    async with asyncio.timeout(1 if by == "event" else 5):
        error = await socket.hear("error")
        assert await socket.closed() == 1013
    assert (error["code"], error["reason"], error["retry_after"]) == ("unavailable", "paused", 300)
    assert "paused" in error["detail"]


async def test_a_message_to_a_paused_deployment_is_refused_and_kept_nowhere(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = (await site.start()).data
    socket = Socket.of(session)
    await socket.open(session)
    # The socket has not heard of the pause when the message comes.
    monkeypatch.setattr(live, "_ring", lambda rings: None)
    await act(site, deploying.pause, SYSTEM, site.made.deployment)
    await socket.say("message.send", client_id="a", text="anyone?")
    error = await socket.hear("error")
    assert (error["code"], error["reason"], error["client_id"]) == ("unavailable", "paused", "a")
    assert await socket.closed() == 1013
    assert not await act(site, lambda: Message.objects.filter(text="anyone?").exists())
    await act(site, deploying.resume, SYSTEM, site.made.deployment)
    again = Socket.of(session)
    await again.open(session)
    await again.say("message.send", client_id="a", text="anyone?")
    assert (await again.hear("message.created"))["message"]["text"] == "anyone?"
    await again.disconnect()


async def test_a_paused_deployments_socket_is_refused_before_accepting(site: Site) -> None:
    session = (await site.start()).data
    await act(site, deploying.pause, SYSTEM, site.made.deployment)
    assert not (await Socket.of(session).connect(timeout=3))[0]


async def test_when_a_deployments_time_runs_out_the_pulse_closes_its_sockets(site: Site) -> None:
    session = (await site.start()).data
    ends = timezone.now() + dt.timedelta(minutes=10)
    await act(site, deploying.change, SYSTEM, site.made.deployment, {"expires_at": ends})
    socket = Socket.of(session)
    await socket.open(session)
    with time_machine.travel(ends + dt.timedelta(seconds=1)):
        error = await socket.hear("error")
        assert await socket.closed() == 4401
    assert (error["code"], "UTC" in error["detail"]) == ("token_expired", True)


async def test_a_test_is_over_after_an_hour_while_its_socket_is_open(site: Site) -> None:
    deployment = site.made.deployment
    preview = await act(site, lambda: previewing.mint(factories.actor(deployment.workspace), deployment))
    site.origin = settings.PUBLIC_BASE_URL
    session = (await site.call("POST", "/sessions", preview.token, {"agent_id": site.agent_id})).data
    assert not (await Socket.of(session).connect(timeout=3))[0]  # the shop's page
    socket = Socket.of(session, origin=settings.PUBLIC_BASE_URL)
    await socket.open(session)
    with time_machine.travel(timezone.now() + dt.timedelta(minutes=61)):
        error = await socket.hear("error")
        assert await socket.closed() == 4401
    assert (error["code"], error["detail"]) == ("token_expired", "This test is over.")


async def test_a_head_is_told_after_anything_was_sent(site: Site) -> None:
    session = (await site.start()).data
    socket = Socket.of(session)
    welcome = await socket.open(session)
    head = await socket.hear("head", timeout=6)
    assert (head["seq"], head["rev"]) == (welcome["session"]["head_seq"], welcome["rev"])
    await socket.disconnect()


async def test_a_long_conversation_is_welcomed_in_a_frame_that_fits(site: Site) -> None:
    session = (await site.start()).data

    def fill() -> None:
        for _ in range(12):
            reply_as_agent(session["session"]["conversation_id"], "ä" * 6000)

    await act(site, fill)
    socket = Socket.of(session)
    welcome = await socket.open(session)
    assert welcome["has_more"] is True
    assert welcome["rev"] == welcome["messages"][-1]["rev"]
    await socket.disconnect()


async def test_a_closed_socket_leaves_nothing_behind(site: Site) -> None:
    session = (await site.start()).data
    sockets = [Socket.of(session) for _ in range(5)]
    for socket in sockets:
        await socket.open(session)
    hub = live.Hub.get()
    assert hub.listeners
    for socket in sockets:
        await socket.disconnect()
    assert not hub.listeners
    assert not pulse.Pulse.get().patients


async def test_many_events_at_once_are_handed_out_a_few_at_a_time(site: Site) -> None:
    conversation_id, seen = uuid.uuid4(), [0]
    heard: list[Any] = []
    group = live.piece_group(site.workspace_id, conversation_id)
    hub = live.Hub.get()
    hub.listen(group, heard.append)
    async with asyncio.timeout(10):
        await hub.hears(group)
        rings = [(group, {"type": "token", "index": index}) for index in range(50)]
        await get_channel_layer().group_send(live._carrier(group), {"type": "live.events", "rings": rings})
        while len(heard) < 50:
            await asyncio.sleep(0)
            seen.append(len(heard))
    hub.leave(group, heard.append)
    assert [event["index"] for event in heard] == list(range(50))
    # Whoever else has something to do had their turn in between.
    assert max(after - before for before, after in itertools.pairwise(seen)) <= 10
