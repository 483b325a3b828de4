"""What must happen though nobody asks: unfinished turns, hand-overs that wait, conversations gone quiet.

`due_work` finds it across workspaces; each piece then runs in its own tenant. Every act here checks again under the row
lock, so two sweepers do no harm.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db import connection
from django.utils import timezone

from convoship.lib.tenancy import in_tenant, tenant
from convoship.lib.threads import in_thread
from deployments import (
    attachments,
    conversations,
    doors,
    handoff,
    live,
    mail_refusals,
    mention_mails,
    reply_mails,
    snoozing,
    turns,
)
from deployments.models import Conversation, Handoff, Message, ReplyMail
from deployments.models.conversation import AuthorKind, Channel, Control, Status
from workspaces.members import addresses_on_duty

logger = logging.getLogger(__name__)

BATCH = 100
LONGEST_QUOTE = 500
# After so long without a word a conversation is over (CONTRACT section 1).
WEB_IDLE, IDLE = dt.timedelta(hours=24), dt.timedelta(hours=72)


async def sweep() -> int:
    """Do a batch of what is due; returns how many pieces there were."""
    work = await in_thread(doors.due_work, BATCH)
    for piece in work:
        try:
            if piece.kind == "turn":
                await _finish_turn(piece.workspace_id, piece.id)
            else:
                await in_thread(_run, piece)
        except Exception:
            logger.exception("sweeping %s %s failed, it stays due", piece.kind, piece.id)
    return len(work) + await in_thread(mention_mails.send_due) + await in_thread(reply_mails.send_due)


async def _finish_turn(workspace_id: UUID, conversation_id: UUID) -> None:
    claim = await in_tenant(turns.claim_due)(workspace_id, conversation_id)
    if claim is not None:
        await turns.take_turn(claim)


def _run(piece: doors.DueWork) -> None:
    act: dict[str, Callable[[UUID, UUID], None]] = {
        "tell_members": tell_members,
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


def tell_members(workspace_id: UUID, conversation_id: UUID) -> None:
    """Mail the members who can answer and are on duty that somebody waits.

    Marked once the mail has left: one is sent again rather than never. Two sweepers don't both send it, for the first
    holds an advisory lock; the conversation's row stays free, so that nobody in it waits for a mail server.
    """
    with tenant(workspace_id):
        conversation = Conversation.objects.filter(id=conversation_id, **_UNTOLD).first()
        if conversation is not None and _is_mine_to_tell(conversation_id) and _mail_members(conversation):
            this_wait = {**_UNTOLD, "waiting_since": conversation.waiting_since}
            Conversation.objects.filter(id=conversation_id, **this_wait).update(members_told_at=timezone.now())


_UNTOLD = {"control": Control.WAITING, "members_told_at": None}


def _is_mine_to_tell(conversation_id: UUID) -> bool:
    """Whether no other sweeper is telling this one's members, or has told them since."""
    key = int.from_bytes(conversation_id.bytes[8:], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [key])
        (is_held,) = cursor.fetchone() or (False,)
    return is_held and Conversation.objects.filter(id=conversation_id, **_UNTOLD).exists()


def _mail_members(conversation: Conversation) -> bool:
    """Whether there was nobody to tell, or at least one mail was taken."""
    addresses = addresses_on_duty("conversations.write")
    subject, body = _waiting_mail(conversation)
    failed, words = [], ""
    for address in addresses:
        try:
            send_mail(subject, body, None, [address])
        except OSError as error:
            failed.append(address)
            words = mail_refusals.read(error).words
            logger.error("mail to %s about conversation %s was not taken: %s", address, conversation.id, error)
    is_told = not addresses or len(failed) < len(addresses)
    _note_trouble(conversation, "" if is_told else words)
    return is_told


def _note_trouble(conversation: Conversation, words: str) -> None:
    """Have its page say that nobody could be called, and why; or no more, once somebody was."""
    open_one = Handoff.objects.filter(conversation=conversation, ended_at=None)
    if open_one.exclude(mail_trouble=words[:300]).update(mail_trouble=words[:300]):
        live.tell_team(conversation, "note")


def _until(conversation: Conversation) -> str:
    case = handoff.current(conversation)
    if case is None or case.wait_until is None:
        return "They wait."
    minutes = max(1, round((case.wait_until - timezone.now()).total_seconds() / 60))
    return f"If nobody answers within {minutes} minute{'s' if minutes > 1 else ''} the assistant goes on."


def _waiting_mail(conversation: Conversation) -> tuple[str, str]:
    said = Message.objects.filter(conversation=conversation, author_kind=AuthorKind.VISITOR).order_by("-seq").first()
    quoted = (said.text[:LONGEST_QUOTE] or attachments.preview(said.attachments)) if said else ""
    person, assistant = conversation.person.label, conversation.assistant.name
    link = f"{settings.PUBLIC_BASE_URL}/app/conversations/{conversation.id}/"
    subject = " ".join(f"{person} is waiting for a person ({assistant})".split())
    body = (
        f"{person} asked for a person while talking with {assistant}.\n\n"
        f"Reason: {conversation.handoff_reason}\n"
        f"Their last words: {quoted or 'none yet'}\n\n"
        f"Answer here: {link}\n\n"
        f"{_until(conversation)}\n"
    )
    return subject, body
