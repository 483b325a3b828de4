"""Answers in the response: an event is handled while its request waits, which holds neither a thread nor a transaction.

Whoever claims the event first handles it, this process or the worker; the request looks for the answer in the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from channels_app import calls, drain, inbound
from channels_app.providers.base import Outgoing
from convoship.lib.problems import Problem
from convoship.lib.tenancy import in_tenant

LONGEST_WAIT_SECONDS = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5

_at_work: set[asyncio.Task[None]] = set()


async def answer(workspace_id: UUID, event_ids: Sequence[UUID]) -> Outgoing:
    """The answer to the last of these stored events; 503 where it takes longer than a caller can be kept waiting."""
    clock = asyncio.get_running_loop().time
    ends_at, pause = clock() + LONGEST_WAIT_SECONDS, FIRST_PAUSE
    while True:
        for event in await in_tenant(inbound.claim)(workspace_id, workspace_id, len(event_ids), event_ids):
            await asyncio.wait([_handling(event)], timeout=max(0.0, ends_at - clock()))
        found = await in_tenant(calls.take_answer)(workspace_id, event_ids[-1])
        if found is not None:
            return found
        left = ends_at - clock()
        if left <= 0:
            words = f"The assistant has not answered within {LONGEST_WAIT_SECONDS:.0f} seconds and goes on."
            raise Problem("unavailable", words, hint="Repeat the same request: it gets the answer.", retry_after=1)
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 1.5, LONGEST_PAUSE)


def _handling(event: inbound.ClaimedEvent) -> asyncio.Task[None]:
    """The event's work in a task of its own, which outlives a request that is broken off."""
    task = asyncio.get_running_loop().create_task(drain.handle(event))
    _at_work.add(task)
    task.add_done_callback(_at_work.discard)
    return task
