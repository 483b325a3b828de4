"""The local folder `.convoship/`: who holds it, and how commands in a second terminal find the running servers."""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent

# What a second terminal gets from a running `make run`, where the variable is not set already.
SHARED_VARIABLES = (
    "DATABASE_URL",
    "MIGRATE_DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "CONVOSHIP_SECRETS_KEYS",
    "PUBLIC_BASE_URL",
    "CONVOSHIP_STRANGER_SITE_URL",
    "CONVOSHIP_LOCAL_MAILBOX",
    "CONVOSHIP_PRIVATE_ALLOWLIST",
)


class MachineError(Exception):
    """Something a person has to mend; its text says what and how."""


class AlreadyRunning(MachineError):
    """Another supervisor holds the folder."""


def local_dir() -> Path:
    """The folder that keeps this installation's data: CONVOSHIP_LOCAL_DIR, or `.convoship/` in the checkout."""
    return Path(os.environ.get("CONVOSHIP_LOCAL_DIR") or ROOT / ".convoship").absolute()


def make_local_dir() -> Path:
    """The folder, made private.

    As root the database runs as another user who has to pass through the folder, so there it gets the bare permission
    to enter; what lies inside stays private file by file.
    """
    folder = local_dir()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.access(folder, os.W_OK):
        folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    for inner in ("logs", "mail", "stranger"):
        (folder / inner).mkdir(mode=0o700, exist_ok=True)
    return folder


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read; it is replaced whole or not at all."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


class FolderLock:
    """The supervisor's hold on the folder. The kernel lets go of it when the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._descriptor = -1

    def take(self) -> None:
        """Take the lock, or say who has it."""
        self._descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        # A command that looks whether we run holds the lock for an instant, so one refusal proves nothing.
        for _attempt in range(20):
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                time.sleep(0.02)
            else:
                return
        run = read_run(self.folder)
        os.close(self._descriptor)
        where = f" and serves {run['public_base_url']}" if run.get("public_base_url") else ""
        raise AlreadyRunning(
            f"Convoship is already running in {self.folder}{where}"
            + (f" (process {run['pid']})" if run.get("pid") else "")
            + ". Use that one, stop it with Ctrl-C in its terminal, or set CONVOSHIP_LOCAL_DIR to another folder."
        )

    def release(self) -> None:
        """Let go."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def is_held(folder: Path) -> bool:
    """Whether a supervisor holds the folder right now."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def read_run(folder: Path) -> dict[str, Any]:
    """What the last supervisor wrote about itself; empty where there is nothing to read."""
    try:
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return run if isinstance(run, dict) else {}


def write_run(folder: Path, run: dict[str, Any]) -> None:
    """Leave word for other terminals. The file holds passwords, so only its owner may read it."""
    write_private(folder / "run.json", json.dumps(run, indent=2) + "\n")


def fill_environment() -> None:
    """Let a command beside a running `make run` use its servers: set what is not set. Never raises."""
    if os.environ.get("CONVOSHIP_TESTING"):
        return
    try:
        folder = local_dir()
        given = read_run(folder).get("environment", {})
        if not given or not is_held(folder):
            return
        # Half of one installation and half of another would be worse than nothing.
        if os.environ.get("DATABASE_URL", given.get("DATABASE_URL")) != given.get("DATABASE_URL"):
            return
        for name in SHARED_VARIABLES:
            if name in given:
                os.environ.setdefault(name, str(given[name]))
    except (OSError, AttributeError, TypeError, ValueError):
        return
