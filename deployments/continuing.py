"""What the link of a mail opens: one conversation, once, on a page of ours; and what its other link stops.

A scanner that reads mails only looks: a link is spent by a press of a button, by one conditional UPDATE. Whoever spent
it may load the page again for a day, which their browser's own signed mark says.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal, TypeAlias
from uuid import UUID

from django.core import signing
from django.utils import timezone

from convoship.lib import tokens
from convoship.lib.tenancy import tenant
from deployments import (
    conversations,
    doors,
    live,
    origins,
    previewing,
    reply_links,
    reply_mail_text,
    reply_mails,
    sessions,
)
from deployments.models import Conversation, PreviewToken, ReplyMail, VisitorSession
from deployments.models.reply_mail import ReplyMailState
from deployments.previewing import Preview
from deployments.reply_links import NotALink

MARK_LIFETIME = dt.timedelta(hours=24)
_SALT = "deployments.continuing"

# good: it can be pressed; mine: this browser did; used: another one did; old; ended: the conversation; gone: the site;
# proof: it went to an address that was only typed, and the conversation needs a sign-in now.
Standing: TypeAlias = Literal["good", "mine", "used", "old", "ended", "gone", "paused", "proof"]


@dataclass(frozen=True)
class Link:
    """A genuine link and how it stands. `preview` opens the widget, where it was just opened."""

    standing: Standing
    mail_id: UUID
    assistant: str
    locale: str
    # Where the visitor was when they wrote last; "" where that isn't known, or is no page of the deployment's.
    page_url: str
    agent_id: UUID
    is_stopped: bool
    preview: Preview | None = None


def mark_of(link: Link) -> str:
    """What the browser that spent the link keeps, signed."""
    return signing.dumps(str(link.mail_id), salt=_SALT)


def look(code: str, mark: str = "") -> Link:
    """How a link stands, for a browser that has this mark; spends nothing, and opens what it has spent. NotALink."""
    return _open(code, mark, spend=False)


def go_on(code: str, mark: str = "") -> Link:
    """Open the conversation: by spending the link, or because this browser did. NotALink."""
    return _open(code, mark, spend=True)


def stop(code: str) -> Link:
    """The visitor wants no more mails about this conversation. NotALink."""
    mail_id, workspace_id = _located(code)
    with tenant(workspace_id):
        mail = _mail(mail_id)
        conversation = conversations.lock(mail.conversation_id)
        now = timezone.now()
        ReplyMail.objects.filter(id=mail_id, stopped_at=None).update(stopped_at=now)
        waiting = ReplyMail.objects.filter(conversation=conversation, state=ReplyMailState.QUEUED)
        words = "They asked for no more mails about this conversation."
        waiting.update(state=ReplyMailState.CANCELLED, reason=words, remedy="", settled_at=now, claim=None)
        live.tell_team(conversation, "note")
        return _link(_mail(mail_id), _standing(mail, ""))


def _located(code: str) -> tuple[UUID, UUID]:
    mail_id = reply_links.read(code)
    workspace_id = doors.locate_reply_mail(mail_id)
    if workspace_id is None:
        raise NotALink
    return mail_id, workspace_id


def _mail(mail_id: UUID) -> ReplyMail:
    rows = ReplyMail.objects.select_related("conversation__deployment", "conversation__version", "conversation__person")
    mail = rows.filter(id=mail_id).first()
    if mail is None:
        raise NotALink
    return mail


def _open(code: str, mark: str, *, spend: bool) -> Link:
    mail_id, workspace_id = _located(code)
    with tenant(workspace_id):
        mail = _mail(mail_id)
        if spend:
            # Held, so that it does not end between being found open and being opened.
            mail.conversation = conversations.lock(mail.conversation_id)
        standing = _standing(mail, mark)
        if spend and standing == "good":
            standing = "mine" if _spend(mail) else "used"
        session = _session_of(mail.conversation) if standing == "mine" else None
        preview = _preview(session) if session is not None else None
        return _link(mail, standing, preview)


def _standing(mail: ReplyMail, mark: str) -> Standing:
    conversation, now = mail.conversation, timezone.now()
    deployment = conversation.deployment
    if deployment is None or deployment.status in ("revoked", "expired"):
        return "gone"
    if not conversation.is_active or not _session_of(conversation):
        return "ended"
    if not reply_mails.may_open(mail):
        return "proof"
    is_mine = mail.used_at is not None and _is_marked(mail, mark)
    if not is_mine and mail.used_at is not None:
        return "used"
    if not is_mine and (mail.link_until is None or mail.link_until <= now):
        return "old"
    if deployment.paused_at is not None:
        return "paused"
    return "mine" if is_mine else "good"


def _session_of(conversation: Conversation) -> VisitorSession | None:
    return VisitorSession.objects.filter(conversation=conversation, expires_at__gt=timezone.now()).first()


def _is_marked(mail: ReplyMail, mark: str) -> bool:
    try:
        return bool(signing.loads(mark, salt=_SALT, max_age=MARK_LIFETIME) == str(mail.id))
    except signing.BadSignature:
        return False


def _spend(mail: ReplyMail) -> bool:
    """Whether it was this press that spent the link."""
    now = timezone.now()
    if not ReplyMail.objects.filter(id=mail.id, used_at=None, link_until__gt=now).update(used_at=now):
        return False
    session = _session_of(mail.conversation)
    if session is not None:
        VisitorSession.objects.filter(id=session.id).update(continued_at=now)
        sessions.touch(session.id, session.expires_at)
    live.tell_team(mail.conversation, "note")
    return True


def _preview(session: VisitorSession) -> Preview:
    """A token with which the widget on our page goes on with this session's conversation."""
    now = timezone.now()
    PreviewToken.objects.filter(conversation_id=session.conversation_id, expires_at__lt=now).delete()
    token, expires_at = tokens.make("cpt"), now + previewing.LIFETIME
    PreviewToken.objects.create(
        deployment_id=session.deployment_id,
        conversation_id=session.conversation_id,
        digest=token.digest,
        expires_at=expires_at,
    )
    return Preview(token.value, expires_at)


def _link(mail: ReplyMail, standing: Standing, preview: Preview | None = None) -> Link:
    conversation = mail.conversation
    mails = ReplyMail.objects.filter(conversation=conversation, stopped_at__isnull=False)
    return Link(
        standing=standing,
        mail_id=mail.id,
        assistant=reply_mail_text.assistant_of(conversation),
        locale=conversation.locale,
        page_url=_page_of(conversation),
        agent_id=conversation.assistant_id,
        is_stopped=mails.exists(),
        preview=preview,
    )


def _page_of(conversation: Conversation) -> str:
    """The last page of theirs that the deployment lets in: what a browser claims may be anywhere, and we lead there."""
    allowed = conversation.deployment.allowed_origins if conversation.deployment else []
    claimed = (str(conversation.page_now.get("url") or ""), conversation.page_url)
    return next((url for url in claimed if origins.matches(origins.of_url(url), allowed)), "")
