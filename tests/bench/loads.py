"""Loads: how fast, how late, and what the server's processor pays for it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import psutil

from tests.bench.clients import Broken, Lane


@dataclass(frozen=True)
class Figures:
    """One load on one server."""

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    p95_ms: float = 0.0


@dataclass
class _Watch:
    """Counts answers and the server's processor time while it is on."""

    pid: int
    latencies: list[float] = field(default_factory=list)
    bad: int = 0
    on: bool = False
    cpu: float = 0
    began: float = 0

    def start(self) -> None:
        self.on, self.cpu, self.began = True, cpu_seconds(self.pid), time.perf_counter()

    def count(self, since: float, good: bool) -> None:
        if not good:
            self.bad += 1
        elif self.on:
            self.latencies.append(time.perf_counter() - since)

    def stop(self) -> Figures:
        self.on = False
        seconds, cpu = time.perf_counter() - self.began, cpu_seconds(self.pid) - self.cpu
        sorted_ms = sorted(latency * 1000 for latency in self.latencies)
        count = len(sorted_ms)
        if not count or self.bad:
            raise Broken(f"{count} good answers and {self.bad} bad ones")
        p50, p95, p99 = (sorted_ms[int(count * share)] for share in (0.5, 0.95, 0.99))
        return Figures(count / seconds, p50, p99, cpu / count * 1e6, p95)


async def closed_loop(pid: int, lanes: Sequence[Lane], *, at_once: int, seconds: float, warm: float = 0.5) -> Figures:
    """`at_once` requests under way at any time, the next on the lane that has rested longest."""
    watch = _Watch(pid)
    resting = deque(lanes)
    under_way = 0
    running = True

    def ask() -> None:
        nonlocal under_way
        lane, since = resting.popleft(), time.perf_counter()
        under_way += 1

        def answered(good: bool) -> None:
            nonlocal under_way
            under_way -= 1
            watch.count(since, good)
            resting.append(lane)
            if running and good:
                ask()

        lane.ask(answered)

    for _ in range(min(at_once, len(lanes))):
        ask()
    await asyncio.sleep(warm)
    watch.start()
    await asyncio.sleep(seconds)
    figures = watch.stop()
    running = False
    await _settle(lambda: under_way)
    return figures


async def open_loop(pid: int, lanes: Sequence[Lane], *, rate: float, seconds: float, warm: float = 0.5) -> Figures:
    """`rate` requests a second whatever the server does, timed from when each was due."""
    watch = _Watch(pid)
    resting = deque(lanes)
    under_way = 0

    def ask(due: float) -> None:
        nonlocal under_way
        lane = resting.popleft()
        under_way += 1

        def answered(good: bool) -> None:
            nonlocal under_way
            under_way -= 1
            watch.count(due, good)
            resting.append(lane)

        lane.ask(answered)

    start = time.perf_counter()
    sent = 0
    while (now := time.perf_counter()) < start + warm + seconds:
        if not watch.on and now >= start + warm:
            watch.start()
        # With every lane busy the next request waits, and its waiting counts: it is timed from when it was due.
        while resting and start + sent / rate <= now:
            ask(start + sent / rate)
            sent += 1
        await asyncio.sleep(max(0.001, start + sent / rate - time.perf_counter()))
    figures = watch.stop()
    await _settle(lambda: under_way)
    return figures


async def _settle(under_way: Callable[[], int]) -> None:
    """Wait for the last answers, so that they are not counted to the next load."""
    for _ in range(100):
        if not under_way():
            return
        await asyncio.sleep(0.05)
    raise Broken(f"{under_way()} requests were never answered")


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its children."""
    total = 0.0
    for process in (root := psutil.Process(pid)), *root.children(recursive=True):
        times = process.cpu_times()
        total += times.user + times.system
    return total


@dataclass
class Processors:
    """How much of one processor each of these takes, by name, from `start` on."""

    pids: Mapping[str, Sequence[int]]

    def start(self) -> None:
        """From now on."""
        self.began, self.before = time.perf_counter(), self._now()

    def shares(self) -> dict[str, float]:
        """Since then."""
        seconds = time.perf_counter() - self.began
        return {name: (cpu - self.before[name]) / seconds for name, cpu in self._now().items()}

    def _now(self) -> dict[str, float]:
        # This process' own time is that of the visitors.
        return {name: sum(map(cpu_seconds, pids)) for name, pids in self.pids.items()} | {
            "visitors": time.process_time()
        }


def own_bytes(pid: int) -> int:
    """Memory that would be free were the process gone (USS)."""
    return int(psutil.Process(pid).memory_full_info().uss)


def own_bytes_of_each(pid: int) -> list[int]:
    """That of a process and of each of its children."""
    root = psutil.Process(pid)
    return [own_bytes(process.pid) for process in (root, *root.children(recursive=True))]
