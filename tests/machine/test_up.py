"""The launcher, whole: real processes, real servers, real signals."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from convoship.machine import ports
from convoship.machine.state import ROOT
from tests.driver import Up, clean_environment, get, processes_of, wait_for

pytestmark = pytest.mark.machine

WRITE = (
    "from django.contrib.sessions.models import Session; from django.utils import timezone; "
    "Session.objects.create(session_key='kept', session_data='x', expire_date=timezone.now())"
)
READ = "from django.contrib.sessions.models import Session; print(Session.objects.filter(session_key='kept').count())"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """One installation for the tests of this module: the first start is the slow one."""
    made = Path(tempfile.mkdtemp(prefix="convoship-up-"))
    made.chmod(0o711 if os.geteuid() == 0 else 0o700)
    yield made / "local"
    wait_for("nothing left running", lambda: not processes_of(made))
    shutil.rmtree(made, ignore_errors=True)


class Terminal:
    """Where somebody runs the product in this folder: one run at a time, and a test may end it as it likes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.last: Up | None = None

    def start(self, **environment: str) -> Up:
        """Type the command; does not wait for what it says. A run that goes on is stopped first."""
        self.close()
        self.last = Up(self.folder, environment=clean_environment(**environment))
        return self.last

    def running(self) -> Up:
        """The run that goes on; another where a test ended it, or left it without an answer."""
        if self.last and self.last.process.poll() is None and self.last.answers():
            return self.last
        return self.start(PORT=str(ports.free())).is_up()

    def close(self) -> None:
        """Stop what runs."""
        if self.last:
            self.last.close()


@pytest.fixture(scope="module")
def terminal(folder: Path) -> Iterator[Terminal]:
    """One for this module: a start costs more than most tests, and most only look."""
    made = Terminal(folder)
    yield made
    made.close()


@pytest.fixture
def up(terminal: Terminal) -> Up:
    """The product, running."""
    return terminal.running()


def test_the_first_start_takes_less_than_a_minute_and_serves_both_sites(folder: Path, terminal: Terminal) -> None:
    assert not folder.exists()
    started = time.monotonic()
    up = terminal.start(PORT=str(ports.free())).is_up()
    seconds = time.monotonic() - started
    print(f"first start: {seconds:.1f} s")
    assert seconds < 60
    assert up.answers()
    stranger = up.run["environment"]["CONVOSHIP_STRANGER_SITE_URL"]
    assert get(stranger + "/")[0] == 200
    shop = up.says("A shop with the chat").split()[-1]
    assert shop.startswith(f"{stranger}/demo/")
    assert get(shop)[0] == 200
    assert up.base_url.rpartition(":")[0] == stranger.rpartition(":")[0], "both on loopback"


@pytest.mark.parametrize("name", ["web", "worker", "beat", "answers", "stranger", "Valkey", "PostgreSQL"])
def test_a_child_that_dies_is_started_again_and_said(up: Up, name: str) -> None:
    up.kill(name)
    up.says(f"{name} was ended by SIGKILL; starting it again in 0.5 s", 20)
    up.says(f"{name} runs again.", 60)
    wait_for("the web server answers", up.answers)
    query = "from django.db import connection as c; k = c.cursor(); k.execute('select 1'); print(k.fetchone())"
    assert up.manage("shell", "--verbosity", "0", "-c", query).strip() == "(1,)"


def test_a_second_run_in_the_same_folder_says_so(folder: Path, up: Up) -> None:
    second = Up(folder)
    assert second.ends() == 1
    assert "already running" in second.output
    assert up.base_url in second.output
    assert up.answers(), "the first one goes on"


def test_a_second_terminal_finds_the_servers_as_the_application_role(up: Up) -> None:
    query = (
        "from django.db import connection as c; k = c.cursor(); k.execute('select current_user'); print(k.fetchone())"
    )
    assert up.manage("shell", "--verbosity", "0", "-c", query).strip() == "('convoship_app',)"


def test_no_secret_is_on_a_command_line_or_in_a_readable_file(folder: Path, up: Up) -> None:
    keys = (folder / "keys.json").read_text()
    secrets = [word for word in keys.split('"') if len(word) >= 32]
    assert len(secrets) == 6
    for command in processes_of(folder).values():
        assert not any(secret in command for secret in secrets), command
    for path in folder.rglob("*"):
        if path.is_file() and "static" not in path.parts:
            text = path.read_bytes()
            if any(secret.encode() in text for secret in secrets):
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_the_next_start_takes_seconds_and_everything_is_still_there(terminal: Terminal, up: Up) -> None:
    up.manage("shell", "--verbosity", "0", "-c", WRITE)
    assert up.interrupt() == 0
    started = time.monotonic()
    again = terminal.start(PORT=up.environment["PORT"]).is_up()
    seconds = time.monotonic() - started
    print(f"next start: {seconds:.1f} s")
    assert seconds < 20
    assert again.manage("shell", "--verbosity", "0", "-c", READ).strip() == "1"


