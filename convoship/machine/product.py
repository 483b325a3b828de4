"""The product's own processes on one machine, and the steps before they start."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from convoship.machine.addresses import Address
from convoship.machine.processes import Spec, last_lines
from convoship.machine.state import ROOT, MachineError

WEB_SECONDS = 60
# CONTRACT section 4: frames from clients are at most 128 KiB; daphne turns larger ones away before we see them.
LARGEST_FRAME = 128 * 1024


@dataclass(frozen=True)
class Product:
    """How each process is started; secrets travel in the environment, never on a command line."""

    address: Address
    environment: Mapping[str, str]
    logs: Path

    def web(self) -> Spec:
        """The ASGI server."""
        return self._python(
            "web",
            *("-m", "daphne", "--bind", self.address.host, "--port", str(self.address.port)),
            *("--no-server-name", "--verbosity", "1", "--access-log", "/dev/null"),
            *("--websocket-max-message-size", str(LARGEST_FRAME), "--websocket-max-frame-size", str(LARGEST_FRAME)),
            # A laptop that was closed is noticed within a minute; proxies that cut idle sockets after 60 s don't.
            *("--ping-interval", "25", "--ping-timeout", "30", "--websocket_timeout", "-1"),
            *("--application-close-timeout", "5"),
            "convoship.asgi:application",
        )

    def media(self) -> Spec:
        """What carries the sound of calls."""
        return self._python(
            "media",
            *("-m", "daphne", "--bind", self.address.host, "--port", str(self.address.media_port)),
            *("--no-server-name", "--verbosity", "1", "--access-log", "/dev/null"),
            *("--websocket-max-message-size", str(LARGEST_FRAME), "--websocket-max-frame-size", str(LARGEST_FRAME)),
            *("--ping-interval", "20", "--ping-timeout", "20", "--websocket_timeout", "-1"),
            *("--application-close-timeout", "2"),
            "convoship.media:application",
        )

    def worker(self) -> Spec:
        """The Celery worker. Threads: its work waits for other servers, and one process is enough for one machine."""
        return self._python(
            "worker",
            *("-m", "celery", "-A", "convoship", "worker", "--pool", "threads", "--concurrency", "8"),
            *("--loglevel", "INFO", "--without-gossip", "--without-mingle"),
        )

    def answerers(self) -> list[Spec]:
        """What gives answers that wait for a model or a bot, as many as the environment says."""
        many = int(self.environment.get("ANSWER_PROCESSES") or 0)
        names = ["answers", *(f"answers-{number}" for number in range(2, many + 1))][:many]
        return [self._python(name, "manage.py", "answers", role="answers") for name in names]

    def beat(self) -> Spec:
        """The Celery clock. Its schedule is short and in the settings, so it keeps no file that a kill could spoil."""
        return self._python(
            "beat",
            *("-m", "celery", "-A", "convoship.clock", "beat", "--scheduler", "celery.beat:Scheduler"),
            *("--loglevel", "WARNING", "--pidfile", ""),
        )

    def stranger(self, folder: Path) -> Spec:
        """The stranger's site."""
        return self._python(
            "stranger",
            *("-m", "convoship.machine.stranger", "--port", str(self.address.stranger_port)),
            *("--folder", str(folder), "--product", self.address.public_base_url),
        )

    def command(self, name: str, *arguments: str, output: Path | None = None) -> Spec:
        """One of manage.py's commands."""
        return self._python(name, "manage.py", *arguments, output=output)

    def _python(self, name: str, *arguments: str, output: Path | None = None, role: str = "") -> Spec:
        return Spec(
            name=name,
            command=[sys.executable, *arguments],
            environment={**self.environment, "CONVOSHIP_ROLE": role or name},
            folder=ROOT,
            log=self.logs / f"{name}.log",
            output=output,
        )

    def worker_fault(self) -> str:
        """What is wrong with a worker that lives, by the work it does (`/healthz/worker`); empty where nothing is."""
        connection = http.client.HTTPConnection(self._web_host, self.address.port, timeout=2)
        try:
            connection.request("GET", "/healthz/worker", headers={"Host": f"127.0.0.1:{self.address.port}"})
            told = json.loads(connection.getresponse().read())
        except (OSError, ValueError, http.client.HTTPException):
            return ""
        finally:
            connection.close()
        return "takes nothing up, though work waits" if told.get("status") == "stuck" else ""

    @property
    def _web_host(self) -> str:
        return "127.0.0.1" if self.address.host in {"0.0.0.0", ""} else self.address.host  # noqa: S104

    def web_answers(self, log: Path) -> Callable[[subprocess.Popen[bytes]], None]:
        """What waits until the web server answers."""
        host = self._web_host

        def wait(process: subprocess.Popen[bytes]) -> None:
            deadline = time.monotonic() + WEB_SECONDS
            while time.monotonic() < deadline:
                if process.poll() is not None:
                    raise MachineError(f"The web server did not start. The end of {log}:\n{last_lines(log)}")
                connection = http.client.HTTPConnection(host, self.address.port, timeout=10)
                try:
                    connection.request("GET", "/healthz", headers={"Host": f"127.0.0.1:{self.address.port}"})
                    connection.getresponse().read()
                except OSError:
                    time.sleep(0.05)
                else:
                    return
                finally:
                    connection.close()
            raise MachineError(f"The web server gave no answer within {WEB_SECONDS} s. Its log: {log}")

        return wait
