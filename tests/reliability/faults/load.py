"""Callers: signed posts to the custom webhook's door, each written down as invoke and then ok, fail or info."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import random
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

Ended = Literal["", "ok", "fail", "info"]


@dataclass(repr=False)
class Op:
    """One message of a caller's, posted once or, as providers do, again until it is taken. `info`: nobody knows."""

    connection: str
    conversation: str
    event_id: str
    invoked: float
    ended: Ended = ""
    at: float = 0.0
    tries: int = 0
    statuses: list[int] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"{self.event_id} in {self.conversation}, told {self.statuses}"


class Callers:
    """Posts over one HTTP client, and keeps the history."""

    def __init__(self, base_url: str, made: dict[str, dict[str, str]], seed: int) -> None:
        self.base_url, self.made = base_url, made
        self.chance = random.Random(seed)
        self.history: list[Op] = []
        self.client = httpx.AsyncClient(timeout=10, limits=httpx.Limits(max_connections=200))
        self.is_over = False

    async def post(self, op: Op, *, secret: str = "") -> int:
        """Post it once; the status, 0 where there was no answer."""
        about = self.made[op.connection]
        body = json.dumps(
            {"event_id": op.event_id, "conversation_key": op.conversation, "text": "hello"}, separators=(",", ":")
        ).encode()
        op.tries += 1
        try:
            answer = await self.client.post(
                self.base_url + about["inbound"], content=body, headers=_signed(secret or about["secret"], body)
            )
            status = answer.status_code
        except httpx.HTTPError:
            status = 0
        op.statuses.append(status)
        return status

    async def say(self, connection: str, conversation: str, *, again: bool = True, secret: str = "") -> Op:
        """One message; posted again under its own id until it is taken, unless its caller gives up at once."""
        op = Op(connection, conversation, f"ev-{uuid.UUID(int=self.chance.getrandbits(128))}", time.time())
        self.history.append(op)
        while True:
            status = await self.post(op, secret=secret)
            if 200 <= status < 300:
                op.ended = "ok"
            elif 400 <= status < 500:
                op.ended = "info" if 0 in op.statuses or any(seen >= 500 for seen in op.statuses) else "fail"
            elif not again or op.tries >= 120:
                op.ended = "info"
            if op.ended:
                op.at = time.time()
                return op
            await asyncio.sleep(0.5)

    async def converse(self, connection: str, conversation: str, how_many: int, pause: float) -> None:
        """One caller: the next message when the last has ended. Some give up on an unknown end, some sign wrongly."""
        for _ in range(how_many):
            throw = self.chance.random()
            wrong = "whsec_" + base64.b64encode(b"x" * 32).decode() if throw > 0.97 else ""
            await self.say(connection, conversation, again=throw > 0.1, secret=wrong)
            await asyncio.sleep(pause * self.chance.uniform(0.5, 1.5))

    async def crowd(self, connection: str, callers: int, each: int, pause: float) -> None:
        """So many callers at once."""
        tag = f"{self.chance.getrandbits(32):08x}"
        await asyncio.gather(
            *(self.converse(connection, f"room-{tag}-{number}", each, pause) for number in range(callers))
        )

    async def copies(self, connection: str, how_many: int) -> tuple[Op, list[int]]:
        """The same event so often at once, each on a connection of its own."""
        op = Op(connection, "room-copies", f"ev-{uuid.UUID(int=self.chance.getrandbits(128))}", time.time())
        self.history.append(op)
        statuses = await asyncio.gather(*(self.post(op) for _ in range(how_many)))
        op.ended, op.at = "ok", time.time()
        return op, list(statuses)


def _signed(secret: str, body: bytes) -> dict[str, str]:
    """Standard Webhooks, written anew here: what signs must not be what checks."""
    message_id, stamp = f"msg_{uuid.uuid4().hex}", str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    signature = "v1," + base64.b64encode(digest).decode()
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": signature,
    }


def percentile(values: list[float], share: float) -> float:
    """The value that so many are below; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def spread(values: list[float]) -> dict[str, Any]:
    """Median and the slow end, in seconds."""
    return {"n": len(values), "p50": round(percentile(values, 0.5), 2), "p95": round(percentile(values, 0.95), 2)}
