"""A customer's bot: a real HTTP server that answers at once, in pieces, with errors or not at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Sends:
    """An answer in pieces. `gates`: waited for before the piece of this number; `cut`: closed after so many pieces."""

    pieces: Sequence[bytes] = (b"{}",)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    gates: Mapping[int, threading.Event] = field(default_factory=dict)
    cut: bool = False
    # Waited for before anything is sent.
    hold: threading.Event | None = None


@dataclass(frozen=True)
class Question:
    """A request; names of headers in lower case."""

    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        """What was asked."""
        found: dict[str, Any] = json.loads(self.raw)
        return found


def says(content: Any, status: int = 200) -> Sends:
    """JSON at once."""
    return Sends((json.dumps(content).encode(),), status)


def event(name: str, data: Any = None) -> bytes:
    """One event of a stream."""
    return f"event: {name}\ndata: {json.dumps({} if data is None else data)}\n\n".encode()


def streams(*pieces: bytes, **more: Any) -> Sends:
    """A stream of events."""
    return Sends(pieces, headers={"Content-Type": "text/event-stream; charset=utf-8"}, **more)


class BotEnd:
    """The server. `plans`: one a call, the last one from then on; `answers` decides instead where it is set."""

    def __init__(self, port: int = 0) -> None:
        self.asked: list[Question] = []
        self.plans: list[Sends] = [says({"messages": [{"text": "Hello."}]})]
        self.answers: Callable[[Question], Sends] | None = None
        self.lock = threading.Lock()
        self.arrived = threading.Condition(self.lock)
        # Set when a client has gone away in the middle of an answer.
        self.left = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self.server.daemon_threads = True

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/turns"

    def script(self, *plans: Sends) -> None:
        """Answer so, a call each."""
        self.plans = list(plans)

    def wait(self, how_many: int, seconds: float = 10) -> list[Question]:
        """Wait until so many questions have arrived."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.asked) >= how_many, seconds), f"only {len(self.asked)}"
            return list(self.asked)

    def _plan(self, question: Question) -> Sends:
        with self.arrived:
            self.asked.append(question)
            self.arrived.notify_all()
            if self.answers is None:
                return self.plans.pop(0) if len(self.plans) > 1 else self.plans[0]
        return self.answers(question)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        end = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                plan = end._plan(Question({name.lower(): value for name, value in self.headers.items()}, raw))
                self.close_connection = True
                try:
                    if plan.hold is not None:
                        plan.hold.wait(30)
                    self.send_response(plan.status)
                    for name, value in plan.headers.items():
                        self.send_header(name, value)
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    for number, piece in enumerate(plan.pieces):
                        if number in plan.gates:
                            plan.gates[number].wait(30)
                        self._chunk(piece)
                    if not plan.cut:
                        self.wfile.write(b"0\r\n\r\n")
                except OSError:
                    end.left.set()

            def _chunk(self, piece: bytes) -> None:
                if piece:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.wfile.flush()

            def log_message(self, *args: object) -> None:
                pass

        return Handler


@contextmanager
def running(port: int = 0) -> Iterator[BotEnd]:
    """A bot that answers until the block ends, at this port, or at a free one."""
    end = BotEnd(port)
    thread = threading.Thread(target=end.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield end
    finally:
        end.server.shutdown()
        end.server.server_close()
        thread.join(5)
