"""Calls out of the product: what may be reached, and that nothing goes around the guard (RELIABILITY R43)."""

from __future__ import annotations

import ast
import gzip
import ipaddress
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from convoship.lib import outbound
from convoship.lib.outbound import addresses, charsets

PRIVATE = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.8.8.8",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.9",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001:db8::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2002:7f00:1::1",
    "2002:c0a8:101::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "64:ff9b::101:101", "2002:101:101::1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_of_the_open_internet_is_not_public(address: str) -> None:
    assert not addresses.is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_open_internet_is_public_also_behind_a_translator(address: str) -> None:
    assert addresses.is_public(ipaddress.ip_address(address))


class Heard(ThreadingHTTPServer):
    """A server on this machine that counts who connects."""

    daemon_threads = True

    def __init__(self) -> None:
        self.connections = 0
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.answer: Any = lambda handler: reply(handler, b"hello")
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def get_request(self) -> Any:
        self.connections += 1
        return super().get_request()


class _Handler(BaseHTTPRequestHandler):
    server: Heard

    def do_GET(self) -> None:
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        self.server.answer(self)

    def log_message(self, *_: object) -> None:
        pass


def reply(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def heard() -> Iterator[Heard]:
    server = Heard()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def is_open(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's test server, opened by name as its owner would."""
    monkeypatch.setattr(settings, "OUTBOUND_ALLOWLIST", frozenset({("127.0.0.1", heard.port)}))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "017700000001",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "0.0.0.0",
        "127.0.0.1.",
        "１２７.0.0.1",
        "127。0。0。1",
    ],
)
def test_no_spelling_of_this_machine_is_connected_to(heard: Heard, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("convoship.lib.outbound.http.PORTS", frozenset({heard.port}))
    with pytest.raises(outbound.OutboundError) as refused:
        outbound.fetch(f"http://{host}:{heard.port}/")
    assert refused.value.words
    assert heard.connections == 0


@pytest.mark.parametrize(
    ("url", "opens"),
    [
        ("http://127.0.0.1:9000/", "127.0.0.1:9000"),
        ("http://LOCALHOST:11434/v1", "localhost:11434"),
        ("http://ollama:11434/v1", "ollama:11434"),
        ("http://[::1]:9000/", "[::1]:9000"),
        ("http://192.168.1.7/", "192.168.1.7:80"),
    ],
)
def test_what_opens_an_address_of_the_server_s_own_is_named_exactly(url: str, opens: str, settings: Any) -> None:
    with pytest.raises(outbound.Inside, match="private network") as refused:
        outbound.fetch(url)
    assert refused.value.words.endswith(f"CONVOSHIP_PRIVATE_ALLOWLIST={opens}.")
    assert outbound.foreseen(url) == refused.value.words
    settings.OUTBOUND_ALLOWLIST = addresses.allowlist([opens])
    assert outbound.foreseen(url) == ""


@pytest.mark.parametrize("url", ["http://shop.example:9000/", "https://shop.example/", "http://2130706433/"])
def test_of_other_addresses_nothing_is_said_that_would_open_them(url: str) -> None:
    assert "ALLOWLIST" not in outbound.foreseen(url)


def test_a_name_that_leads_inside_is_refused_if_only_one_of_its_addresses_does(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convoship.lib.outbound.http.PORTS", frozenset({heard.port}))
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, heard.port)) for host in ("1.1.1.1", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    with pytest.raises(outbound.Refused, match="private network"):
        outbound.fetch(f"http://shop.example:{heard.port}/")
    assert heard.connections == 0


def test_the_connection_goes_to_the_address_that_was_checked_and_the_name_is_not_asked_again(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers with a public address first and with ours ever after (DNS rebinding)."""
    monkeypatch.setattr("convoship.lib.outbound.http.PORTS", frozenset({heard.port}))
    asked: list[object] = []
    ask_system = socket.getaddrinfo

    def rebinding(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        if host != "shop.example":
            return ask_system(host, port, *rest, **more)
        asked.append(host)
        address = "1.1.1.1" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    dialled: list[Any] = []

    def dial(address: Any, *_: Any, **__: Any) -> socket.socket:
        dialled.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket, "create_connection", dial)
    with pytest.raises(outbound.Unreachable):
        outbound.fetch(f"http://shop.example:{heard.port}/")
    assert [address[0] for address in dialled] == ["1.1.1.1"]
    assert heard.connections == 0


def test_a_name_server_that_is_silent_holds_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()

    def silent(*_: Any, **__: Any) -> Any:
        is_over.wait(20)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    began = time.monotonic()
    with pytest.raises(outbound.Unreachable, match="no name server has answered"):
        outbound.fetch("http://silent.example/", seconds=0.3)
    took = time.monotonic() - began
    is_over.set()
    assert took < 5


def test_a_name_with_many_addresses_has_no_more_time_than_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"1.1.1.{last}", 80)) for last in range(1, 30)]
    clock, dialled = [1000.0], []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    monkeypatch.setattr("convoship.lib.outbound.http.time.monotonic", lambda: clock[0])

    def dial(address: Any, timeout: float, **_: Any) -> socket.socket:
        dialled.append(timeout)
        clock[0] += timeout
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", dial)
    with pytest.raises(outbound.Unreachable, match="did not answer in time"):
        outbound.fetch("http://shop.example/", seconds=12)
    assert sum(dialled) <= 12


@pytest.mark.usefixtures("is_open")
def test_a_redirect_is_followed_only_where_that_is_wanted_and_checked_like_the_first_address(heard: Heard) -> None:
    heard.answer = lambda handler: reply(handler, b"", 302, Location="http://169.254.169.254/latest/meta-data/")
    stayed = outbound.fetch(f"http://127.0.0.1:{heard.port}/")
    assert (stayed.status, stayed.all("location")) == (302, ["http://169.254.169.254/latest/meta-data/"])
    with pytest.raises(outbound.Refused, match="private network"):
        outbound.fetch(f"http://127.0.0.1:{heard.port}/", follow=5)


@pytest.mark.usefixtures("is_open")
def test_redirects_have_an_end(heard: Heard) -> None:
    heard.answer = lambda handler: reply(handler, b"", 302, Location="/again")
    with pytest.raises(outbound.Unreachable, match="5 redirects"):
        outbound.fetch(f"http://127.0.0.1:{heard.port}/", follow=5)
    assert len(heard.asked) == 6


@pytest.mark.usefixtures("is_open")
def test_what_the_owner_opened_is_reached_and_carries_nothing_of_ours_but_a_name(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    answer = outbound.fetch(f"http://127.0.0.1:{heard.port}/a?b=c#d")
    assert (answer.status, answer.text, answer.hops) == (200, "hello", [])
    [(path, headers)] = heard.asked
    assert path == "/a?b=c"
    assert headers["host"] == f"127.0.0.1:{heard.port}"
    assert not {"cookie", "authorization", "referer"} & set(headers)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://example.com/", "https:// or http://"),
        ("file:///etc/passwd", "https:// or http://"),
        ("gopher://127.0.0.1:6379/_x", "https:// or http://"),
        ("https://", "https:// or http://"),
        ("nonsense", "https:// or http://"),
        ("https://user:word@example.com/", "user name"),
        ("https://example.com:22/", "Port 22"),
        ("http://[::1", "address of a page"),
        ("http://exa\nmple.com/", "address of a page"),
        ("https://xn--/", "address of a page"),
    ],
)
def test_what_is_no_address_of_a_page_is_refused_in_words(url: str, words: str) -> None:
    with pytest.raises(outbound.Refused, match=words):
        outbound.fetch(url)


@pytest.mark.usefixtures("is_open")
def test_an_answer_that_is_too_large_is_cut_off_also_when_it_is_packed(heard: Heard) -> None:
    heard.answer = lambda handler: reply(handler, b"x" * 200_000)
    with pytest.raises(outbound.Unreachable, match="larger than 97 KB"):
        outbound.fetch(f"http://127.0.0.1:{heard.port}/", max_bytes=100_000)
    bomb = gzip.compress(b"\0" * 50_000_000)
    heard.answer = lambda handler: reply(handler, bomb, Content_Encoding="gzip")
    with pytest.raises(outbound.Unreachable, match="larger than 97 KB"):
        outbound.fetch(f"http://127.0.0.1:{heard.port}/", max_bytes=100_000)
    heard.answer = lambda handler: reply(handler, gzip.compress(b"small"), Content_Encoding="gzip")
    assert outbound.fetch(f"http://127.0.0.1:{heard.port}/").text == "small"


@pytest.mark.parametrize("slow", ["punycode", "idna", "utf-7", "unicode_escape", "zip", ""])
def test_an_encoding_that_no_page_has_is_none(slow: str) -> None:
    assert charsets.named_in(f"text/html; charset={slow}") is None


@pytest.mark.usefixtures("is_open")
def test_what_follows_a_packed_answer_is_not_kept(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def unpacker(**how: Any) -> Any:
        made.append(real(**how))
        return made[-1]

    real = zlib.decompressobj
    monkeypatch.setattr("convoship.lib.outbound.http.zlib.decompressobj", unpacker)
    heard.answer = lambda handler: reply(handler, gzip.compress(b"small") + b"x" * 20_000_000, Content_Encoding="gzip")
    assert outbound.fetch(f"http://127.0.0.1:{heard.port}/").text == "small"
    assert len(made[0].unused_data) < 1_000_000


@pytest.mark.usefixtures("is_open")
def test_a_server_that_never_comes_to_an_end_is_left_in_time(heard: Heard) -> None:
    stop = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not stop.wait(0.05):
            try:
                handler.wfile.write(b"x-a: b\r\n")
            except OSError:
                return

    heard.answer = drip
    try:
        with pytest.raises(outbound.Unreachable, match="did not answer in time"):
            outbound.fetch(f"http://127.0.0.1:{heard.port}/", seconds=0.5)
    finally:
        stop.set()


BARE = {
    *("requests", "aiohttp", "urllib3", "http.client", "urllib.request", "httpx", "httpcore", "socket", "websockets"),
    *("websockets.asyncio.client", "websockets.sync.client"),
}
# The launcher on its own machine, the client itself, the widget's build and tests; and the edge that telephones call,
# which writes to who has signed in there, in packets, and asks the system for its own address.
EXEMPT = ("convoship/machine/", "convoship/lib/outbound/", "widget/frontend/", "channels_app/voice/sip/edge.py")


def imports(tree: ast.AST) -> set[str]:
    """Every module that is imported, however."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return found


def test_nothing_in_the_product_opens_a_connection_of_its_own() -> None:
    base = Path(settings.BASE_DIR)
    bare = {}
    for folder in ("convoship", "workspaces", "deployments", "channels_app", "widget"):
        for path in (base / folder).rglob("*.py"):
            name = path.relative_to(base).as_posix()
            if name.startswith(EXEMPT) or "node_modules" in name:
                continue
            if used := imports(ast.parse(path.read_text())) & BARE:
                bare[name] = used
    assert bare == {}
