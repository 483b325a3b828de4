"""What providers send us and are sent: the webhook's door under load, and outboxes as a worker empties them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from statistics import quantiles
from typing import Any

import psycopg

from tests.bench.clients import Broken, HttpLane, request
from tests.bench.loads import Figures, closed_loop, cpu_seconds, own_bytes_of_each
from tests.bench.servers import Bench, Server

SENDERS = 32
TEXT = "Hello, can I get a table for four on Friday evening at eight?"


def as_json(**body: Any) -> bytes:
    """A compact document."""
    return json.dumps(body, separators=(",", ":")).encode()


# --- Webhooks -----------------------------------------------------------------------------------------------------


def _signed(key: bytes, body: bytes) -> list[tuple[str, str]]:
    """Standard Webhooks, written anew here: what signs must not be what checks."""
    message_id, stamp = f"msg_{uuid.uuid4().hex}", str(int(time.time()))
    digest = hmac.new(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(digest).decode()
    return [("webhook-id", message_id), ("webhook-timestamp", stamp), ("webhook-signature", signature)]


class Webhooks:
    """32 senders, each with the next message as soon as the last was answered; and one alone."""

    def __init__(self, bench: Bench, data: dict[str, Any], seconds: float) -> None:
        self.bench, self.about, self.seconds = bench, data["hook"], seconds
        self.key = base64.b64decode(self.about["secret"].removeprefix("whsec_"))

    async def toy(self, server: Server) -> dict[str, Figures]:
        """The toy's webhook."""

        def make_of(_sender: int) -> Callable[[], bytes]:
            def make() -> bytes:
                body = as_json(id=uuid.uuid4().hex, text=TEXT)
                return request(
                    "POST",
                    "/webhook",
                    server.port,
                    [("X-Sig", hmac.new(b"provider-secret", body, hashlib.sha256).hexdigest())],
                    body,
                )

            return make

        return await self._load(server, make_of, 204, lambda: _count(self.bench.toy_database, "webhook"))

    async def product(self, server: Server) -> dict[str, Figures]:
        """The product's door of a custom webhook: each sender is a conversation of its own."""

        def make_of(sender: int) -> Callable[[], bytes]:
            def make() -> bytes:
                body = as_json(event_id=uuid.uuid4().hex, conversation_key=f"room-{sender}", text=TEXT)
                return request("POST", self.about["path"], server.port, _signed(self.key, body), body)

            return make

        dsn, workspace = self.bench.environment["DATABASE_URL"], self.about["workspace"]
        return await self._load(server, make_of, 202, lambda: _count(dsn, "channels_app_inboundevent", workspace))

    async def _load(
        self, server: Server, make_of: Callable[[int], Callable[[], bytes]], expected: int, rows: Callable[[], int]
    ) -> dict[str, Figures]:
        told = count()
        before = rows()

        def counted(make: Callable[[], bytes]) -> Callable[[], bytes]:
            def ask() -> bytes:
                next(told)
                return make()

            return ask

        lanes = [await HttpLane.open(server.port, counted(make_of(number)), expected) for number in range(SENDERS)]
        try:
            figures = {
                "c1": await closed_loop(server.pid, lanes[:1], at_once=1, seconds=self.seconds * 0.6, warm=0.3),
                "crowd": await closed_loop(server.pid, lanes, at_once=SENDERS, seconds=self.seconds + 1),
            }
        finally:
            for lane in lanes:
                lane.close()
        if (stored := rows() - before) != (sent := next(told)):
            raise Broken(f"{sent} webhooks were taken and {stored} are stored")
        return figures


def _dsn(url: str) -> str:
    return f"postgresql://{url.partition('://')[2]}"


def _enter(connection: psycopg.Connection[Any], workspace: str) -> None:
    connection.execute("SELECT set_config('app.workspace_id', %s, false)", [workspace])


def _count(url: str, table: str, workspace: str = "") -> int:
    with psycopg.connect(_dsn(url), autocommit=True) as connection:
        if workspace:
            _enter(connection, workspace)
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert row is not None
        return int(row[0])


# --- An outbox ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Emptied:
    """How a worker empties an outbox: between its first and its last tenth, by the times that its rows say."""

    per_second: float
    cpu_us: float
    # Of the worker's largest process, and of all of them.
    largest_mb: float
    all_mb: float


