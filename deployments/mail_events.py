"""What a mail provider says of a mail after it was handed over: that it came back, or was reported as unwanted.

Source: django-anymail's normalised tracking events (`anymail.signals.EventType`). A mail is known by the mark that we
had the provider carry, or by its Message-ID; events of other mails are nobody's here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils import timezone

from convoship.lib import names
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import conversations, doors, live
from deployments.models import ReplyMail
from deployments.models.reply_mail import ReplyMailState
from deployments.reply_mail_text import MARK

_MESSAGE_ID = re.compile(r"<?reply-([0-9a-f]{32}(?:\.[0-9]{1,4})?)@[^>\s]*>?", re.ASCII)
_REFUSED = {"bounced": "It came back", "rejected": "The mail provider did not send it", "failed": "It was not sent"}


@dataclass(frozen=True)
class MailEvent:
    """One event. `kind` as anymail names it; `said`: the provider's or the other server's words."""

    kind: str
    recipient: str = ""
    message_id: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    said: str = ""


def take(event: MailEvent) -> bool:
    """Write down what became of one of our mails; whether it changed anything. Outside of `tenant()`.

    503 `unavailable` while it is still being handed over: providers say it again.
    """
    mail_id, renewals = _mail_of(event)
    workspace_id = doors.locate_reply_mail(mail_id) if mail_id else None
    if mail_id is None or workspace_id is None or event.kind not in {*_REFUSED, "complained", "unsubscribed"}:
        return False
    with tenant(workspace_id):
        conversation_id = ReplyMail.objects.filter(id=mail_id).values_list("conversation_id", flat=True).first()
        if conversation_id is None:
            return False
        conversation = conversations.lock(conversation_id)
        mail = ReplyMail.objects.select_for_update().filter(id=mail_id).first()
        if mail is not None and mail.claim is not None:
            raise Problem("unavailable", "This mail is just being sent. Say it again.", retry_after=30)
        if mail is None or mail.sent_at is None or (event.recipient or mail.address).lower() != mail.address.lower():
            return False
        # It came back before, and was sent anew since: that is known. A complaint stands whichever it is of.
        if renewals != mail.renewals and event.kind in _REFUSED:
            return False
        if not _note(mail, event):
            return False
        live.tell_team(conversation, "note")
        return True


def _note(mail: ReplyMail, event: MailEvent) -> bool:
    now = timezone.now()
    if event.kind == "unsubscribed":
        if mail.stopped_at is not None:
            return False
        mail.stopped_at = now
        mail.save(update_fields=["stopped_at"])
        return True
    if event.kind == "complained":
        state, reason = ReplyMailState.COMPLAINED, "They reported it as unwanted."
        remedy = "No more mails are sent to this address. Reach them another way."
    else:
        said = names.line(event.said)
        state, reason = (
            ReplyMailState.BOUNCED,
            f"{_REFUSED[event.kind]}: {said}" if said else f"{_REFUSED[event.kind]}.",
        )
        remedy = "Ask for another address when they are here, or try again."
    # A complaint stands, whatever is said later; and a mail that is to be sent again has begun anew.
    if mail.state not in (ReplyMailState.SENT, ReplyMailState.BOUNCED) or mail.state == state:
        return False
    mail.state, mail.reason, mail.remedy, mail.settled_at = state, reason[:500], remedy, now
    mail.save(update_fields=["state", "reason", "remedy", "settled_at"])
    return True


def _mail_of(event: MailEvent) -> tuple[UUID | None, int]:
    """The mail's id, and how often it had been begun anew."""
    marks = {str(key).lower(): value for key, value in event.metadata.items()}
    try:
        return _named(str(marks[MARK]))
    except (KeyError, ValueError):
        found = _MESSAGE_ID.fullmatch(event.message_id.strip())
        return _named(found[1]) if found else (None, 0)


def _named(name: str) -> tuple[UUID, int]:
    mail_id, _, renewals = name.partition(".")
    return UUID(mail_id), int(renewals or 0)
