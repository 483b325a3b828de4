"""A person's answer to a visitor who has left goes by mail, two minutes after it was not read.

It is written down with the answer, claimed by one conditional UPDATE with a lease, sent outside any transaction and
settled afterwards: a worker that dies in between leaves it due again, so a mail is sent twice rather than never.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import F, Q
from django.utils import timezone

from convoship.lib import limiting
from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, not_found
from convoship.lib.tenancy import tenant
from deployments import blocking, conversations, doors, erased_addresses, live, mail_refusals, people, reply_mail_text
from deployments.models import Conversation, Handoff, Message, ReplyMail, VisitorSession
from deployments.models.conversation import AuthorKind, Channel
from deployments.models.reply_mail import ReplyMailState
from deployments.reply_mail_text import Mail
from workspaces import audit

logger = logging.getLogger(__name__)

UNREAD_FOR = dt.timedelta(minutes=2)
BATCH = 50
LEASE = dt.timedelta(minutes=2)
# How long after each failure the next try comes; after the last there is none.
PAUSES = (dt.timedelta(minutes=1), dt.timedelta(minutes=5), dt.timedelta(minutes=30), dt.timedelta(hours=2))
LINK_LIFETIME = dt.timedelta(days=7)
MOST_MESSAGES = 50
# What holds for an address though its person is erased.
UNWANTED = (ReplyMailState.BOUNCED, ReplyMailState.COMPLAINED)
UNPROVED = "Only the address that their sign-in proves may get this conversation."


@dataclass(frozen=True)
class Outcome:
    """What becomes of a mail: its state with the words for it; `is_final` False tries again later."""

    state: ReplyMailState
    reason: str = ""
    remedy: str = ""
    is_final: bool = True


@dataclass(frozen=True)
class Claimed:
    """A mail in hand: the messages up to `to_seq` go out. `is_first`: it was never tried before."""

    workspace_id: UUID
    id: UUID
    conversation_id: UUID
    claim: UUID
    to_seq: int
    is_first: bool
    mail: Mail


# --- When a person answers --------------------------------------------------------------------------------------------


def answered(conversation: Conversation, message: Message) -> None:
    """A person wrote this message: it goes by mail unless it is read soon. The conversation is locked."""
    if conversation.channel != Channel.WEB or conversation.is_test:
        return
    # One that may not be written to is kept until it is due, so that the transcript says why nothing went out.
    address = address_of(conversation) or _typed(conversation)
    if not address:
        return
    waiting = ReplyMail.objects.filter(conversation=conversation, state=ReplyMailState.QUEUED)
    if not waiting.update(to_seq=message.seq, address=address):
        _queue(conversation, address, message.seq, message.seq)


def _queue(conversation: Conversation, address: str, from_seq: int, to_seq: int) -> None:
    ReplyMail.objects.create(
        conversation=conversation,
        address=address,
        from_seq=from_seq,
        to_seq=to_seq,
        due_at=timezone.now() + UNREAD_FOR,
    )


def address_of(conversation: Conversation) -> str:
    """Where this conversation's visitor can be written to, "" where that isn't known.

    What was said of them in this very conversation, and of the person only what is proved: who sat at this browser
    before may be somebody else, and the mail would open this conversation to them. Where proof is needed, only what
    came with a verified token.
    """
    proved = conversation.person.email if people.is_surely(conversation) else ""
    return _first_address(proved) if needs_proof(conversation) else _typed(conversation) or _first_address(proved)


def needs_proof(conversation: Conversation) -> bool:
    """Whether a typed address is not enough: the person is proved, or the site lets nobody be named without."""
    is_required = conversation.deployment is not None and conversation.deployment.identity_required
    return is_required or conversation.person.external_id is not None


def may_open(mail: ReplyMail) -> bool:
    """Whether who reads this mail may go on with its conversation: it may have become a proved person's since."""
    conversation = mail.conversation
    return not needs_proof(conversation) or mail.address.lower() == address_of(conversation).lower()


def _typed(conversation: Conversation) -> str:
    """The address that the page, or the visitor before a hand-over, gave in this conversation."""
    answers = Handoff.objects.filter(conversation=conversation, answers__has_key="email").order_by("-requested_at")
    answer = answers.values_list("answers__email", flat=True).first()
    return _first_address(conversation.visitor_data.get("email"), answer)


def _first_address(*found: object) -> str:
    return next((address for address in found if isinstance(address, str) and _is_address(address)), "")


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return len(text) <= 254