class Outbox:
    """Outboxes full of messages to a provider that answers after 50 ms, and one worker."""

    ONE_BY_ONE, BATCHES = 1200, 4000

    def __init__(self, bench: Bench, data: dict[str, Any]) -> None:
        self.bench, self.data = bench, data

    async def toy(self) -> dict[str, Emptied]:
        """Both toys: two tasks that drain in batches, and a task for each message."""
        return {
            "batches": await asyncio.to_thread(self._toy, "prefork", 2, self.BATCHES, "toy.drain"),
            "one_by_one": await asyncio.to_thread(self._toy, "threads", 32, self.ONE_BY_ONE, "toy.send"),
        }

    def _toy(self, pool: str, concurrency: int, how_many: int, task: str) -> Emptied:
        from celery import Celery

        app = Celery("bench", broker=self.bench.environment["REDIS_URL"])
        queue = task
        with psycopg.connect(_dsn(self.bench.toy_database), autocommit=True) as connection:
            connection.execute("TRUNCATE outbox")
            rows = connection.execute(
                "INSERT INTO outbox (tenant_id, payload) SELECT 1, 'hello from the bench'"
                " FROM generate_series(1, %s) RETURNING id",
                [how_many],
            ).fetchall()
            connection.execute("ANALYZE outbox")
            with app.producer_pool.acquire(block=True) as producer:
                for arguments in [(row,) for (row,) in rows] if task == "toy.send" else [()] * concurrency:
                    app.send_task(task, arguments, queue=queue, producer=producer)
            app.close()

            def left() -> int:
                row = connection.execute("SELECT count(*) FROM outbox WHERE state <> 'sent'").fetchone()
                assert row is not None
                return int(row[0])

            emptied = _watch(self.bench.toy_worker(pool, concurrency, queue), left, lambda: _times(connection))
        self._hold(how_many)
        return emptied

    async def product(self) -> dict[str, Emptied]:
        """The product's worker, with leases, order, receipts and attempts."""
        return {"drain": await asyncio.to_thread(self._product)}

    def _product(self) -> Emptied:
        workspaces = self.data["outboxes"]
        with psycopg.connect(_dsn(self.bench.environment["DATABASE_URL"]), autocommit=True) as connection:
            # What the webhooks brought is not what is measured here.
            _enter(connection, self.data["hook"]["workspace"])
            connection.execute("UPDATE channels_app_inboundevent SET state = 'ignored' WHERE state = 'received'")
            how_many = sum(_refill(connection, workspace) for workspace in workspaces)

            def left() -> int:
                found = 0
                for workspace in workspaces:
                    _enter(connection, workspace)
                    row = connection.execute(
                        "SELECT count(*) FROM channels_app_delivery WHERE status <> 'delivered'"
                    ).fetchone()
                    assert row is not None
                    found += row[0]
                return found

            def times() -> list[float]:
                found: list[float] = []
                for workspace in workspaces:
                    _enter(connection, workspace)
                    rows = connection.execute("SELECT extract(epoch FROM settled_at) FROM channels_app_delivery")
                    found += [float(at) for (at,) in rows]
                return found

            emptied = _watch(self.bench.worker(), left, times)
            for workspace in workspaces:
                self._all_written(connection, workspace)
        self._hold(how_many, has_keys=True)
        return emptied

    def _all_written(self, connection: psycopg.Connection[Any], workspace: str) -> None:
        """Every delivery's last attempt was taken, and its message says so."""
        _enter(connection, workspace)
        row = connection.execute(
            "SELECT count(*) FROM channels_app_delivery d JOIN deployments_message m ON m.id = d.message_id"
            " WHERE m.status <> 'delivered' OR NOT EXISTS (SELECT FROM channels_app_deliveryattempt a"
            " WHERE a.delivery_id = d.id AND a.number = d.attempts AND a.outcome = 'accepted')"
        ).fetchone()
        if row != (0,):
            raise Broken(f"{row} deliveries of a workspace don't say that they were taken")

    def _hold(self, how_many: int, *, has_keys: bool = False) -> None:
        """The provider got each, and none before an earlier one of its conversation. What has a key may come again."""
        with urllib.request.urlopen(f"{self.bench.provider_url}/told", timeout=10) as answer:
            told = json.loads(answer.read())
        is_whole = told["keys"] == how_many <= told["requests"] if has_keys else told["requests"] == how_many
        if not is_whole or told["overtook"]:
            raise Broken(f"the provider was sent {told}, and {how_many} messages were to be sent")
        urllib.request.urlopen(f"{self.bench.provider_url}/forget", b"", timeout=10).close()


def _refill(connection: psycopg.Connection[Any], workspace: str) -> int:
    """Make all of a workspace's deliveries due, as if they had never been tried; answers how many they are."""
    _enter(connection, workspace)
    connection.execute("DELETE FROM channels_app_deliveryattempt")
    connection.execute("UPDATE deployments_message SET status = 'queued' WHERE author_kind <> 'visitor'")
    return connection.execute(
        "UPDATE channels_app_delivery SET status = 'queued', attempts = 0, tries = 0, first_tried_at = NULL,"
        " due_at = now(), provider_id = '', accepted_at = NULL, settled_at = NULL"
    ).rowcount


def _times(connection: psycopg.Connection[Any]) -> list[float]:
    return [float(at) for (at,) in connection.execute("SELECT extract(epoch FROM sent_at) FROM outbox")]


def _watch(worker: Server, left: Callable[[], int], times: Callable[[], Sequence[float]]) -> Emptied:
    """Wait until nothing is left; then how fast it went, and what it cost."""
    seen: list[tuple[float, float]] = []
    try:
        deadline = time.monotonic() + 180
        looked = 0.0
        while True:
            seen.append((time.time(), cpu_seconds(worker.pid)))
            if time.monotonic() - looked > 0.5:
                if not (still := left()):
                    break
                looked = time.monotonic()
            if worker.process.poll() is not None or time.monotonic() > deadline:
                raise Broken(f"the worker {worker.spec.name} left {still} messages")
            time.sleep(0.05)
        sizes = own_bytes_of_each(worker.pid)
    finally:
        worker.stop()
    tenths = quantiles(times(), n=10)
    first, last = tenths[0], tenths[-1]
    many = len(times()) * 0.8
    cpu = _at(seen, last) - _at(seen, first)
    return Emptied(many / (last - first), cpu / many * 1e6, max(sizes) / 1e6, sum(sizes) / 1e6)


def _at(seen: Sequence[tuple[float, float]], moment: float) -> float:
    """The processor time at a moment, between two looks."""
    for (before, low), (after, high) in pairwise(seen):
        if before <= moment <= after:
            return low + (high - low) * (moment - before) / (after - before)
    return seen[-1][1]
