"""Viruses in files: a daemon that speaks ClamAV's protocol, found, away, slow; and a callable of the server's owner."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from convoship.lib.outbound.clamd import Clamd, ScanFailed
from convoship.lib.tenancy import tenant
from deployments import checking, scanning, visits
from deployments.models import File
from deployments.sessions import OpenedSession
from tests import factories
from tests.api.conftest import Program, program
from tests.api.test_conversation_files import send_up
from workspaces.models import AuditEvent

# https://www.eicar.org/download-anti-malware-testfile/, in two halves, so that no scanner takes this file for it.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}" + rb"$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


class Daemon(socketserver.ThreadingTCPServer):
    """As clamd(8): `zPING`, and `zINSTREAM` with pieces behind their lengths. `way`: how it goes wrong, if it does."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Call)
        self.way = ""
        self.most = 30_000_000
        self.seen: list[bytes] = []
        self.ended = threading.Event()

    @property
    def url(self) -> str:
        return f"clamd://127.0.0.1:{self.server_address[1]}"

    @property
    def client(self) -> Clamd:
        return Clamd("127.0.0.1", self.server_address[1])


class _Call(socketserver.StreamRequestHandler):
    server: Daemon

    def handle(self) -> None:
        command = b""
        while not command.endswith(b"\0"):
            command += self.rfile.read(1) or b"\0"
        if self.server.way == "silent":
            self.server.ended.wait(60)
        elif self.server.way == "hangs up":
            return
        elif command == b"zPING\0":
            self.wfile.write(b"PONG\0")
        elif command == b"zINSTREAM\0":
            self.scan()

    def scan(self) -> None:
        content = b""
        while size := struct.unpack(">I", self.rfile.read(4))[0]:
            content += self.rfile.read(size)
            if len(content) > self.server.most:
                self.wfile.write(b"INSTREAM size limit exceeded. ERROR\0")
                return
        self.server.seen.append(content)
        answer = b"stream: Eicar-Signature FOUND\0" if EICAR in content else b"stream: OK\0"
        # Piece by piece, as a network may.
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(answer)):
            self.connection.send(answer[at : at + 1])


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """One that listens."""
    with Daemon() as made:
        thread = threading.Thread(target=made.serve_forever, args=[0.02])
        thread.start()
        yield made
        made.ended.set()
        made.shutdown()
        thread.join()


# --- The protocol -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [0, 64 * 1024 - 10, 3_000_000])
def test_a_virus_is_found_wherever_it_stands(daemon: Daemon, before: int) -> None:
    content = b"a" * before + EICAR
    assert daemon.client.scan(content) == "Eicar-Signature"
    assert daemon.client.scan(b"a" * before) == ""
    assert daemon.seen == [content, b"a" * before]
    daemon.client.ping()


@pytest.mark.parametrize("way", ["silent", "hangs up", "too large", "nobody"])
def test_where_nobody_knows_it_is_said_and_soon(daemon: Daemon, way: str) -> None:
    daemon.way, daemon.most = way, 1000 if way == "too large" else 30_000_000
    client = Clamd("127.0.0.1", 9 if way == "nobody" else daemon.server_address[1], seconds=0.2)
    with pytest.raises(ScanFailed, match="size limit" if way == "too large" else "clamd"):
        client.scan(b"a" * 2000)


# --- At the doors -----------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(api: Program) -> OpenedSession:
    """A conversation."""
    return factories.start_session(factories.make_deployment(api.workspace, files={"on": True}))


@pytest.fixture
def api(db: None, tmp_path: Path, settings: Any) -> Program:
    """A program; contents are kept in a folder of the test's own."""
    options = {**settings.STORAGES["files"]["OPTIONS"], "location": str(tmp_path)}
    settings.STORAGES = {**settings.STORAGES, "files": {**settings.STORAGES["files"], "OPTIONS": options}}
    return program()


def send(api: Program, opened: OpenedSession, content: bytes = EICAR, name: str = "a.txt") -> Any:
    return send_up(api, f"/conversations/{opened.session.conversation_id}", name, content)


