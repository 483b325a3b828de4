"""Scripted answers beside two hundred that a model writes for ten seconds each, in the same web process.

The scripted visitors ask at a set rate, once with nobody else there and once while 200 others read an answer as it is
written; each of those asks again as soon as its answer has ended, so that beginnings and ends are in the figure too.
The figures would mean nothing were the answers not whole, or late: that is checked, and told.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import urllib.request
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.bench import model
from tests.bench.carrying import as_json
from tests.bench.clients import Broken, SocketLane
from tests.bench.loads import Figures, Processors, open_loop

ANSWERS = int(os.environ.get("ANSWERS", 200))
# Workspaces whose assistants think; each has the same share of the readers.
WORKSPACES = 8
# Scripted answers a second. Each visitor may say 20 things in 10 seconds.
RATE = 20
# On a machine that is busy with other things.
PATIENCE_SECONDS = 150
ANSWER_SECONDS = model.PIECES * model.PAUSE_SECONDS


@dataclass(frozen=True)
class Beside:
    """Scripted answers, and what became of the others meanwhile."""

    scripted: Figures
    # Of one processor, by the server's process: for everything.
    busy: float
    answers: int = 0
    # The fewest that the model wrote at one time. Between an answer's end and the next one's beginning there is none.
    least: int = 0
    # From the question to the end of the answer, which the model writes in ANSWER_SECONDS.
    middle_seconds: float = 0.0
    slowest_seconds: float = 0.0
    # From the question to the first piece that is shown.
    first_ms: float = 0.0
    frames_per_second: float = 0.0
    # Of one processor, by what takes it.
    shares: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        taken = ", ".join(f"{name} {share:.0%}" for name, share in self.shares.items())
        words = f"p50 {self.scripted.p50_ms:.1f} p95 {self.scripted.p95_ms:.1f} ms, processor: {taken}"
        if not self.answers:
            return words
        slowest = f"{self.answers} answers of {self.middle_seconds:.1f} s (slowest {self.slowest_seconds:.1f})"
        first = f"first piece after {self.first_ms:.0f} ms, {self.frames_per_second:.0f} frames/s"
        return f"{words}; {self.least} at once at least, {slowest}, {first}"


class Reader:
    """One visitor who asks, reads to the end, and asks again while `more` says so."""

    def __init__(self, lane: SocketLane, more: Callable[[], bool]) -> None:
        self.lane, self.more = lane, more
        self.took: list[float] = []
        self.first: list[float] = []
        self.frames = 0
        self.fault = ""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lane.hears = self._hear

    def ask(self) -> None:
        """Ask, and read from the beginning."""
        self.asked_at, self.has_begun = time.perf_counter(), False
        self.text = ""
        self.lane.say(as_json(type="message.send", client_id=str(uuid.uuid4()), text="Tell me all about it."))

    def _hear(self, frame: bytes) -> None:
        self.frames += 1
        if b'"type":"error"' in frame:
            self._end(f"an error: {frame[:300]!r}")
        elif b'"type":"message.' not in frame:
            return
        elif b'"kind":"assistant"' in frame:
            if not self.has_begun:
                self.has_begun = True
                self.first.append(time.perf_counter() - self.asked_at)
            if b'"status":"streaming"' not in frame:
                self._ended(frame)
        elif b'"kind":"system"' in frame:
            self._end(f"no answer: {frame[:500]!r}")

    def _ended(self, frame: bytes) -> None:
        self.took.append(time.perf_counter() - self.asked_at)
        text = json.loads(frame)["message"]["text"]
        if text != model.text():
            self._end(f"not the whole answer: {text[-200:]!r}")
        elif self.more():
            self.ask()
        else:
            self._end()

    def _end(self, fault: str = "") -> None:
        self.fault = self.fault or fault
        if not self.done.done():
            self.done.set_result(None)


def busy(figures: Figures) -> float:
    """How much of a processor the server's process took."""
    return figures.cpu_us / 1e6 * figures.per_second


def told(port: int) -> dict[str, int]:
    """What the model's endpoint says of its answers."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/told", timeout=5) as answer:
        found: dict[str, int] = json.loads(answer.read())
    return found


async def beside(
    pid: int,
    model_port: int,
    processors: Processors,
    scripted: Sequence[SocketLane],
    readers: Sequence[SocketLane],
    seconds: float,
) -> Beside:
    """Scripted answers for so many seconds while every reader has an answer under way."""
    running = True
    reading = [Reader(lane, lambda: running) for lane in readers]
    # They begin over the length of an answer, so that they end so as well.
    for number, reader in enumerate(reading):
        reader.ask()
        if number + 1 < len(reading):
            await asyncio.sleep(ANSWER_SECONDS / len(reading))
    await _all_begun(reading)
    under_way: list[int] = []
    counting = asyncio.create_task(_count(model_port, under_way))
    processors.start()
    frames, began = sum(reader.frames for reader in reading), time.perf_counter()
    figures = await open_loop(pid, scripted, rate=RATE, seconds=seconds)
    per_second = (sum(reader.frames for reader in reading) - frames) / (time.perf_counter() - began)
    shares = processors.shares()
    counting.cancel()
    running = False
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*(reader.done for reader in reading))
    faults = [reader.fault for reader in reading if reader.fault]
    broken_off = (await asyncio.to_thread(told, model_port))["broken_off"]
    if faults or broken_off:
        raise Broken(f"{len(faults)} of {len(reading)} readers, {broken_off} answers broken off: {faults[:1]}")
    took = sorted(seconds for reader in reading for seconds in reader.took)
    first = sorted(seconds for reader in reading for seconds in reader.first)
    return Beside(
        figures,
        busy(figures),
        answers=len(took),
        least=min(under_way),
        middle_seconds=took[len(took) // 2],
        slowest_seconds=took[-1],
        first_ms=first[len(first) // 2] * 1000,
        frames_per_second=per_second,
        shares=shares,
    )


async def _count(model_port: int, under_way: list[int]) -> None:
    while True:
        under_way.append((await asyncio.to_thread(told, model_port))["under_way"])
        await asyncio.sleep(1)


async def _all_begun(reading: Sequence[Reader]) -> None:
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not all(reader.first for reader in reading):
        faults = [reader.fault for reader in reading if reader.fault]
        if faults or time.monotonic() > ends_at:
            raise Broken(f"not every reader's answer has begun: {faults[:1]}")
        await asyncio.sleep(0.05)
