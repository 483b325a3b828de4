"""Revocation reaches every open socket on every process: within a second, and within five with Valkey stopped (R36)."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from convoship.lib.actors import SYSTEM
from convoship.lib.tenancy import tenant
from deployments import deploying, live
from deployments.deploying import NewDeployment
from deployments.sessions import OpenedSession
from tests import factories
from tests.reliability.processes import OwnValkey, web_processes

pytestmark = pytest.mark.django_db(transaction=True)

SOCKETS_PER_PROCESS = 10


@pytest.fixture
def valkey(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnValkey]:
    """A Valkey of the test's own, which this process tells its events to as well."""
    with OwnValkey(tmp_path) as own:
        settings.CHANNEL_LAYERS = {
            "default": {
                **settings.CHANNEL_LAYERS["default"],
                "CONFIG": {**settings.CHANNEL_LAYERS["default"]["CONFIG"], "hosts": [{"address": own.url}]},
            }
        }
        monkeypatch.setattr("channels.layers.channel_layers.backends", {})
        yield own


@asynccontextmanager
async def socket(base_url: str, opened: OpenedSession) -> Any:
    url = base_url.replace("http", "ws") + f"/v1/public/runtime/sessions/{opened.session.id}/socket"
    async with connect(
        url, origin=Origin(factories.SHOP), subprotocols=[Subprotocol("convoship.v1")], ping_interval=None
    ) as connection:
        await connection.send(json.dumps({"type": "hello", "token": opened.token}))
        welcome = json.loads(await connection.recv())
        assert welcome["type"] == "welcome"
        yield connection


async def closed(connection: ClientConnection) -> tuple[int, float]:
    """The close code, and when."""
    try:
        while True:
            await connection.recv()
    except ConnectionClosed:
        return connection.close_code or 0, time.monotonic()


async def seconds_until_all_are_closed(
    addresses: list[str], sessions: list[OpenedSession], act: Callable[[], Any]
) -> float:
    """Open a socket per session, spread over the processes; act; give how long the last close took."""
    async with AsyncExitStack() as stack:
        connections = [
            await stack.enter_async_context(socket(addresses[number % len(addresses)], opened))
            for number, opened in enumerate(sessions)
        ]
        waiting = [asyncio.create_task(closed(connection)) for connection in connections]
        await asyncio.sleep(0)
        await asyncio.to_thread(act)
        began = time.monotonic()
        async with asyncio.timeout(10):
            ends = await asyncio.gather(*waiting)
    assert {code for code, _ in ends} == {4403}
    return max(at for _, at in ends) - began


def revoke(made: NewDeployment) -> None:
    with tenant(made.deployment.workspace_id):
        deploying.revoke(SYSTEM, made.deployment)


def test_a_revoke_closes_every_socket_on_two_processes_within_a_second(valkey: OwnValkey, tmp_path: Path) -> None:
    made = factories.make_deployment(factories.make_workspace())
    sessions = [factories.start_session(made) for _ in range(2 * SOCKETS_PER_PROCESS)]
    with web_processes(2, valkey.url, tmp_path) as addresses:
        took = asyncio.run(seconds_until_all_are_closed(addresses, sessions, lambda: revoke(made)))
    print(f"closed {len(sessions)} sockets on 2 processes in {took * 1000:.0f} ms")
    assert took <= 1.0


def test_with_valkey_stopped_a_revoke_closes_every_socket_within_five_seconds(
    valkey: OwnValkey, tmp_path: Path
) -> None:
    made = factories.make_deployment(factories.make_workspace())
    sessions = [factories.start_session(made) for _ in range(4)]

    def stop_and_revoke() -> None:
        valkey.stop()
        revoke(made)

    with web_processes(2, valkey.url, tmp_path) as addresses:
        took = asyncio.run(seconds_until_all_are_closed(addresses, sessions, stop_and_revoke))
    print(f"closed {len(sessions)} sockets without Valkey in {took:.1f} s")
    assert took <= 5.0


def test_with_valkey_stopped_a_visitor_still_opens_a_socket_and_is_answered(valkey: OwnValkey, tmp_path: Path) -> None:
    made = factories.make_deployment(factories.make_workspace())
    opened = factories.start_session(made)

    async def talk(address: str) -> list[str]:
        async with socket(address, opened) as connection:
            await connection.send(json.dumps({"type": "message.send", "client_id": "one", "text": "hello"}))
            kinds: list[str] = []
            async with asyncio.timeout(10):
                while len(kinds) < 2:
                    frame = json.loads(await connection.recv())
                    if frame["type"] == "message.created":
                        kinds.append(frame["message"]["author"]["kind"])
            return kinds

    with web_processes(1, valkey.url, tmp_path) as [address]:
        valkey.stop()
        assert asyncio.run(talk(address)) == ["visitor", "assistant"]


def test_when_valkey_comes_back_events_flow_again(valkey: OwnValkey, tmp_path: Path) -> None:
    made = factories.make_deployment(factories.make_workspace())
    opened = factories.start_session(made)
    conversation = opened.session.conversation

    async def typing_is_heard(address: str) -> bool:
        async with socket(address, opened) as connection:
            valkey.stop()
            await asyncio.sleep(0.5)
            await asyncio.to_thread(valkey.start)
            author = {"kind": "agent", "name": "Ada"}
            async with asyncio.timeout(20):
                while True:
                    # Typing is told by the layer alone, so hearing it proves that the layer is back.
                    live.tell_typing(conversation.workspace_id, conversation.id, author, on=True)
                    try:
                        frame = json.loads(await asyncio.wait_for(connection.recv(), 0.5))
                    except TimeoutError:
                        continue
                    if frame["type"] == "typing":
                        return True

    with web_processes(1, valkey.url, tmp_path) as [address]:
        assert asyncio.run(typing_is_heard(address))
