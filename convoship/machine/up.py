"""`manage.py up`, which is what `make run` does: everything on one machine, until Ctrl-C."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from convoship.machine import addresses, keys, model, processes, roles, state, voice
from convoship.machine.addresses import Address
from convoship.machine.console import bold, complain, dim, loud, say
from convoship.machine.postgres import APP, OWNER, Postgres
from convoship.machine.processes import last_lines
from convoship.machine.product import Product
from convoship.machine.state import ROOT, MachineError
from convoship.machine.supervisor import Child, Stopped, Supervisor
from convoship.machine.valkey import Valkey

LARGEST_LOG = 10_000_000
MOST_ANSWERERS = 64


def main(arguments: list[str]) -> int:
    """Run until told to stop; answers 0 where that went as it should."""
    if arguments:
        complain("`up` takes no options. HOST, PORT and the variables of docs/configuration.md change what it does.")
        return 2
    try:
        return _Up().run()
    except MachineError as error:
        complain(str(error))
        return 1


@dataclass(frozen=True)
class _ReadyWorkspace:
    """Where it is opened, and the page of the stranger's site that carries its chat; empty where there is none."""

    sign_in_url: str
    demo_page: str


class _Up:
    """One run: what it starts, and what it tells other terminals about it."""

    def __init__(self) -> None:
        self.folder = state.make_local_dir()
        self.logs = self.folder / "logs"
        self.lock = state.FolderLock(self.folder)
        self.pids: dict[str, dict[str, object]] = {}
        self.run_file: dict[str, Any] = {}
        self.supervisor = Supervisor(self._remember_pids)

    def run(self) -> int:
        """Start everything, watch it, stop it."""
        self.lock.take()
        earlier = state.read_run(self.folder)
        self.supervisor.obey_signals()
        try:
            # The lock is ours, so the note is of somebody who is gone; their children may need a moment more.
            processes.outwait(earlier.get("children", {}))
            (self.folder / "run.json").unlink(missing_ok=True)
            self._start()
            self.supervisor.watch()
        except Stopped:
            return self._stop("Stopping ...")
        except MachineError:
            self._stop("")
            raise

    def _start(self) -> None:
        _shorten_logs(self.logs)
        address = addresses.choose()
        if address.instead_of:
            say(loud(f"Port {address.instead_of} is busy: Convoship uses {address.port} instead."))
        environment = self._servers(address)
        product = Product(address, environment, self.logs)
        self._note(address, environment)
        with _step("Preparing the database and the pages"):
            self._prepare(product)
        fault = roles.fault_of(environment["DATABASE_URL"])
        if fault:
            raise MachineError(fault)
        answerers = [Child(spec) for spec in product.answerers()]
        with _step("Starting the web server, the worker, the clock and what gives answers"):
            web = Child(product.web(), ready=product.web_answers(self.logs / "web.log"))
            self.supervisor.start(web)
            self.supervisor.start(Child(product.stranger(self.folder / "stranger")))
            ready = self._ready_workspace(product)
            self.supervisor.wait_ready(web)
            # After the web server, whose start somebody waits for: what was sent to them before waits a moment.
            worker = Child(product.worker(), fault=product.worker_fault)
            media = [Child(product.media())] if voice.is_installed() else []
            for child in (worker, Child(product.beat()), *answerers, *media):
                self.supervisor.start(child)
        self.run_file["status"] = "running"
        self._write()
        self._greet(address, ready)

    def _servers(self, address: Address) -> dict[str, str]:
        """Start what the environment does not name, and answer the product's environment."""
        outside = dict(os.environ)
        _check_outside(outside)
        environment = {
            **outside,
            "CONVOSHIP_LOCAL_DIR": str(self.folder),
            "PUBLIC_BASE_URL": address.public_base_url,
            "MEDIA_BASE_URL": address.media_base_url,
            "CONVOSHIP_STRANGER_SITE_URL": address.stranger_url,
            "CONVOSHIP_LOCAL_MAILBOX": outside.get("CONVOSHIP_LOCAL_MAILBOX", "0" if outside.get("EMAIL_URL") else "1"),
            "ANSWER_PROCESSES": _how_many(outside.get("ANSWER_PROCESSES", "")),
            "PYTHONUNBUFFERED": "1",
            # This machine's own two sites may be looked at by "Check a page", and its model may be asked where somebody
            # had one fetched; nothing else of it.
            "CONVOSHIP_PRIVATE_ALLOWLIST": ",".join(
                filter(None, [outside.get("CONVOSHIP_PRIVATE_ALLOWLIST"), *address.own_sites, *model.own_sites()])
            ),
        }
        postgres = valkey = None
        started = []
        if not (outside.get("DATABASE_URL") and outside.get("REDIS_URL")):
            kept = keys.load_or_make(self.folder)
            environment.setdefault("SECRET_KEY", kept.secret_key)
            environment.setdefault("CONVOSHIP_SECRETS_KEYS", kept.secrets_key)
            names = []
            if not outside.get("DATABASE_URL"):
                postgres = Postgres(self.folder / "postgres", self.logs / "postgresql.log", kept)
                names.append("PostgreSQL")
            if not outside.get("REDIS_URL"):
                valkey = Valkey(self.folder / "valkey", self.logs / "valkey.log", kept.valkey_password)
                names.append("Valkey")
            with _step(f"Starting {' and '.join(names)}"):
                for server in (postgres, valkey):
                    if server:
                        started.append(Child(server.prepare(), ready=server.wait_ready))
                        self.supervisor.start(started[-1])
                for child in started:
                    self.supervisor.wait_ready(child)
                if postgres:
                    postgres.create_roles()
        if postgres:
            environment["DATABASE_URL"] = postgres.url(APP)
            environment["MIGRATE_DATABASE_URL"] = postgres.url(OWNER)
        if valkey:
            environment["REDIS_URL"] = valkey.url
        return environment

    def _prepare(self, product: Product) -> None:
        """Migrations, and beside them the static files where those changed."""
        stamp = self.folder / "static.json"
        digest = _digest_of_static()
        fresh = stamp.exists() and stamp.read_text(encoding="utf-8") == digest
        steps = [product.command("migrate", "migrate", "--no-input", "--skip-checks")]
        if not fresh:
            # The browsable API's files are left out: nothing serves it.
            collect = ("collectstatic", "--no-input", "--clear", "--verbosity", "0", "--ignore", "rest_framework")
            steps.append(product.command("collectstatic", *collect))
        for spec, code in zip(steps, self.supervisor.run(*steps), strict=True):
            if code:
                raise MachineError(
                    f"`manage.py {spec.name}` failed. The end of {spec.log}:\n{last_lines(spec.log, 20)}"
                )
        stamp.write_text(digest, encoding="utf-8")

    def _ready_workspace(self, product: Product) -> _ReadyWorkspace:
        """The one-time link into a workspace that is ready to be tried; nothing, with words, where that failed."""
        answer = self.folder / "ready.json"
        spec = product.command("ready", "ready", "--json", output=answer)
        code = self.supervisor.run(spec)[0]
        try:
            if code == 0:
                told = json.loads(answer.read_text(encoding="utf-8"))
                return _ReadyWorkspace(str(told["sign_in_url"]), str(told["demo_page"] or ""))
            problem = f"exit code {code}"
        except (OSError, ValueError, KeyError) as error:
            problem = f"no link in its answer: {error!r}"
        finally:
            answer.unlink(missing_ok=True)
        complain(f"The ready workspace could not be made ({problem}). The end of {spec.log}:\n{last_lines(spec.log)}")
        return _ReadyWorkspace("", "")

    def _greet(self, address: Address, ready: _ReadyWorkspace) -> None:
        base = address.public_base_url
        say()
        say(f"Convoship runs at {bold(base)}")
        say(dim(f"Data and logs are kept in {self.folder}"))
        say()
        if ready.sign_in_url:
            say(f"  Sign in (works once)      {bold(ready.sign_in_url)}")
        if ready.demo_page:
            say(f"  A shop with the chat      {ready.demo_page}")
        say(f"  A box for any snippet     {address.stranger_url}/")
        if self.run_file["environment"]["CONVOSHIP_LOCAL_MAILBOX"] == "1":
            say(f"  Mail that Convoship sent  {base}/mailbox/")
        say()
        say("Stop with Ctrl-C.")

    def _stop(self, word: str) -> int:
        if word:
            say()
            say(word)
        killed = self.supervisor.stop_all()
        (self.folder / "run.json").unlink(missing_ok=True)
        self.lock.release()
        if killed:
            complain(f"Had to be killed, for they did not stop by themselves: {', '.join(killed)}.")
        elif word:
            say("Stopped. Everything is kept for the next start.")
        return 1 if killed else 0

    def _note(self, address: Address, environment: dict[str, str]) -> None:
        self.run_file.update(
            pid=os.getpid(),
            status="starting",
            public_base_url=address.public_base_url,
            environment={name: environment[name] for name in state.SHARED_VARIABLES if name in environment},
        )
        self._write()

    def _remember_pids(self, pids: dict[str, dict[str, object]]) -> None:
        self.pids = pids
        self._write()

    def _write(self) -> None:
        state.write_run(self.folder, {**self.run_file, "children": self.pids})


