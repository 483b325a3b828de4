"""The machine under test: PostgreSQL and Valkey from the wheels, one web process, two workers, the provider."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import psycopg

from convoship.machine import keys as keyring
from convoship.machine import ports
from convoship.machine.addresses import Address
from convoship.machine.postgres import APP, OWNER, Postgres
from convoship.machine.processes import Spec, last_lines, spawn
from convoship.machine.product import Product
from convoship.machine.state import ROOT
from convoship.machine.valkey import Valkey
from tests.driver import clean_environment, get, wait_for
from tests.reliability.faults.proxy import Proxy

R = TypeVar("R")
HERE = "tests.reliability.faults"
WORKERS = ("worker1", "worker2")


class Process:
    """One process in a group of its own, started anew as often as it is killed."""

    def __init__(
        self, make: Callable[[dict[str, str]], Spec], ready: Callable[[subprocess.Popen[bytes]], None]
    ) -> None:
        self.make, self.ready = make, ready
        self.popen: subprocess.Popen[bytes] | None = None
        self.kills = 0

    @property
    def is_running(self) -> bool:
        """Whether it lives (frozen counts)."""
        return self.popen is not None and self.popen.poll() is None

    def start(self, wait: bool = True, **environment: str) -> None:
        """Start it. From the main thread: the kernel's death signal follows the thread that forked."""
        self.popen = spawn(self.make(environment))
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        """Until it does its work."""
        if self.popen is not None:
            self.ready(self.popen)

    def send(self, number: signal.Signals) -> None:
        """To the whole group."""
        if self.popen is not None and self.popen.poll() is None:
            os.killpg(self.popen.pid, number)

    def kill(self) -> None:
        """kill -9, and reap. PostgreSQL's backends lead groups of their own, so its children are found by parent."""
        if self.popen is None:
            return
        self.kills += 1
        children = _children(self.popen.pid)
        self.send(signal.SIGKILL)
        for child in children:
            with suppress(OSError):
                os.kill(child, signal.SIGKILL)
        self.popen.wait()
        deadline = time.monotonic() + 10
        while any(_is_alive(child) for child in children) and time.monotonic() < deadline:
            time.sleep(0.01)
        self.popen = None

    def ended(self, seconds: float) -> int | None:
        """Wait for it to end by itself: its exit code, None where it runs on."""
        if self.popen is None:
            return None
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return None


