"""Children that die, children that won't stop, and a supervisor that is killed; with small programs for children."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from convoship.machine import processes, supervisor
from convoship.machine.processes import Spec
from convoship.machine.state import ROOT
from convoship.machine.supervisor import Child, Supervisor
from tests.driver import wait_for


def spec(tmp_path: Path, code: str, **more: object) -> Spec:
    return Spec(
        name="child",
        command=[sys.executable, "-S", "-c", code],
        environment=dict(os.environ),
        folder=tmp_path,
        log=tmp_path / "child.log",
        **more,  # type: ignore[arg-type]
    )


class Enough(Exception):
    """Ends the endless watch."""


def test_one_that_keeps_dying_is_started_ever_more_slowly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    keeper = Supervisor(lambda pids: None)
    child = Child(spec(tmp_path, "raise SystemExit(3)"))
    starts: list[float] = []
    real_spawn = processes.spawn

    def spawn(child_spec: Spec) -> subprocess.Popen[bytes]:
        starts.append(clock[0])
        process = real_spawn(child_spec)
        process.wait()
        return process

    def sleep(_seconds: float) -> None:
        clock[0] += 0.5
        if len(starts) > 9:
            raise Enough

    monkeypatch.setattr(supervisor, "spawn", spawn)
    monkeypatch.setattr(time, "sleep", sleep)
    keeper.start(child)
    with pytest.raises(Enough):
        keeper.watch()
    pauses = [later - earlier for earlier, later in pairwise(starts)]
    assert pauses[:4] == sorted(pauses[:4])
    assert pauses[-1] == pytest.approx(supervisor.LONGEST_DELAY, abs=1)
    assert "child stopped with exit code 3; starting it again in 0.5 s" in capsys.readouterr().out


def test_one_that_will_not_stop_is_killed_and_named(tmp_path: Path) -> None:
    keeper = Supervisor(lambda pids: None)
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    child = Child(spec(tmp_path, stubborn, stop_seconds=0.3))
    keeper.start(child)
    wait_for("it is deaf", lambda: "deaf" in (tmp_path / "child.log").read_text())
    assert keeper.stop_all() == ["child"]


def test_those_that_hold_data_stop_last_and_in_reverse(tmp_path: Path) -> None:
    keeper = Supervisor(lambda pids: None)
    order = tmp_path / "order"
    for name, holds_data in (("postgres", True), ("valkey", True), ("web", False)):
        code = (
            "import signal, sys, time\n"
            f"def stop(*_):\n    open({str(order)!r}, 'a').write('{name} ')\n    sys.exit()\n"
            f"signal.signal(signal.SIGTERM, stop)\nopen({str(tmp_path / name)!r}, 'w')\ntime.sleep(60)"
        )
        keeper.start(Child(spec(tmp_path, code, holds_data=holds_data)))
        wait_for(name, (tmp_path / name).exists)
    assert keeper.stop_all() == []
    assert order.read_text().split() == ["web", "valkey", "postgres"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_a_killed_parent_takes_its_children_along(tmp_path: Path) -> None:
    code = (
        "import os, sys, time\nfrom pathlib import Path\nfrom convoship.machine.processes import Spec, spawn\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "command = [sys.executable, '-S', '-c', 'import time; time.sleep(60)']\n"
        "child = spawn(Spec('c', command, dict(os.environ), folder, folder / 'log'))\n"
        "(folder / 'pid').write_text(str(child.pid))\ntime.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    pid = int(wait_for("the child's pid", lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
    assert processes.birth(pid)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    wait_for("the child is gone", lambda: not processes.birth(pid), 10)


def test_a_process_is_known_by_its_birth() -> None:
    assert processes.birth(os.getpid()) == processes.birth(os.getpid()) != ""
    gone = subprocess.Popen([sys.executable, "-S", "-c", ""])
    gone.wait()
    assert processes.birth(gone.pid) == ""
    processes.outwait({"gone": {"pid": gone.pid, "born": "1"}, "odd": {}}, seconds=0)


def test_one_that_starts_slowly_keeps_no_other_waiting(tmp_path: Path) -> None:
    keeper = Supervisor(lambda pids: None)
    slow_asked, let_go = threading.Event(), threading.Event()

    def ready(_process: subprocess.Popen[bytes]) -> None:
        slow_asked.set()
        assert let_go.wait(60)

    live = "import time; time.sleep(600)"
    slow, other = Child(spec(tmp_path, live), ready=ready), Child(spec(tmp_path, live))
    for child in (slow, other):
        keeper.start(child)
        assert child.process is not None
    first = other.process

    def end() -> None:
        try:
            for process in (slow.process, first):
                assert process is not None
                process.kill()
                slow_asked.wait(20)
            wait_for("the other runs again", lambda: other.process not in {first, None}, 20)
        finally:
            let_go.set()
            keeper._stopping = True

    ending = threading.Thread(target=end)
    ending.start()
    with pytest.raises(supervisor.Stopped):
        keeper.watch()
    ending.join()
    assert other.process not in {first, None}
    keeper.stop_all()


def test_one_that_lives_and_does_nothing_is_ended_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    # A fault that was said once may have been a laptop's sleep.
    told = ["is slow", "", "takes nothing up", "takes nothing up"]
    asked: list[float] = []

    def fault() -> str:
        asked.append(clock[0])
        return told.pop(0) if told else ""

    keeper = Supervisor(lambda pids: None)
    child = Child(spec(tmp_path, "import time; time.sleep(600)"), fault=fault)
    first = None

    def sleep(_seconds: float) -> None:
        clock[0] += 5
        if len(asked) == 4 and child.process is not None and child.process.pid == first:
            child.process.wait()  # it was killed just now
        if len(asked) > 4:
            raise Enough

    monkeypatch.setattr(time, "sleep", sleep)
    keeper.start(child)
    assert child.process is not None
    first = child.process.pid
    with pytest.raises(Enough):
        keeper.watch()
    assert child.process is not None
    assert child.process.pid != first
    assert asked[0] - 1000 >= supervisor.WELL_AFTER
    assert all(later - earlier >= supervisor.ASK_EVERY for earlier, later in pairwise(asked))
    assert "child takes nothing up; it is ended." in capsys.readouterr().out
    monkeypatch.undo()
    child.process.kill()


def test_one_is_stopped_though_the_word_to_stop_came_while_it_was_looked_at(tmp_path: Path) -> None:
    """The exception out of a signal's handler can come between the taking of `Popen`'s lock and its giving back."""
    child = spec(
        tmp_path,
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)",
        stop_seconds=0.2,
    )
    process = processes.spawn(child)
    wait_for("it no longer minds", lambda: child.log.read_bytes())
    process._waitpid_lock.acquire()  # type: ignore[attr-defined]
    stopped: list[bool] = []

    def stop() -> None:
        processes.ask_to_stop(process, child)
        stopped.append(processes.wait_stopped(process, child))

    stopping = threading.Thread(target=stop, daemon=True)
    stopping.start()
    stopping.join(10)
    assert stopped == [False]
    assert process.returncode == -signal.SIGKILL
