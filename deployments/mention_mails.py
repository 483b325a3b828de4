"""The mails that tell members of a mention: sent by the sweeper, outside any transaction, and tried again.

A mention is claimed by moving its `due_at` on, which is committed before the mail server is asked: a sweeper that dies
in between leaves it due again, so a mail is sent twice rather than never.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.utils import timezone

from convoship.lib.tenancy import tenant
from deployments import doors, live
from deployments.models import Mention
from workspaces import members

logger = logging.getLogger(__name__)

BATCH = 50
LEASE = dt.timedelta(minutes=2)
# How long after each failure the next try comes; after the last there is none.
PAUSES = (dt.timedelta(minutes=1), dt.timedelta(minutes=10), dt.timedelta(hours=1), dt.timedelta(hours=6))
LONGEST_QUOTE = 2_000


@dataclass(frozen=True)
class Mail:
    """A mail about a mention."""

    address: str
    subject: str
    body: str


def send_due() -> int:
    """Send a batch of what is due; how many there were."""
    due = doors.due_mentions(BATCH)
    for workspace_id, mention_id in due:
        try:
            _send(workspace_id, mention_id)
        except Exception:
            logger.exception("mailing mention %s failed, it stays due", mention_id)
    return len(due)


def _send(workspace_id: UUID, mention_id: UUID) -> None:
    mail = _claim(workspace_id, mention_id)
    if mail is None:
        return
    trouble = ""
    try:
        send_mail(mail.subject, mail.body, None, [mail.address])
    except (OSError, ValueError) as error:  # SMTPException is an OSError; what can't be written as a mail is no other
        could_not = (
            "The mail server did not take it" if isinstance(error, OSError) else "It could not be written as a mail"
        )
        trouble = f"{could_not}: {error}"
        logger.error("mail to %s about mention %s was not taken: %s", mail.address, mention_id, error)
    _settle(workspace_id, mention_id, trouble)


def _claim(workspace_id: UUID, mention_id: UUID) -> Mail | None:
    """The mail, if it is still to be sent and nobody else is sending it."""
    with tenant(workspace_id):
        rows = Mention.objects.select_for_update(skip_locked=True, of=("self",)).select_related(
            "user", "note__conversation__person"
        )
        mention = rows.filter(id=mention_id, due_at__lte=timezone.now()).first()
        if mention is None:
            return None
        if not members.may(mention.user_id, "conversations.read"):
            mention.due_at, mention.trouble = None, "Not mailed: no longer a member who may read conversations."
            mention.save(update_fields=["due_at", "trouble"])
            return None
        mention.attempts += 1
        mention.due_at = timezone.now() + LEASE
        mention.save(update_fields=["attempts", "due_at"])
        return _mail(mention)


def _settle(workspace_id: UUID, mention_id: UUID, trouble: str) -> None:
    with tenant(workspace_id):
        mention = Mention.objects.select_related("note__conversation").filter(id=mention_id).first()
        if mention is None:
            return
        mention.trouble = trouble[:300]
        if not trouble:
            mention.mailed_at, mention.due_at = timezone.now(), None
        else:
            pause = PAUSES[mention.attempts - 1] if mention.attempts <= len(PAUSES) else None
            mention.due_at = timezone.now() + pause if pause is not None else None
        mention.save(update_fields=["trouble", "mailed_at", "due_at"])
        live.tell_team(mention.note.conversation, "note")


def _mail(mention: Mention) -> Mail:
    note, conversation = mention.note, mention.note.conversation
    person = conversation.who
    text = note.text if len(note.text) <= LONGEST_QUOTE else note.text[:LONGEST_QUOTE] + "…"
    link = f"{settings.PUBLIC_BASE_URL}/app/conversations/{conversation.id}/#n-{note.id}"
    return Mail(
        mention.user.email,
        " ".join(f"{note.author_name} mentioned you in the conversation with {person}".split()),
        f"{note.author_name} wrote in a note, which {person} can't see:\n\n{text}\n\nOpen it here: {link}\n",
    )
