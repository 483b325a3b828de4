"""An answer of *Try it* piece by piece, and the panel as it is afterwards: JSON lines, each whole at its line end.

`{"piece": "..."}` as often as text comes, then `{"panel": "<section ...>"}`. Whoever goes away stops the answer.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import Any

from django.http import StreamingHttpResponse

from convoship.lib.threads import in_thread

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/x-ndjson"
# A turn: it is given what takes each piece.
Answering = Callable[[Callable[[str], None]], Coroutine[Any, Any, None]]


class TryStream(StreamingHttpResponse):
    """`answering` is run, its pieces are sent as they come, and then what `drawn` gives, which may use the database."""

    def __init__(self, answering: Answering, drawn: Callable[[], str]) -> None:
        super().__init__(_lines(answering, drawn), content_type=MEDIA_TYPE)
        self["Cache-Control"] = "no-store"
        self["X-Accel-Buffering"] = "no"


async def _lines(answering: Answering, drawn: Callable[[], str]) -> AsyncIterator[bytes]:
    pieces: asyncio.Queue[str | None] = asyncio.Queue()
    turn = asyncio.create_task(answering(pieces.put_nowait))
    turn.add_done_callback(lambda _: pieces.put_nowait(None))
    try:
        while (piece := await pieces.get()) is not None:
            yield _line("piece", piece)
        await turn
        yield _line("panel", await in_thread(drawn))
    finally:
        if not turn.done():
            turn.cancel()
            with suppress(asyncio.CancelledError):
                await turn


def _line(name: str, value: str) -> bytes:
    return (json.dumps({name: value}) + "\n").encode()
