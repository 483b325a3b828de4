"""`manage.py model` before there is a model: what it says, and what it leaves alone. tests/real_model asks one."""

from __future__ import annotations

import http.server
import threading
from pathlib import Path

import pytest

from convoship.machine import model, ports
from convoship.machine.state import MachineError


@pytest.fixture(autouse=True)
def nothing_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(model, "FOLDER", tmp_path / "model")
    monkeypatch.setenv("CONVOSHIP_MODEL_PORT", str(ports.free()))
    return tmp_path / "model"


def test_where_it_can_not_be_fetched_it_says_so_and_leaves_nothing_half(
    nothing_fetched: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://127.0.0.1:{ports.free()}/simple")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    assert model.main([]) == 1
    said = capsys.readouterr().err
    assert said.startswith("The model could not be fetched:\n  | ")
    assert "PIP_INDEX_URL" in said
    assert list(nothing_fetched.iterdir()) == []
    assert model.own_sites() == []


def test_what_was_fetched_by_an_earlier_lock_is_not_taken_for_this_one(
    nothing_fetched: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (nothing_fetched / "packages-000000000000").mkdir(parents=True)
    assert model.own_sites() == []
    model._packages().mkdir()
    assert model.install() == model._packages()
    port = model.port()
    assert model.own_sites() == [f"127.0.0.1:{port}", f"localhost:{port}"]


@pytest.mark.parametrize("said", ["x", "0", "70000"])
def test_a_port_that_is_none_is_said(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVOSHIP_MODEL_PORT", said)
    with pytest.raises(MachineError, match="it takes a number from 1 to 65535"):
        model.port()


def test_whoever_else_listens_there_is_no_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert model.answers() is False

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"Something else")

        def log_message(self, *args: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", model.port()), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert model.answers() is False
        model._packages().mkdir(parents=True)
        assert model.main([]) == 1
        server.shutdown()
    assert "it is taken. CONVOSHIP_MODEL_PORT chooses another port." in capsys.readouterr().err


def test_it_takes_no_options() -> None:
    assert model.main(["--port", "1"]) == 2
