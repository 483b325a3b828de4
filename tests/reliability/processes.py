"""Real daphne processes on the test database, with a Valkey of their own that a test may stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType

from django.db import connections

from convoship.machine import ports
from convoship.machine.state import ROOT
from convoship.machine.valkey import Valkey
from deployments.models import AnswererBeat
from tests.driver import get, wait_for

HOST = "127.0.0.1"


class OwnValkey:
    """A Valkey for one test."""

    def __init__(self, folder: Path) -> None:
        self.server = Valkey(folder / "valkey", folder / "valkey.log", "test", durable=False)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.server.url

    def start(self) -> None:
        """Start, on the same port as before."""
        spec = self.server.prepare()
        with self.server.log.open("ab") as log:
            self.process = subprocess.Popen(spec.command, env=spec.environment, cwd=spec.folder, stdout=log, stderr=log)
        self.server.wait_ready(self.process)

    def stop(self) -> None:
        """Kill it as hard as can be."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def __enter__(self) -> OwnValkey:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _answers(address: str) -> bool:
    return get(f"{address}/healthz")[0] == 200


def database_url(alias: str) -> str:
    """The test database as a URL."""
    settings = connections[alias].settings_dict
    return (
        f"postgres://{settings['USER']}:{settings['PASSWORD']}@{settings['HOST']}:{settings['PORT']}/{settings['NAME']}"
    )


@dataclass
class Web:
    """A web process and its base URL."""

    address: str
    process: subprocess.Popen[bytes]


@contextmanager
def webs(
    count: int,
    redis_url: str,
    folder: Path,
    *options: str,
    application: str = "convoship.asgi:application",
    **variables: str,
) -> Iterator[list[Web]]:
    """So many web processes, with these options of daphne and these variables in their environment."""
    running: list[Web] = []
    try:
        for number in range(count):
            port = ports.free(HOST)
            address = f"http://{HOST}:{port}"
            environment = (
                os.environ
                | {
                    "DATABASE_URL": database_url("default"),
                    "MIGRATE_DATABASE_URL": database_url("owner"),
                    "REDIS_URL": redis_url,
                    "PUBLIC_BASE_URL": address,
                    "DATABASE_POOL_SIZE": "6",
                }
                | variables
            )
            command = [sys.executable, "-m", "daphne", "-b", HOST, "-p", str(port), *options]
            command.append(application)
            with (folder / f"web{number}.log").open("wb") as log:
                process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
            running.append(Web(address, process))
        for web in running:
            wait_for(f"{web.address} to answer", partial(_answers, web.address))
        yield running
    finally:
        for web in running:
            web.process.send_signal(signal.SIGTERM)
        for web in running:
            try:
                web.process.wait(10)
            except subprocess.TimeoutExpired:
                web.process.kill()
                web.process.wait()


@contextmanager
def media(redis_url: str, folder: Path) -> Iterator[tuple[Web, Web]]:
    """A web process and, at an address of its own, one that carries the sound of calls."""
    port = ports.free(HOST)
    address = f"http://{HOST}:{port}"
    with webs(1, redis_url, folder, MEDIA_BASE_URL=address) as [web]:
        environment = os.environ | {
            "DATABASE_URL": database_url("default"),
            "MIGRATE_DATABASE_URL": database_url("owner"),
            "REDIS_URL": redis_url,
            "PUBLIC_BASE_URL": web.address,
            "MEDIA_BASE_URL": address,
            "DATABASE_POOL_SIZE": "6",
        }
        command = [sys.executable, "-m", "daphne", "-b", HOST, "-p", str(port), "convoship.media:application"]
        with (folder / "media.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            wait_for(f"{address} to answer", partial(_answers, address))
            yield web, Web(address, process)
        finally:
            process.kill()
            process.wait()


@contextmanager
def answerers(count: int, redis_url: str, folder: Path, **variables: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many processes that give answers, each of which has looked for some."""
    running: list[subprocess.Popen[bytes]] = []
    environment = (
        os.environ
        | {
            "DATABASE_URL": database_url("default"),
            "MIGRATE_DATABASE_URL": database_url("owner"),
            "REDIS_URL": redis_url,
            "DATABASE_POOL_SIZE": "6",
        }
        | variables
    )
    before = AnswererBeat.objects.count()
    try:
        for number in range(count):
            with (folder / f"answers{number}.log").open("wb") as log:
                command = [sys.executable, "manage.py", "answers"]
                running.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log))
        wait_for("each to look for answers", lambda: AnswererBeat.objects.count() == before + count)
        yield running
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def web_processes(count: int, redis_url: str, folder: Path, *options: str) -> Iterator[list[str]]:
    """So many web processes, with these options of daphne; gives their base URLs."""
    with webs(count, redis_url, folder, *options) as running:
        yield [web.address for web in running]
