"""Each promise with a fault aimed at it. A scenario has to end well, and badly where its promise is taken away."""

from __future__ import annotations

import asyncio
import json
import signal
import time
import urllib.request
from collections import Counter
from contextlib import suppress
from typing import Any

import psycopg

from tests.driver import get, wait_for
from tests.reliability.faults import checker, clocks
from tests.reliability.faults.checker import Findings
from tests.reliability.faults.load import Callers, Op, percentile, spread
from tests.reliability.faults.nemesis import Nemesis
from tests.reliability.faults.supervisor import Machine

WITHOUT_REDIS_SECONDS = 15.0


class Run:
    """A machine with its callers and what troubles it."""

    def __init__(self, machine: Machine, seed: int) -> None:
        self.machine = machine
        self.callers = Callers(machine.base_url, machine.made, seed)
        self.nemesis = Nemesis(machine, seed)
        self.seed = seed

    def say(self, connection: str, rooms: list[str]) -> list[Op]:
        """One message in each room, all at once."""

        async def all_at_once() -> list[Op]:
            return list(await asyncio.gather(*(self.callers.say(connection, room) for room in rooms)))

        return self.machine.loop.do(all_at_once())

    def script(self, path: str, **told: Any) -> None:
        """Tell the provider how to behave."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.machine.provider_port}/control",
            json.dumps({"path": path, **told}).encode(),
            method="POST",
        )
        urllib.request.urlopen(request, timeout=10).close()

    def stats(self) -> dict[str, Any]:
        """What the provider counted since the last time."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.machine.provider_port}/stats", timeout=10) as answer:
            told: dict[str, Any] = json.load(answer)
            return told

    def health(self) -> str:
        """What /healthz/worker says."""
        told = get(f"{self.machine.base_url}/healthz/worker")[1]
        return str(json.loads(told)["status"]) if told else ""

    def rooms(self, what: str, how_many: int) -> list[str]:
        """Names of rooms that nobody has used."""
        tag = f"{self.callers.chance.getrandbits(24):06x}"
        return [f"{what}-{tag}-{number}" for number in range(how_many)]


def lost_reply(run: Run, findings: Findings) -> None:
    """R2: the provider has it, its answer is lost; sent again, it has its effect once."""
    rooms = run.rooms("lost", 4)
    run.script("/keyed/main", always="lost")
    ops = run.say("main", rooms)
    missing = checker.arrived(run.machine, ops, 10)
    run.script("/keyed/main")
    checker.quiet(run.machine, 20)
    findings.none("R1", "lost replies: messages lost", missing, len(ops))
    findings.none("R2", "lost replies: second effects, keyed", checker.twice(run.machine, "main"))


def in_hand(run: Run, findings: Findings) -> None:
    """R1, R7: a worker dies with a delivery in hand; another takes it up once the lease has run out."""
    run.machine.workers[1].kill()
    worker = run.machine.workers[0]
    worker.kill()
    worker.start(CONVOSHIP_FAILPOINTS="F3=exit")
    ops = run.say("main", run.rooms("in-hand", 1))
    worker.ended(10)
    for process in run.machine.workers:
        process.kill()
        process.start()
    missing = checker.arrived(run.machine, ops, clocks.LEASE + 8)
    findings.none("R1", "died in hand: messages lost", missing, len(ops))


def unkeyed(run: Run, findings: Findings) -> None:
    """R3: killed between the last byte and the row; without a key it is looked up before it is sent again."""
    run.machine.workers[1].kill()
    worker = run.machine.workers[0]
    ops = []
    for point in ("F4", "F5"):
        worker.kill()
        worker.start(CONVOSHIP_FAILPOINTS=f"{point}=exit")
        ops += run.say("unkeyed", run.rooms("unkeyed", 2))
        worker.ended(10)
    for process in run.machine.workers:
        process.kill()
        process.start()
    run.script("/unkeyed/main", shares={"lost": 0.5})
    ops += run.say("unkeyed", run.rooms("unkeyed", 6))
    missing = checker.arrived(run.machine, ops, clocks.LEASE + 10)
    run.script("/unkeyed/main")
    checker.quiet(run.machine, 20)
    findings.none("R1", "unkeyed: messages lost", missing, len(ops))
    findings.none("R3", "unkeyed: second effects", checker.twice(run.machine, "unkeyed"))


