"""What the server itself sees to: a frame that is too large is told so, and who doesn't read is let go (R25, R26)."""

from __future__ import annotations

import asyncio
import signal
import time
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import pytest

from convoship.machine.product import LARGEST_FRAME
from convoship.server import Protocol
from tests import factories
from tests.driver import wait_for
from tests.reliability.processes import OwnValkey, web_processes, webs
from tests.reliability.test_revocation import closed, socket

pytestmark = pytest.mark.django_db(transaction=True)

LIMITS = ("--websocket-max-message-size", str(LARGEST_FRAME), "--websocket-max-frame-size", str(LARGEST_FRAME))
PINGS = ("--ping-interval", "1", "--ping-timeout", "2")


@pytest.mark.parametrize("options", [LIMITS, ()], ids=["by daphne", "by the consumer"])
@pytest.mark.parametrize("size", [LARGEST_FRAME + 1, 2 * 1024 * 1024])
def test_a_frame_that_is_too_large_closes_the_socket_with_1009(
    tmp_path: Path, size: int, options: tuple[str, ...]
) -> None:
    opened = factories.start_session(factories.make_deployment(factories.make_workspace()))

    async def shout(address: str) -> int:
        async with socket(address, opened) as connection:
            await connection.send("x" * size)
            async with asyncio.timeout(10):
                return (await closed(connection))[0]

    with OwnValkey(tmp_path) as valkey, web_processes(1, valkey.url, tmp_path, *options) as [address]:
        assert asyncio.run(shout(address)) == 1009


@pytest.mark.parametrize("code", [1000, 1008, 1009, 1012, 1013, 4401])
def test_a_socket_is_closed_with_whichever_code_it_was_closed_with(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int | None] = []
    monkeypatch.setattr(Protocol, "sendCloseFrame", lambda self, code=None, **more: sent.append(code))
    protocol = Protocol()
    protocol.state = Protocol.STATE_OPEN
    protocol.serverClose(code)
    assert sent == [code]


def test_who_sends_and_never_reads_is_let_go(tmp_path: Path) -> None:
    opened = factories.start_session(factories.make_deployment(factories.make_workspace()))

    async def seconds_until_cut(address: str) -> float:
        async with socket(address, opened) as connection:
            connection.transport.pause_reading()  # no pong is sent either
            began = time.monotonic()
            async with asyncio.timeout(12):
                try:
                    while True:
                        connection.transport.write(_masked(b'{"type":"ping"}'))
                        if connection.transport.is_closing():
                            return time.monotonic() - began
                        await asyncio.sleep(0.2)
                finally:
                    connection.transport.abort()

    with OwnValkey(tmp_path) as valkey, web_processes(1, valkey.url, tmp_path, *PINGS) as [address]:
        assert asyncio.run(seconds_until_cut(address)) < 8


def _masked(text: bytes) -> bytes:
    """A text frame of a client, masked with zeros."""
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text


def test_no_header_moves_the_product_to_another_root(tmp_path: Path) -> None:
    """Daphne believes `Daphne-Root-Path` of anyone; it would stand before the address in a mailed link."""

    def seen(address: str, path: str, root: str) -> tuple[int, str | None]:
        connection = HTTPConnection(address.removeprefix("http://"), timeout=10)
        try:
            connection.request("GET", path, headers={"Daphne-Root-Path": root})
            answer = connection.getresponse()
            return answer.status, answer.getheader("Location")
        finally:
            connection.close()

    with OwnValkey(tmp_path) as valkey, web_processes(1, valkey.url, tmp_path) as [address]:
        assert seen(address, "/", ".evil.example") == (302, "/sign-in/")
        runtime = "/v1/public/runtime"
        assert seen(address, f"{runtime}/sign-in/", runtime)[0] == 404  # no page without the pages' middleware


def test_a_status_is_called_by_its_name(tmp_path: Path) -> None:
    made = factories.make_deployment(factories.make_workspace())
    headers = {"Authorization": f"Bearer {made.token}", "Origin": made.deployment.allowed_origins[0]}
    with OwnValkey(tmp_path) as valkey, web_processes(1, valkey.url, tmp_path) as [address]:
        connection = HTTPConnection(address.removeprefix("http://"), timeout=10)
        try:
            headers["Content-Type"] = "application/json"
            connection.request("POST", "/v1/public/runtime/sessions", "[]", headers)
            answer = connection.getresponse()
        finally:
            connection.close()
    assert (answer.status, answer.reason) == (422, "Unprocessable Entity")


def ended(folder: Path, *paths: str) -> tuple[int, str]:
    """How a server ends that is asked for these, and what its log says by then."""
    with webs(1, "redis://127.0.0.1:9/0", folder, application="tests.reliability.hanging:application") as [web]:
        log = folder / "web0.log"
        connections = []
        for path in paths:
            connections.append(HTTPConnection(web.address.removeprefix("http://"), timeout=20))
            connections[-1].request("GET", path)
            wait_for("the request to be taken", partial(_takes, log, path))
        web.process.send_signal(signal.SIGTERM)
        code = web.process.wait(8)
        for connection in connections:
            connection.close()
    return code, log.read_text()


def _takes(log: Path, path: str) -> bool:
    return f"takes {path}" in log.read_text()


@pytest.mark.parametrize("path", ["/task", "/thread"])
def test_a_request_that_does_not_let_itself_be_stopped_is_left_behind_and_named(tmp_path: Path, path: str) -> None:
    code, told = ended(tmp_path, path)
    assert code == 0
    assert "left behind at application (" in told
    assert ("never_ends (" if path == "/task" else "SyncToAsync") in told


def test_a_server_that_hangs_while_it_ends_is_gone_all_the_same_and_its_log_says_where(tmp_path: Path) -> None:
    code, told = ended(tmp_path, "/act")
    assert code == 1
    assert "Timeout (0:00:04)!" in told


def test_a_thread_that_nobody_waits_for_does_not_keep_a_server_from_ending(tmp_path: Path) -> None:
    code, told = ended(tmp_path, "/left")
    assert code == 0
    assert "threads that don't end are left behind" in told


def test_every_request_under_way_is_stopped_and_waited_for(tmp_path: Path) -> None:
    code, told = ended(tmp_path, "/stopped", "/slowly")
    assert code == 0
    assert {"was stopped", "was stopped slowly"} <= set(told.splitlines())
    assert "left behind" not in told
