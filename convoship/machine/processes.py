"""Child processes that never outlive us: how they are started and stopped."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class User:
    """The user a child runs as, where that is not us."""

    uid: int
    gid: int
    name: str


@dataclass(frozen=True)
class Spec:
    """How to start and stop one child."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    user: User | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    # What the kernel sends when the supervisor is killed. Servers that keep data get their clean stop.
    death_signal: signal.Signals = signal.SIGKILL
    stop_seconds: float = 10


def _dies_with_us(death_signal: signal.Signals) -> Callable[[], None] | None:
    """What the child runs just before exec, after it dropped its rights: setuid clears the death signal."""
    if _libc is None:
        return None
    parent = os.getpid()
    libc = _libc

    def ask_the_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:  # the parent died before the kernel knew
            os._exit(1)

    return ask_the_kernel


def spawn(spec: Spec) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C reaches the supervisor alone and it decides the order.

    Call it from the main thread: the kernel's death signal follows the thread that forked, not the process.
    """
    descriptor = os.open(spec.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            list(spec.command),
            cwd=spec.folder,
            env=dict(spec.environment),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
            preexec_fn=_dies_with_us(spec.death_signal),
            user=spec.user.uid if spec.user else None,
            group=spec.user.gid if spec.user else None,
            extra_groups=[] if spec.user else None,
        )
    finally:
        os.close(descriptor)


def stop(process: subprocess.Popen[bytes], spec: Spec) -> bool:
    """Ask a child to stop and wait for it; kill it when it doesn't. True where it stopped by itself."""
    if process.poll() is None:
        process.send_signal(spec.stop_signal)
    try:
        process.wait(spec.stop_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True


def last_lines(log: Path, count: int = 12) -> str:
    """The end of a log file, for an error message."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 8192))
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-count:])
    except OSError:
        return ""