def page(api: Program, opened: OpenedSession) -> str:
    client = Client()
    client.force_login(factories.owner_of(api.workspace))
    return client.get(f"/app/deployments/{opened.deployment.id}/files").content.decode()


def test_a_file_with_a_virus_is_refused_and_the_workspace_reads_of_it(
    api: Program, opened: OpenedSession, daemon: Daemon, settings: Any, tmp_path: Path
) -> None:
    assert "Files are not scanned" in page(api, opened)
    settings.FILES_SCANNER = daemon.url
    answer = send(api, opened, name="<b>a</b>.txt")
    assert (answer.status_code, answer.data["code"]) == (422, "invalid")
    assert answer.data["errors"] == {"file": ["A virus was found in this file, so it was not taken."]}
    assert "Eicar" not in str(answer.data)
    assert not [at for at in tmp_path.rglob("*") if at.is_file()]
    with tenant(api.workspace.id):
        assert not File.objects.exists()
        [event] = AuditEvent.objects.filter(action="conversation.virus_refused")
        assert event.data == {"kind": "txt", "signature": "Eicar-Signature", "sent_by": event.actor_label}
        assert event.target_id == str(opened.session.conversation_id)
    found = scanning.Infected("<i>b.txt", "Eicar")
    visit = visits.resolve(opened.token, opened.session.id)
    scanning.note(visit.workspace_id, visit.conversation_id, found)
    shown = page(api, opened)
    assert "Eicar-Signature, from" in shown
    assert "from a visitor" in shown
    assert "A .txt file" in shown
    assert "Open the conversation" in shown
    assert send(api, opened, b"hello").status_code == 201
    assert daemon.seen[-1] == b"hello"


@pytest.mark.parametrize("way", ["hangs up", "nobody", "a callable that fails", "one that answers nonsense", "slow"])
def test_where_the_scanner_fails_nothing_is_taken(
    api: Program, opened: OpenedSession, daemon: Daemon, settings: Any, way: str, monkeypatch: Any
) -> None:
    daemon.way = way
    go_on = threading.Event()
    ways = {
        "nobody": "clamd://127.0.0.1:9",
        "a callable that fails": f"{__name__}.fails",
        "one that answers nonsense": f"{__name__}.nonsense",
    }
    settings.FILES_SCANNER = ways.get(way, daemon.url)
    if way == "slow":
        monkeypatch.setattr(scanning, "signature_of", lambda content: str(go_on.wait(20)))
        room = checking.Room("test", at_once=1, waiting=1, of_one=2, longest=0.1)
        monkeypatch.setattr(checking, "scanners", room)
    answer = send(api, opened, b"hello")
    go_on.set()
    assert (answer.status_code, answer.data["code"]) == (503, "unavailable")
    assert answer.data["detail"] == "Files can't be checked for viruses just now, so none is taken."
    assert answer["Retry-After"] == "60"
    with tenant(api.workspace.id):
        assert not File.objects.exists()


def fails(content: bytes) -> str:
    raise RuntimeError("the licence is over")


def nonsense(content: bytes) -> Any:
    return None


def of_my_own(content: bytes) -> str:
    return "Bad\nWord" if b"bad" in content else ""


def test_a_callable_of_ones_own_may_look(api: Program, opened: OpenedSession, settings: Any) -> None:
    settings.FILES_SCANNER = f"{__name__}.of_my_own"
    assert send(api, opened, b"a bad file").status_code == 422
    assert send(api, opened, b"a good file").status_code == 201
    with tenant(api.workspace.id):
        assert AuditEvent.objects.get(action="conversation.virus_refused").data["signature"] == "Bad?Word"


def test_readyz_names_the_scanner_and_stays_ready_without_it(db: None, daemon: Daemon, settings: Any) -> None:
    plain = Client().get("/readyz")
    assert "scanner" not in plain.json()
    settings.FILES_SCANNER = daemon.url
    assert Client().get("/readyz").json()["scanner"] == "ok"
    daemon.way = "hangs up"
    away = Client().get("/readyz")
    assert away.json()["scanner"] == "does not answer"
    assert away.status_code == plain.status_code