def _children(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, IndexError):
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                    found.append(int(entry.name))
    return found


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Loop(threading.Thread):
    """An event loop beside the main thread: proxies and the load run there."""

    def __init__(self) -> None:
        super().__init__(name="loop", daemon=True)
        self.loop = asyncio.new_event_loop()
        self.start()

    def run(self) -> None:
        """Until the process ends."""
        self.loop.run_forever()

    def do(self, work: Coroutine[Any, Any, R], seconds: float = 600) -> R:
        """Run it there and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)


class Machine:
    """Everything of a run, in one folder."""

    def __init__(self, seed: int, control: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="convoship-faults-"))
        self.folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
        self.seed = seed
        self.control = control
        self.loop = Loop()
        keys = keyring.make()
        self.postgres_server = Postgres(self.folder / "postgres", self.folder / "postgres.log", keys)
        self.valkey_server = Valkey(self.folder / "valkey", self.folder / "valkey.log", keys.valkey_password)
        self.provider_port, self.web_port = ports.free(), ports.free()
        # Those that workers go through.
        self.provider_link, self.valkey_link = Proxy(self.provider_port), Proxy(self.valkey_server.port)
        self.failpoint_log = self.folder / "failpoints.log"
        self.accepted_log = self.folder / "accepted.jsonl"
        self.base_url = f"http://127.0.0.1:{self.web_port}"
        self.environment = {
            **clean_environment(),
            "SECRET_KEY": keys.secret_key,
            "CONVOSHIP_SECRETS_KEYS": keys.secrets_key,
            "CONVOSHIP_LOCAL_DIR": str(self.folder / "local"),
            "CONVOSHIP_TESTING": "1",
            "CONVOSHIP_FAILPOINT_LOG": str(self.failpoint_log),
            "DATABASE_URL": self.postgres_server.url(APP),
            "MIGRATE_DATABASE_URL": self.postgres_server.url(OWNER),
            "PUBLIC_BASE_URL": self.base_url,
            "LOG_LEVEL": "INFO",
            "PYTHONUNBUFFERED": "1",
        }
        self.owner_url = self.postgres_server.url(OWNER)
        self.made: dict[str, dict[str, str]] = {}
        self.nodes = 0
        self.postgres = Process(lambda _: self.postgres_server.prepare(), self.postgres_server.wait_ready)
        self.valkey = Process(lambda _: self.valkey_server.prepare(), self.valkey_server.wait_ready)
        self.provider = Process(self._provider, lambda _: self._await_port(self.provider_port))
        self.web = Process(self._web, self._web_answers)
        self.workers = [Process(self._worker(name), self._worker_drains(name)) for name in WORKERS]

    # --- Start and end ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Everything, with its data made."""
        self.valkey.start(wait=False)
        self.postgres.start()
        self.postgres_server.create_roles()
        self.valkey.wait_ready()
        self.loop.do(self.provider_link.start())
        self.loop.do(self.valkey_link.start())
        self.environment["CONVOSHIP_PRIVATE_ALLOWLIST"] = f"127.0.0.1:{self.provider_link.port}"
        link = urlsplit(self.valkey_server.url)
        self.environment["REDIS_URL"] = link._replace(
            netloc=f"{link.netloc.rpartition(':')[0]}:{self.valkey_link.port}"
        ).geturl()
        self.provider.start(wait=False)
        self._run("manage.py", "migrate", "--no-input", "--skip-checks", "--verbosity", "0")
        self.made = json.loads(
            self._run("-m", f"{HERE}.prepare", f"http://127.0.0.1:{self.provider_link.port}").splitlines()[-1]
        )
        self.provider.wait_ready()
        self.start_product()

    def start_product(self) -> None:
        """Web and workers, all at once."""
        for process in (self.web, *self.workers):
            process.start(wait=False)
        for process in (self.web, *self.workers):
            process.wait_ready()

    def restart_product(self, control: str) -> None:
        """Web and workers with another promise taken away; with all of them where `control` is empty."""
        self.control = control
        for process in (self.web, *self.workers):
            process.kill()
        self.start_product()

    def stop(self, keep: bool) -> None:
        """End everything, and remove it unless it is to be looked at."""
        for process in (self.web, *self.workers, self.provider, self.valkey, self.postgres):
            process.kill()
        for proxy in (self.provider_link, self.valkey_link):
            self.loop.do(proxy.close())
        if keep:
            print(f"Logs and data stay in {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- How each is started ------------------------------------------------------------------------------------------

    def _product(self, environment: dict[str, str]) -> Product:
        about = Address("127.0.0.1", self.web_port, self.base_url, 0, 0, self.base_url, None)
        control = {"CONVOSHIP_FAULT_CONTROL": self.control}
        return Product(about, {**self.environment, **control, **environment}, self.folder)

    def _web(self, environment: dict[str, str]) -> Spec:
        spec = self._product(environment).web()
        return replace(spec, command=[word.replace("convoship.asgi", f"{HERE}.entry") for word in spec.command])

    def _worker(self, name: str) -> Callable[[dict[str, str]], Spec]:
        def make(environment: dict[str, str]) -> Spec:
            spec = self._product(environment).worker()
            self.nodes += 1
            command = [f"{HERE}.entry" if word == "convoship" else word for word in spec.command]
            return replace(
                spec, command=[*command, "-n", f"{name}-{self.nodes}@fault"], log=self.folder / f"{name}.log"
            )

        return make

    def _provider(self, _: dict[str, str]) -> Spec:
        command = [sys.executable, "-m", f"{HERE}.emulator", str(self.provider_port), str(self.accepted_log)]
        return Spec("provider", [*command, str(self.seed)], self.environment, ROOT, self.folder / "provider.log")

    def _web_answers(self, popen: subprocess.Popen[bytes]) -> None:
        self._product({}).web_answers(self.folder / "web.log")(popen)

    def _worker_drains(self, name: str) -> Callable[[subprocess.Popen[bytes]], None]:
        def wait(popen: subprocess.Popen[bytes]) -> None:
            log = self.folder / f"{name}.log"
            says = f"drains as process {popen.pid}".encode()

            def drains() -> bool:
                if popen.poll() is not None:
                    raise AssertionError(f"{name} did not start:\n{last_lines(log, 30)}")
                return says in log.read_bytes()

            wait_for(f"{name} to drain", drains)

        return wait

    def _await_port(self, port: int) -> None:
        wait_for("the provider to answer", lambda: get(f"http://127.0.0.1:{port}/stats")[0] == 200)

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise AssertionError(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    # --- What is asked of it ------------------------------------------------------------------------------------------

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the database says, asked as the owner, who sees every workspace."""
        with psycopg.connect(self.owner_url, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def accepted(self, path: str) -> list[dict[str, Any]]:
        """What the provider has written down, in its order."""
        if not self.accepted_log.exists():
            return []
        lines = [json.loads(line) for line in self.accepted_log.read_text().splitlines()]
        return [line for line in lines if line["path"] == path]

    def hits(self) -> dict[str, int]:
        """How often each failpoint was hit."""
        counted: dict[str, int] = {}
        if self.failpoint_log.exists():
            for line in self.failpoint_log.read_text().splitlines():
                name = line.split()[2]
                counted[name] = counted.get(name, 0) + 1
        return counted

    def waits(self) -> int:
        """How much is still to be done."""
        [(count,)] = self.rows(
            "SELECT (SELECT count(*) FROM channels_app_inboundevent WHERE state = 'received')"
            "     + (SELECT count(*) FROM channels_app_delivery WHERE status = 'queued')"
        )
        return int(count)
