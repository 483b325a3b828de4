"""What must happen though nobody asks: unfinished turns, hand-overs that wait, conversations gone quiet.

`due_work` finds it across workspaces; each piece then runs in its own tenant. Every act here checks again under the row
lock, so two sweepers do no harm. Mails go out apart from it, so that no visitor waits for a mail server.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Awaitable, Callable
from uuid import UUID

from django.db import connection
from django.utils import timezone

from convoship.lib.tenancy import in_tenant, tenant
from convoship.lib.threads import in_thread
from deployments import (
    budget_mails,
    conversations,
    doors,
    handoff,
    member_mails,
    mention_mails,
    reply_mails,
    snoozing,
    turns,
)
from deployments.models import Conversation, ReplyMail
from deployments.models.conversation import Channel, Control, Status

logger = logging.getLogger(__name__)

BATCH = 100
# Held in the database while mails are sent, by whoever sends them.
MAILS_LOCK = 0x6D61696C
# After so long without a word a conversation is over (CONTRACT section 1).
WEB_IDLE, IDLE = dt.timedelta(hours=24), dt.timedelta(hours=72)


async def sweep() -> int:
    """Do a batch of what is due; returns how many pieces there were.

    What an assistant may take long for comes last, and all at once: when a web process ends in the middle of a hundred
    answers, their visitors don't wait one for the other, and the workers' threads for none of them.
    """
    work = await in_thread(doors.due_work, BATCH)
    for piece in work:
        if piece.kind != "turn":
            await _done(piece, in_thread(_run, piece))
    answers = [piece for piece in work if piece.kind == "turn"]
    await asyncio.gather(*(_done(piece, _finish_turn(piece.workspace_id, piece.id)) for piece in answers))
    return len(work)


async def _done(piece: doors.DueWork, act: Awaitable[None]) -> None:
    try:
        await act
    except Exception:
        logger.exception("sweeping %s %s failed, it stays due", piece.kind, piece.id)


def sweep_mails() -> int:
    """Send a batch of each kind of mail that is due; returns how many there were, 0 while another does so.

    One at a time in a deployment: a mail server that hangs holds one of the workers' threads, and never all. The lock
    belongs to this thread's connection, not to a transaction, for none is open while a mail leaves; who dies lets go.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [MAILS_LOCK])
        (is_mine,) = cursor.fetchone() or (False,)
    if not is_mine:
        return 0
    try:
        return sum(kind.send_due() for kind in (member_mails, mention_mails, reply_mails, budget_mails))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [MAILS_LOCK])


async def _finish_turn(workspace_id: UUID, conversation_id: UUID) -> None:
    claim = await in_tenant(turns.claim_due)(workspace_id, conversation_id)
    if claim is not None:
        await turns.take_turn(claim)


def _run(piece: doors.DueWork) -> None:
    act: dict[str, Callable[[UUID, UUID], None]] = {
        "handoff": go_on,
        "idle": abandon,
        "silent": break_silence,
        "wake": wake,
    }
    act[piece.kind](piece.workspace_id, piece.id)


def go_on(workspace_id: UUID, conversation_id: UUID) -> None:
    """A hand-over's next step is due: nobody came, or who was there is gone."""
    with tenant(workspace_id):
        handoff.overdue(conversations.lock(conversation_id))


def break_silence(workspace_id: UUID, conversation_id: UUID) -> None:
    """The visitor has said nothing for as long as the script waits."""
    with tenant(workspace_id):
        turns.speak_into_silence(conversations.lock(conversation_id))


def wake(workspace_id: UUID, conversation_id: UUID) -> None:
    """The time has come until which a conversation was put away."""
    with tenant(workspace_id):
        snoozing.wake_if_due(conversations.lock(conversation_id))


def abandon(workspace_id: UUID, conversation_id: UUID) -> None:
    """End a conversation in which nothing has happened for as long as its channel allows.

    Not while somebody waits for a person, which has an end of its own; nor while it is put away until later, or a mail
    still leads the visitor back to it.
    """
    with tenant(workspace_id):
        conversation = conversations.lock(conversation_id)
        longest = WEB_IDLE if conversation.channel == Channel.WEB else IDLE
        if _is_expected_to_go_on(conversation):
            return
        if conversation.is_active and timezone.now() - conversation.last_activity_at >= longest:
            hours = int(longest.total_seconds() // 3600)
            conversations.end(conversation, Status.ABANDONED, f"Nothing was said for {hours} hours.", "")


def _is_expected_to_go_on(conversation: Conversation) -> bool:
    now = timezone.now()
    is_snoozed = conversation.snoozed_until is not None and conversation.snoozed_until > now
    links = ReplyMail.objects.filter(conversation=conversation, used_at=None, link_until__gt=now)
    return conversation.control == Control.WAITING or is_snoozed or links.exists()
