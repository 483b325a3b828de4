"""Servers that live as long as one command: for tests, and for commands that need a database while nothing runs.

python -m convoship.machine.throwaway manage.py makemigrations
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from convoship.machine import keys as keyring
from convoship.machine.postgres import APP, OWNER, Postgres
from convoship.machine.processes import Spec, ask_to_stop, spawn, wait_stopped
from convoship.machine.state import ROOT, MachineError
from convoship.machine.valkey import Valkey


class ThrowAway:
    """PostgreSQL and Valkey in a temporary folder, without the care for power cuts that makes them slow.

    `durable` puts that care back, for those who measure.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._durable = durable
        self._folder: Path | None = None
        self._running: list[tuple[subprocess.Popen[bytes], Spec]] = []

    def start(self) -> dict[str, str]:
        """Start what the environment does not name already; answers the variables to run the product with."""
        if os.environ.get("DATABASE_URL") and not os.environ.get("MIGRATE_DATABASE_URL"):
            raise MachineError(
                "DATABASE_URL is set, MIGRATE_DATABASE_URL is not: set it to the role that owns the tables (it needs "
                "CREATEDB for tests), or unset both."
            )
        self._folder = Path(tempfile.mkdtemp(prefix="convoship-"))
        # As root the database's user has to pass through.
        self._folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
        keys = keyring.make()
        environment = {
            "SECRET_KEY": os.environ.get("SECRET_KEY", keys.secret_key),
            "CONVOSHIP_SECRETS_KEYS": os.environ.get("CONVOSHIP_SECRETS_KEYS", keys.secrets_key),
            "CONVOSHIP_LOCAL_DIR": str(self._folder / "local"),
        }
        try:
            if not os.environ.get("DATABASE_URL"):
                postgres = Postgres(
                    self._folder / "postgres", self._folder / "postgres.log", keys, durable=self._durable
                )
                self._launch(postgres)
                postgres.create_roles()
                environment["DATABASE_URL"] = postgres.url(APP)
                environment["MIGRATE_DATABASE_URL"] = postgres.url(OWNER)
            if not os.environ.get("REDIS_URL"):
                valkey = Valkey(
                    self._folder / "valkey", self._folder / "valkey.log", keys.valkey_password, durable=self._durable
                )
                self._launch(valkey)
                environment["REDIS_URL"] = valkey.url
        except BaseException:
            self.stop()
            raise
        return environment

    def _launch(self, server: Postgres | Valkey) -> None:
        spec = server.prepare()
        process = spawn(spec)
        self._running.append((process, spec))
        server.wait_ready(process)

    @property
    def pids(self) -> dict[str, int]:
        """Of those that were started, by name."""
        return {spec.name: process.pid for process, spec in self._running}

    def stop(self) -> None:
        """Stop them and remove what they wrote. Nobody needs a clean stop of data that go away."""
        hurry = [
            (process, replace(spec, stop_signal=signal.SIGQUIT if spec.name == "PostgreSQL" else signal.SIGKILL))
            for process, spec in self._running
        ]
        for process, spec in hurry:
            ask_to_stop(process, spec)
        for process, spec in hurry:
            wait_stopped(process, spec)
        self._running.clear()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def main(arguments: list[str]) -> int:
    """Run a Python command with throw-away servers around it."""
    if not arguments:
        sys.stderr.write("Say which command to run, for example: manage.py makemigrations\n")
        return 2
    servers = ThrowAway()
    try:
        environment = servers.start()
        return subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env={**os.environ, **environment}, check=False
        ).returncode
    except MachineError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        servers.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
