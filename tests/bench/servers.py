"""What is measured and what it stands on: PostgreSQL with real fsync, Valkey, toys under daphne and Celery."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from convoship.machine import ports
from convoship.machine.addresses import Address
from convoship.machine.processes import Spec, ask_to_stop, last_lines, spawn, wait_stopped
from convoship.machine.product import Product
from convoship.machine.state import ROOT
from convoship.machine.throwaway import ThrowAway
from tests.bench.clients import Broken
from tests.driver import clean_environment

TOY = "tests.bench.toy.asgi:application"
PRODUCT = "convoship.asgi:application"
WITHOUT_WALL = "tests.bench.no_wall:application"
PRODUCT_MEDIA = "convoship.media:application"
TOY_MEDIA = "tests.bench.toy.sound:application"
WITH_BARE_PAGE = "tests.bench.bare:application"


@dataclass
class Server:
    """One running process; a worker has no port."""

    spec: Spec
    process: subprocess.Popen[bytes]
    port: int
    # What belongs to it: processes that give its answers.
    beside: tuple[Server, ...] = ()

    @property
    def pid(self) -> int:
        """Whose processor time and memory are counted."""
        return self.process.pid

    def stop(self) -> None:
        """End it."""
        for server in self.beside:
            server.stop()
        hurry = replace(self.spec, stop_signal=signal.SIGKILL)
        ask_to_stop(self.process, hurry)
        wait_stopped(self.process, hurry)


class Bench:
    """The servers below, and how to start those to be measured."""

    def __init__(self, environment: Mapping[str, str], folder: Path, pids: Mapping[str, int]) -> None:
        self.folder = folder
        # Of the servers that all stand on, by name.
        self.pids = dict(pids)
        self.environment = {
            **clean_environment(),
            **environment,
            "CONVOSHIP_STATIC_ROOT": str(folder / "static"),
            # Every request comes from one address here; what one visitor may do keeps its limits.
            "LIMIT_SESSIONS_PER_IP": "1000000/60",
            "LIMIT_SESSIONS_PER_DEPLOYMENT": "1000000/60",
            "LOG_LEVEL": "WARNING",
            "ANSWER_PROCESSES": os.environ.get("ANSWER_PROCESSES", "1"),
        }
        self.provider_port = ports.free()
        self.provider_url = f"http://127.0.0.1:{self.provider_port}"
        self.model_port = ports.free()
        # Of the hosts that hear and speak.
        self.ear_port, self.mouth_port = ports.free(), ports.free()
        # The product sends to no private address that is not listed.
        listed = (self.provider_port, self.model_port, self.ear_port, self.mouth_port)
        self.environment["CONVOSHIP_PRIVATE_ALLOWLIST"] = ",".join(f"127.0.0.1:{port}" for port in listed)
        self.open_database = _sibling(environment["DATABASE_URL"], "convoship_open")
        self.toy_database = _sibling(environment["MIGRATE_DATABASE_URL"], "toy")

    def prepare(self, **counts: int) -> dict[str, Any]:
        """Tables, static files, visitors, and the databases beside the product's; answers what `prepare` prints."""
        self._run("manage.py", "migrate", "--no-input", "--skip-checks", "--verbosity", "0")
        self._run("manage.py", "collectstatic", "--no-input", "--verbosity", "0", "--ignore", "rest_framework")
        at = {"provider": self.provider_url, "model": self.model_port, "ear": self.ear_port, "mouth": self.mouth_port}
        wanted = json.dumps(at | counts)
        made: dict[str, Any] = json.loads(self._run("-m", "tests.bench.prepare", wanted).splitlines()[-1])
        owner = self.environment["MIGRATE_DATABASE_URL"]
        with psycopg.connect(_dsn(owner), autocommit=True) as connection:
            template = sql.Identifier(urlsplit(owner).path[1:])
            connection.execute(sql.SQL("CREATE DATABASE convoship_open TEMPLATE {}").format(template))
            connection.execute("CREATE DATABASE toy")
        with psycopg.connect(_dsn(_sibling(owner, "convoship_open")), autocommit=True) as connection:
            rows = connection.execute("SELECT oid::regclass::text FROM pg_class WHERE relrowsecurity").fetchall()
            for (table,) in rows:
                connection.execute(sql.SQL("ALTER TABLE {} DISABLE ROW LEVEL SECURITY").format(sql.SQL(table)))
        with psycopg.connect(_dsn(self.toy_database), autocommit=True) as connection:
            connection.execute((Path(__file__).parent / "toy" / "schema.sql").read_bytes())
        return made

    def search(self, messages: int) -> dict[str, Any]:
        """How long a search takes among so many messages, which are made for it; what `searching` prints."""
        found: dict[str, Any] = json.loads(self._run("-m", "tests.bench.searching", str(messages)).splitlines()[-1])
        return found

    def product_with_bare_page(self) -> Server:
        """The product, and beside its pages one that the inbox's list is measured by."""
        return self._start(WITH_BARE_PAGE, {})

    def product(self, *, wall: bool = True) -> Server:
        """The product, or the product without its wall."""
        more = {} if wall else {"DATABASE_URL": self.open_database}
        server = self._start(PRODUCT if wall else WITHOUT_WALL, more)
        return replace(server, beside=self._answerers()) if wall else server

    def _answerers(self) -> tuple[Server, ...]:
        """What gives answers that wait, as `make run` starts it."""
        base = "http://127.0.0.1:1"
        environment = {**self.environment, "PUBLIC_BASE_URL": base}
        specs = Product(Address("127.0.0.1", 1, base, 0, 0, base, None), environment, self.folder).answerers()
        return tuple(Server(spec, spawn(spec), 0) for spec in specs)

    def toy(self, *, pool: bool = False, static: bool = False) -> Server:
        """A toy."""
        more = {"TOY_DATABASE_URL": self.toy_database, "DJANGO_SETTINGS_MODULE": "tests.bench.toy.settings"}
        if pool:
            more["TOY_POOL"] = "1"
        if static:
            root = self.folder / "toy-static"
            root.mkdir(exist_ok=True)
            (root / "v1.js").write_bytes((ROOT / "static" / "widget" / "v1.js").read_bytes())
            more["TOY_STATIC_ROOT"] = str(root)
        return self._start(TOY, more)

    def provider(self) -> Server:
        """The provider that is sent to."""
        return self._beside("provider", self.provider_port)

    def model(self) -> Server:
        """The model's endpoint."""
        return self._beside("model", self.model_port)

    def mouth(self) -> Server:
        """The host that speaks."""
        return self._beside("mouth", self.mouth_port)

    def media(self) -> Server:
        """What carries the sound of calls, as `make run` starts it, on one processor."""
        return self._one_processor(PRODUCT_MEDIA)

    def toy_media(self) -> Server:
        """An echo of the same frames, on one processor."""
        return self._one_processor(TOY_MEDIA)

    def _one_processor(self, application: str) -> Server:
        port = ports.free()
        base = f"http://127.0.0.1:{port}"
        environment = {**self.environment, "PUBLIC_BASE_URL": base, "MEDIA_BASE_URL": base}
        spec = Product(Address("127.0.0.1", 1, base, 0, port, base, None), environment, self.folder).media()
        spec = replace(spec, command=[application if word == PRODUCT_MEDIA else word for word in spec.command])
        ours = os.sched_getaffinity(0)
        try:
            # What it starts, threads too, stays there.
            os.sched_setaffinity(0, {min(ours)})
            return self._listening(spec, port)
        finally:
            os.sched_setaffinity(0, ours)

    def _beside(self, name: str, port: int) -> Server:
        server = self._listening(self._spec(name, ["-m", f"tests.bench.{name}", str(port)], {}), port)
        self.pids[name] = server.pid
        return server

    def _listening(self, spec: Spec, port: int) -> Server:
        server = Server(spec, spawn(spec), port)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return server
            time.sleep(0.05)
        server.stop()
        raise Broken(f"the {spec.name} did not start")

    def worker(self) -> Server:
        """The product's worker, as `make run` starts it."""
        base = "http://127.0.0.1:1"
        environment = {**self.environment, "PUBLIC_BASE_URL": base}
        spec = Product(Address("127.0.0.1", 1, base, 0, 0, base, None), environment, self.folder).worker()
        return Server(spec, spawn(spec), 0)

    def toy_worker(self, pool: str, concurrency: int, queue: str) -> Server:
        """A worker of the toy's tasks on this queue."""
        more = {
            "TOY_DATABASE_URL": self.toy_database,
            "TOY_PROVIDER": f"{self.provider_url}/toy",
            "DJANGO_SETTINGS_MODULE": "tests.bench.toy.settings",
        }
        words = ["-m", "celery", "-A", "tests.bench.toy.tasks", "worker", "--pool", pool, "--queues", queue]
        words += ["--concurrency", str(concurrency), "--loglevel", "ERROR", "--without-gossip", "--without-mingle"]
        spec = self._spec("toy-worker", words, more)
        return Server(spec, spawn(spec), 0)

    def _spec(self, name: str, words: list[str], more: Mapping[str, str]) -> Spec:
        environment = {**self.environment, **more}
        return Spec(name, [sys.executable, *words], environment, ROOT, self.folder / f"{name}.log")

    def _start(self, application: str, more: Mapping[str, str]) -> Server:
        port = ports.free()
        base = f"http://127.0.0.1:{port}"
        product = Product(
            Address("127.0.0.1", port, base, 0, 0, base, None),
            {**self.environment, "PUBLIC_BASE_URL": base, **more},
            self.folder,
        )
        spec = product.web()
        spec = replace(spec, command=[application if word == PRODUCT else word for word in spec.command])
        process = spawn(spec)
        server = Server(spec, process, port)
        try:
            product.web_answers(spec.log)(process)
        except BaseException:
            server.stop()
            raise
        return server

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Broken(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def last_words(self) -> str:
        """The ends of the logs."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"{log.name}:\n{last_lines(log, 20)}" for log in logs)


@contextmanager
def bench() -> Iterator[Bench]:
    """PostgreSQL and Valkey as `make run` has them, with every commit on the disk before it is answered."""
    servers = ThrowAway(durable=True)
    try:
        environment = servers.start()
        with TemporaryDirectory(prefix="convoship-bench-") as folder:
            yield Bench(
                {**{name: os.environ[name] for name in _GIVEN if name in os.environ}, **environment},
                Path(folder),
                servers.pids,
            )
    finally:
        servers.stop()


_GIVEN = ("DATABASE_URL", "MIGRATE_DATABASE_URL", "REDIS_URL")


def _sibling(url: str, database: str) -> str:
    return urlsplit(url)._replace(path=f"/{database}").geturl()


def _dsn(url: str) -> str:
    return f"postgresql://{url.partition('://')[2]}"
