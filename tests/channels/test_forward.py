"""`manage.py forward`: a developer sees a connection's events on their own machine, and nothing else changes."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from standardwebhooks.webhooks import Webhook

from channels_app import forwarding, inbound
from convoship.lib.threads import in_thread
from tests.channels.conftest import Bridge
from tests.channels.far_end import FarEnd, Said, running
from tests.channels.gateway import make_gateway

pytestmark = pytest.mark.asyncio


@pytest.fixture
def local() -> Iterator[FarEnd]:
    """The developer's own program; nothing but the command may call it."""
    with running() as end:
        yield end


async def forward(bridge: Bridge, url: str, monkeypatch: pytest.MonkeyPatch, *acts: Callable[[], Any]) -> list[str]:
    """Run the command while these things happen one after the other; the lines that it printed."""
    left: list[Callable[[], Coroutine[Any, Any, Any]]] = list(acts)

    async def pause() -> None:
        if not left:
            raise KeyboardInterrupt
        await left.pop(0)()

    monkeypatch.setattr(forwarding, "_pause", pause)
    out = io.StringIO()
    await in_thread(lambda: call_command("forward", str(bridge.connection.id), url, stdout=out))
    return out.getvalue().splitlines()


async def test_new_events_reach_the_local_address_signed_as_the_real_ones(
    bridge: Bridge, local: FarEnd, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bridge.say("before it began")
    await bridge.drain()
    before = len(bridge.far.seen)
    allowed = settings.OUTBOUND_ALLOWLIST

    async def say() -> None:
        settings.OUTBOUND_ALLOWLIST, mine = allowed, settings.OUTBOUND_ALLOWLIST
        await bridge.say("hello")
        await bridge.drain()
        settings.OUTBOUND_ALLOWLIST = mine

    states = [(d.status, d.attempts) for d in await bridge.deliveries()]
    lines = await forward(bridge, local.url, monkeypatch, say, say)
    real = bridge.far.seen[before:]
    assert real
    assert [seen.body for seen in local.seen] == [seen.body for seen in real]
    assert [seen.headers["webhook-id"] for seen in local.seen] == [seen.headers["webhook-id"] for seen in real]
    for seen in local.seen:
        assert Webhook(bridge.secrets["signing_secret"]).verify(seen.body, seen.headers)["type"] == "message.created"
    told = [line for line in lines if "message.created" in line]
    assert len(told) == len(real)
    assert all(line.endswith("200") for line in told)
    assert lines[-1] == "Stopped."
    assert [(d.status, d.attempts) for d in await bridge.deliveries()][: len(states)] == states
    assert {(d.status, d.attempts) for d in await bridge.deliveries()} == {("delivered", 1)}


async def test_what_the_local_program_answers_is_told_and_changes_nothing(
    bridge: Bridge, local: FarEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.script(Said(500))

    def answer() -> None:
        for event in inbound.claim(bridge.workspace.id, 10):
            inbound.handle(event)

    async def say() -> None:
        await bridge.say("hello")
        await bridge.inside(answer)

    lines = await forward(bridge, local.url, monkeypatch, say)
    assert any("500  The endpoint answered 500" in line for line in lines)
    assert {(d.status, d.attempts) for d in await bridge.deliveries()} == {("queued", 0)}
    assert (await bridge.refresh()).fault == ""
    assert bridge.far.seen == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://example.com/hook", "not this machine"),
        ("http://10.0.0.1/hook", "not this machine"),
        ("file:///etc/passwd", "can be called"),
    ],
)
async def test_only_this_machine_is_forwarded_to(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch, url: str, words: str
) -> None:
    with pytest.raises(CommandError, match=words):
        await forward(bridge, url, monkeypatch)


async def test_what_can_not_be_forwarded_says_so(
    bridge: Bridge, local: FarEnd, far: FarEnd, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = settings.OUTBOUND_ALLOWLIST
    with pytest.raises(CommandError, match="There is no connection"):
        await in_thread(lambda: call_command("forward", str(uuid.uuid4()), local.url, stdout=io.StringIO()))
    settings.OUTBOUND_ALLOWLIST = allowed
    gateway = await in_thread(lambda: make_gateway(bridge.workspace, far))
    with pytest.raises(CommandError, match="sends no events"):
        await forward(gateway, local.url, monkeypatch)
