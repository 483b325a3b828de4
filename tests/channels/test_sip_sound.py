"""A call's packets: what of them is sound, and what of an offer can be."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiortp import PortAllocator
from aiosipua.message import SipRequest

from channels_app.voice.media.events import FRAME, Audio, Event
from channels_app.voice.media.flow import MOST_AHEAD, Flow
from channels_app.voice.sip import offers
from channels_app.voice.sip.offers import NO_KEYS, NotAcceptable
from channels_app.voice.sip.sound import PCMU, Sound

HOST = "127.0.0.1"
KEYS = 101


class Sender:
    """Who sends packets, as they are written (RFC 3550 5.1)."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((HOST, port))
        self.number = 0

    def send(self, payload: bytes, kind: int = PCMU, *, version: int = 2) -> None:
        self.number += 1
        head = struct.pack("!BBHII", version << 6, kind, self.number, self.number * FRAME, 4711)
        self.socket.send(head + payload)


@pytest_asyncio.fixture
async def opened() -> AsyncIterator[list[Sound]]:
    found: list[Sound] = []
    yield found
    for sound in found:
        await sound.close()


async def call(opened: list[Sound], keys: int = KEYS) -> tuple[Sound, Sender]:
    sound = await Sound.open(HOST, (HOST, 9), (HOST,), PCMU, keys, PortAllocator((30200, 30299)))
    opened.append(sound)
    return sound, Sender(sound.port)


async def heard(sound: Sound, sender: Sender) -> list[Event]:
    """What was told by the time that something of the call's own is heard."""
    found: list[Event] = []
    for _ in range(20):
        sender.send(b"\x55" * FRAME)
    async with asyncio.timeout(5):
        while not any(isinstance(one, Audio) and one.ulaw == b"\x55" * FRAME for one in found):
            event = await sound.events.get()
            assert event is not None
            found.append(event)
    return found


def offer(host: str = "192.0.2.9", formats: str = "0", more: str = "") -> SipRequest:
    request = SipRequest(method="INVITE", uri="sip:a@b")
    request.headers.append("Content-Type", "application/sdp")
    request.text = (
        f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 4000 RTP/AVP {formats}\r\n{more}"
    )
    return request


@pytest.mark.asyncio
async def test_who_offers_no_telephone_events_is_heard_and_has_pressed_no_key(opened: list[Sound]) -> None:
    keys = offers.read(offer()).keys
    assert keys == NO_KEYS
    sound, sender = await call(opened, keys)
    told = await heard(sound, sender)
    assert Counter(type(one).__name__ for one in told) == {"Audio": len(told)}


@pytest.mark.parametrize(("more", "keys"), [("101", 101), ("0", NO_KEYS)], ids=["apart", "as the sound's"])
def test_keys_have_a_type_of_their_own(more: str, keys: int) -> None:
    given = offer(formats=f"0 {more}" if more != "0" else "0", more=f"a=rtpmap:{more} telephone-event/8000\r\n")
    try:
        assert offers.read(given).keys == keys
    except NotAcceptable:
        assert more == "0"


@pytest.mark.parametrize("host", ["224.0.0.1", "255.255.255.255"])
def test_sound_is_sent_to_one_host_and_never_to_a_network(host: str) -> None:
    with pytest.raises(NotAcceptable, match="no single host"):
        offers.read(offer(host))


@pytest.mark.asyncio
async def test_packets_that_are_none_of_the_calls_are_dropped_without_a_word(
    opened: list[Sound], caplog: pytest.LogCaptureFixture
) -> None:
    problems: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(context))
    caplog.set_level(logging.WARNING)
    sound, sender = await call(opened)
    # Another codec, one that was not agreed upon, more than any packet has, half a key, and no packet at all.
    sender.send(b"\x11" * FRAME, 18)
    sender.send(b"\x11" * FRAME, 8)
    sender.send(b"\x11" * 60000)
    sender.send(b"\x05", KEYS)
    sender.send(b"\x11" * FRAME, version=1)
    sender.socket.send(b"\x80")
    told = await heard(sound, sender)
    assert all(isinstance(one, Audio) and b"\x11" not in one.ulaw for one in told)
    assert not problems
    assert not caplog.records


@pytest.mark.asyncio
async def test_sound_that_comes_faster_than_time_goes_by_is_dropped(
    opened: list[Sound], monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, _ = await call(opened)
    told: list[Event] = []
    monkeypatch.setattr(sound, "_tell", told.append)
    for _ in range(1000):
        sound._heard(b"\x55" * 1600, 0)
    assert 0.2 * len(told) == pytest.approx(MOST_AHEAD, abs=0.5)


def test_a_stall_is_made_up_for_and_a_fast_clock_is_no_fault() -> None:
    flow, now = Flow(100.0), 100.0
    for _ in range(100_000):
        now += 0.02
        # A sender whose clock is a tenth faster.
        assert not flow.is_too_much(176, now)
    now += 20
    assert not any(flow.is_too_much(FRAME, now) for _ in range(1000))
    assert any(flow.is_too_much(FRAME, now) for _ in range(round(MOST_AHEAD / 0.02) + 1))
    # What was too much is not kept against them for ever.
    assert not flow.is_too_much(FRAME, now + 60)
