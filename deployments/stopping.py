"""Answers that are to stop: the visitor wants it, has left, or the conversation is over.

Whoever wants it marks the turn, under the conversation's lock, and rings. Only the turn's writer stops it: it alone
knows what has been shown. It hears the bell on any process, and finds the mark when it next keeps its claim where the
bell was not heard; where it is dead, whoever claims the turn next finds the mark and asks nobody anew. So a turn is
stopped once, and a wish that comes after its end finds nothing to mark.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Value
from django.db.models.functions import Least
from django.utils import timezone

from convoship.lib import limiting
from convoship.lib.tenancy import in_tenant
from convoship.lib.threads import in_thread
from convoship.lib.together import Together
from deployments import live
from deployments.models import Conversation, Message, Turn, VisitorSession
from deployments.models.conversation import Channel, MessageStatus, Stop, TurnStatus

if TYPE_CHECKING:
    from deployments.turns import Claim

# No window of the conversation is open for so long: the visitor has left. Shorter is a page that leads to the next one,
# a phone between two networks, and the chat's first four tries to connect anew (half a second to four, 7.5 s at most).
GONE_SECONDS = 10.0
# A writer that lives keeps its claim within two seconds. One that doesn't has its turn taken over after this.
TAKEN_OVER_AFTER = dt.timedelta(seconds=4)


# --- Who wants it: synchronous, inside `tenant()` -------------------------------------------------------------------


def want(conversation: Conversation, why: Stop, message_id: UUID | None = None) -> bool:
    """Stop the answer under way in this locked conversation, if there is one; whether there was.

    With `message_id` only while this very message is being written.
    """
    if message_id is not None:
        written = Message.objects.filter(id=message_id, conversation=conversation, status=MessageStatus.STREAMING)
        if not written.exists():
            return False
    return _mark(conversation, why, TurnStatus.RUNNING)


def ended(conversation: Conversation) -> None:
    """This locked conversation is over: nothing more is to be answered in it."""
    _mark(conversation, Stop.ENDED, TurnStatus.RUNNING, TurnStatus.QUEUED)


def _mark(conversation: Conversation, why: Stop, *statuses: TurnStatus) -> bool:
    turns = Turn.objects.filter(conversation=conversation, status__in=statuses, stop="")
    ids = list(turns.values_list("id", flat=True))
    if ids:
        marked = Turn.objects.filter(id__in=ids)
        marked.update(stop=why)
        # (PostgreSQL's LEAST would make a lease of none.)
        marked.exclude(leased_until=None).update(
            leased_until=Least("leased_until", Value(timezone.now() + TAKEN_OVER_AFTER))
        )
        live.tell_stop(conversation, ids, why)
    return bool(ids)


def _session_of(conversation_id: UUID) -> UUID | None:
    return VisitorSession.objects.filter(conversation_id=conversation_id).values_list("id", flat=True).first()


# --- The writer -------------------------------------------------------------------------------------------------------


class Doorbell:
    """Calls the writer when its turn is to stop, where this process hears live events."""

    def __init__(self, claim: Claim, ring: Callable[[str], None]) -> None:
        self.turn_id = str(claim.turn_id)
        self.ring = ring
        self.group = live.stop_group(claim.workspace_id, claim.conversation_id)
        hub = live.Hub.of_process()
        self.hub = hub if hub is not None and hub.loop is asyncio.get_running_loop() else None
        if self.hub is not None:
            self.hub.listen(self.group, self._hear)

    def _hear(self, event: Mapping[str, Any]) -> None:
        if event["type"] == "stop" and self.turn_id in event["turns"]:
            self.ring(event["why"])

    def close(self) -> None:
        """Listen no more."""
        if self.hub is not None:
            self.hub.leave(self.group, self._hear)


async def _count(_: str, visitors: Sequence[tuple[str, str]]) -> list[int | None]:
    return await in_thread(limiting.count_sockets, visitors)


# Whoever asks is told within that; who has left is missed ten seconds later anyway.
GATHER_SECONDS = 0.1
_windows: Together[str, tuple[str, str], int | None] = Together(_count, lambda: GATHER_SECONDS)


class Presence:
    """Whether the visitor who watched the answer coming is still there.

    Who never had a window open (a server that asks by HTTP) can't leave. Nor can one of another channel than the web:
    there the answer is carried to them. While Valkey is away nobody knows, and nobody is said to have left.
    """

    def __init__(self, claim: Claim, *, is_watched: bool) -> None:
        self.claim = claim
        self.is_watched = is_watched
        self.session_id: UUID | None = claim.session_id
        self.left_at: float | None = None

    async def is_over(self) -> bool:
        """Whether no window has been open for GONE_SECONDS."""
        if self.claim.input.channel != Channel.WEB:
            return False
        workspace_id = self.claim.workspace_id
        if self.session_id is None:
            self.session_id = await in_tenant(_session_of)(workspace_id, self.claim.conversation_id)
            if self.session_id is None:
                return False
        windows = await _windows.answer("", (str(workspace_id), str(self.session_id)))
        if windows is None or windows > 0:
            self.is_watched = self.is_watched or bool(windows)
            self.left_at = None
            return False
        if not self.is_watched:
            return False
        now = time.monotonic()
        self.left_at = now if self.left_at is None else self.left_at
        return now - self.left_at >= GONE_SECONDS
