"""A model's endpoint, OpenAI-compatible: a real HTTP server that streams, stalls, breaks and refuses as providers do.

Shapes: platform.openai.com/docs/api-reference/chat-streaming and /docs/guides/error-codes.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Says:
    """An answer: its pieces one after the other, then the tools it wants called.

    `gate`: waited for before the piece of this number (a list's length: before the end). `cut`: the connection is
    closed after so many pieces. `ends_early`: it says that it is done and never why. `error`: said in the stream after
    the pieces. `pause`: seconds before each piece after the first. `role`: it says first whose turn it is, as OpenAI's
    own does. `raw`: sent as it is after the pieces, and nothing after it.
    """

    pieces: Sequence[str] = ()
    calls: Sequence[tuple[str, Mapping[str, Any] | str]] = ()
    finish: str = ""
    usage: tuple[int, int] | None = (11, 7)
    gates: Mapping[int, threading.Event] = field(default_factory=dict)
    cut: int | None = None
    ends_early: bool = False
    error: Mapping[str, Any] | None = None
    pause: float = 0.0
    role: bool = False
    raw: bytes | None = None
    # Said before the pieces, as it is: what it thinks, say.
    before: Mapping[str, Any] | None = None
    raw_usage: tuple[Any, Any] | None = None


@dataclass
class Refuses:
    """An error with its status: `{"error": {...}}`, or any body."""

    status: int
    message: str = "No."
    code: str | None = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A request; names of headers in lower case."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def system(self) -> str:
        """What the model was told first."""
        return str(self.body["messages"][0]["content"])

    @property
    def said(self) -> str:
        """What the visitor said last."""
        return next(str(one["content"]) for one in reversed(self.body["messages"]) if one["role"] == "user")


Plan = Says | Refuses


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # So many may knock at once.
    request_queue_size = 256


class ModelEnd:
    """The server. `plans`: one a call, the last one from then on; `answers` decides instead where it is set."""

    def __init__(self, port: int = 0) -> None:
        self.asked: list[Asked] = []
        # How many answers were under way at the same time, at most.
        self.at_once = self.most_at_once = 0
        self.plans: list[Plan] = [Says(["Hello."])]
        self.answers: Callable[[Asked], Plan] | None = None
        # What it lists (`GET /models`).
        self.models = ["test-model", "a-model"]
        # Set when a client has gone away in the middle of an answer.
        self.left = threading.Event()
        self.lock = threading.Lock()
        self.server = _Server(("127.0.0.1", port), self._handler())

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def script(self, *plans: Plan) -> None:
        """Answer so, a call each."""
        self.plans = list(plans)

    def _plan(self, asked: Asked) -> Plan:
        with self.lock:
            self.asked.append(asked)
            if self.answers is not None:
                return self.answers(asked)
            return self.plans.pop(0) if len(self.plans) > 1 else self.plans[0]

    def _count(self, change: int) -> None:
        with self.lock:
            self.at_once += change
            self.most_at_once = max(self.most_at_once, self.at_once)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        end = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                plan = end._plan(Asked(self.path, headers, {}))
                if isinstance(plan, Refuses):
                    self._refuse(plan)
                    return
                body = json.dumps({"object": "list", "data": [{"id": name} for name in end.models]}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                plan = end._plan(Asked(self.path, headers, json.loads(raw)))
                if isinstance(plan, Refuses):
                    self._refuse(plan)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.close_connection = True
                end._count(1)
                try:
                    self._stream(plan)
                except OSError:
                    end.left.set()
                finally:
                    end._count(-1)

            def _stream(self, plan: Says) -> None:
                if plan.role:
                    self._send({"role": "assistant", "content": ""})
                if plan.before is not None:
                    self._send(plan.before)
                for number, piece in enumerate(plan.pieces):
                    self._wait(plan, number)
                    if number and plan.pause:
                        time.sleep(plan.pause)
                    if plan.cut == number:
                        return
                    self._send({"content": piece})
                self._wait(plan, len(plan.pieces))
                if plan.raw is not None:
                    self._write(plan.raw)
                    self._write(b"")
                    return
                if plan.ends_early:
                    self._write(b"data: [DONE]\n\n")
                    self._write(b"")
                    return
                if plan.error is not None:
                    self._event({"error": plan.error})
                    return
                for place, (name, arguments) in enumerate(plan.calls):
                    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
                    half = len(text) // 2
                    start = {"index": place, "id": f"call_{place}", "type": "function"}
                    self._send({"tool_calls": [{**start, "function": {"name": name, "arguments": text[:half]}}]})
                    self._send({"tool_calls": [{"index": place, "function": {"arguments": text[half:]}}]})
                self._send({}, plan.finish or ("tool_calls" if plan.calls else "stop"))
                if (counted := plan.raw_usage or plan.usage) is not None:
                    usage = {"prompt_tokens": counted[0], "completion_tokens": counted[1], "total_tokens": 18}
                    self._event({**_CHUNK, "choices": [], "usage": usage})
                self._write(b"data: [DONE]\n\n")
                self._write(b"")

            def _write(self, data: bytes) -> None:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

            def _wait(self, plan: Says, number: int) -> None:
                gate = plan.gates.get(number)
                # A client that leaves is noticed by writing: a comment is no event.
                while gate is not None and not gate.wait(0.05):
                    self._write(b": waiting\n\n")

            def _send(self, delta: Mapping[str, Any], finish: str | None = None) -> None:
                self._event({**_CHUNK, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

            def _event(self, data: Mapping[str, Any]) -> None:
                self._write(f"data: {json.dumps(data)}\n\n".encode())

            def _refuse(self, plan: Refuses) -> None:
                error = {"message": plan.message, "type": "invalid_request_error", "param": None, "code": plan.code}
                body = json.dumps({"error": error}).encode() if plan.body is None else plan.body
                self.send_response(plan.status)
                for name, value in {"Content-Type": "application/json", **plan.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        return Handler


_CHUNK = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "test-model"}


def words(count: int) -> str:
    """What one that counts says in the end."""
    return "".join(f"w{number} " for number in range(count))


def counts(asked: Asked) -> Plan:
    """An answer of its own: to "count 40 50" forty words, one every fifty milliseconds; else what was said."""
    return _counts(asked, {})


def counts_up_to(number: int, gate: threading.Event) -> Callable[[Asked], Plan]:
    """Counts, and waits for the gate before the word of this number."""
    return lambda asked: _counts(asked, {number: gate})


def _counts(asked: Asked, gates: Mapping[int, threading.Event]) -> Plan:
    command, *numbers = asked.said.split()
    if command != "count":
        return Says([f"You said: {asked.said}"])
    count, pause = int(numbers[0]), int(numbers[1])
    return Says([f"w{number} " for number in range(count)], pause=pause / 1000, role=True, gates=gates)


@contextmanager
def running(port: int = 0) -> Iterator[ModelEnd]:
    """An endpoint that answers until the block ends; on a free port unless one is given."""
    end = ModelEnd(port)
    thread = threading.Thread(target=end.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield end
    finally:
        end.server.shutdown()
        end.server.server_close()
        thread.join(5)
