"""The provider that toys and product send to: takes everything after 50 ms, and knows what it was sent.

python -m tests.bench.provider PORT. `GET /told` says how many requests came, how many keys (`webhook-id`) they had, and
how many overtook an earlier one of their conversation; `POST /forget` begins anew.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from typing import Any

LATENCY_SECONDS = 0.05


class Provider:
    """What it was sent since it was last told to forget."""

    def __init__(self) -> None:
        self.requests = self.overtook = 0
        self.keys: set[str] = set()
        self.latest: dict[str, int] = {}

    def forget(self) -> None:
        """Begin anew."""
        self.requests = self.overtook = 0
        self.keys.clear()
        self.latest.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request after the other."""
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                path = head[0].split(" ", 2)[1]
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
                body = await reader.readexactly(int(headers.get("content-length") or 0))
                told = b"ok"
                if path == "/told":
                    told = json.dumps(self.told()).encode()
                elif path == "/forget":
                    self.forget()
                else:
                    self.take(headers, json.loads(body))
                    await asyncio.sleep(LATENCY_SECONDS)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(told), told))
        writer.close()

    def take(self, headers: dict[str, str], body: dict[str, Any]) -> None:
        """Keep what is told about it."""
        self.requests += 1
        key, data = headers.get("webhook-id"), body.get("data", {})
        if key is not None:
            self.keys.add(key)
            conversation, sequence = data["conversation_id"], data["sequence"]
            self.overtook += sequence < self.latest.get(conversation, 0)
            self.latest[conversation] = max(sequence, self.latest.get(conversation, 0))

    def told(self) -> dict[str, int]:
        """What `GET /told` answers."""
        return {"requests": self.requests, "keys": len(self.keys), "overtook": self.overtook}


async def main(port: int) -> None:
    """Serve until killed."""
    server = await asyncio.start_server(Provider().serve, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
