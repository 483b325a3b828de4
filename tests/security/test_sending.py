"""The asynchronous client that providers are called with: guarded like the other one, and plain about what is known."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings

from convoship.lib.outbound import OutboundError, Refused, look_ups, sending
from convoship.lib.threads import in_thread
from tests.channels import far_end
from tests.channels.far_end import FarEnd, Said

pytestmark = pytest.mark.asyncio

INSIDE = [
    "127.0.0.1",
    "localhost",
    "LOCALHOST.",
    "127.1",
    "2130706433",
    "0x7f000001",
    "017700000001",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "0.0.0.0",
    "１２７.0.0.1",
    "169.254.169.254",
    "10.0.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "[fd12:3456::1]",
    "[fe80::1]",
]


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> Any:
    with far_end.running() as end:
        monkeypatch.setattr("convoship.lib.outbound.http.PORTS", frozenset({end.port}))
        yield end


@pytest.fixture
def is_open(far: FarEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "OUTBOUND_ALLOWLIST", frozenset({("127.0.0.1", far.port)}))


@pytest.mark.parametrize("host", INSIDE)
async def test_nothing_inside_is_connected_to(far: FarEnd, host: str) -> None:
    with pytest.raises(OutboundError) as refused:
        await sending.send("POST", f"http://{host}:{far.port}/", seconds=5, content=b"secret")
    assert refused.value.words
    assert far.seen == []


async def test_a_name_that_leads_inside_is_refused_when_the_connection_is_made(
    far: FarEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, far.port)) for host in ("1.1.1.1", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    with pytest.raises(Refused, match="private network"):
        await sending.send("POST", f"http://shop.example:{far.port}/", seconds=5)
    assert far.seen == []


@dataclass
class Silent:
    """What was asked for of a name server that never answers."""

    names: list[str] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Silent]:
    """The name server of tarpit.example never answers; other names are of no site."""
    told = Silent()
    ends = threading.Event()

    def look_up(host: str, *_: object, **__: object) -> list[Any]:
        told.names.append(host)
        told.asked.set()
        if host.endswith("tarpit.example"):
            ends.wait(30)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr("convoship.lib.outbound.sending.CONNECT_SECONDS", 1.0)
    yield told
    ends.set()


async def _words(host: str) -> str:
    with pytest.raises(OutboundError) as raised:
        await sending.send("POST", f"https://{host}/", seconds=5)
    return raised.value.words


async def test_a_silent_name_server_keeps_no_act_waiting(silent: Silent) -> None:
    calls = [asyncio.create_task(_words("tarpit.example")) for _ in range(60)]
    assert await asyncio.to_thread(silent.asked.wait, 5)
    assert await asyncio.wait_for(in_thread(lambda: "done"), 0.9) == "done"
    words = await asyncio.gather(*calls)
    assert set(words) == {"tarpit.example could not be found in time: no name server has answered."}
    assert silent.names == ["tarpit.example"]  # all of them wait for the same


async def test_many_names_of_one_silent_server_keep_no_other_name_from_being_found(silent: Silent) -> None:
    words = await asyncio.gather(*(_words(f"n{number}.tarpit.example") for number in range(60)))
    assert sum("no name server has answered" in one for one in words) == look_ups.MOST_OF_A_ZONE
    assert sum("too many names wait" in one for one in words) == 60 - look_ups.MOST_OF_A_ZONE
    assert "There is no site called shop.example" in await _words("shop.example")


# --- What an SDK reads ------------------------------------------------------------------------------------------------


async def _read_by_an_sdk(far: FarEnd, *answers: Said) -> bytes:
    far.script(*answers)
    async with sending.streaming_client() as client:
        return bytes((await client.post(far.url)).content)


@pytest.mark.usefixtures("is_open")
@pytest.mark.parametrize("packing", ["gzip", "br", "identity, gzip"])
async def test_what_is_packed_is_not_unpacked(far: FarEnd, packing: str) -> None:
    with pytest.raises(Refused, match="something packed"):
        await _read_by_an_sdk(far, Said(200, {"Content-Encoding": packing}, gzip.compress(b" " * 1_000_000)))
    assert far.seen[0].headers["accept-encoding"] == "identity"


@pytest.mark.usefixtures("is_open")
async def test_a_line_has_an_end_and_so_has_a_body(far: FarEnd) -> None:
    line = b"data: " + b"x" * (sending.LONGEST_LINE - 6)
    for end in (b"\n", b"\r\n", b"\r"):
        body = (line + end) * 3
        assert await _read_by_an_sdk(far, Said(200, {}, body)) == body
    with pytest.raises(Refused, match="a line of more than 256 KB"):
        await _read_by_an_sdk(far, Said(200, {}, b"\n" + line + b"x"))
    with pytest.raises(Refused, match="a line of more than 256 KB"):
        await _read_by_an_sdk(far, Said(200, {}, line + b"x\n"))
    with pytest.raises(Refused, match="more than 8 MB"):
        await _read_by_an_sdk(far, Said(200, {}, b"data: 1\n" * (sending.LARGEST_STREAM // 8 + 1)))


@pytest.mark.usefixtures("is_open")
async def test_of_an_error_s_body_the_beginning_is_read(far: FarEnd) -> None:
    body = b"too many" + b" " * 2_000_000
    assert await _read_by_an_sdk(far, Said(400, {}, body)) == body[: sending.LARGEST_ANSWER]
    assert await _read_by_an_sdk(far, Said(400, {}, b"short")) == b"short"


@pytest.mark.usefixtures("is_open")
async def test_a_redirect_is_an_answer_and_is_not_followed(far: FarEnd) -> None:
    far.script(Said(307, {"Location": "http://169.254.169.254/latest/"}))
    answer = await sending.send("POST", far.url, seconds=5, content=b"x", auth=("me", "secret"))
    assert (answer.status, answer.is_success) == (307, False)
    assert len(far.seen) == 1


@pytest.mark.usefixtures("is_open")
async def test_cookies_of_one_call_do_not_go_out_with_another(far: FarEnd) -> None:
    far.script(Said(200, {"Set-Cookie": "tenant=one; Path=/"}))
    for _ in range(2):
        await sending.send("POST", far.url, seconds=5)
    assert not any("cookie" in seen.headers for seen in far.seen)


@pytest.mark.usefixtures("is_open")
async def test_what_never_left_and_what_may_have_arrived_are_told_apart(
    far: FarEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setattr(settings, "OUTBOUND_ALLOWLIST", frozenset({("127.0.0.1", far.port), ("127.0.0.1", port)}))
        with pytest.raises(sending.NotSent, match="nothing answers there"):
            await sending.send("POST", f"http://127.0.0.1:{port}/", seconds=5)
    far.script(Said(cut=True))
    with pytest.raises(sending.InDoubt, match="broke off"):
        await sending.send("POST", far.url, seconds=5)
    never = threading.Event()
    far.script(Said(after=never))
    with pytest.raises(sending.InDoubt, match="did not answer within"):
        await sending.send("POST", far.url, seconds=0.3)
    never.set()


@pytest.mark.parametrize("headers", [{"Content-Length": "1"}, {"Content-Length": "9"}, {"X-Two": "1\r\nX-Lines: 2"}])
@pytest.mark.usefixtures("is_open")
async def test_a_call_that_can_t_be_written_as_one_is_refused_in_words(far: FarEnd, headers: dict[str, str]) -> None:
    with pytest.raises(sending.InDoubt, match="Check its headers"):
        await sending.send("POST", far.url, seconds=5, headers=headers, content=b"five!")


@pytest.mark.usefixtures("is_open")
async def test_a_loop_that_ends_takes_its_client_along(far: FarEnd) -> None:
    before = len(sending._pools)

    def in_a_loop_of_its_own() -> int:
        return sending.to_its_end(sending.send("POST", far.url, seconds=5)).status

    assert [await in_thread(in_a_loop_of_its_own) for _ in range(3)] == [200, 200, 200]
    assert len(sending._pools) == before


@pytest.mark.usefixtures("is_open")
async def test_of_a_large_answer_only_the_beginning_is_read(far: FarEnd) -> None:
    far.script(Said(200, body=b"<html>" + b"x" * 5_000_000))
    answer = await sending.send("GET", far.url, seconds=5)
    assert (answer.status, len(answer.body)) == (200, sending.LARGEST_ANSWER)


@pytest.mark.usefixtures("is_open")
async def test_nothing_of_the_environment_goes_with_a_call(far: FarEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    answers = await asyncio.gather(*(sending.send("POST", far.url, seconds=5) for _ in range(20)))
    assert {answer.status for answer in answers} == {200}
    assert not [seen for seen in far.seen if {"authorization", "referer", "cookie"} & set(seen.headers)]
