"""The local folder: private, locked, and found by a second terminal only while somebody runs."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from convoship.machine import keys, state

RUN = {
    "pid": 1,
    "public_base_url": "http://127.0.0.1:8123",
    "environment": {"DATABASE_URL": "postgres://a", "SECRET_KEY": "k"},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A local folder of its own, in an environment that names nothing."""
    monkeypatch.setenv("CONVOSHIP_LOCAL_DIR", str(tmp_path / "local"))
    for name in (*state.SHARED_VARIABLES, "CONVOSHIP_TESTING"):
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ)
    yield state.make_local_dir()
    for name in set(os.environ) - set(before):
        del os.environ[name]


def test_only_we_can_look_inside(folder: Path) -> None:
    mode = stat.S_IMODE(folder.stat().st_mode)
    assert mode == (0o711 if os.geteuid() == 0 else 0o700)
    assert stat.S_IMODE((folder / "mail").stat().st_mode) == 0o700
    state.write_run(folder, RUN)
    assert stat.S_IMODE((folder / "run.json").stat().st_mode) == 0o600


def test_a_running_supervisor_lends_its_servers(folder: Path) -> None:
    lock = state.FolderLock(folder)
    lock.take()
    state.write_run(folder, RUN)
    state.fill_environment()
    assert os.environ["DATABASE_URL"] == "postgres://a"
    lock.release()


def test_the_note_of_one_who_is_gone_lends_nothing(folder: Path) -> None:
    state.write_run(folder, RUN)
    state.fill_environment()
    assert "DATABASE_URL" not in os.environ


def test_what_is_set_stays_and_another_database_takes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = state.FolderLock(folder)
    lock.take()
    state.write_run(folder, RUN)
    monkeypatch.setenv("DATABASE_URL", "postgres://mine")
    state.fill_environment()
    assert os.environ["DATABASE_URL"] == "postgres://mine"
    assert "SECRET_KEY" not in os.environ
    lock.release()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"environment": 3}', '{"environment": []}'])
def test_a_spoilt_note_is_no_note(folder: Path, text: str) -> None:
    lock = state.FolderLock(folder)
    lock.take()
    (folder / "run.json").write_text(text)
    state.fill_environment()
    assert "DATABASE_URL" not in os.environ
    lock.release()


def test_the_second_to_come_is_told_where_the_first_serves(folder: Path) -> None:
    first, second = state.FolderLock(folder), state.FolderLock(folder)
    first.take()
    state.write_run(folder, RUN)
    with pytest.raises(state.AlreadyRunning, match=r"already running in .* serves http://127\.0\.0\.1:8123"):
        second.take()
    first.release()
    second.take()
    second.release()


def test_keys_are_made_once(folder: Path) -> None:
    made = keys.load_or_make(folder)
    assert keys.load_or_make(folder) == made
    assert made.secret_key not in repr(made)


def test_lost_keys_are_not_replaced_under_existing_data(folder: Path) -> None:
    keys.load_or_make(folder)
    (folder / "postgres" / "data").mkdir(parents=True)
    (folder / "keys.json").unlink()
    with pytest.raises(state.MachineError, match="Put the file back from a backup"):
        keys.load_or_make(folder)
