"""One short question to what answers for an assistant, asked by its owner: does it answer, how fast, what did it take.

It goes the way of every turn (the same responder, the same limits on secrets), but without the script beside it: who
tests a connection wants to know of the connection.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deployments import responder_health
from deployments.models import Assistant
from deployments.responders import answering
from deployments.responders.base import ResponderError, Say, Token, Trace, TurnInput, closing, responder_for
from deployments.trying import Setting, part_of

QUESTION = "Say hello in one short sentence."
LONGEST_SHOWN = 300
# Of a failure, what is shorter says nothing.
SHORTEST_TOLD_MS = 100
# What a question about nothing needs none of.
_BARE: Mapping[str, Mapping[str, Any]] = {"llm": {"tools": [], "knowledge": False, "instructions": ""}}


@dataclass
class Sounded:
    """What came back. `failure`: {code, reason, remedy}, {} where an answer came; milliseconds."""

    words: str = ""
    first_ms: int | None = None
    ms: int = 0
    trace: dict[str, Any] = field(default_factory=dict)
    failure: dict[str, str] = field(default_factory=dict)

    @property
    def tokens_in(self) -> int | None:
        """What was read, where it is counted."""
        return self.trace.get("tokens_in")

    @property
    def tokens_out(self) -> int | None:
        """What was written, where it is counted."""
        return self.trace.get("tokens_out")

    @property
    def first_seconds(self) -> str:
        """`0.4 s`; "" where nothing came."""
        return "" if self.first_ms is None else f"{self.first_ms / 1000:.1f} s"

    @property
    def seconds(self) -> str:
        """`1.2 s`."""
        return f"{self.ms / 1000:.1f} s"

    @property
    def took(self) -> str:
        """How long it took and what of, in words; "" where it failed before anything was asked."""
        said = [f"First words after {self.first_seconds}"] if self.first_seconds else []
        if not self.failure or self.ms >= SHORTEST_TOLD_MS:
            said.append(f"{self.seconds} in all")
        if self.tokens_in or self.tokens_out:
            said.append(f"{self.tokens_in or 0} tokens read, {self.tokens_out or 0} written")
        words = ", ".join(said)
        return f"{words}." if words else ""


async def sound(setting: Setting) -> Sounded:
    """Ask once. Call outside `tenant()`: it may take its time."""
    kind = setting.whole["responder"]
    turn = TurnInput(
        text=QUESTION,
        payload=None,
        locale="en",
        channel=setting.channel,
        history=(),
        state={},
        content={**part_of(setting.whole), **_BARE.get(kind, {})},
        about=setting.about,
        reach=setting.reach,
    )
    began, found = time.monotonic(), Sounded()
    seconds = answering.seconds_for(kind)
    try:
        async with asyncio.timeout(seconds), closing(responder_for(kind).answer(turn)) as replies:
            async for reply in replies:
                if isinstance(reply, Token | Say) and len(found.words) < LONGEST_SHOWN:
                    found.first_ms = _since(began) if found.first_ms is None else found.first_ms
                    found.words += reply.text
                elif isinstance(reply, Trace):
                    found.trace |= reply.data
    except ResponderError as error:
        found.failure = answering.failure_of(error)
    except TimeoutError:
        found.failure = {
            "code": "timeout",
            "reason": f"No whole answer came within {seconds:.0f} seconds.",
            "remedy": "Try again, or choose a faster one.",
        }
    found.ms, found.words = _since(began), found.words[:LONGEST_SHOWN].strip()
    return found


def note(assistant: Assistant, setting: Setting, found: Sounded) -> None:
    """What was found counts for the assistant's health where visitors meet the same. Inside `tenant()`."""
    kind = setting.whole["responder"]
    live = assistant.published.content if assistant.published else {}
    if live.get("responder") == kind and live.get(kind) == setting.whole.get(kind):
        trace = {"failure": found.failure} if found.failure else {"by": kind}
        responder_health.note(assistant.id, kind, trace)


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