# --- Sending ----------------------------------------------------------------------------------------------------------


def send_due() -> int:
    """Send a batch of what is due; how many there were. Outside of `tenant()`."""
    due = doors.due_reply_mails(BATCH)
    for workspace_id, mail_id in due:
        try:
            send(workspace_id, mail_id)
        except Exception:
            logger.exception("reply mail %s failed, it stays due", mail_id)
    return len(due)


def send(workspace_id: UUID, mail_id: UUID) -> None:
    """Send one, if it is due, still wanted, and nobody else is sending it."""
    with tenant(workspace_id):
        claimed = _claim(workspace_id, mail_id)
    if claimed is None:
        return
    outcome = _over_the_limit(claimed) if claimed.is_first else None
    if outcome is None:
        outcome = _sent(claimed)
    with tenant(workspace_id):
        _settle(claimed, outcome)


def _claim(workspace_id: UUID, mail_id: UUID) -> Claimed | None:
    now, claim = timezone.now(), uuid4()
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    due = ReplyMail.objects.filter(free, id=mail_id, state=ReplyMailState.QUEUED, due_at__lte=now)
    if not due.update(claim=claim, leased_until=now + LEASE, attempts=F("attempts") + 1):
        return None
    row = ReplyMail.objects.select_related("conversation__person", "conversation__deployment").get(id=mail_id)
    if needs_proof(row.conversation):
        row.address = address_of(row.conversation) or row.address
    messages = _unread(row)
    outcome = _held_back(row, messages)
    if outcome is not None:
        _write(row, outcome)
        return None
    row.link_until = now + LINK_LIFETIME
    row.save(update_fields=["link_until", "address"])
    mail = reply_mail_text.compose(row, messages, with_link=_has_way_back(row.conversation))
    return Claimed(workspace_id, mail_id, row.conversation_id, claim, row.to_seq, row.attempts == 1, mail)


def _unread(row: ReplyMail) -> list[Message]:
    """People's messages that the visitor has not read: neither seen in the chat, nor followed by words of theirs."""
    conversation = row.conversation
    said = Message.objects.filter(conversation=conversation, author_kind=AuthorKind.VISITOR).order_by("-seq")
    read_seq = max(conversation.visitor_read_seq, said.values_list("seq", flat=True).first() or 0)
    people = Message.objects.filter(conversation=conversation, author_kind=AuthorKind.AGENT)
    found = people.filter(seq__gte=row.from_seq, seq__lte=row.to_seq, seq__gt=read_seq).order_by("seq")
    return [message for message in found[:MOST_MESSAGES] if message.text or message.attachments]


def _held_back(row: ReplyMail, messages: list[Message]) -> Outcome | None:
    """Why it isn't sent now, if there is a reason."""
    if not messages:
        return Outcome(ReplyMailState.CANCELLED, "They read it here.")
    if row.conversation.person.blocked_at is not None:
        return Outcome(ReplyMailState.CANCELLED, blocking.HELD_BACK, "Unblock them on their page, then try again.")
    if not may_open(row):
        return Outcome(ReplyMailState.CANCELLED, UNPROVED)
    if ReplyMail.objects.filter(conversation_id=row.conversation_id, stopped_at__isnull=False).exists():
        return Outcome(ReplyMailState.CANCELLED, "They asked for no more mails about this conversation.")
    unwanted = ReplyMail.objects.filter(_at(row.address)).exclude(id=row.id)
    if unwanted.filter(state=ReplyMailState.COMPLAINED).exists():
        words = "An earlier mail to this address was reported as unwanted."
        return Outcome(ReplyMailState.CANCELLED, words, "Reach them another way.")
    if not row.is_again and unwanted.filter(state=ReplyMailState.BOUNCED).exists():
        words = "An earlier mail to this address came back."
        return Outcome(ReplyMailState.FAILED, words, "Ask for another address when they are here, or try again.")
    if row.attempts > len(PAUSES) + 1:
        return Outcome(ReplyMailState.FAILED, "It was begun several times and never finished.", "Try again.")
    return None


def _at(address: str) -> Q:
    """The mails to an address, those to it that were erased with their person among them."""
    erased = ReplyMail.objects.filter(address__endswith=erased_addresses.MAIL_HOST, state__in=UNWANTED)
    here = Q(address__iexact=address)
    return here | Q(address=erased_addresses.mail_of(address)) if erased.exists() else here


