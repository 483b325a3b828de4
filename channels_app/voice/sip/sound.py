"""The packets of one call: G.711 both ways, keys by RFC 4733, and our voice at its own pace.

Nobody paces for us here: each 20 ms one packet goes out, by deadlines that do not drift, with silence where nothing is
said, so that the way back through firewalls stays open. Marks are told when the sound before them was sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Collection, Sequence

from aiortp import PortAllocator, RTPSession
from aiortp.codecs import Codec

from channels_app.voice.media import g711
from channels_app.voice.media.events import FRAME, FRAME_SECONDS, RATE, SILENCE, Audio, Event, Frame, Key, Marked
from channels_app.voice.media.flow import Flow

logger = logging.getLogger(__name__)

PCMU, PCMA = 0, 8
# Frames of text that `SipDialect` and `Sound` agree on.
CLEAR, MARK = "clear", "mark:"
# Where nothing came for so long, the caller is silent (senders may save silence, and packets get lost).
SILENT_AFTER = 0.1
# A process that was held up sends at most so much at once.
MOST_LATE = 0.5
# Events that wait for the line: what comes while it is being made.
MOST_WAITING = 250
# Of sound in one packet: a fifth of a second, and what stands before it (RFC 3550 5.1). Nobody sends more.
LONGEST_PACKET = 12 + 4 * 15 + RATE // 5
# Of comfort noise (RFC 3551).
_NOISE = 13
_KEYS = frozenset("0123456789*#ABCD")


class SipDialect:
    """`Dialect` of calls without a socket: its frames go to `Sound.put`, and events come from `Sound.events`."""

    subprotocol = ""

    def read(self, frame: Frame) -> Sequence[Event]:
        return ()

    def audio(self, ulaw: bytes) -> Sequence[Frame]:
        return [ulaw] if ulaw else ()

    def mark(self, name: str) -> Sequence[Frame]:
        return [MARK + name]

    def clear(self) -> Sequence[Frame]:
        return [CLEAR]

    def hang_up(self) -> Sequence[Frame]:
        # BYE, once the call is closed.
        return ()


class _AsItIs(Codec):
    """What comes is given on as it came: G.711, a byte a sample."""

    name = "G.711"
    sample_rate = RATE
    samples_per_frame = FRAME

    def encode(self, pcm: bytes) -> bytes:
        return pcm

    def decode(self, payload: bytes) -> bytes:
        return payload


class _Session(RTPSession):
    """Takes packets from the call's own hosts alone: symmetric RTP would follow anybody who sends some.

    And of what was agreed upon alone: the library takes sound of every type for the call's. What can't be read is
    dropped without a word: whoever sends it sends it fifty times a second.
    """

    hosts: Collection[str] = ()

    def _handle_rtp(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr[0] not in self.hosts or not 12 <= len(data) <= LONGEST_PACKET or data[0] >> 6 != 2:
            return
        if data[1] & 0x7F not in {self._payload_type, self._dtmf_payload_type, _NOISE}:
            return
        try:
            super()._handle_rtp(data, addr)
        except (ValueError, IndexError) as error:
            logger.debug("a packet of sound can't be read: %s", error)

    def _handle_rtcp(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr[0] not in self.hosts:
            return
        try:
            super()._handle_rtcp(data, addr)
        except (ValueError, IndexError) as error:
            logger.debug("a report on sound can't be read: %s", error)


class Sound:
    """Of one call. What happens on it comes out of `events`; None is the last."""

    def __init__(self, session: _Session, payload_type: int) -> None:
        self.events: asyncio.Queue[Event | None] = asyncio.Queue()
        self.payload_type = payload_type
        # They hear nothing, or we hear what plays to those who wait: our voice waits, and nothing is heard.
        self.is_held = False
        self._session = session
        self._out: deque[bytes | str] = deque()
        self._heard_at = 0.0
        self._flow = Flow(asyncio.get_running_loop().time())
        self._pacing: asyncio.Task[None] | None = None
        session.on_audio = self._heard
        session.on_dtmf = self._pressed

    @classmethod
    async def open(
        cls,
        host: str,
        remote: tuple[str, int],
        hosts: Collection[str],
        payload_type: int,
        keys: int,
        ports: PortAllocator,
    ) -> Sound:
        """Listen for packets from now on; RuntimeError where no port is free.

        `keys`: the payload type of RFC 4733, `offers.NO_KEYS` where none come.
        """
        session = await _Session.create(
            (host, 0),
            remote,
            payload_type,
            codec=_AsItIs(),
            dtmf_payload_type=keys,
            cname="convoship",
            jitter_prefetch=2,
            skip_audio_gaps=True,
            plc=False,
            symmetric_rtp=True,
            port_allocator=ports,
        )
        assert isinstance(session, _Session)  # noqa: S101 (made as one)
        session.hosts = frozenset(hosts)
        return cls(session, payload_type)

    @property
    def port(self) -> int:
        """Ours."""
        return self._session._allocated_rtp_port or 0

    def move(self, remote: tuple[str, int], hosts: Collection[str]) -> None:
        """Their sound comes from elsewhere, and ours goes there."""
        self._session.hosts = frozenset(hosts)
        self._session.update_remote(remote)

    def start(self) -> None:
        """The call is answered: send from now on."""
        if self._pacing is None:
            self._pacing = asyncio.get_running_loop().create_task(self._pace())

    async def close(self) -> None:
        """Nothing more is sent or heard."""
        if self._pacing is not None:
            self._pacing.cancel()
            await asyncio.gather(self._pacing, return_exceptions=True)
            self._pacing = None
        await self._session.close()
        self.events.put_nowait(None)

    # --- Ours -------------------------------------------------------------------------------------------------------

    def put(self, frame: Frame) -> None:
        """A frame of `SipDialect`'s."""
        if frame == CLEAR:
            self._out.clear()
        elif frame:
            self._out.append(frame)

    async def _pace(self) -> None:
        loop = asyncio.get_running_loop()
        due = self._heard_at = loop.time()
        while True:
            now = loop.time()
            due = max(due, now - MOST_LATE)
            while due <= now:
                self._send(due)
                due += FRAME_SECONDS
            await asyncio.sleep(due - loop.time())

    def _send(self, now: float) -> None:
        if now - self._heard_at >= SILENT_AFTER or self.is_held:
            self._tell(Audio(SILENCE * FRAME))
        if self.is_held:
            return
        ulaw, reached = self._next()
        payload = g711.alaw_of_ulaw(ulaw) if self.payload_type == PCMA else ulaw
        self._session.send_audio_auto(payload)
        for name in reached:
            self._tell(Marked(name))

    def _next(self) -> tuple[bytes, list[str]]:
        """The next 20 ms, and the marks that stand before their end."""
        piece, reached = b"", []
        while self._out:
            first = self._out[0]
            if isinstance(first, str):
                reached.append(first.removeprefix(MARK))
                self._out.popleft()
            elif len(piece) == FRAME:
                break
            else:
                room = FRAME - len(piece)
                piece += first[:room]
                self._out.popleft()
                if first[room:]:
                    self._out.appendleft(first[room:])
        return piece.ljust(FRAME, SILENCE), reached

    # --- Theirs -----------------------------------------------------------------------------------------------------

    def _heard(self, payload: bytes, timestamp: int) -> None:
        if self.is_held:
            return
        self._heard_at = now = asyncio.get_running_loop().time()
        if self._flow.is_too_much(len(payload), now):
            return
        self._tell(Audio(g711.ulaw_of_alaw(payload) if self.payload_type == PCMA else payload))

    def _pressed(self, key: str, duration: int) -> None:
        if key in _KEYS:
            self._tell(Key(key))

    def _tell(self, event: Event) -> None:
        if self.events.qsize() < MOST_WAITING:
            self.events.put_nowait(event)
