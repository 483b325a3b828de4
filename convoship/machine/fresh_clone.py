"""From `git clone` to the sign-in link in under a minute, with nothing in any cache: measured, and failed if slower."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from convoship.machine import ports
from convoship.machine.console import complain, say
from convoship.machine.state import ROOT

FIRST_START_SECONDS = 60
NEXT_START_SECONDS = 20
GIVE_UP_SECONDS = 240
OURS = (
    "CONVOSHIP_",
    "DATABASE_",
    "MIGRATE_DATABASE_",
    "REDIS_",
    "SECRET_KEY",
    "PUBLIC_BASE_URL",
    "HOST",
    "VIRTUAL_ENV",
)


def main() -> int:
    """Clone what is committed, start it twice; once more where that took too long.

    A machine that is shared can be slow for a minute through nobody's fault here. What is slow by itself is so twice.
    """
    for is_last in (False, True):
        if _is_in_time():
            return 0
        if not is_last:
            say("That was too slow; it is measured once more.")
    return 1


def _is_in_time() -> bool:
    with tempfile.TemporaryDirectory(prefix="convoship-clone-") as folder:
        base = Path(folder)
        # As root the database's user has to pass through.
        base.chmod(0o711 if os.geteuid() == 0 else 0o700)
        started = time.monotonic()
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(base / "clone")], check=True)
        environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        environment |= {
            "PORT": str(ports.free()),
            # A bare machine has nothing in its caches, and would compile what it imports.
            "UV_CACHE_DIR": str(base / "uv"),
            "PIP_NO_CACHE_DIR": "1",
            "PYTHONDONTWRITEBYTECODE": "",
        }
        first, link = _start_and_stop(base / "clone", environment, started)
        say(f"first start, from git clone to the sign-in link: {first:.1f} s (at most {FIRST_START_SECONDS})")
        second, again = _start_and_stop(base / "clone", environment, time.monotonic())
        say(f"next start: {second:.1f} s (at most {NEXT_START_SECONDS})")
    if not (link and again):
        complain("There was no sign-in link.")
    return link and again and first < FIRST_START_SECONDS and second < NEXT_START_SECONDS


def _start_and_stop(clone: Path, environment: dict[str, str], started: float) -> tuple[float, bool]:
    """`make run` until it says how to stop it, and Ctrl-C. Answers the seconds, and whether there was a link."""
    command = [
        "make",
        "--no-print-directory",
        "run",
        f"PYTHON={getattr(sys, '_base_executable', '') or sys.executable}",
    ]
    process = subprocess.Popen(
        command,
        cwd=clone,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    # Whatever hangs, the pipe below ends.
    alarm = threading.Timer(GIVE_UP_SECONDS, lambda: os.killpg(process.pid, signal.SIGKILL))
    alarm.start()
    seconds, link = float("inf"), False
    try:
        for line in process.stdout or ():
            say(f"  | {line.rstrip()}")
            if "Sign in" in line:
                seconds, link = time.monotonic() - started, True
            if "Stop with Ctrl-C" in line:
                os.killpg(process.pid, signal.SIGINT)  # what a terminal does
        process.wait()
    finally:
        alarm.cancel()
    return seconds, link


if __name__ == "__main__":
    sys.exit(main())
