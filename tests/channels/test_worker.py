"""The worker's own failures: told to stop, started without its broker, its database away, its process frozen."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from channels_app import beats, claims, doors, inbound, settling
from channels_app import drain as draining
from channels_app.drain import Drain, DrainThread, deliver, handle
from channels_app.models import Delivery, InboundEvent, WorkerBeat
from convoship.machine import ports
from convoship.machine.state import ROOT
from tests import factories
from tests.channels.conftest import Bridge, make_bridge
from tests.channels.far_end import FarEnd, Said
from tests.driver import wait_for
from tests.reliability.processes import database_url

pytestmark = pytest.mark.asyncio


async def answered(bridge: Bridge, *rooms: str) -> list[Delivery]:
    """Deliveries that wait to be sent, one in each room."""
    for room in rooms or ("room-1",):
        await bridge.say("hello", key=room)
    for event in await bridge.inside(lambda: inbound.claim(bridge.workspace.id, 50)):
        await handle(event)
    return await bridge.deliveries()


async def lose(bridge: Bridge, *, but: tuple[str, ...] = ()) -> None:
    """The leases of everything in hand have run out."""
    past = timezone.now() - dt.timedelta(seconds=1)

    def run() -> None:
        Delivery.objects.exclude(leased_until=None).exclude(address__in=but).update(leased_until=past)
        InboundEvent.objects.exclude(leased_until=None).update(leased_until=past)

    await bridge.inside(run)


async def test_a_worker_that_is_told_to_stop_ends_what_it_sends_and_says_how_it_went(bridge: Bridge) -> None:
    go_on = threading.Event()
    bridge.far.script(Said(after=go_on))
    await bridge.say("hello")
    thread = DrainThread()
    thread.start()
    await asyncio.to_thread(bridge.far.wait, 1)
    stopping = asyncio.create_task(asyncio.to_thread(thread.stop))
    await asyncio.to_thread(wait_for, "it to start nothing more", lambda: thread.drain and thread.drain.is_over)
    go_on.set()
    await stopping
    assert not thread.is_alive
    assert [delivery.status for delivery in await bridge.deliveries()] == ["delivered"]


async def test_a_worker_drains_though_its_broker_is_away_when_it_starts(bridge: Bridge, tmp_path: Path) -> None:
    await bridge.say("hello")
    environment = os.environ | {
        "DATABASE_URL": database_url("default"),
        "MIGRATE_DATABASE_URL": database_url("owner"),
        "REDIS_URL": f"redis://127.0.0.1:{ports.free()}/0",
        "CONVOSHIP_PRIVATE_ALLOWLIST": f"127.0.0.1:{bridge.far.port}",
    }
    command = [sys.executable, "-m", "celery", "-A", "convoship", "worker", "--pool", "threads", "--concurrency", "2"]

    def run_until_it_has_sent() -> int:
        with (
            (tmp_path / "worker.log").open("wb") as log,
            subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log) as worker,
        ):
            try:
                bridge.far.wait(1, 40)
                worker.terminate()
                return worker.wait(20)
            finally:
                worker.kill()

    assert await asyncio.to_thread(run_until_it_has_sent) == 0
    assert [delivery.status for delivery in await bridge.deliveries()] == ["delivered"]


def failing(act: Callable[..., Any], times: int, error: Exception) -> Callable[..., Any]:
    """The act, which fails so often before it works."""
    left = [error] * times

    def run(*args: Any, **kwargs: Any) -> Any:
        if left:
            raise left.pop()
        return act(*args, **kwargs)

    return run


async def test_the_end_of_what_was_sent_waits_for_the_database(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    await answered(bridge)
    monkeypatch.setattr(draining, "ASK_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(settling, "finish", failing(settling.finish, 3, OperationalError("the server is gone")))
    await bridge.drain()
    assert [delivery.status for delivery in await bridge.deliveries()] == ["delivered"]
    assert len(bridge.far.seen) == 1


async def test_a_worker_whose_database_is_away_asks_again_soon(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "ASK_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr("channels_app.doors.due", failing(doors.due, 3, OperationalError("gone")))
    await bridge.say("hello")
    drain = Drain()
    running = asyncio.create_task(drain.run())
    # Less than one of its usual looks.
    await asyncio.to_thread(bridge.far.wait, 1, 4)
    await drain.stop()
    await running


async def test_a_workspace_whose_work_can_not_be_claimed_holds_up_nobody(
    bridge: Bridge, far: FarEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    await answered(bridge)
    other = await asyncio.to_thread(lambda: make_bridge(factories.make_workspace(), far))
    await answered(other)
    real = claims.claim

    def claim(workspace_id: Any, *args: Any, **kwargs: Any) -> Any:
        if workspace_id == bridge.workspace.id:
            raise KeyError("a kind of a later release")
        return real(workspace_id, *args, **kwargs)

    monkeypatch.setattr(claims, "claim", claim)
    await bridge.drain()
    assert [delivery.status for delivery in await bridge.deliveries()] == ["queued"]
    assert [delivery.status for delivery in await other.deliveries()] == ["delivered"]


async def test_who_stood_still_between_the_claim_and_the_call_sends_nothing(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    await answered(bridge)
    [claimed] = await bridge.inside(lambda: claims.claim(bridge.workspace.id, 10))
    monkeypatch.setattr(draining, "failpoint", lambda name: None)
    monkeypatch.setattr(
        "channels_app.drain.time.monotonic", lambda: claimed.good_until - claims.LONGEST_CALL_SECONDS + 1
    )
    await deliver(claimed)
    monkeypatch.undo()
    assert bridge.far.seen == []
    await lose(bridge)
    await bridge.drain()
    assert len(bridge.far.seen) == 1


async def test_what_only_lay_beside_a_message_that_kills_workers_is_not_given_up(bridge: Bridge) -> None:
    rooms = tuple(f"room-{number}" for number in range(6))
    await answered(bridge, *rooms)
    deadly = "room-3"
    for _ in range(20):
        # A worker that dies as soon as it has the deadly one in hand, with all that it claimed beside it.
        in_hand = await bridge.inside(lambda: claims.claim(bridge.workspace.id, 10))
        if any(claimed.outgoing.address == deadly for claimed in in_hand):
            await lose(bridge)
            continue
        for claimed in in_hand:
            await deliver(claimed)
    ended = {delivery.address: delivery for delivery in await bridge.deliveries()}
    assert ended.pop(deadly).status == "failed"
    assert {delivery.status for delivery in ended.values()} == {"delivered"}


async def test_an_event_that_kills_workers_is_given_up_and_can_be_retried(bridge: Bridge) -> None:
    await bridge.say("hello")
    for _ in range(inbound.MOST_CRASHES):
        assert await bridge.inside(lambda: inbound.claim(bridge.workspace.id, 10))
        await lose(bridge)
    await bridge.say("hello", key="room-2")
    await bridge.drain()
    [given_up, other] = await bridge.events()
    assert (given_up.state, other.state) == ("failed", "handled")
    assert "5 times" in given_up.reason
    assert given_up.remedy
    await bridge.inside(lambda: inbound.retry(bridge.who, given_up))
    await bridge.drain()
    assert {event.state for event in await bridge.events()} == {"handled"}


async def test_while_the_database_is_away_a_provider_is_told_to_come_again(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound, "record", failing(inbound.record, 1, OperationalError("the server is gone")))
    message = {"conversation_key": "room-1", "text": "hello", "event_id": "one"}
    first = await bridge.post(message)
    assert (first.status_code, first.data["code"]) == (503, "unavailable")
    assert first["Retry-After"]
    assert await bridge.events() == []
    assert (await bridge.post(message)).status_code == 202


# --- Liveness by work -----------------------------------------------------------------------------------------------


async def health(client: Client) -> tuple[int, str]:
    answer = await asyncio.to_thread(client.get, "/healthz/worker")
    return answer.status_code, answer.json()["status"]


async def readiness(client: Client) -> dict[str, str]:
    answer = await asyncio.to_thread(client.get, "/readyz")
    return dict(answer.json()["checks"])


async def test_without_a_worker_health_says_so(bridge: Bridge, client: Client) -> None:
    assert await health(client) == (503, "away")
    assert (await readiness(client))["worker"] == "is not running"


async def test_a_drain_that_looks_is_well_and_one_that_ended_is_forgotten(bridge: Bridge, client: Client) -> None:
    thread = DrainThread()
    thread.start()
    await asyncio.to_thread(wait_for, "its first sign of life", lambda: WorkerBeat.objects.exists())
    assert await health(client) == (200, "works")
    checks = await readiness(client)
    assert (checks["worker"], checks["outbox"]) == ("ok", "ok")
    await asyncio.to_thread(thread.stop)
    assert await health(client) == (503, "away")


async def test_a_worker_that_is_there_and_takes_nothing_up_is_stuck(bridge: Bridge, client: Client) -> None:
    drain = Drain()
    await bridge.say("hello")
    minute = beats.LONGEST_SILENCE + dt.timedelta(seconds=1)
    # Its signs of life come, its work doesn't.
    await asyncio.to_thread(beats.note, drain.id, worked=False)
    assert await health(client) == (200, "works")
    await bridge.inside(lambda: InboundEvent.objects.update(due_at=timezone.now() - minute))
    assert await health(client) == (503, "stuck")
    assert "the oldest waits for 61 s" in (await readiness(client))["outbox"]
    await asyncio.to_thread(beats.note, drain.id, worked=True)
    assert await health(client) == (200, "works")
    # Nor does it look any more.
    await asyncio.to_thread(lambda: WorkerBeat.objects.update(looked_at=timezone.now() - minute))
    assert await health(client) == (503, "stuck")


async def test_what_waits_for_its_own_time_makes_nobody_stuck(bridge: Bridge, client: Client) -> None:
    await answered(bridge, "room-1", "room-1")
    await asyncio.to_thread(beats.note, Drain().id, worked=False)
    hour = timezone.now() - dt.timedelta(hours=1)

    def head_waits() -> None:
        Delivery.objects.update(due_at=hour)
        head = Delivery.objects.order_by("position").first()
        assert head is not None
        Delivery.objects.filter(id=head.id).update(due_at=timezone.now() + dt.timedelta(hours=1))

    await bridge.inside(head_waits)
    assert await health(client) == (200, "works")
