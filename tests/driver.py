"""Drives the real product, `manage.py up`, as a person at a terminal would: for tests of launcher and browser."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from convoship.machine.state import ROOT

OURS = ("CONVOSHIP_", "DATABASE_", "MIGRATE_DATABASE_", "REDIS_", "SECRET_KEY", "PUBLIC_BASE_URL", "EMAIL_URL")
MINUTE = 60.0


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without what this test run set for itself."""
    return {name: value for name, value in os.environ.items() if not name.startswith((*OURS, "HOST", "PORT"))} | more


def wait_for(what: str, holds: Callable[[], Any], seconds: float = MINUTE) -> Any:
    """Poll until something holds, and answer it; says what never came."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = holds()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds:g} s: {what}")


def get(url: str) -> tuple[int, str]:
    """A page's status and text; status 0 where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def processes_of(folder: Path) -> dict[int, str]:
    """Every process that carries the folder in its environment or its command line."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            if str(folder).encode() in command or str(folder).encode() in (entry / "environ").read_bytes():
                found[int(entry.name)] = command.replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


class Up:
    """One `manage.py up`."""

    def __init__(
        self,
        folder: Path,
        *,
        environment: Mapping[str, str] | None = None,
        command: Sequence[str] | None = None,
        root: Path = ROOT,
        **popen: Any,
    ) -> None:
        self.folder = folder
        self.root = root
        self.environment = {**(environment or clean_environment()), "CONVOSHIP_LOCAL_DIR": str(folder)}
        self.lines: list[str] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        self.process = subprocess.Popen(
            command or [sys.executable, "manage.py", "up"],
            cwd=root,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            **popen,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self._queue.put(line.rstrip("\n"))
        self._queue.put(None)

    @property
    def output(self) -> str:
        """What it said so far."""
        return "\n".join(self.lines)

    def latest(self, most: int) -> str:
        """The last lines that it said until now."""
        while not self._queue.empty():
            said = self._queue.get()
            if said is None:
                # For whoever waits for the end.
                self._queue.put(None)
                break
            self.lines.append(said)
        return "\n".join(self.lines[-most:])

    def says(self, words: str, seconds: float = 2 * MINUTE) -> str:
        """Wait for a line with these words."""
        for line in self.lines:
            if words in line:
                return line
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                said = self._queue.get(timeout=left)
            except queue.Empty:
                break
            if said is None:
                break
            self.lines.append(said)
            if words in said:
                return said
        raise AssertionError(f"it never said {words!r}; it said:\n{self.output}")

    def is_up(self) -> Up:
        """Wait until it has told everything."""
        self.says("Stop with Ctrl-C")
        return self

    @property
    def run(self) -> dict[str, Any]:
        """What it wrote for other terminals."""
        answer: dict[str, Any] = json.loads((self.folder / "run.json").read_text())
        return answer

    @property
    def base_url(self) -> str:
        """Where it serves."""
        return str(self.run["public_base_url"])

    def pid_of(self, name: str) -> int:
        """The process number of a child."""
        return int(self.run["children"][name]["pid"])

    def wait_for_another(self, name: str, pid: int) -> None:
        """Wait until the supervisor runs another child of this name; it lists none between the two."""
        wait_for(f"another {name}", lambda: self.run["children"].get(name, {}).get("pid", pid) != pid)

    def kill(self, name: str) -> None:
        """Kill a child as hard as can be, and wait until the supervisor runs another."""
        pid = self.pid_of(name)
        os.kill(pid, signal.SIGKILL)
        self.wait_for_another(name, pid)

    def answers(self, path: str = "/healthz") -> bool:
        """Whether the web server answers."""
        return get(self.base_url + path)[0] == 200

    def manage(self, *arguments: str) -> str:
        """A command in a second terminal: no environment but the folder."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.root,
            env=clean_environment(CONVOSHIP_LOCAL_DIR=str(self.folder), LOG_LEVEL="ERROR"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def interrupt(self) -> int:
        """Ctrl-C, and wait for the end; answers the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.ends()

    def ends(self, seconds: float = MINUTE) -> int:
        """Wait for the end, reading what it still says."""
        code = self.process.wait(seconds)
        while (line := self._queue.get(timeout=10)) is not None:
            self.lines.append(line)
        return code

    def close(self) -> None:
        """Whatever happened, leave nothing."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(MINUTE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