def _has_way_back(conversation: Conversation) -> bool:
    """Whether the link would open anything."""
    deployment = conversation.deployment
    if deployment is None or deployment.status in ("revoked", "expired") or not conversation.is_active:
        return False
    return VisitorSession.objects.filter(conversation=conversation, expires_at__gt=timezone.now()).exists()


def _over_the_limit(claimed: Claimed) -> Outcome | None:
    """An address is whatever a visitor typed: whose it is may get only so many mails, whoever asks for them."""
    try:
        words = "Too many mails of this workspace in a day"
        limiting.hit("reply_mails_per_workspace", str(claimed.workspace_id), words=words)
        limiting.hit("reply_mails_per_address", claimed.mail.address.lower(), words="Too many mails to this address")
    except Problem as problem:
        reason = f"{problem.detail.split(':')[0]}: it was not sent."
        return Outcome(ReplyMailState.FAILED, reason, "Try again tomorrow, or reach them another way.")
    return None


def _sent(claimed: Claimed) -> Outcome:
    try:
        claimed.mail.send()
    except (OSError, ValueError) as error:
        refusal = mail_refusals.read(error)
        logger.error("reply mail %s was not taken: %s", claimed.id, refusal.words)
        return Outcome(ReplyMailState.FAILED, refusal.words, refusal.remedy, is_final=refusal.is_final)
    return Outcome(ReplyMailState.SENT)


def _settle(claimed: Claimed, outcome: Outcome) -> None:
    """Write down what became of it. What was said while it was being sent is a mail of its own."""
    conversation = conversations.lock(claimed.conversation_id)
    row = ReplyMail.objects.select_for_update().filter(id=claimed.id, claim=claimed.claim).first()
    if row is None or row.state != ReplyMailState.QUEUED:
        return
    left, address = row.to_seq, row.address
    if not outcome.is_final and row.attempts <= len(PAUSES):
        row.reason, row.remedy = outcome.reason[:500], outcome.remedy
        row.due_at, row.claim, row.leased_until = timezone.now() + PAUSES[row.attempts - 1], None, None
        row.save()
        live.tell_team(conversation, "note")
        return
    if outcome.state == ReplyMailState.SENT:
        row.to_seq, row.address, row.sent_at = claimed.to_seq, claimed.mail.address, timezone.now()
    elif outcome.is_final:
        row.renewals += 1
    _write(row, outcome)
    if row.to_seq < left:
        _queue(conversation, address, row.to_seq + 1, left)


def _write(row: ReplyMail, outcome: Outcome) -> None:
    row.state, row.reason, row.remedy = outcome.state, outcome.reason[:500], outcome.remedy
    row.settled_at, row.claim, row.leased_until = timezone.now(), None, None
    row.save()
    live.tell_team(row.conversation, "note")


# --- Once more --------------------------------------------------------------------------------------------------------


def send_again(actor: Actor, conversation: Conversation, mail_id: UUID) -> ReplyMail:
    """Have a mail that was not sent or came back sent once more, to where the visitor is known to be now.

    One that was surely refused is a mail of its own from then on: under the Message-ID that they have seen, servers
    would drop it as a copy. Where nobody knows whether it was taken, it keeps its Message-ID, so that they can.

    The conversation is locked. 404 for another's, 409 where it can't be.
    """
    row = ReplyMail.objects.select_for_update().filter(conversation=conversation, id=mail_id).first()
    if row is None:
        raise not_found()
    if not row.can_go_again:
        raise Problem("conflict", f"This mail is {row.get_state_display().lower()}: there is nothing to try again.")
    if ReplyMail.objects.filter(conversation=conversation, state=ReplyMailState.QUEUED).exists():
        raise Problem("conflict", "Another mail of this conversation is on its way.", hint="Wait for that one first.")
    if not address_of(conversation) and needs_proof(conversation):
        raise Problem("conflict", f"Not mailed. {UNPROVED}", hint="Reach them another way.")
    row.address = address_of(conversation) or row.address
    row.renewals += row.state == ReplyMailState.BOUNCED
    row.state, row.reason, row.remedy, row.settled_at = ReplyMailState.QUEUED, "", "", None
    row.due_at, row.attempts, row.is_again = timezone.now(), 0, True
    row.save()
    live.tell_team(conversation, "note")
    audit.record(actor, "conversation.mailed_again", conversation, mail=str(row.id))
    return row
