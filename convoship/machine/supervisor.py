"""Keeps the product's processes running, and stops them in the order that loses nothing."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import NoReturn

from convoship.machine.console import said
from convoship.machine.processes import Spec, ask_to_stop, birth, kill, spawn, wait_stopped
from convoship.machine.state import MachineError

FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0
# Who ran this long was well, and its next death is a first one again.
WELL_AFTER = 60.0
LOOK_EVERY = 0.2
# One that lives may still do nothing. Asked this often, and ended when it is said twice in a row.
ASK_EVERY, ILL_TIMES = 10.0, 2


class Stopped(BaseException):
    """Somebody asked us to stop: Ctrl-C, SIGTERM, a closed terminal. No Exception, so that nothing swallows it."""


@dataclass
class Child:
    """One process that has to run, and what is known of it."""

    spec: Spec
    # Returns once the child does its work; raises MachineError where it will not.
    ready: Callable[[subprocess.Popen[bytes]], None] | None = None
    # Says in words what is wrong with a child that lives; empty where it is well, or nobody can tell.
    fault: Callable[[], str] | None = None
    process: subprocess.Popen[bytes] | None = None
    started: float = 0
    asked: float = 0
    ill: int = 0
    deaths: int = 0
    due: float = field(default=0, repr=False)

    @property
    def name(self) -> str:
        """What people call it."""
        return self.spec.name


class Supervisor:
    """The children, in the order of their start. Stopping goes the other way round."""

    def __init__(self, on_change: Callable[[dict[str, dict[str, object]]], None]) -> None:
        self.children: list[Child] = []
        self._on_change = on_change
        self._stopping = False

    def obey_signals(self) -> None:
        """From now on Ctrl-C, SIGTERM and a closed terminal raise Stopped, once."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)

    def _asked_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        if self._stopping:
            return None  # it takes a moment; impatience would cost data
        self._stopping = True
        raise Stopped

    def start(self, child: Child) -> None:
        """Start a child without waiting for it."""
        self.children.append(child)
        self._spawn(child)

    def wait_ready(self, child: Child) -> None:
        """Wait until it does its work."""
        if child.ready and child.process:
            child.ready(child.process)

    def run(self, *specs: Spec) -> list[int]:
        """Run what ends by itself, all at once, and answer the exit codes."""
        processes: list[subprocess.Popen[bytes]] = []
        try:
            processes.extend(spawn(spec) for spec in specs)
            return [process.wait() for process in processes]
        except BaseException:
            for process in processes:
                kill(process)
            raise

    def watch(self) -> NoReturn:
        """Look after the children until Stopped."""
        while True:
            if self._stopping:
                raise Stopped  # the handler raised it where Python swallows what is raised: in a destructor, say
            now = time.monotonic()
            for child in self.children:
                if child.process and child.process.poll() is not None:
                    self._mourn(child, child.process.returncode, now)
                if child.process is None and child.due <= now:
                    self._revive(child)
                if child.process and child.fault and now - max(child.started + WELL_AFTER, child.asked) >= ASK_EVERY:
                    self._ask(child, child.process, child.fault(), now)
            time.sleep(LOOK_EVERY)

    def _ask(self, child: Child, process: subprocess.Popen[bytes], fault: str, now: float) -> None:
        child.asked, child.ill = now, child.ill + 1 if fault else 0
        if child.ill >= ILL_TIMES:
            child.ill = 0
            said(f"{child.name} {fault}; it is ended. Its log: {child.spec.log}")
            process.kill()

    def _spawn(self, child: Child) -> subprocess.Popen[bytes]:
        child.process = process = spawn(child.spec)
        child.started = time.monotonic()
        self._on_change(
            {
                other.name: {"pid": other.process.pid, "born": birth(other.process.pid)}
                for other in self.children
                if other.process
            }
        )
        return process

    def _mourn(self, child: Child, code: int, now: float) -> None:
        if now - child.started >= WELL_AFTER:
            child.deaths = 0
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2**child.deaths)
        child.deaths += 1
        child.process = None
        child.due = now + delay
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"stopped with exit code {code}"
        said(f"{child.name} {how}; starting it again in {delay:g} s. Its log: {child.spec.log}")

    def _revive(self, child: Child) -> None:
        process = self._spawn(child)
        # Beside the watch: while a slow one starts, another may die, and would wait for it.
        threading.Thread(target=self._tell_that_it_runs, args=(child, process), daemon=True).start()

    def _tell_that_it_runs(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        try:
            if child.ready:
                child.ready(process)
        except MachineError:
            return  # it died again, which the next look finds; or it is slow, which is no reason to end it
        said(f"{child.name} runs again.")

    def stop_all(self) -> list[str]:
        """Stop those that hold no data all at once, then the servers one by one; answers who had to be killed."""
        self._stopping = True
        killed = []
        servers = [child for child in self.children if child.spec.holds_data]
        others = [child for child in self.children if not child.spec.holds_data]
        for group in (others, *([server] for server in reversed(servers))):
            running = [(child, child.process) for child in group if child.process]
            for child, process in running:
                ask_to_stop(process, child.spec)
            for child, process in running:
                if not wait_stopped(process, child.spec):
                    killed.append(child.name)
                child.process = None
        return killed
