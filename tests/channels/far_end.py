"""The other side of a connection: a real HTTP server that keeps what it was sent and answers as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Seen:
    """A request as it arrived; names of headers in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Said:
    """An answer. `after` is waited for before it is given; `cut` closes the connection instead."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    cut: bool = False
    after: threading.Event | None = None


Answers = Callable[[Seen], Said]


class Server(ThreadingHTTPServer):
    """With room for as many as knock at once.

    Beyond the library's five, a caller on a busy machine knocks again after a second, then after two more, and some
    have given up by then.
    """

    request_queue_size = 128
    daemon_threads = True


class FarEnd:
    """The server. `answers` decides, one answer after the other; without any it takes everything."""

    def __init__(self, port: int = 0) -> None:
        self.seen: list[Seen] = []
        self.answers: Answers = lambda request: Said()
        self.arrived = threading.Condition()
        self.server = Server(("127.0.0.1", port), self._handler())

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def script(self, *answers: Said) -> None:
        """Give these answers in turn, the last one from then on."""
        left = list(answers)
        self.answers = lambda request: left.pop(0) if len(left) > 1 else left[0]

    def wait(self, how_many: int, seconds: float = 10) -> list[Seen]:
        """Wait until so many requests have arrived."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.seen) >= how_many, seconds), f"only {len(self.seen)} arrived"
        return self.seen

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        end = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Seen(self.command, self.path, headers, self.rfile.read(length))
                with end.arrived:
                    end.seen.append(request)
                    said = end.answers(request)
                    end.arrived.notify_all()
                if said.after is not None:
                    said.after.wait(30)
                if said.cut:
                    self.close_connection = True
                    return
                self.send_response(said.status)
                for name, value in said.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(said.body)))
                self.end_headers()
                self.wfile.write(said.body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 (the library's names)

            def log_message(self, *args: object) -> None:
                pass

        return Handler


@contextmanager
def running(port: int = 0) -> Iterator[FarEnd]:
    """A far end that answers until the block ends, at this port or any."""
    end = FarEnd(port)
    thread = threading.Thread(target=end.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield end
    finally:
        end.server.shutdown()
        end.server.server_close()
        thread.join(5)
