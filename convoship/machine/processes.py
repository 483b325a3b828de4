"""Child processes that never outlive us: how they are started and stopped."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
LOOK_EVERY = 0.02
# Who was killed is gone at once, but for what the kernel is still writing for it.
KILLED_SECONDS = 10
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
    # Where its standard output goes, if not to the log.
    output: Path | None = None
    user: User | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    # What the kernel sends when the supervisor is killed. Servers that keep data get their clean stop.
    death_signal: signal.Signals = signal.SIGKILL
    stop_seconds: float = 10
    # Stopped last and one by one.
    holds_data: bool = False


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
    appending = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    log = os.open(spec.log, appending, 0o600)
    output = os.open(spec.output, appending | os.O_TRUNC, 0o600) if spec.output else log
    try:
        return subprocess.Popen(
            list(spec.command),
            cwd=spec.folder,
            env=dict(spec.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=log,
            start_new_session=True,
            preexec_fn=_dies_with_us(spec.death_signal),
            user=spec.user.uid if spec.user else None,
            group=spec.user.gid if spec.user else None,
            extra_groups=[] if spec.user else None,
        )
    finally:
        for descriptor in {log, output}:
            os.close(descriptor)


def ask_to_stop(process: subprocess.Popen[bytes], spec: Spec) -> None:
    """Send the signal once: most servers take a second one for impatience and leave their work lying."""
    if process.poll() is None:
        process.send_signal(spec.stop_signal)


def wait_stopped(process: subprocess.Popen[bytes], spec: Spec) -> bool:
    """Wait for a child that was asked to stop; kill it when it doesn't. True where it stopped by itself."""
    if _ended(process, spec.stop_seconds):
        return True
    kill(process)
    return False


def kill(process: subprocess.Popen[bytes]) -> None:
    """End it at once."""
    process.kill()
    _ended(process, KILLED_SECONDS)


def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether it has ended, within so many seconds.

    Not by `Popen.wait`: the word to stop is an exception out of a signal's handler, and where that comes just after
    `Popen.poll` has taken its lock, nobody gives the lock back: `wait` would wait for it for ever.
    """
    deadline = time.monotonic() + seconds
    while process.returncode is None:
        try:
            pid, status = os.waitpid(process.pid, os.WNOHANG)
        except ChildProcessError:
            return True  # its end was read before, by who was cut off then
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
        elif time.monotonic() >= deadline:
            return False
        else:
            time.sleep(LOOK_EVERY)
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


def birth(pid: int) -> str:
    """When a process was born, in the system's own words; with the pid it names one process for good. Empty: gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        if sys.platform == "linux":
            return ""
        told = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return told.stdout.strip()
    return "" if fields[0] == "Z" else fields[19]


def program(pid: int) -> str:
    """The name of the program a process runs; empty where there is none."""
    return subprocess.run(
        ["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()


def outwait(leftovers: Mapping[str, Mapping[str, object]], seconds: float = 20) -> None:
    """Wait for the children of a supervisor that was killed: two servers on one data folder would spoil it.

    The kernel has told them to stop (on macOS nobody has, so we do).
    """

    def alive() -> list[int]:
        pids = [(int(str(child.get("pid", 0))), child.get("born")) for child in leftovers.values()]
        return [pid for pid, born in pids if pid > 1 and born and birth(pid) == born]

    if sys.platform != "linux":
        for pid in alive():
            os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + seconds
    while alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in alive():
        os.kill(pid, signal.SIGKILL)
