"""Read marks: what the visitor has read is kept and told to the members, and the other way round."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import conversations, handoff, live, reading
from deployments.models import Conversation
from tests import factories
from tests.widget.conftest import Site, Socket
from workspaces.models import Workspace

pytestmark = pytest.mark.asyncio


async def act(site: Site, fn: Callable[..., Any], *args: Any) -> Any:
    def run() -> Any:
        with tenant(site.workspace_id):
            return fn(*args)

    return await in_thread(run)


async def kept(site: Site, session: Any) -> tuple[int, dt.datetime | None]:
    """How far the visitor has read, as it is stored, and since when."""
    row = await act(site, lambda: Conversation.objects.get(id=session["session"]["conversation_id"]))
    return row.visitor_read_seq, row.visitor_read_at


async def until(site: Site, session: Any, seq: int) -> dt.datetime | None:
    async with asyncio.timeout(5):
        while True:
            now, at = await kept(site, session)
            if now == seq:
                return at


async def test_what_the_visitor_reads_is_kept_and_only_moves_on(site: Site) -> None:
    session = (await site.start()).data
    await site.say(session, "hello")
    socket = Socket.of(session)
    await socket.open(session)
    assert (await kept(site, session))[0] == 0
    await socket.say("read", seq=2)
    assert await until(site, session, 2)
    head = (await site.call("GET", f"/sessions/{session['session']['id']}", session["session_token"])).data["session"]
    for seq in (1, 2**31 - 1, 0):
        await socket.say("read", seq=seq)
    await until(site, session, head["head_seq"])
    after = (await site.call("GET", f"/sessions/{session['session']['id']}", session["session_token"])).data["session"]
    assert after["rev"] == head["rev"]
    await socket.disconnect()


@pytest.mark.parametrize("seq", [None, -1, "2", 2**31, 1.5, True, [], {}])
async def test_what_is_no_place_is_refused_in_words(site: Site, seq: Any) -> None:
    session = (await site.start()).data
    socket = Socket.of(session)
    await socket.open(session)
    await socket.say("read", seq=seq)
    error = await socket.hear("error")
    assert (error["code"], error["detail"]) == ("invalid", "read needs seq, a whole number, 0 or more.")
    path = f"/sessions/{session['session']['id']}/events"
    answer = await site.call("POST", path, session["session_token"], {"type": "read", "seq": seq})
    assert answer.status_code == 422
    await socket.disconnect()


async def test_by_http_it_is_kept_as_well(site: Site) -> None:
    session = (await site.start()).data
    path = f"/sessions/{session['session']['id']}/events"
    answer = await site.call("POST", path, session["session_token"], {"type": "read", "seq": 1})
    assert answer.status_code == 204
    assert (await kept(site, session))[0] == 1


async def test_a_session_writes_once_a_second_and_loses_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    session = (await site.start()).data
    for text in ("one", "two", "three"):
        await site.say(session, text)
    written: list[int] = []
    write = reading.by_visitor

    def watched(conversation_id: uuid.UUID, seq: int) -> None:
        written.append(seq)
        write(conversation_id, seq)

    monkeypatch.setattr(reading, "by_visitor", watched)
    monkeypatch.setattr(reading, "EVERY_SECONDS", 0.2)
    ids = (site.workspace_id, uuid.UUID(session["session"]["conversation_id"]))
    for seq in (1, 2, 5, 4, 3):
        await reading.Reads.get().note(*ids, seq)
    assert written == [1]
    await until(site, session, 5)
    assert written == [1, 5]
    await asyncio.gather(*reading.Reads.get().pauses)


async def test_the_members_are_told_and_see_it_below_the_message(site: Site) -> None:
    session = (await site.start()).data
    conversation_id = uuid.UUID(session["session"]["conversation_id"])
    heard: asyncio.Queue[Any] = asyncio.Queue()
    group = live.team_group(site.workspace_id, conversation_id)
    live.Hub.get().listen(group, heard.put_nowait)
    event: dict[str, Any] = {}
    async with asyncio.timeout(8):
        while not event:
            # The layer's group is joined meanwhile: what is told before that is lost, as any live event may be.
            await act(site, lambda: Conversation.objects.update(visitor_read_seq=0))
            await act(site, reading.by_visitor, conversation_id, 1)
            try:
                event = await asyncio.wait_for(heard.get(), 0.3)
            except TimeoutError:
                continue
    assert (event["type"], event["seq"], event["conversation_id"]) == ("seen", 1, str(conversation_id))
    assert event["at"].endswith("Z")
    live.Hub.get().leave(group, heard.put_nowait)


async def test_the_visitor_hears_how_far_the_person_has_read(site: Site) -> None:
    session = (await site.start()).data
    conversation_id = uuid.UUID(session["session"]["conversation_id"])
    assert session["session"]["read_seq"] == 0
    socket = Socket.of(session)
    await socket.open(session)

    def take() -> Any:
        workspace = Workspace.objects.get(id=site.workspace_id)
        owner = factories.owner_of(workspace)
        handoff.join(factories.actor(workspace), owner, conversations.lock(conversation_id))
        return owner

    owner = await act(site, take)
    await socket.hear("session.updated")
    await site.say(session, "are you there?")
    await act(site, reading.by_member, conversation_id, owner, 3)
    assert (await socket.hear("read"))["seq"] == 3
    path = f"/sessions/{session['session']['id']}"
    assert (await site.call("GET", path, session["session_token"])).data["session"]["read_seq"] == 3
    other = await in_thread(factories.make_user)
    await act(site, reading.by_member, conversation_id, other, 4)
    assert (await site.call("GET", path, session["session_token"])).data["session"]["read_seq"] == 3
    await socket.disconnect()


# --- Where the visitor is ---------------------------------------------------------------------------------------------


async def test_hello_says_on_which_page_the_visitor_is(site: Site) -> None:
    page = {"url": "https://shop.example/a", "title": "A"}
    session = (await site.start(page=page)).data
    elsewhere = {"url": "https://user:pass@shop.example/cart#top", "title": "C" * 400, "referrer": "x", "more": 1}
    for given, kept_url in ((page, None), (elsewhere, "https://shop.example/cart"), ("nonsense", None), (None, None)):
        await act(site, lambda: Conversation.objects.update(page_now={}))
        socket = Socket.of(session)
        await socket.open(session, page=given)
        await socket.say("ping")
        await socket.hear("pong")
        row = await act(site, lambda: Conversation.objects.get())
        assert row.page_now.get("url") == kept_url
        assert len(row.page_now.get("title", "")) <= 300
        assert row.rev == session["session"]["rev"]
        await socket.disconnect()
