"""Deepgram's Nova, heard live through its SDK: developers.deepgram.com/docs/live-streaming-audio.

The SDK would open its sockets itself. It is given a transport (its `transport_factory`) that opens them by the guarded
client, as everything that leaves this product.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, suppress
from typing import Any

from channels_app.voice.engines import installed, vendor_faults
from channels_app.voice.engines.base import EngineFailed, FaultKind
from channels_app.voice.engines.ears import Ear
from channels_app.voice.engines.use import Used
from channels_app.voice.media.events import RATE
from convoship.lib.outbound import Unreachable
from convoship.lib.outbound.sending import new_client
from convoship.lib.outbound.sockets import OpenSocket, TurnedAway, open_socket

LABEL = "Deepgram"
HOST = "https://api.deepgram.com"
MODELS = ("nova-3", "nova-2-phonecall", "nova-2")
# A pause of so long ends what was said (300 to 500 ms suit conversations: docs/understand-endpointing-interim-results);
# and one of so long ends it where noise hides the pause (docs/utterance-end, which takes no less than a second).
_ENDPOINTING_MS, _UTTERANCE_END_MS = 300, 1000
# Without sound for ten seconds it hangs up (docs/audio-keep-alive).
KEEP_ALIVE_SECONDS = 4.0
# `Finalize` is not always answered: not where nothing was left to finalize (docs/finalize).
FLUSH_SECONDS = 1.0
OPEN_SECONDS = 8.0
_MOST_UNSENT = 10 * RATE
# Sound goes in pieces of 20 to 250 ms (github.com/orgs/deepgram/discussions/224); one of 40 ms costs half of two of 20.
_PIECE = RATE // 25
_CLOSE_SECONDS = 1.0


class GuardedTransport:
    """What the SDK takes for its socket: one that the guarded client opens at the first frame."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url, self._headers = url, headers
        self._inner: OpenSocket | None = None

    async def send(self, frame: str | bytes) -> None:
        """One frame."""
        if self._inner is None:
            self._inner = await open_socket(self._url, headers=self._headers, seconds=OPEN_SECONDS)
        await self._inner.send(frame)

    async def recv(self) -> str:
        """The next frame. Raises `EngineFailed` where it is none of Deepgram's, or the socket was closed."""
        frame = await self._inner.receive() if self._inner else None
        if frame is None:
            code, reason = self._inner.closed_with if self._inner else (1006, "")
            if code == 1008:
                raise EngineFailed(
                    FaultKind.REFUSED, f"Deepgram could not read the call's sound ({reason[:100]}).", "Try again."
                )
            raise vendor_faults.broken_off(LABEL, reason)
        # The SDK passes over what it can't read, and nobody would know.
        try:
            if not isinstance(frame, str) or not isinstance(json.loads(frame), dict):
                raise vendor_faults.garbled(LABEL)
        except (ValueError, RecursionError):
            raise vendor_faults.garbled(LABEL) from None
        return frame

    async def __aiter__(self) -> AsyncIterator[str]:
        while True:
            yield await self.recv()

    async def close(self) -> None:
        """Close it, and cut it where the other side doesn't answer that."""
        if self._inner is not None:
            try:
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._inner.close()
            except TimeoutError:
                await self._inner.close(rudely=True)


def hearing(config: Mapping[str, str], key: str) -> Deepgram:
    """The engine with this model. `base_url`: another host of theirs, such as https://api.eu.deepgram.com."""
    installed.require("deepgram", LABEL)
    return Deepgram(config.get("model") or MODELS[0], key, config.get("base_url") or HOST)


class Deepgram(Used):
    """Hears calls, each by a socket of its own."""

    def __init__(self, model: str, key: str, base_url: str) -> None:
        super().__init__()
        self._model, self._key, self._base_url = model, key, base_url.rstrip("/")
        self._client: Any = None
        self._http: Any = None

    async def listen(self, language: str) -> DeepgramListening:
        """Open a call's socket, and begin to hear."""
        if self._client is None:
            self._client = await asyncio.to_thread(self._made)
        chosen = self._client.listen.v1.connect(
            model=self._model,
            language=language or "en-US",
            encoding="mulaw",
            sample_rate=RATE,
            channels=1,
            interim_results="true",
            endpointing=str(_ENDPOINTING_MS),
            utterance_end_ms=str(_UTTERANCE_END_MS),
            smart_format="true",
        )
        stack = AsyncExitStack()
        try:
            socket = await stack.enter_async_context(chosen)
            await socket.send_keep_alive()
        except BaseException as error:
            await stack.aclose()
            if isinstance(error, TurnedAway):
                raise self._turned_away(error, language) from None
            if isinstance(error, vendor_faults.CAUGHT):
                raise vendor_faults.of_error(LABEL, error) from None
            raise
        return DeepgramListening(socket, stack, self)

    def _made(self) -> Any:
        """Loading the SDK takes most of a second."""
        from deepgram import AsyncDeepgramClient
        from deepgram.environment import DeepgramClientEnvironment

        sockets = self._base_url.replace("http", "ws", 1)
        return AsyncDeepgramClient(
            api_key=self._key,
            environment=DeepgramClientEnvironment(
                base=self._base_url, production=sockets, agent=sockets, agent_rest=self._base_url
            ),
            transport_factory=GuardedTransport,
            # It is for calls of other kinds, of which there are none.
            httpx_client=new_client(),
        )

    def _turned_away(self, error: TurnedAway, language: str) -> EngineFailed:
        said = error.headers.get("dg-error", "")
        # A model or language that it doesn't have is a bad request to it.
        status = 404 if error.status == 400 and "model" in said.lower() else error.status
        return vendor_faults.of_status(LABEL, status, f"model {self._model!r} in {language!r}", None, said)

    async def close(self) -> None:
        """It holds nothing open."""


