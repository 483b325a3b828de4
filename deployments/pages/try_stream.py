"""An answer of *Try it* piece by piece, and the panel as it is afterwards: JSON lines, each whole at its line end.

`{"piece": "..."}` as often as text comes, then `{"panel": "<section ...>"}`. Whoever goes away stops the answer, and
whoever rings the bell that they gave it stops it and gets the panel, with what there was by then.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse

from convoship.lib.threads import in_thread
from deployments import live

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/x-ndjson"
_BELL = re.compile(r"[0-9a-f]{32}")
# A turn: it is given what takes each piece.
Answering = Callable[[Callable[[str], None]], Coroutine[Any, Any, None]]


class TryStream(StreamingHttpResponse):
    """`answering` is run, its pieces are sent as they come, and then what `drawn` gives, which may use the database."""

    def __init__(self, answering: Answering, drawn: Callable[[], str], bell: str = "") -> None:
        super().__init__(_lines(answering, drawn, bell), content_type=MEDIA_TYPE)
        self["Cache-Control"] = "no-store"
        self["X-Accel-Buffering"] = "no"


def bell_of(workspace_id: UUID, name: str) -> str:
    """Where an answer of this workspace hears that it is to stop; "" for what is no name of a bell."""
    return f"y.{workspace_id.hex}.{name}" if _BELL.fullmatch(name) else ""


def ring(bell: str) -> None:
    """Stop the answer that listens to it, on whichever process; nothing where none does."""
    if bell:
        live.send(bell, {"type": "stop"})


async def _lines(answering: Answering, drawn: Callable[[], str], bell: str) -> AsyncIterator[bytes]:
    pieces: asyncio.Queue[str | None] = asyncio.Queue()
    turn = asyncio.create_task(answering(pieces.put_nowait))
    turn.add_done_callback(lambda _: pieces.put_nowait(None))

    def rung(_event: Mapping[str, Any]) -> None:
        # Once: it still says what it took.
        if not turn.cancelling():
            turn.cancel()

    hub = live.Hub.get() if bell else None
    if hub is not None:
        hub.listen(bell, rung)
    try:
        while (piece := await pieces.get()) is not None:
            yield _line("piece", piece)
        if not turn.cancelled():
            await turn
        yield _line("panel", await in_thread(drawn))
    finally:
        if hub is not None:
            hub.leave(bell, rung)
        if not turn.done():
            turn.cancel()
            with suppress(asyncio.CancelledError):
                await turn


def _line(name: str, value: str) -> bytes:
    return (json.dumps({name: value}) + "\n").encode()