def _check_outside(environment: dict[str, str]) -> None:
    """A server of one's own needs what we cannot make up for it."""
    if not environment.get("DATABASE_URL"):
        return
    missing = [
        f"{name} ({why})"
        for name, why in (
            ("MIGRATE_DATABASE_URL", "the role that owns the tables"),
            ("SECRET_KEY", "signs sessions"),
            ("CONVOSHIP_SECRETS_KEYS", "encrypts secrets"),
        )
        if not environment.get(name)
    ]
    if missing:
        raise MachineError(
            f"DATABASE_URL is set, so these must be set too: {', '.join(missing)}. Keys belong to the data, so they "
            "are "
            "made here only for a database that is kept here. docs/configuration.md says how to make them."
        )


def _how_many(wanted: str) -> str:
    """Processes that give answers: one gives twenty a second of ten seconds each, more than most ever need."""
    if wanted and not (wanted.isascii() and wanted.isdigit() and int(wanted) <= MOST_ANSWERERS):
        raise MachineError(f"ANSWER_PROCESSES is {wanted!r}: it takes a number from 0 to {MOST_ANSWERERS}.")
    return wanted or "1"


def _digest_of_static() -> str:
    """Changes whenever collecting the static files could give something else."""
    digest = sha256((ROOT / "requirements.txt").read_bytes())
    for path in sorted((ROOT / "static").rglob("*")):
        if path.is_file():
            about = path.stat()
            digest.update(f"{path.relative_to(ROOT)} {about.st_size} {about.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _shorten_logs(logs: Path) -> None:
    for log in logs.glob("*.log"):
        if log.stat().st_size > LARGEST_LOG:
            log.replace(log.with_suffix(".log.1"))


@contextmanager
def _step(words: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    say(dim(f"{words}: {time.monotonic() - started:.1f} s"))
