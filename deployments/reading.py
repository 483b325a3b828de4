"""Read marks, both ways: how far the visitor has read, and how far the member whose conversation it is.

They are written by one statement each, beside whoever holds the conversation's row for more: a mark only ever moves on,
never beyond the last message, and moves no `rev`, so that nothing is read again because something was read.
"""

from __future__ import annotations

import asyncio
import logging
from uuid import UUID

from convoship.lib import rows
from convoship.lib.tenancy import in_tenant
from convoship.lib.times import moment
from deployments import live
from deployments.models import Conversation
from deployments.models.conversation import Control
from workspaces.models import User

logger = logging.getLogger(__name__)

EVERY_SECONDS = 1.0

_BY_VISITOR = """
    UPDATE deployments_conversation SET visitor_read_seq = LEAST(%s, head_seq), visitor_read_at = now()
     WHERE id = %s AND visitor_read_seq < LEAST(%s, head_seq) RETURNING visitor_read_seq, visitor_read_at"""
_BY_MEMBER = """
    UPDATE deployments_conversation SET agent_read_seq = LEAST(%s, head_seq)
     WHERE id = %s AND assigned_to_id = %s AND control = %s AND agent_read_seq < LEAST(%s, head_seq)
    RETURNING agent_read_seq"""


def by_visitor(conversation_id: UUID, seq: int) -> None:
    """The visitor has read up to this message; the members who look are told. Inside `tenant()`."""
    written = rows.one(_BY_VISITOR, [seq, conversation_id, seq])
    if written is not None:
        conversation = Conversation.objects.only("workspace_id").get(id=conversation_id)
        live.tell_team(conversation, "seen", seq=written[0], at=moment(written[1]))


def by_member(conversation_id: UUID, user: User, seq: int) -> None:
    """The member has read up to this message; the visitor is told. Inside `tenant()`.

    It counts only where the conversation is theirs: who merely looks on promises the visitor nothing.
    """
    written = rows.one(_BY_MEMBER, [seq, conversation_id, user.id, Control.HUMAN, seq])
    if written is not None:
        conversation = Conversation.objects.only("workspace_id").get(id=conversation_id)
        live.tell_read(conversation, written[0])


class Reads:
    """What visitors say they have read, written at most once a second for each session of this process.

    The furthest of what comes in between is written when that second is over.
    """

    _instance: Reads | None = None

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.waiting: dict[UUID, int] = {}
        self.pauses: set[asyncio.Task[None]] = set()

    @classmethod
    def get(cls) -> Reads:
        """The one of the running loop."""
        loop = asyncio.get_running_loop()
        if cls._instance is None or cls._instance.loop is not loop:
            cls._instance = cls(loop)
        return cls._instance

    async def note(self, workspace_id: UUID, conversation_id: UUID, seq: int) -> None:
        """The visitor of this conversation has read up to this message."""
        if conversation_id in self.waiting:
            self.waiting[conversation_id] = max(self.waiting[conversation_id], seq)
            return
        self.waiting[conversation_id] = 0
        pause = self.loop.create_task(self._pause(workspace_id, conversation_id))
        self.pauses.add(pause)
        pause.add_done_callback(self.pauses.discard)
        await in_tenant(by_visitor)(workspace_id, conversation_id, seq)

    async def _pause(self, workspace_id: UUID, conversation_id: UUID) -> None:
        await asyncio.sleep(EVERY_SECONDS)
        later = self.waiting.pop(conversation_id)
        if later:
            try:
                await self.note(workspace_id, conversation_id, later)
            except Exception:
                logger.exception("what was read of conversation %s was not kept", conversation_id)
