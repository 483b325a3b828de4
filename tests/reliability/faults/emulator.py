"""The provider, as a process of its own: writes down each request that it accepts, before it answers.

Two personalities by path: `/keyed/...` knows a copy by the `webhook-id` and has its effect once; `/unkeyed/...` knows
nothing and does everything it is told, but can be asked what it has (`GET ...?tag=`). `POST /control` scripts faults:
`{"path", "shares": {"5xx": 0.02, "lost": 0.02, "429": 0.01}, "always": "hang", "only": CONVERSATION_KEY,
"only_sequence": 1}`. `lost` is
accepted and gets no answer, `hang` is neither accepted nor answered for 30 s, `503` and `429` ask for a second's peace.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

HANG_SECONDS = 30


class Emulator:
    """What it was told to do, and what it has accepted."""

    def __init__(self, log: Path, seed: int) -> None:
        self.log = log.open("a", encoding="utf-8", buffering=1)
        self.chance = random.Random(seed)
        self.script: dict[str, dict[str, Any]] = {}
        self.accepted: Counter[tuple[str, str]] = Counter()
        self.open: Counter[str] = Counter()
        self.most_open: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request after the other."""
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, target, _ = head[0].split(" ", 2)
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
                body = await reader.readexactly(int(headers.get("content-length") or 0))
                path = urlsplit(target).path
                self.open[path] += 1
                self.most_open[path] = max(self.most_open[path], self.open[path])
                try:
                    answer = await self.answer(method, target, headers, body, reader)
                finally:
                    self.open[path] -= 1
                if answer is None:
                    break
                status, more, told = answer
                lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(told)}", *more, "", ""]
                writer.write("\r\n".join(lines).encode() + told)
                await writer.drain()
        writer.close()

    async def answer(
        self, method: str, target: str, headers: dict[str, str], body: bytes, reader: asyncio.StreamReader
    ) -> tuple[int, list[str], bytes] | None:
        """(status, headers, body), or None: the connection is closed without an answer."""
        parts = urlsplit(target)
        if parts.path == "/control":
            told = json.loads(body)
            self.script[told["path"]] = told
            return 204, [], b""
        if parts.path == "/stats":
            stats = {"most_open": dict(self.most_open), "faults": dict(self.faults)}
            self.most_open.clear()
            return 200, [], json.dumps(stats).encode()
        if method == "GET":
            tag = parse_qs(parts.query).get("tag", [""])[0]
            return (200 if self.accepted[parts.path, tag] else 404), [], b""
        event = json.loads(body)
        fault = self.fault(parts.path, event["data"])
        if fault:
            self.faults[fault] += 1
        match fault:
            case "5xx":
                return 500, [], b"broken on purpose"
            case "429" | "503":
                return int(fault), ["Retry-After: 1"], b""
            case "hang":
                # Until the caller has had enough.
                with suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1), HANG_SECONDS)
                return None
        self.accept(parts.path, event, headers)
        return None if fault == "lost" else (200, [], b"ok")

    def fault(self, path: str, data: dict[str, Any]) -> str:
        """What goes wrong with this request, if anything."""
        script = self.script.get(path, {})
        if "only" in script and data.get("conversation_key") != script["only"]:
            return ""
        if "only_sequence" in script and data.get("sequence") != script["only_sequence"]:
            return ""
        if script.get("always"):
            return str(script["always"])
        throw = self.chance.random()
        for fault, share in script.get("shares", {}).items():
            if throw < share:
                return str(fault)
            throw -= share
        return ""

    def accept(self, path: str, event: dict[str, Any], headers: dict[str, str]) -> None:
        """Write it down: from here on it has happened."""
        data = event["data"]
        key = headers.get("webhook-id", "").removeprefix("msg_") or str(event["tag"])
        self.accepted[path, key] += 1
        line = {
            "at": time.time(),
            "path": path,
            "key": key,
            "conversation": data.get("conversation_key", ""),
            "sequence": data.get("sequence", 0),
            "copy": self.accepted[path, key],
        }
        self.log.write(json.dumps(line) + "\n")


async def main(port: int, log: Path, seed: int) -> None:
    """Serve until killed."""
    emulator = Emulator(log, seed)
    server = await asyncio.start_server(emulator.serve, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
