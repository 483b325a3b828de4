"""The mails that call members on duty to a visitor who waits: sent by the sweeper, outside any transaction.

A conversation is claimed by one conditional UPDATE with a lease, committed before the mail server is asked, and
settled afterwards: a worker that dies in between leaves it due again, so a mail is sent twice rather than never.

Whoever opens a chat can have these mails sent, and says what stands in them. So a conversation calls once in
`PAUSE` at most, a workspace so many times an hour, and what visitors write is quoted in one line.
"""

from __future__ import annotations

import datetime as dt
import logging
import smtplib
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db.models import Q
from django.utils import timezone

from convoship.lib import limiting, names
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import attachments, calls, doors, handoff, live, mail_refusals
from deployments.handoff_outline import duration
from deployments.models import Conversation, Handoff, Message
from deployments.models.conversation import AuthorKind, Control
from deployments.models.handoff import HandoffState
from workspaces.members import addresses_on_duty

logger = logging.getLogger(__name__)

BATCH = 50
LEASE = dt.timedelta(minutes=2)
# The door `due_member_mails` knows it too.
PAUSE = dt.timedelta(minutes=5)
LONGEST_QUOTE = 500


@dataclass(frozen=True)
class Call:
    """A conversation in hand, until `leased_until`, and the mail about it."""

    workspace_id: UUID
    conversation_id: UUID
    leased_until: dt.datetime
    waiting_since: dt.datetime | None
    addresses: list[str]
    subject: str
    body: str


def send_due() -> int:
    """Mail about a batch of those who wait; how many there were. Outside of `tenant()`."""
    due = doors.due_member_mails(BATCH)
    for workspace_id, conversation_id in due:
        try:
            tell(workspace_id, conversation_id)
        except Exception:
            logger.exception("mailing members about conversation %s failed, it stays due", conversation_id)
    return len(due)


def tell(workspace_id: UUID, conversation_id: UUID) -> None:
    """Mail the members who can answer and are on duty that somebody waits, unless another sweeper does so now."""
    with tenant(workspace_id):
        call = _claim(workspace_id, conversation_id)
    if call is None:
        return
    trouble = _over_the_limit(call)
    taken = 0
    if not trouble:
        taken, trouble = _send(call)
    with tenant(workspace_id):
        _settle(call, is_mailed=taken > 0, trouble=trouble)


def _claim(workspace_id: UUID, conversation_id: UUID) -> Call | None:
    now = timezone.now()
    until = now + LEASE
    is_free = Q(telling_until=None) | Q(telling_until__lt=now)
    is_rested = Q(members_mailed_at=None) | Q(members_mailed_at__lt=now - PAUSE)
    untold = Conversation.objects.filter(control=Control.WAITING, members_told_at=None, id=conversation_id)
    if not untold.filter(is_free, is_rested).update(telling_until=until):
        return None
    conversation = Conversation.objects.select_related("person", "assistant").get(id=conversation_id)
    case = handoff.current(conversation)
    # Who was given it is called alone, on duty or not.
    given_to = case.holder if case is not None and case.state == HandoffState.ACCEPTED else None
    subject, body = _mail(conversation, is_given=given_to is not None)
    addresses = [given_to.email] if given_to else addresses_on_duty("conversations.write")
    return Call(workspace_id, conversation_id, until, conversation.waiting_since, addresses, subject, body)


def _over_the_limit(call: Call) -> str:
    """Why members aren't mailed now, "" where they are. Only what a server takes is counted: see `_send`."""
    if not call.addresses:
        return ""
    try:
        limiting.check("member_mails_per_workspace", str(call.workspace_id), words=_TOO_MANY)
    except Problem as problem:
        logger.warning("members are not mailed about conversation %s: %s", call.conversation_id, problem.detail)
        return problem.detail.split(" Try again")[0]
    return ""


_TOO_MANY = "Too many mails to members in an hour"


def _send(call: Call) -> tuple[int, str]:
    """How many of the mails were taken, and what the server said where none was."""
    taken, words = 0, ""
    for address in call.addresses:
        try:
            send_mail(call.subject, call.body, None, [address])
            taken += 1
        except OSError as error:  # SMTPException is one
            words = mail_refusals.read(error).words
            logger.error("mail to %s about conversation %s was not taken: %s", address, call.conversation_id, error)
            if not isinstance(error, smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused):
                break  # it isn't there at all: the others would wait for it as long, one after another
    if taken:
        try:
            limiting.hit("member_mails_per_workspace", str(call.workspace_id), words=_TOO_MANY)
        except Problem:
            logger.warning("the last mail to members that this hour allows went out in workspace %s", call.workspace_id)
    return taken, "" if taken else words


def _settle(call: Call, *, is_mailed: bool, trouble: str) -> None:
    """Write down what became of it, unless it took so long that another has it now."""
    now = timezone.now()
    mine = Conversation.objects.filter(id=call.conversation_id, telling_until=call.leased_until)
    if not trouble:
        # Who has asked anew in the meantime waits for another call.
        this_wait = mine.filter(control=Control.WAITING, members_told_at=None, waiting_since=call.waiting_since)
        this_wait.update(members_told_at=now)
    if is_mailed:
        mine.update(members_mailed_at=now)
    mine.update(telling_until=None)
    open_one = Handoff.objects.filter(conversation_id=call.conversation_id, ended_at=None)
    if open_one.exclude(mail_trouble=trouble[:300]).update(mail_trouble=trouble[:300]):
        live.tell_team(Conversation.objects.get(id=call.conversation_id), "note")


def held_back(conversation: Conversation) -> str:
    """Why members aren't called again yet, "" where nothing keeps them from it."""
    at = conversation.members_mailed_at
    if at is None or timezone.now() - at > PAUSE:
        return ""
    return f"At most one mail in {int(PAUSE.total_seconds() // 60)} minutes goes out about a conversation."


def _until(conversation: Conversation) -> str:
    case = handoff.current(conversation)
    if case is None or case.wait_until is None:
        return "They wait."
    minutes = max(1, round((case.wait_until - timezone.now()).total_seconds() / 60))
    return f"If nobody answers within {duration(minutes * 60)}, {calls.after_nobody_words(conversation)}."


def _mail(conversation: Conversation, *, is_given: bool) -> tuple[str, str]:
    said = Message.objects.filter(conversation=conversation, author_kind=AuthorKind.VISITOR).order_by("-seq").first()
    words = (said.text or attachments.preview(said.attachments)) if said else ""
    person, assistant = names.line(conversation.who), names.line(conversation.assistant.name)
    link = f"{settings.PUBLIC_BASE_URL}/app/conversations/{conversation.id}/"
    whom = "you: a colleague gave you the conversation" if is_given else "a person in a conversation"
    body = (
        f"{person} is waiting for {whom} with {assistant}.\n\n"
        f"Reason: {_quoted(conversation.handoff_reason) or 'none given'}\n"
        f"Their last words: {_quoted(words) or 'none yet'}\n\n"
        f"Answer here: {link}\n\n"
        f"{_until(conversation)}\n"
    )
    return f"{person} is waiting for {'you' if is_given else 'a person'} ({assistant})", body


def _quoted(text: str) -> str:
    """What a visitor wrote, in one line and in quotes: it can't look like a line of ours."""
    line = names.line(text[: 2 * LONGEST_QUOTE])
    return f"“{line if len(line) <= LONGEST_QUOTE else line[:LONGEST_QUOTE] + '…'}”" if line else ""