def test_a_killed_supervisor_leaves_no_process_and_the_next_start_recovers(
    folder: Path, terminal: Terminal, up: Up
) -> None:
    up.process.kill()
    up.process.wait()
    # No pause for the leftovers: the next start has to stand them.
    again = terminal.start(PORT=up.environment["PORT"]).is_up()
    assert again.answers()
    again.process.kill()
    again.process.wait()
    wait_for("no process left", lambda: not processes_of(folder), 20)


def test_a_busy_8000_gives_way_loudly_and_the_addresses_follow(terminal: Terminal) -> None:
    with socket.socket() as busy:
        busy.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            busy.bind(("127.0.0.1", 8000))
            busy.listen()
        except OSError:
            pass  # somebody else keeps it busy for us
        up = terminal.start()
        line = up.says("Port 8000 is busy")
        up.is_up()
        port = up.base_url.rpartition(":")[2]
        assert port in line
        assert port != "8000"
        assert up.answers()


def test_a_closed_terminal_stops_it_cleanly(folder: Path, up: Up) -> None:
    up.process.send_signal(signal.SIGHUP)
    assert up.ends() == 0
    assert not processes_of(folder)


def test_ctrl_c_stops_everything_and_leaves_nothing(folder: Path, up: Up) -> None:
    assert len(processes_of(folder)) > 5
    assert up.interrupt() == 0
    assert "Stopped. Everything is kept" in up.output
    assert not processes_of(folder)
    assert not (folder / "run.json").exists(), "what it wrote for other terminals holds passwords"
    log = (folder / "logs" / "postgresql.log").read_text()
    assert log.rstrip().endswith("database system is shut down"), "PostgreSQL stopped cleanly, after the others"


def test_a_busy_port_that_was_asked_for_is_refused(folder: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        up = Up(folder, environment=clean_environment(PORT=str(port)))
        assert up.ends() == 1
        assert f"127.0.0.1:{port}" in up.output


def test_with_servers_of_ones_own_nothing_embedded_starts(tmp_path: Path) -> None:
    outside = {name: os.environ[name] for name in ("DATABASE_URL", "MIGRATE_DATABASE_URL", "REDIS_URL")}
    outside |= {name: os.environ[name] for name in ("SECRET_KEY", "CONVOSHIP_SECRETS_KEYS")}
    up = Up(tmp_path / "local", environment=clean_environment(PORT=str(ports.free()), **outside))
    try:
        up.is_up()
        assert up.answers()
        # (Where the packages of voice are installed, what carries sound is there as well.)
        assert set(up.run["children"]) - {"media"} == {"web", "worker", "beat", "answers", "stranger"}
        assert not (tmp_path / "local" / "keys.json").exists()
    finally:
        up.close()


def test_it_refuses_to_run_as_the_owner_of_the_tables(tmp_path: Path) -> None:
    outside = {name: os.environ[name] for name in ("REDIS_URL", "SECRET_KEY", "CONVOSHIP_SECRETS_KEYS")}
    owner = os.environ["MIGRATE_DATABASE_URL"]
    up = Up(
        tmp_path / "local", environment=clean_environment(DATABASE_URL=owner, MIGRATE_DATABASE_URL=owner, **outside)
    )
    assert up.ends() == 1
    assert "row-level security would not keep workspaces apart" in up.output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_normal_user_starts_it_from_a_bare_python() -> None:
    python = "/usr/bin/python3"
    if subprocess.run(
        [python, "-c", "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"], check=False
    ).returncode:
        pytest.skip(f"{python} is no Python 3.11 with venv that everybody may run")
    base = Path(tempfile.mkdtemp(prefix="convoship-nobody-"))
    try:
        files = subprocess.run(
            ["git", "ls-files", "-zco", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
        ).stdout
        for name in filter(None, files.decode().split("\0")):
            if (ROOT / name).is_file():
                target = base / "checkout" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, target)
        subprocess.run(["chown", "-R", "nobody", str(base)], check=True)
        up = Up(
            base / "local",
            root=base / "checkout",
            command=[python, "manage.py", "up"],
            environment=clean_environment(PORT=str(ports.free()), HOME=str(base)),
            user="nobody",
            group="nogroup",
            extra_groups=[],
        )
        try:
            up.is_up()
            assert up.answers()
            assert up.interrupt() == 0
        finally:
            up.close()
        wait_for("nothing left running", lambda: not processes_of(base))
    finally:
        shutil.rmtree(base, ignore_errors=True)
