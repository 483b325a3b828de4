"""A telephone that calls by SIP: aiosipua's own caller, and packets of sound both ways in real time."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import socket
import time
from collections.abc import Callable
from typing import Any, ClassVar

from aiortp import RTPSession
from aiortp.codecs import Codec
from aiosipua import SipDigestAuth, SipUAC, SipUAS, build_sdp
from aiosipua.message import SipMessage, SipRequest, SipResponse
from aiosipua.outgoing_call import OutgoingCall
from aiosipua.sdp import SdpMessage

from channels_app.voice.media import g711
from channels_app.voice.media.events import FRAME, SILENCE
from channels_app.voice.sip.wire import Wire
from tests.channels.hearing import spoken
from tests.channels.streams import Noted

HOST = "127.0.0.1"
STEP = 0.02
NAMES = {0: "PCMU", 8: "PCMA"}


class _AsItIs(Codec):
    name, sample_rate, samples_per_frame = "G.711", 8000, FRAME

    def encode(self, pcm: bytes) -> bytes:
        return pcm

    def decode(self, payload: bytes) -> bytes:
        return payload


class SipPhone:
    """One of them, and its call."""

    all: ClassVar[list[SipPhone]] = []

    def __init__(self, edge_port: int, user: str, password: str = "", codec: int = 0) -> None:
        self.edge = (HOST, edge_port)
        self.user, self.password, self.codec = user, password, codec
        self.wire = Wire(local_addr=(HOST, 0))
        self.uac = SipUAC(self.wire)
        self.uas = SipUAS(self.wire, uac=self.uac)
        self.was_hung_up = asyncio.Event()
        self.uas.on_bye = lambda call, request: self.was_hung_up.set()
        self.heard: list[Noted] = []
        self.packets = 0
        self.to_say = bytearray()
        self.is_talking = True
        self._going: asyncio.Task[None] | None = None
        self.all.append(self)

    async def ring(self, **more: Any) -> OutgoingCall:
        """Call, and wait until somebody answers; `RuntimeError` with the status where nobody does."""
        await self.uas.start()
        self.rtp = await RTPSession.create(
            (HOST, 0), (HOST, 9), self.codec, codec=_AsItIs(), jitter_prefetch=0, skip_audio_gaps=True, plc=False
        )
        self.rtp.on_audio = self._hear
        auth = SipDigestAuth(self.user, self.password) if self.password else None
        called = f"sip:{self.user}@{HOST}:{self.edge[1]}"
        self.call = self.uac.send_invite(
            "sip:+15551230001@example.com", called, self.edge, self.offer(), auth=auth, **more
        )
        await self.call.wait_answered(20)
        assert self.call.sdp_answer is not None
        where = self.call.sdp_answer.rtp_address
        assert where is not None
        self.rtp.update_remote(where)
        self._going = asyncio.get_running_loop().create_task(self._go_on())
        return self.call

    def offer(self, direction: str = "sendrecv") -> SdpMessage:
        assert self.rtp._rtp_transport is not None
        assert self.rtp._rtp_transport._transport is not None
        port = self.rtp._rtp_transport._transport.get_extra_info("sockname")[1]
        made = build_sdp(HOST, port, self.codec, NAMES[self.codec])
        attributes = made.media[0].attributes
        del attributes["sendrecv"]
        attributes[direction] = []
        return made

    def _hear(self, payload: bytes, timestamp: int) -> None:
        self.packets += 1
        ulaw = g711.ulaw_of_alaw(payload) if self.codec == 8 else payload
        # (The smallest step of A-law is silence, too.)
        if ulaw.strip(b"\xff\xfe"):
            self.heard.append(Noted(time.monotonic(), ulaw))

    async def _go_on(self) -> None:
        due = time.monotonic()
        while True:
            ulaw = bytes(self.to_say[:FRAME]).ljust(FRAME, SILENCE)
            del self.to_say[:FRAME]
            if self.is_talking:
                self.rtp.send_audio_auto(g711.alaw_of_ulaw(ulaw) if self.codec == 8 else ulaw)
            due += STEP
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    # --- What they do and hear --------------------------------------------------------------------------------------

    async def says(self, words: str) -> None:
        self.to_say += await spoken(words)
        await self.until(lambda: not self.to_say, 60)

    def press(self, key: str) -> None:
        self.rtp.send_dtmf(key, timestamp=secrets.randbits(31))

    def offers(self, direction: str) -> None:
        """A re-INVITE."""
        self.uac.send_reinvite(self.call.dialog, self.offer(direction), self.edge)

    def hang_up(self) -> None:
        self.call.hangup(self.uac)

    async def until(self, holds: Callable[[], Any], seconds: float = 30) -> Any:
        async with asyncio.timeout(seconds):
            while not (found := holds()):  # noqa: ASYNC110 (what comes over sockets rings no event)
                await asyncio.sleep(0.02)
            return found

    async def hears(self, *, since: int = 0, pause: float = 0.8, seconds: float = 40) -> bytes:
        """What is said to them from there on until a pause."""
        await self.until(lambda: len(self.heard) > since and time.monotonic() - self.heard[-1].at > pause, seconds)
        return b"".join(one.ulaw for one in self.heard[since:])

    async def close(self) -> None:
        if self._going is not None:
            self._going.cancel()
            await asyncio.gather(self._going, return_exceptions=True)
        if hasattr(self, "rtp"):
            await self.rtp.close()
        await self.uas.stop()


async def let_go() -> None:
    for phone in SipPhone.all:
        await phone.close()
    SipPhone.all.clear()


# --- By hand ----------------------------------------------------------------------------------------------------------


class Raw:
    """A socket, and SIP as it is written: for what no telephone does."""

    def __init__(self, edge_port: int) -> None:
        self.edge = (HOST, edge_port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]

    def send(self, message: SipRequest | bytes) -> None:
        self.socket.sendto(message if isinstance(message, bytes) else bytes(message), self.edge)

    async def answer(self, seconds: float = 10) -> SipResponse:
        """The next final answer, or request that came."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(seconds):
            while True:
                message = SipMessage.parse(await loop.sock_recv(self.socket, 65536))
                if isinstance(message, SipResponse) and message.status_code >= 200:
                    return message

    async def asked(self, seconds: float = 10) -> SipRequest:
        """The next request that came."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(seconds):
            while not isinstance(message := SipMessage.parse(await loop.sock_recv(self.socket, 65536)), SipRequest):
                pass
        return message

    async def asks(self, message: SipRequest) -> SipResponse:
        self.send(message)
        return await self.answer()

    def request(self, method: str, user: str, *, body: str = "", call_id: str = "", **headers: str) -> SipRequest:
        made = SipRequest(method=method, uri=f"sip:{user}@{HOST}")
        made.headers.append("Via", f"SIP/2.0/UDP {HOST}:{self.port};branch=z9hG4bK{secrets.token_hex(8)}")
        made.headers.append("From", f"<sip:tester@example.com>;tag={secrets.token_hex(4)}")
        made.headers.append("To", f"<sip:{user}@{HOST}>")
        made.headers.append("Call-ID", call_id or secrets.token_hex(8))
        made.headers.append("CSeq", f"1 {method}")
        made.headers.append("Contact", f"<sip:tester@{HOST}:{self.port}>")
        made.headers.append("Max-Forwards", "70")
        for name, value in headers.items():
            made.headers.append(name.replace("_", "-"), value)
        if body:
            made.headers.append("Content-Type", "application/sdp")
            made.text = body
        return made

    def close(self) -> None:
        self.socket.close()


SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 40000 {proto} {formats}\r\na=rtpmap:{formats} {codec}/8000\r\n"
)


def sdp(proto: str = "RTP/AVP", formats: str = "0", codec: str = "PCMU") -> str:
    return SDP.format(proto=proto, formats=formats, codec=codec)


def authorization(
    challenge: str, user: str, password: str, *, count: str = "00000001", uri: str = "", method: str = "INVITE"
) -> str:
    """By RFC 7616 3.4.1, written here by hand."""
    given = {
        part.strip().partition("=")[0]: part.strip().partition("=")[2].strip('"')
        for part in challenge.removeprefix("Digest ").split(",")
    }
    name = {"MD5": "md5", "SHA-256": "sha256"}[given["algorithm"]]
    uri = uri or f"sip:{user}@{HOST}"

    def h(text: str) -> str:
        return hashlib.new(name, text.encode()).hexdigest()

    ha1, ha2 = h(f"{user}:{given['realm']}:{password}"), h(f"{method}:{uri}")
    response = h(f"{ha1}:{given['nonce']}:{count}:abcdef01:auth:{ha2}")
    return (
        f'Digest username="{user}", realm="{given["realm"]}", nonce="{given["nonce"]}", uri="{uri}", '
        f'response="{response}", algorithm={given["algorithm"]}, qop=auth, nc={count}, cnonce="abcdef01"'
    )
