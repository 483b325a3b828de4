"""A streamed answer's chunks, read for as little as can be: of two hundred answers at once this is most of the work.

The SDK sends the request and reads what it is answered; here its reader of events is replaced by ours, which takes a
piece of bytes at a time and makes no object of a chunk. `gathered` reads on while what came before is being told.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress

import openai

from convoship.lib.outbound.failures import FAILURES
from convoship.lib.outbound.sending import LARGEST_STREAM, LONGEST_LINE
from deployments.responders.event_stream import EventReader, TooLarge

# After its rest a reader reads for so long what has come meanwhile.
AWAKE_SECONDS = 0.02


class ChunkStream(openai.AsyncStream[object]):
    """The SDK's stream of chunks, as plain data."""

    async def __stream__(self) -> AsyncIterator[object]:
        reader = EventReader(longest=LONGEST_LINE, largest=LARGEST_STREAM)
        is_over, is_between = False, False
        try:
            # (Nothing packed comes through `outbound.sending`.)
            async for piece in self.response.aiter_raw():
                if is_over:
                    # Read to its end, the connection serves another call.
                    continue
                found = _plain(piece) if is_between else None
                if found is None:
                    found = [event.data for event in reader.take(piece)]
                    is_between = piece.endswith(b"\n\n")
                for data in found:
                    if data.startswith("[DONE]"):
                        is_over = True
                        break
                    yield self._chunk(data)
        except TooLarge:
            raise ValueError("One event of the answer is too long.") from None
        except FAILURES as error:
            raise openai.APIConnectionError(request=self.response.request) from error
        finally:
            await self.response.aclose()

    def _chunk(self, data: str) -> object:
        """One chunk; what a provider says in the middle of a stream went wrong, as the SDK's error."""
        chunk: object = json.loads(data)
        if isinstance(chunk, dict) and chunk.get("error"):
            error = chunk["error"]
            said = error.get("message") if isinstance(error, dict) else None
            words = said if said and isinstance(said, str) else "An error occurred during streaming"
            raise openai.APIError(message=words, request=self.response.request, body=error)
        return chunk


def _plain(piece: bytes) -> list[str] | None:
    """The data of whole events of one line each, which is what providers send; None where it is anything else."""
    if not (piece.startswith(b"data: ") and piece.endswith(b"\n\n")):
        return None
    found = piece[6:-2].split(b"\n\ndata: ")
    if piece.count(b"\n") != 2 * len(found) or b"\r" in piece:
        return None
    return [data.decode(errors="replace") for data in found]


async def gathered(
    chunks: AsyncIterator[object], take: Callable[[object], str], rest: Callable[[], float]
) -> AsyncGenerator[str]:
    """The text of chunks, as much at a time as has come while it was waited for; "" where something else did.

    `rest()` is how long the reader rests between two reads where many are written at once, 0 where few are: what comes
    meanwhile is then read in one go. Nothing is held back longer than that.
    """
    ready, texts = asyncio.Event(), list[str]()
    reading = asyncio.get_running_loop().create_task(_read(chunks, take, rest, texts, ready))
    reading.add_done_callback(lambda _: ready.set())
    try:
        while True:
            await ready.wait()
            if rest() and not reading.done():
                # What its reader reads after its rest comes in a moment.
                await asyncio.sleep(AWAKE_SECONDS / 2)
            ready.clear()
            text = "".join(texts)
            texts.clear()
            if reading.done():
                if text:
                    yield text
                await reading
                return
            yield text
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await reading


async def _read(
    chunks: AsyncIterator[object],
    take: Callable[[object], str],
    rest: Callable[[], float],
    texts: list[str],
    ready: asyncio.Event,
) -> None:
    read_at = 0.0
    async for chunk in chunks:
        if text := take(chunk):
            texts.append(text)
        if read_at and (seconds := rest()) and time.monotonic() - read_at > AWAKE_SECONDS:
            await asyncio.sleep(seconds)
            read_at = time.monotonic()
        # The first one is told at once.
        read_at = read_at or time.monotonic()
        ready.set()
