"""A model's endpoint that writes for ten seconds, lean enough to share two processors with what is measured.

python -m tests.bench.model PORT. OpenAI-compatible: `POST .../chat/completions` streams PIECES pieces, one each
PAUSE_SECONDS, each in an event and a chunk of its own as providers send them. Below `/short/` it writes SENTENCE after
SHORT_SECONDS, and that is all. `GET /told` says how many answers are under way, how many were written to their end, and
how many were broken off by who asked.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from tests.bench.lean import Lean, serve

PIECES, PAUSE_SECONDS = 100, 0.1
SENTENCE, SHORT_SECONDS = "Your order has left us this morning. ", 1.0
_CHUNK = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "bench"}
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def piece(number: int) -> str:
    """The words of one piece; a sentence in ten."""
    return f"word{number:03d}. " if number % 10 == 9 else f"word{number:03d} "


def text() -> str:
    """The whole answer."""
    return "".join(map(piece, range(PIECES)))


def _event(body: dict[str, Any]) -> bytes:
    data = b"data: %b\n\n" % json.dumps({**_CHUNK, **body}, separators=(",", ":")).encode()
    return b"%x\r\n%b\r\n" % (len(data), data)


def _delta(content: dict[str, Any], finish: str | None = None) -> bytes:
    return _event({"choices": [{"index": 0, "delta": content, "finish_reason": finish}]})


_WRITTEN = [_delta({"content": piece(number)}) for number in range(PIECES)]
_USAGE = {"prompt_tokens": 200, "completion_tokens": PIECES, "total_tokens": 200 + PIECES}
_END = _delta({}, "stop") + _event({"choices": [], "usage": _USAGE}) + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
_SHORT = _delta({"content": SENTENCE})


class Model(Lean):
    """One connection. What is asked is not looked at; every answer is the same."""

    under_way: set[Model] = set()
    written = broken_off = 0

    next = 0
    timer: asyncio.TimerHandle | None = None

    def answer(self, head: bytes) -> None:
        """Write it as time goes by."""
        if head.startswith(b"GET"):
            told = json.dumps(
                {"under_way": len(self.under_way), "written": Model.written, "broken_off": Model.broken_off}
            ).encode()
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(told), told))
            return
        self.under_way.add(self)
        self.transport.write(_HEAD)
        self.next = 0
        self.due = asyncio.get_running_loop().time()
        if b"/short/" in head.partition(b"\r\n")[0]:
            self.timer = asyncio.get_running_loop().call_at(self.due + SHORT_SECONDS, self._write_short)
        else:
            self._write()

    def _write_short(self) -> None:
        self.transport.write(_SHORT + _END)
        self.under_way.discard(self)
        Model.written += 1

    def _write(self) -> None:
        if self.next == PIECES:
            self.transport.write(_END)
            self.under_way.discard(self)
            Model.written += 1
            return
        self.transport.write(_WRITTEN[self.next])
        self.next += 1
        self.due += PAUSE_SECONDS
        self.timer = asyncio.get_running_loop().call_at(self.due, self._write)

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio's: they left."""
        if self.timer is not None:
            self.timer.cancel()
        if self in self.under_way:
            self.under_way.discard(self)
            Model.broken_off += 1


if __name__ == "__main__":
    asyncio.run(serve(Model, int(sys.argv[1])))
