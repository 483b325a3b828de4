"""Whatever is cut, dropped or doubled on the way: the visitor's view ends equal to the database (R21 to R24)."""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from typing import Any

import pytest
from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer

from convoship.lib.actors import SYSTEM
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import conversations, handoff
from deployments.models import Message
from tests.widget.conftest import Site, Socket
from tests.widget.convergence import View

CUTS = 200
DROPPED = 0.2


class LossyLayer(RedisPubSubLoopLayer):
    """Loses a fifth of what is sent to groups."""

    dropped = sent = 0
    random = random.Random(20261122)

    async def group_send(self, group: str, message: Any) -> None:
        """Send, or not."""
        type(self).sent += 1
        if self.random.random() < DROPPED:
            type(self).dropped += 1
            return
        await super().group_send(group, message)


@pytest.fixture
def lossy(monkeypatch: pytest.MonkeyPatch) -> type[LossyLayer]:
    """The product's own layer with losses."""
    monkeypatch.setattr("channels_redis.pubsub.RedisPubSubLoopLayer", LossyLayer)
    from channels.layers import channel_layers

    monkeypatch.setattr(channel_layers, "backends", {})
    assert isinstance(channel_layers["default"], RedisPubSubChannelLayer)
    LossyLayer.sent = LossyLayer.dropped = 0
    return LossyLayer


def stored(site: Site, session: Any) -> list[tuple[int, int, str]]:
    with tenant(site.workspace_id):
        rows = Message.objects.filter(conversation_id=session["session"]["conversation_id"])
        return sorted((row.seq, row.rev, row.text) for row in rows)


def say_as_agent(site: Site, session: Any, text: str) -> None:
    with tenant(site.workspace_id):
        conversation = conversations.lock(uuid.UUID(session["session"]["conversation_id"]))
        handoff.reply(SYSTEM, None, conversation, text, None)


def correct_a_message(site: Site, session: Any, choose: random.Random) -> None:
    """Change an earlier message, as finishing a streamed answer does."""
    with tenant(site.workspace_id):
        conversation = conversations.lock(uuid.UUID(session["session"]["conversation_id"]))
        message = choose.choice(list(Message.objects.filter(conversation=conversation)))
        conversations.change_message(conversation, message, text=message.text + "!")


@pytest.mark.asyncio
async def test_a_client_cut_200_times_while_a_fifth_of_the_events_is_lost_sees_all_and_nothing_twice(
    site: Site, lossy: type[LossyLayer], settings: Any
) -> None:
    settings.LIMITS = settings.LIMITS | {"visitor_messages": "100000/10", "visitor_sockets": 10_000}
    choose = random.Random(4711)
    session = (await site.start()).data
    view = View(site, session)
    writing = asyncio.create_task(_write(site, session, choose))
    cuts = 0
    while cuts < CUTS or not writing.done():
        await _one_connection(site, session, view, choose)
        cuts += 1
    await writing
    socket = Socket.of(session)
    await view.frame(await socket.open(session, after=view.seq, rev=view.rev))
    await socket.disconnect()
    rows = await in_thread(stored, site, session)
    assert [row[0] for row in rows] == list(range(1, len(rows) + 1)), "seq has a hole"
    assert view.transcript() == rows
    assert cuts >= CUTS
    assert lossy.dropped > lossy.sent * 0.1 > 0


async def _write(site: Site, session: Any, choose: random.Random) -> None:
    """Messages from the other side, and changes of earlier ones, while the client comes and goes."""
    for number in range(300):
        await in_thread(say_as_agent, site, session, f"line {number}")
        if choose.random() < 0.3:
            await in_thread(correct_a_message, site, session, choose)
        await asyncio.sleep(choose.random() * 0.02)


async def _one_connection(site: Site, session: Any, view: View, choose: random.Random) -> None:
    socket = Socket.of(session)
    accepted, _ = await socket.connect(timeout=5)
    assert accepted
    await socket.say("hello", token=session["session_token"], after=view.seq, rev=view.rev)
    if choose.random() < 0.3:
        client_id = str(uuid.uuid4())
        for _ in range(choose.randint(1, 2)):
            await socket.say("message.send", client_id=client_id, text=f"from the visitor {client_id}")
    for _ in range(choose.randint(0, 6)):
        try:
            text = await socket.receive_from(timeout=choose.random() * 0.1 + 0.001)
        except TimeoutError:
            return  # the communicator has cancelled the application: cut in the middle of whatever it did
        await view.frame(json.loads(text))
    await socket.disconnect()


@pytest.mark.asyncio
async def test_a_socket_that_stays_open_mends_what_the_layer_lost_within_five_seconds(
    site: Site, lossy: type[LossyLayer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LossyLayer, "random", random.Random(1))
    session = (await site.start()).data
    view = View(site, session)
    socket = Socket.of(session)
    await view.frame(await socket.open(session, after=view.seq, rev=view.rev))
    for number in range(30):
        await in_thread(say_as_agent, site, session, f"line {number}")
    rows = await in_thread(stored, site, session)
    async with asyncio.timeout(5):
        while view.transcript() != rows:
            await view.frame(await socket.hear())
    assert lossy.dropped > 0
    await socket.disconnect()
