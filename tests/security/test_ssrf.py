"""The cases of RELIABILITY R43, sixty at least: through each client of ours, and nobody at 127.0.0.1 is connected to.

The listener has the only port that may be called, so whatever the guard let through would be heard.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from convoship.lib import outbound
from convoship.lib.outbound import OutboundError, sending
from tests.channels import far_end
from tests.channels.far_end import FarEnd, Said

# Hosts as they are typed into an address.
SPELLED = {
    "loopback": ["127.0.0.1", "127.8.8.8", "localhost", "LOCALHOST", "localhost.", "127.0.0.1.", "[::1]"],
    "shortened, decimal, octal, hexadecimal": [
        *("127.1", "127.0.1", "2130706433", "017700000001", "0177.0.0.1", "0x7f000001", "0x7f.0.0.1", "0x7f.1"),
    ],
    "in other digits and stops": ["１２７.0.0.1", "127。0。0。1", "①②⑦.0.0.1"],
    "this host": ["0.0.0.0", "0", "[::]"],
    "IPv4 in IPv6": ["[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::7f00:1]", "[::ffff:169.254.169.254]"],
    "NAT64": ["[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::7f00:1]"],
    "6to4 and Teredo": ["[2002:7f00:1::1]", "[2002:c0a8:101::1]", "[2001:0:4136:e378:8000:63bf:3fff:fdd2]"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.1.1", "[fd12:3456::1]", "[fc00::1]"],
    "shared between providers": ["100.64.0.1", "100.127.255.254"],
    "link-local": ["169.254.1.1", "[fe80::1]", "[fec0::1]"],
    "metadata": ["169.254.169.254", "[fd00:ec2::254]", "2852039166"],
    "multicast and broadcast": ["224.0.0.1", "[ff02::1]", "255.255.255.255"],
    "reserved": ["192.0.0.1", "192.0.2.1", "198.18.0.1", "203.0.113.9", "240.0.0.1", "[100::1]", "[2001:db8::1]"],
}
# What a name leads to.
NAMED = ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd12:3456::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]
# Whole addresses.
ADDRESSES = [
    "ftp://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_GET",
    "ws://127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "http://somebody@127.0.0.1:{port}/",
    "http://example.com@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@example.com/",
    "http://127.0.0.1:22/",
    "http://127.0.0.1:6379/",
]
_HOSTS = list(itertools.chain.from_iterable(SPELLED.values()))


def fetched(url: str) -> None:
    """The client that looks at pages."""
    outbound.fetch(url, seconds=3)


def sent(url: str) -> None:
    """The client that providers are called with."""
    asyncio.run(sending.send("POST", url, seconds=3, content=b"secret"))


through_each_client = pytest.mark.parametrize("call", [fetched, sent])
Call = Callable[[str], None]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[FarEnd]:
    """Who listens on this machine, and must hear nothing."""
    with far_end.running() as end:
        monkeypatch.setattr("convoship.lib.outbound.http.PORTS", frozenset({end.port}))
        yield end


def leads_to(monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    """Any name leads to these addresses, one look-up after the other; the last one stays."""
    left = list(answers)

    def look_up(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        address = left.pop(0) if len(left) > 1 else left[0]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def test_there_are_sixty_cases_and_more() -> None:
    assert len({*_HOSTS}) + len(NAMED) + len(ADDRESSES) >= 60 + 10


@through_each_client
@pytest.mark.parametrize("host", _HOSTS)
def test_no_spelling_of_a_place_inside_is_connected_to(call: Call, host: str, heard: FarEnd) -> None:
    with pytest.raises(OutboundError) as refused:
        call(f"http://{host}:{heard.port}/")
    assert refused.value.words
    assert heard.seen == []


@through_each_client
@pytest.mark.parametrize("address", NAMED)
def test_a_name_that_leads_inside_is_not_followed(
    call: Call, address: str, heard: FarEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    leads_to(monkeypatch, address)
    with pytest.raises(OutboundError):
        call(f"http://innocent.example:{heard.port}/")
    assert heard.seen == []


@through_each_client
def test_a_name_is_asked_once_and_what_it_leads_to_later_is_not_heard_of(
    call: Call, heard: FarEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def nobody(address: Any, *args: Any, **kwargs: Any) -> Any:
        tried.append(address[0])
        raise ConnectionRefusedError

    # Nobody is at the first, and that is known without asking the network; whoever asks again comes to the second.
    leads_to(monkeypatch, "93.184.216.34", "127.0.0.1")
    monkeypatch.setattr(socket, "create_connection", nobody)

    async def nobody_either(remote_host: str, remote_port: int, **kwargs: Any) -> Any:
        nobody((remote_host, remote_port))

    monkeypatch.setattr("anyio.connect_tcp", nobody_either)
    with pytest.raises(OutboundError):
        call(f"http://rebinding.example:{heard.port}/")
    assert tried == ["93.184.216.34"]
    assert heard.seen == []


@through_each_client
@pytest.mark.parametrize("address", ADDRESSES)
def test_no_address_of_another_kind_is_called(call: Call, address: str, heard: FarEnd) -> None:
    with pytest.raises(OutboundError):
        call(address.format(port=heard.port))
    assert heard.seen == []


@through_each_client
def test_no_redirect_leads_inside(call: Call, heard: FarEnd, settings: Any) -> None:
    settings.OUTBOUND_ALLOWLIST = frozenset({("127.0.0.1", heard.port)})
    heard.script(Said(302, {"Location": f"http://127.0.0.2:{heard.port}/inside"}))
    call(f"http://127.0.0.1:{heard.port}/")
    assert [seen.path for seen in heard.seen] == ["/"]