def stuck_head(run: Run, findings: Findings) -> None:
    """R4: what fails holds back its own conversation, in order, and no other."""
    [stuck, *free] = run.rooms("head", 4)
    run.script("/keyed/main", always="5xx", only=stuck, only_sequence=1)
    ops = run.say("main", [stuck, *free])
    ops += run.say("main", [stuck, *free])
    others = [op for op in ops if op.conversation != stuck]
    late = checker.arrived(run.machine, others, 10)
    run.script("/keyed/main")
    missing = checker.arrived(run.machine, ops, 15)
    findings.none("R4", "stuck head: others held back", late, len(others))
    findings.none("R1", "stuck head: messages lost", missing, len(ops))
    findings.none("R4", "inversions", checker.inversions(run.machine, "main"))


def without_redis(run: Run, findings: Findings, seconds: float = 30.0) -> None:
    """R5: Valkey emptied and gone; deliveries go on, also by a worker that was started meanwhile."""
    told: dict[str, Any] = {}

    def meanwhile() -> None:
        run.machine.workers[0].kill()
        run.machine.workers[1].kill()
        run.machine.workers[1].start(wait=False)
        run.machine.workers[0].start()
        told["ops"] = run.say("main", run.rooms("no-redis", 12))
        told["missing"] = checker.arrived(run.machine, told["ops"], WITHOUT_REDIS_SECONDS)

    run.nemesis.without_valkey(seconds, meanwhile)
    took = checker.latencies(run.machine, told["ops"])
    findings.none(
        "R5", f"without Redis: not there within {WITHOUT_REDIS_SECONDS:.0f} s", told["missing"], len(told["ops"])
    )
    findings.note("R5", "without Redis: seconds", spread(took), good=max(took, default=99.0) <= WITHOUT_REDIS_SECONDS)
    for process in run.machine.workers:
        process.wait_ready()
    back = run.say("main", run.rooms("redis-back", 6))
    findings.none("R5", "Redis back: not there within 10 s", checker.arrived(run.machine, back, 10.0), len(back))


def copies(run: Run, findings: Findings, how_many: int = 50) -> None:
    """R17: the same event so often at once is one row and one effect, and everybody is told 2xx."""
    op, statuses = run.machine.loop.do(run.callers.copies("main", how_many))
    refused = [status for status in statuses if not 200 <= status < 300]
    rows = run.machine.rows("SELECT copies FROM channels_app_inboundevent WHERE key = %s", op.event_id)
    findings.none("R17", f"{how_many} copies at once: not 2xx", refused, how_many)
    findings.note("R17", "rows of the copies", len(rows), good=len(rows) == 1)
    checker.arrived(run.machine, [op], 10)
    answers = checker.replies(run.machine, "main").get(op.event_id, [])
    findings.note("R17", "effects of the copies", len(set(answers)), good=len(set(answers)) == 1)


def commit_first(run: Run, findings: Findings, how_many: int = 60) -> None:
    """R18: PostgreSQL dies while requests are under way; whoever was told 2xx has a row."""
    rooms = run.rooms("commit", how_many)

    async def burst() -> list[Op]:
        tasks = []
        for room in rooms:
            tasks.append(asyncio.ensure_future(run.callers.say("main", room, again=False)))
            await asyncio.sleep(0.02)
        return list(await asyncio.gather(*tasks))

    future = asyncio.run_coroutine_threadsafe(burst(), run.machine.loop.loop)
    time.sleep(0.02 * how_many / 3)
    run.nemesis.kill_postgres()
    ops = future.result(120)
    rows = {key for (key,) in run.machine.rows("SELECT key FROM channels_app_inboundevent")}
    told = [op for op in ops if op.ended == "ok"]
    findings.none("R18", "2xx without a row", [op for op in told if op.event_id not in rows], len(told))
    broke = Counter(status for op in ops for status in op.statuses if not 200 <= status < 300)
    findings.note("R18", "requests that PostgreSQL's death broke", dict(broke), good=bool(broke))
    findings.none("R1", "PostgreSQL killed: messages lost", checker.arrived(run.machine, told, 60), len(told))


