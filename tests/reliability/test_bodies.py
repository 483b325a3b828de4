"""Bodies of requests as the server takes them: none holds it up, and none is read that is too large."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from convoship import bodies
from convoship.lib import runtime_handler
from convoship.machine.state import ROOT
from deployments import file_links
from tests import factories
from tests.driver import get
from tests.reliability.processes import OwnValkey, web_processes

pytestmark = pytest.mark.django_db(transaction=True)

FILES = "/v1/public/runtime/sessions/00000000-0000-0000-0000-000000000000/files"
ORIGIN = "https://shop.example"
MEGABYTE = 1024 * 1024


@contextmanager
def served(tmp_path: Path) -> Iterator[str]:
    with OwnValkey(tmp_path) as valkey, web_processes(1, valkey.url, tmp_path) as [address]:
        yield address


@pytest.fixture(scope="module")
def address(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One for all tests that ask nothing special of it: each start of the product takes seconds."""
    with served(tmp_path_factory.mktemp("served")) as found:
        yield found


def ask(address: str, path: str, body: bytes, content_type: str) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection(address.removeprefix("http://"), timeout=30)
    try:
        connection.request("POST", path, body, {"Content-Type": content_type, "Origin": ORIGIN})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def test_no_form_holds_up_what_else_is_asked(address: str) -> None:
    """A parser on the event loop took five seconds for ten megabytes of line breaks, and as long for every other."""
    body = b"\n" * (10 * MEGABYTE)
    slowest = 0.0
    get(f"{address}/healthz")
    sender = threading.Thread(target=ask, args=(address, FILES, body, "multipart/form-data; boundary=x"))
    sender.start()
    while sender.is_alive():
        began = time.monotonic()
        assert get(f"{address}/healthz")[0] == 200
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 2


def test_a_form_that_can_not_be_read_is_answered_in_words(address: str) -> None:
    odd = b"--x\r\nContent-Disposition: form-data; name*=bogus''a\r\nContent-Type: message/rfc822\r\n\r\na\r\n--x--\r\n"
    for parameters in ("", "; boundary=", "; boundary=x", "; boundary=" + "x" * 300):
        answer, said = ask(address, FILES, odd, f"multipart/form-data{parameters}")
        assert (answer.status, json.loads(said)["code"]) == (401, "token_missing"), parameters
    for path in (FILES, "/v1/assistants", "/app/"):
        answer, said = ask(address, path, odd, "multipart/form-data; boundary*=bogus''X")
        assert (answer.status, json.loads(said)["code"]) == (422, "invalid"), path


def spooled() -> int:
    """Bytes that the web process has in files without a name."""
    total = 0
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and b"daphne" in (entry / "cmdline").read_bytes():
                for handle in (entry / "fd").iterdir():
                    if os.readlink(handle).endswith(" (deleted)"):
                        total += handle.stat().st_size
        except OSError:
            continue
    return total


@pytest.mark.parametrize(
    ("path", "size"), [("/healthz", 4 * MEGABYTE), (FILES, 11 * MEGABYTE), ("/v1/assistants", 3 * MEGABYTE)]
)
def test_a_body_that_says_it_is_too_large_is_refused(address: str, path: str, size: int) -> None:
    answer, said = ask(address, path, b"x" * size, "application/json")
    assert answer.status == 413, said
    assert answer.getheader("Content-Type") == "application/problem+json"
    problem = json.loads(said)
    assert problem["code"] == "payload_too_large"
    assert problem["hint"]
    assert answer.getheader("Access-Control-Allow-Origin") == (ORIGIN if path == FILES else None)
    assert get(f"{address}/healthz")[0] == 200


def test_a_body_that_does_not_say_how_large_it_is_is_stopped_where_it_is_too_large(address: str) -> None:
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    asked = urlsplit(address)
    with socket.create_connection((asked.hostname, asked.port), timeout=30) as connection:
        head = f"POST /healthz HTTP/1.1\r\nHost: {asked.netloc}\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        most, said = 0, b""
        with pytest.raises(OSError):  # noqa: PT011, PT012 (whichever call meets the cut)
            for _ in range(2000):
                connection.sendall(piece)
                most = max(most, spooled())
                connection.setblocking(False)
                with suppress(BlockingIOError):
                    said += connection.recv(4096)
                connection.settimeout(30)
    assert said.startswith(b"HTTP/1.1 413 ")
    assert most <= MEGABYTE
    assert get(f"{address}/healthz")[0] == 200


def test_who_asks_first_whether_to_send_is_told_not_to(address: str) -> None:
    asked = urlsplit(address)
    with socket.create_connection((asked.hostname, asked.port), timeout=30) as connection:
        lines = ("POST /healthz HTTP/1.1", f"Host: {asked.netloc}", "Expect: 100-continue")
        connection.sendall("\r\n".join((*lines, f"Content-Length: {100 * MEGABYTE}", "", "")).encode())
        said = b""
        while more := connection.recv(4096):
            said += more
            if b"}" in said:
                break
    assert said.startswith(b"HTTP/1.1 413 ")
    assert b"100 Continue" not in said


def memory_of(address: str) -> int:
    """Bytes in memory of the web process at this address."""
    port = str(urlsplit(address).port).encode()
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and port in (entry / "cmdline").read_bytes().split(b"\0"):
                return int((entry / "statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    raise AssertionError(address)


def test_a_file_waits_in_no_memory_for_who_reads_it_slowly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVOSHIP_FILES_ROOT", str(tmp_path / "files"))
    content = os.urandom(10 * MEGABYTE)
    made = factories.make_deployment(factories.make_workspace())
    file = factories.sent_file(factories.start_session(made), size=len(content))
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / file.key).write_bytes(content)
    path = urlsplit(file_links.link(made.deployment.workspace_id, file.id)).path
    with served(tmp_path) as address, ExitStack() as open_ones:
        asked = urlsplit(address)

        def begin() -> socket.socket:
            connection = open_ones.enter_context(socket.create_connection((asked.hostname, asked.port), timeout=30))
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {asked.netloc}\r\n\r\n".encode())
            assert connection.recv(1) == b"H"
            return connection

        begin()
        before = memory_of(address)
        slow = [begin() for _ in range(30)]
        get(f"{address}/healthz")
        assert memory_of(address) - before < 60 * MEGABYTE
        # And all of it comes in the end.
        received = b""
        while not received.endswith(content[-100:]):
            received += slow[0].recv(MEGABYTE)
        assert received.endswith(content)
        assert get(f"{address}/healthz")[0] == 200


def test_a_form_that_is_too_large_ends_on_a_page_that_leads_back(address: str) -> None:
    headers = {"Accept": "text/html,*/*;q=0.8", "Referer": f"{address}/app/channels/x/rehearsal?with=%2B1"}
    connection = HTTPConnection(address.removeprefix("http://"), timeout=30)
    connection.request("POST", f"/app/channels/{uuid4()}/rehearsal/say", b"x" * (18 * MEGABYTE), headers)
    answer = connection.getresponse()
    page = answer.read().decode()
    connection.close()
    assert (answer.status, answer.getheader("Content-Type")) == (413, "text/html; charset=utf-8")
    assert "script-src 'self'" in str(answer.getheader("Content-Security-Policy"))
    assert "takes 17 MB at most" in page
    assert 'href="/app/channels/x/rehearsal?with=%2B1" data-back' in page


def test_the_sizes_for_proxies_are_told() -> None:
    told = (ROOT / "docs" / "configuration.md").read_text()
    assert f"client_max_body_size {max(bodies.LARGEST_SAID, runtime_handler.LARGEST_BODY) // MEGABYTE + 1}m" in told
