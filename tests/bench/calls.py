"""Calls over ConversationRelay: fifty at once, each asks again and again, and a model answers after a second.

What is measured is ours alone: from the frame with the caller's words to the first frame with words to be said, less
the second that the model takes. Each call is opened as Twilio does it, by a signed webhook and a signed handshake with
the ticket of its TwiML.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import re
import time
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.bench import model
from tests.bench.carrying import as_json
from tests.bench.clients import Broken, SocketLane
from tests.bench.loads import cpu_seconds

CALLS = int(os.environ.get("CALLS", 50))
# A caller asks, is answered a second later, listens for two and a half, thinks, and has said the next thing.
EVERY_SECONDS = 6.0
ACCOUNT, TOKEN = "AC" + "0123456789abcdef" * 2, "the-auth-token-of-this-bench"
CALLER, NUMBER = "+14155550123", "+14155552671"
PATIENCE_SECONDS = 30
_TICKET = re.compile(r'name="ticket" value="([^"]+)"')


@dataclass(frozen=True)
class Talked:
    """What so many calls at once cost."""

    calls: int
    turns: int
    p50_ms: float
    p95_ms: float
    # Of one processor, by the server's process.
    busy: float

    def __str__(self) -> str:
        words = f"{self.turns} turns, p50 {self.p50_ms:.1f} p95 {self.p95_ms:.1f} ms over the model's own"
        return f"{self.calls} calls, {words}, processor {self.busy:.0%}"


def sign(url: str, form: dict[str, str]) -> str:
    """As Twilio signs."""
    signed = url + "".join(name + value for name, value in sorted(form.items()))
    return base64.b64encode(hmac.new(TOKEN.encode(), signed.encode(), hashlib.sha1).digest()).decode()


class Caller:
    """One call."""

    def __init__(self, sid: str, lane: SocketLane) -> None:
        self.sid, self.lane = sid, lane
        self.asked_at = 0.0
        self.heard: asyncio.Future[float] | None = None
        lane.hears = self._hear

    @classmethod
    async def ring(cls, port: int, connection: str, number: int) -> Caller:
        """Somebody calls, and hears the greeting."""
        base = f"127.0.0.1:{port}/v1/public/channels/twilio_voice/{connection}"
        sid = f"CA{time.time_ns():024x}{number:08x}"
        twiml = await asyncio.to_thread(_post, f"http://{base}", sid)
        ticket = _TICKET.search(twiml)
        if ticket is None:
            raise Broken(f"a call was not taken: {twiml[:300]}")
        signature = ("X-Twilio-Signature", sign(f"ws://{base}/relay", {}))
        lane = await SocketLane.open(port, f"/v1/public/channels/twilio_voice/{connection}/relay", headers=[signature])
        call = cls(sid, lane)
        parameters = {"ticket": ticket[1]}
        await call.tell(as_json(
            type="setup", sessionId=f"VX{sid[2:]}", accountSid=ACCOUNT, callSid=sid, customParameters=parameters,
            **{"from": CALLER, "to": NUMBER, "direction": "inbound", "callStatus": "IN-PROGRESS"},
        ))  # fmt: skip
        return call

    async def tell(self, frame: bytes) -> float:
        """Send a frame; how long it took until there were words to be said."""
        self.heard = asyncio.get_running_loop().create_future()
        self.asked_at = time.perf_counter()
        self.lane.say(frame)
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.heard

    async def talk(self, until: float, begins_in: float, took: list[float]) -> None:
        """Ask again and again."""
        await asyncio.sleep(begins_in)
        due = time.perf_counter()
        while time.perf_counter() < until:
            frame = as_json(type="prompt", voicePrompt="Where is my order?", lang="en-US", last=True)
            took.append(await self.tell(frame) - model.SHORT_SECONDS)
            due += EVERY_SECONDS
            await asyncio.sleep(max(0.0, due - time.perf_counter()))

    def _hear(self, frame: bytes) -> None:
        body: dict[str, Any] = json.loads(frame)
        if body.get("token") and self.heard is not None and not self.heard.done():
            self.heard.set_result(time.perf_counter() - self.asked_at)


def _post(url: str, sid: str) -> str:
    form = {"CallSid": sid, "AccountSid": ACCOUNT, "From": CALLER, "To": NUMBER, "CallStatus": "ringing"}
    headers = {"X-Twilio-Signature": sign(url, form), "Content-Type": "application/x-www-form-urlencoded"}
    asked = urllib.request.Request(url, urlencode(form).encode(), headers)
    with urllib.request.urlopen(asked, timeout=PATIENCE_SECONDS) as answer:
        text: str = answer.read().decode()
    return text


async def talked(pid: int, port: int, connection: str, seconds: float) -> Talked:
    """So many calls at once for so long."""
    calls = [await Caller.ring(port, connection, number) for number in range(CALLS)]
    took: list[float] = []
    try:
        # One turn of each before it counts: what is loaded once is loaded then.
        began = time.perf_counter()
        await asyncio.gather(*(one.talk(began + 0.1, 0.1 * place, []) for place, one in enumerate(calls[: CALLS // 5])))
        cpu, began = cpu_seconds(pid), time.perf_counter()
        until = began + seconds
        await asyncio.gather(*(one.talk(until, EVERY_SECONDS * place / CALLS, took) for place, one in enumerate(calls)))
        busy = (cpu_seconds(pid) - cpu) / (time.perf_counter() - began)
    finally:
        for one in calls:
            one.lane.close()
    in_order = sorted(took)
    if len(in_order) < 2 * CALLS:
        raise Broken(f"{len(in_order)} turns are too few to say anything")
    p50, p95 = (in_order[int(len(in_order) * share)] * 1000 for share in (0.5, 0.95))
    return Talked(CALLS, len(in_order), p50, p95, busy)