class DeepgramListening(Ear):
    """One call's ear."""

    def __init__(self, socket: Any, stack: AsyncExitStack, engine: Used) -> None:
        self._socket, self._stack = socket, stack
        # Sound, or None for a flush.
        self._pieces: list[bytes | None] = []
        self._unsent = 0
        self._there = asyncio.Event()
        self._is_spoken = False
        self._flushed: asyncio.TimerHandle | None = None
        super().__init__(LABEL, engine)

    def feed(self, ulaw: bytes) -> None:
        """The next of the caller's sound."""
        self._pieces.append(ulaw)
        self._unsent += len(ulaw)
        if self._unsent >= _PIECE:
            self._there.set()

    def flush(self) -> None:
        """The caller paused."""
        self._pieces.append(None)
        self._there.set()

    async def let_go(self) -> None:
        """Say that the call is over, and close the socket."""
        if self._flushed:
            self._flushed.cancel()
        with suppress(Unreachable, TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._socket.send_close_stream()
        await self._stack.aclose()

    async def hear(self) -> None:
        """Send and receive, until one of both breaks off."""
        failed: EngineFailed | None = None
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._send())
                both.create_task(self._receive())
        except* EngineFailed as group:
            failed = _first(group)
        except* Unreachable:
            # A send met a closed socket before the reader did.
            failed = failed or vendor_faults.broken_off(LABEL)
        if failed:
            raise failed

    async def _send(self) -> None:
        while True:
            try:
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    await self._there.wait()
            except TimeoutError:
                await self._socket.send_keep_alive()
                continue
            if self._unsent > _MOST_UNSENT:
                raise EngineFailed(
                    FaultKind.TIMEOUT, "Deepgram takes the call's sound more slowly than it comes.", "Try again."
                )
            sound = b"".join(self._taken())
            if sound:
                await self._socket.send_media(sound)
            elif self._pieces:
                self._pieces.pop(0)
                await self._socket.send_finalize()
                self._flushed = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._answer_flush)
            if not self._pieces:
                self._there.clear()

    def _taken(self) -> list[bytes]:
        """All the sound up to the next flush."""
        found = []
        while self._pieces and (sound := self._pieces[0]) is not None:
            found.append(sound)
            self._pieces.pop(0)
        self._unsent -= sum(map(len, found))
        return found

    def _answer_flush(self) -> None:
        self._flushed = None
        self.tell("", is_final=True)

    async def _receive(self) -> None:
        async for message in self._socket:
            match getattr(message, "type", ""):
                case "Results":
                    self._results(message)
                case "UtteranceEnd" if self._is_spoken:
                    # It comes after a pause that `speech_final` has told already, too.
                    self._is_spoken = False
                    self.tell("", is_final=True, ends_turn=True)
                case "Error":
                    raise vendor_faults.broken_off(LABEL, str(getattr(message, "description", "") or ""))

    def _results(self, message: Any) -> None:
        try:
            text = message.channel.alternatives[0].transcript
        except (AttributeError, IndexError, TypeError):
            raise vendor_faults.garbled(LABEL) from None
        if not isinstance(text, str):
            raise vendor_faults.garbled(LABEL)
        is_final, ends = bool(message.is_final), bool(message.speech_final)
        if message.from_finalize and self._flushed:
            self._flushed.cancel()
            self._flushed = None
        elif not text and not (is_final and ends and self._is_spoken):
            return
        self._is_spoken = (self._is_spoken or bool(text)) and not (is_final and ends)
        self.tell(text, is_final=is_final, ends_turn=is_final and ends and not message.from_finalize)


def _first(failed: BaseExceptionGroup[EngineFailed]) -> EngineFailed:
    found: BaseException = failed
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found if isinstance(found, EngineFailed) else vendor_faults.broken_off(LABEL)
