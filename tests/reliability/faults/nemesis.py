"""What is done to the machine, by a seeded schedule: every fault says what it did and proves that it met something."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress

from convoship.machine.state import MachineError
from tests.reliability.faults import clocks
from tests.reliability.faults.checker import Findings
from tests.reliability.faults.supervisor import Machine, Process

# Where each failpoint is met: in the process that takes events, or in those that send.
OF_WEB, OF_WORKERS = ("F1", "F2", "F7"), ("F2", "F3", "F4", "F5", "F6")
HIT_SECONDS = 20.0


class Nemesis:
    """Works through faults in the main thread while callers call."""

    def __init__(self, machine: Machine, seed: int) -> None:
        self.machine = machine
        self.chance = random.Random(seed)
        self.done: list[str] = []
        self.began = time.monotonic()
        self.faults = 0

    def say(self, what: str) -> None:
        """Into the schedule that a failing run prints."""
        self.faults += 1
        self.done.append(f"{time.monotonic() - self.began:6.1f} s  {what}")

    # --- Processes ----------------------------------------------------------------------------------------------------

    def kill_worker(self) -> None:
        """kill -9, and start anew."""
        worker = self._any_worker()
        self.say(f"kill -9 {worker.popen and worker.popen.pid} (a worker)")
        worker.kill()
        worker.start(wait=False)

    def kill_web(self) -> None:
        """kill -9 of the web process."""
        self.say("kill -9 web")
        self.machine.web.kill()
        self.machine.web.start()

    def kill_postgres(self) -> None:
        """kill -9 of PostgreSQL with all its backends."""
        self.say("kill -9 PostgreSQL")
        self.machine.postgres.kill()
        self.machine.postgres.start()

    def end_sessions(self) -> None:
        """`pg_terminate_backend` of everybody's sessions."""
        self.say("pg_terminate_backend on every session")
        with self.machine.postgres_server._connect("postgres") as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                " AND backend_type = 'client backend'"
            )

    def freeze_worker(self) -> None:
        """SIGSTOP past its lease."""
        worker = self._any_worker()
        self.say(f"SIGSTOP {worker.popen and worker.popen.pid} (a worker) for its lease and 2 s")
        worker.send(signal.SIGSTOP)
        time.sleep(clocks.LEASE + 2)
        worker.send(signal.SIGCONT)

    def roll_worker(self) -> None:
        """SIGTERM, as a deploy does; it has to end by itself."""
        worker = self._any_worker()
        self.say(f"SIGTERM {worker.popen and worker.popen.pid} (a worker)")
        worker.send(signal.SIGTERM)
        if worker.ended(20) is None:
            self.done.append("         it did not end within 20 s and was killed")
            worker.kill()
        worker.start(wait=False)

    # --- Failpoints ---------------------------------------------------------------------------------------------------

    def failpoint(self, name: str, action: str = "exit", *, in_web: bool = False) -> None:
        """Arm a point in one fresh process, wait until it is hit, and go on with an unarmed one."""
        self.failpoints([(self.machine.web if in_web else self._any_worker(), name)], action)

    def failpoints(self, armed: list[tuple[Process, str]], action: str = "exit") -> None:
        """So with several at once, each in a process of its own."""
        began = len(self._hit_lines())
        pids = {}
        for process, name in armed:
            process.kill()
            process.start(wait=False, CONVOSHIP_FAILPOINTS=f"{name}={action}@{self.chance.randint(1, 3)}")
            pids[name] = str(process.popen.pid if process.popen else "")
        hit: set[str] = set()
        deadline = time.monotonic() + HIT_SECONDS
        while len(hit) < len(armed) and time.monotonic() < deadline:
            time.sleep(0.05)
            lines = self._hit_lines()[began:]
            hit = {name for _, name in armed if any(line[1:3] == [pids[name], name] for line in lines)}
            for process, name in armed:
                # What others wait for has to run on.
                if name in hit and action == "exit" and not process.is_running:
                    process.start(wait=False)
        for process, name in armed:
            where = "web" if process is self.machine.web else "a worker"
            self.say(f"{name}={action} in {where}: {'hit' if name in hit else 'not reached'}")
        if action == "stop":
            time.sleep(clocks.LEASE + 2)
            for process, _ in armed:
                process.send(signal.SIGCONT)
            time.sleep(0.5)
        for process, name in armed:
            if process.popen is not None and str(process.popen.pid) == pids[name]:
                if name in hit and action == "exit":
                    process.ended(5)
                process.kill()
                process.start(wait=False)

    def _hit_lines(self) -> list[list[str]]:
        log = self.machine.failpoint_log
        return [line.split() for line in log.read_text().splitlines()] if log.exists() else []

    def every_failpoint(self) -> None:
        """Each once."""
        web, (one, two) = self.machine.web, self.machine.workers
        self.failpoints([(web, "F1"), (one, "F3")])
        self.failpoints([(web, "F7"), (two, "F4")])
        self.failpoints([(web, "F2"), (one, "F5")])
        self.failpoints([(one, "F2"), (two, "F6")])

    # --- Links --------------------------------------------------------------------------------------------------------

    def swallow_replies(self, seconds: float = 3.0) -> None:
        """The provider gets everything, and no answer comes back."""
        self._toxic("swallow_reply", seconds)

    def black_hole(self, seconds: float = 4.0) -> None:
        """Requests go nowhere and nobody says so."""
        self._toxic("black_hole", seconds)

    def reset_provider(self, seconds: float = 2.0) -> None:
        """Connections to the provider are reset."""
        self._toxic("reset", seconds)

    def provider_down(self, seconds: float = 4.0) -> None:
        """Nobody listens at the provider's."""
        self._toxic("down", seconds)

    def _toxic(self, toxic: str, seconds: float) -> None:
        link = self.machine.provider_link
        before = link.met[toxic]
        self.machine.loop.do(link.set(toxic))  # type: ignore[arg-type]
        time.sleep(seconds)
        self.machine.loop.do(link.set("none"))
        self.say(f"provider's link: {toxic} for {seconds:g} s, met {link.met[toxic] - before}")

    def flush(self) -> None:
        """Valkey forgets everything."""
        import redis

        self.say("FLUSHALL")
        client = redis.Redis.from_url(self.machine.valkey_server.url, socket_timeout=5)
        with suppress(redis.RedisError):
            client.flushall()
        client.close()

    def without_valkey(self, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> None:
        """kill -9 of Valkey, gone for so long; it comes back empty."""
        self.say(f"FLUSHALL, kill -9 Valkey, {seconds:g} s without it")
        self.flush()
        began = time.monotonic()
        self.machine.valkey.kill()
        meanwhile()
        time.sleep(max(0.0, seconds - (time.monotonic() - began)))
        with suppress(MachineError):
            self.machine.valkey.start()

    def valkey_link(self, toxic: str, seconds: float = 4.0) -> None:
        """Between our processes and Valkey."""
        self.machine.loop.do(self.machine.valkey_link.set(toxic))  # type: ignore[arg-type]
        time.sleep(seconds)
        self.machine.loop.do(self.machine.valkey_link.set("none"))
        self.say(f"Valkey's link: {toxic} for {seconds:g} s")

    def heal(self) -> None:
        """Everything runs, nothing is frozen, no link misbehaves."""
        machine = self.machine
        for link in (machine.provider_link, machine.valkey_link):
            machine.loop.do(link.set("none"))
        for process in (machine.postgres, machine.valkey, machine.provider, machine.web, *machine.workers):
            process.send(signal.SIGCONT)
            if not process.is_running:
                process.kill()
                process.start(wait=False)
        for process in (machine.postgres, machine.valkey, machine.web, *machine.workers):
            process.wait_ready()

    def _any_worker(self) -> Process:
        return self.chance.choice(self.machine.workers)

    def random_fault(self) -> None:
        """One of them, by chance."""
        web, worker = self.chance.choice(OF_WEB), self.chance.choice(OF_WORKERS)
        faults: list[tuple[int, Callable[[], object]]] = [
            (6, self.kill_worker),
            (2, self.kill_web),
            (1, self.kill_postgres),
            (1, self.end_sessions),
            (1, self.freeze_worker),
            (1, self.roll_worker),
            (3, lambda: self.failpoint(worker)),
            (2, lambda: self.failpoint(web, in_web=True)),
            (2, lambda: self.failpoint(self.chance.choice(("F3", "F4", "F5")), "stop")),
            (1, self.swallow_replies),
            (1, self.black_hole),
            (1, self.reset_provider),
            (1, self.provider_down),
            (1, self.flush),
            (1, lambda: self.valkey_link(self.chance.choice(("down", "black_hole", "reset")))),
        ]
        self.chance.choices([fault for _, fault in faults], [weight for weight, _ in faults])[0]()

    def prove(self, findings: Findings) -> None:
        """Every failpoint was met."""
        hits = self.machine.hits()
        points = sorted({*OF_WEB, *OF_WORKERS})
        findings.note(
            "Faults",
            "failpoints hit",
            ", ".join(f"{name} {hits.get(name, 0)}" for name in points),
            good=all(hits.get(name) for name in points),
        )
