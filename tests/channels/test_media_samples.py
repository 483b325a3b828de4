"""The recipes for Asterisk and jambonz: a ticket is asked for as the contract says, and put where it is looked for."""

from __future__ import annotations

import configparser
import json
import re
import runpy
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings

from channels_app.providers.voice_gateway import signature
from channels_app.voice.media import dialects
from channels_app.voice.media.events import Started
from tests.channels.media_senders import JambonzSender

SECRET = "whsec_c2VjcmV0LW9mLXRoZS1jb25uZWN0aW9u"
PATH = "/v1/public/channels/voice_gateway/1b671a64-40d5-491e-99b0-da01ff1f3341"


def samples(kind: str) -> Path:
    return Path(settings.BASE_DIR) / "docs" / "samples" / kind


SOCKET_URL = f"wss://media.convoship.example{PATH}/stream"


class House(ThreadingHTTPServer):
    """Where tickets come from; it takes what is signed alone."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Door)
        self.asked: list[dict[str, Any]] = []

    @property
    def connection(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{PATH}"


class Door(BaseHTTPRequestHandler):
    server: House

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        wanted = signature(SECRET, body, self.headers["X-Convoship-Timestamp"])
        good = self.path == f"{PATH}/ticket" and self.headers["X-Convoship-Signature"] == wanted
        given = {"ticket": "t-1_A", "expires_at": "2026-11-29T08:00:00Z", "socket_url": SOCKET_URL}
        answer = given if good else {"title": 'Not "signed"'}
        if good:
            self.server.asked.append(json.loads(body))
        self.send_response(201 if good else 403)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def house() -> Iterator[House]:
    server = House()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def agi(connection: str, secret: str, tmp_path: Path) -> dict[str, str]:
    """The variables that the script sets; Asterisk's part of the talk is written out."""
    file = tmp_path / "secret"
    file.write_text(secret + "\n")
    done = subprocess.run(
        [sys.executable, str(samples("asterisk") / "convoship_ticket.py"), connection],
        input="agi_request: convoship_ticket.py\nagi_uniqueid: pbx1-1790000000.42\nagi_arg_1: x\n\n"
        + 2 * "200 result=1\n",
        env={"CONVOSHIP_SECRET_FILE": str(file)},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stderr == ""
    lines = [re.fullmatch(r'SET VARIABLE ([A-Z_]+) "([^"]*)"', line) for line in done.stdout.splitlines()]
    return {found[1]: found[2] for found in lines if found}


def test_asterisks_script_asks_for_a_ticket_of_its_call(house: House, tmp_path: Path) -> None:
    assert agi(house.connection, SECRET, tmp_path) == {"CONVOSHIP_TICKET": "t-1_A", "CONVOSHIP_ERROR": ""}
    (asked,) = house.asked
    assert asked["call_id"] == "pbx1-1790000000.42"
    assert len(asked["nonce"]) == 32


def test_asterisks_script_says_why_there_is_no_ticket(house: House, tmp_path: Path) -> None:
    refused = agi(house.connection, "whsec_wrong", tmp_path)
    assert refused["CONVOSHIP_TICKET"] == ""
    assert "403" in refused["CONVOSHIP_ERROR"]
    gone = agi("http://127.0.0.1:9/nowhere", SECRET, tmp_path)
    assert gone["CONVOSHIP_TICKET"] == ""
    assert "refused" in gone["CONVOSHIP_ERROR"]


def test_asterisks_files_fit_each_other() -> None:
    client = configparser.ConfigParser(comment_prefixes=(";",))
    client.read(samples("asterisk") / "websocket_client.conf")
    assert client["convoship"]["connection_type"] == "per_call_config"
    assert client["convoship"]["uri"].endswith("/v1/public/channels/voice_gateway/CONNECTION_ID/stream")
    # No second attempt with a ticket that is good once.
    assert client["convoship"]["reconnect_attempts"] == "1"
    plan = (samples("asterisk") / "extensions.conf").read_text()
    (dial,) = re.findall(r"Dial\(WebSocket/(\w+)/(\S+),\d+\)", plan)
    assert dial == ("convoship", "c(ulaw)f(json)v(ticket=${URIENCODE(${CONVOSHIP_TICKET})})")
    assert plan.count("(") == plan.count(")")
    assert "AGI(convoship_ticket.py,https://" in plan


def test_the_application_answers_a_call_with_its_ticket(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNECTION", house.connection)
    monkeypatch.setenv("INBOUND_SECRET", SECRET)
    monkeypatch.setenv("HOOK_PASSWORD", "hush")
    code = runpy.run_path(str(samples("jambonz") / "app.py"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), code["Hook"])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        at = f"http://127.0.0.1:{server.server_port}"
        assert httpx.post(f"{at}/call", json={"call_sid": "j-1"}).status_code == 401
        answer = httpx.post(f"{at}/call", json={"call_sid": "j-1"}, auth=("jambonz", "hush"))
        assert httpx.post(f"{at}/listened", json={}, auth=("jambonz", "hush")).json() == []
    finally:
        server.shutdown()
        server.server_close()
    listen, hangup = answer.json()
    assert [asked["call_id"] for asked in house.asked] == ["j-1"]
    assert listen["url"] == SOCKET_URL
    assert hangup == {"verb": "hangup"}
    # What the verb asks for is what the dialect takes, and the ticket comes where it is looked for.
    assert listen["bidirectionalAudio"] == {"enabled": True, "streaming": True, "sampleRate": listen["sampleRate"]}
    sender = JambonzSender(listen["metadata"], rate=listen["sampleRate"])
    (started,) = [event for frame in sender.opening() for event in dialects.new("jambonz").read(frame)]
    assert isinstance(started, Started)
    assert started.parameters[dialects.TICKET] == "t-1_A"


def test_the_page_names_every_dialect_with_its_state() -> None:
    page = (Path(settings.BASE_DIR) / "docs" / "voice-streams.md").read_text()
    for name, kind in dialects.DIALECTS.items():
        (row,) = re.findall(rf"^\| `{name}`(?: \(unless you say so\))? \|.*\| ?(.*) \|$", page, re.MULTILINE)[:1]
        assert ("by documentation" in row) == kind.is_by_documentation
    for link in re.findall(r"\]\((samples/[^)]+)\)", page):
        assert (Path(settings.BASE_DIR) / "docs" / link).exists()
