"""ClamAV's daemon, asked over TCP: is there a virus in these bytes?

The protocol is that of clamd(8): a command that begins with `z` ends, as its answer does, with a NUL; after `zINSTREAM`
come pieces, each behind its length (four bytes, the highest first), and a length of 0 ends them. The answer is
`stream: OK`, `stream: NAME FOUND` or `... ERROR`. It may come before all is sent, where that is too much for it.

The host is named by whoever runs the server, in the environment, so it may be an internal one.
"""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

PORT = 3310
_PIECE = 64 * 1024
_LONGEST_ANSWER = 4096


class ScanFailed(OSError):
    """No answer, or none that says whether there is a virus."""


@dataclass(frozen=True)
class Clamd:
    """A daemon at `host` and `port`. `seconds`: for all of a call, however slowly it goes on."""

    host: str
    port: int = PORT
    seconds: float = 25
    connect_seconds: float = 3

    def scan(self, content: bytes) -> str:
        """The name of the virus that was found, "" where none was; ScanFailed where nobody knows."""
        pieces = (content[at : at + _PIECE] for at in range(0, len(content), _PIECE))
        framed = b"".join(struct.pack(">I", len(piece)) + piece for piece in pieces)
        answer = self._asked(b"zINSTREAM\0" + framed + struct.pack(">I", 0), self.seconds)
        words = answer.removeprefix("stream: ")
        if words == "OK":
            return ""
        if words.endswith(" FOUND"):
            return words.removesuffix(" FOUND")
        raise ScanFailed(f"clamd answers: {answer[:200]!r}")

    def ping(self) -> None:
        """ScanFailed unless it answers within a second."""
        if self._asked(b"zPING\0", 1) != "PONG":
            raise ScanFailed("clamd does not answer PONG")

    def _asked(self, sent: bytes, seconds: float) -> str:
        ends = time.monotonic() + seconds

        def left() -> float:
            remaining = ends - time.monotonic()
            if remaining <= 0:
                raise ScanFailed(f"clamd took longer than {seconds} s")
            return remaining

        try:
            with socket.create_connection((self.host, self.port), min(self.connect_seconds, seconds)) as connection:
                view = memoryview(sent)
                # It hangs up on what is too much for it, and has said so before.
                with suppress(BrokenPipeError, ConnectionResetError):
                    while view:
                        connection.settimeout(left())
                        view = view[connection.send(view) :]
                answer = b""
                while not answer.endswith(b"\0"):
                    connection.settimeout(left())
                    piece = connection.recv(_LONGEST_ANSWER)
                    if not piece or len(answer) > _LONGEST_ANSWER:
                        raise ScanFailed(f"clamd hung up, or says too much: {answer[:200]!r}")
                    answer += piece
        except ScanFailed:
            raise
        except OSError as error:
            raise ScanFailed(f"clamd at {self.host}:{self.port}: {str(error) or type(error).__name__}") from error
        return answer.rstrip(b"\0").decode("utf-8", "replace").strip()


def at(url: str) -> Clamd:
    """The daemon that `clamd://host[:port]` names; ValueError in words for anything else."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    rest = (parts.path.strip("/"), parts.query, parts.fragment, parts.username)
    if parts.scheme != "clamd" or not parts.hostname or port == 0 or any(rest):
        raise ValueError("it takes clamd://host or clamd://host:port, such as clamd://127.0.0.1:3310")
    return Clamd(parts.hostname, port or PORT)