def hanging(run: Run, findings: Findings, seconds: float = 8.0) -> None:
    """R10: one workspace's provider hangs; another's deliveries are as quick as they were."""
    before = run.say("main", run.rooms("calm", 10))
    checker.arrived(run.machine, before, 10)
    calm = percentile(checker.latencies(run.machine, before), 0.95)
    run.stats()
    run.script("/keyed/other", always="hang")
    # All of it due at once.
    for process in run.machine.workers:
        process.send(signal.SIGSTOP)
    run.say("other", run.rooms("hang", 60))
    for process in run.machine.workers:
        process.send(signal.SIGCONT)
    ops: list[Op] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        ops += run.say("main", run.rooms("beside", 3))
        time.sleep(0.3)
    missing = checker.arrived(run.machine, ops, 10)
    most = run.stats()["most_open"].get("/keyed/other", 0)
    run.script("/keyed/other")
    took = checker.latencies(run.machine, ops)
    findings.none("R10", "beside a hanging provider: not there within 10 s", missing, len(ops))
    slow = percentile(took, 0.95)
    findings.note("R10", f"others' p95 in seconds (before: {calm:.2f})", f"{slow:.2f}", good=slow < 2.0)
    findings.note("R10", "most calls of the hanging workspace at once (two workers)", most, good=0 < most <= 32)


def poison(run: Run, findings: Findings) -> None:
    """R11: a message that ends the worker's process is given up after five times; what is beside it goes out."""
    [deadly] = run.rooms(clocks.POISON, 1)
    beside = run.rooms("beside-poison", 8)
    ops = run.say("main", [deadly, *beside])
    deadline = time.monotonic() + 5 * (clocks.LEASE + 8)
    crashes = 0
    while time.monotonic() < deadline:
        for process in run.machine.workers:
            if not process.is_running:
                crashes += 1
                process.kill()
                process.start(wait=False)
        if run.machine.waits() == 0:
            break
        time.sleep(0.1)
    fallen = [line for line in checker.dead(run.machine, "main") if "worker was stopped" in line]
    findings.note("R11", "dead letters of one poison", len(fallen), good=len(fallen) == 1)
    findings.note("R11", "processes that it ended", crashes, good=0 < crashes <= 5)
    others = [op for op in ops if op.conversation != deadly]
    findings.none("R11", "messages beside it that were lost", checker.arrived(run.machine, others, 10), len(others))


def liveness(run: Run, findings: Findings) -> None:
    """R12: the drains hang while their processes live and are connected; health turns red, and well again."""
    machine = run.machine
    calm = run.health()
    machine.restart_product("paused")
    ops = run.say("main", run.rooms("paused", 2))
    began = time.monotonic()
    with suppress(AssertionError):
        wait_for("health to turn red", lambda: run.health() == "stuck", clocks.SILENCE + 15)
    took = time.monotonic() - began
    alive = all(process.is_running for process in machine.workers)
    seen = run.health()
    machine.restart_product("")
    missing = checker.arrived(machine, ops, 15)
    after = run.health()
    findings.note(
        "R12", f"health before, {took:.0f} s after the drains were paused (processes live: {alive}), and restarted",
        f"{calm}, {seen}, {after}", good=(calm, seen, after, alive) == ("works", "stuck", "works", True),
    )  # fmt: skip
    findings.none("R12", "messages of meanwhile that were lost", missing, len(ops))


def drop_unique(machine: Machine) -> None:
    """The negative control of R17."""
    with psycopg.connect(machine.owner_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE channels_app_inboundevent DROP CONSTRAINT one_event_per_key")


def put_unique_back(machine: Machine) -> None:
    """After it."""
    with psycopg.connect(machine.owner_url, autocommit=True) as connection:
        connection.execute(
            "DELETE FROM channels_app_inboundevent e USING channels_app_inboundevent f"
            " WHERE e.connection_id = f.connection_id AND e.key = f.key AND e.ctid > f.ctid"
        )
        connection.execute(
            "ALTER TABLE channels_app_inboundevent ADD CONSTRAINT one_event_per_key UNIQUE (connection_id, key)"
        )
