"""Erasing a person: all that was said with them, and all that says who they are, for good.

It begins in one transaction: they are let go of everywhere that leads to them (addresses, the id of the customer's
server, what is under way), so that whoever writes next is somebody new. Then their conversations are emptied a batch at
a time, each batch in a transaction of its own; who is small is done at once, and for the others a worker goes on, the
next one where it died. Until the end the person's `state` is `erasing`.

What stays: conversations and messages without a word in them, with their `seq`, times and statuses (so numbers and
logs still count); an opt-out or a complaint, by a keyed digest of its address (`erased_addresses`); and a line in the
audit log that says how much of what was erased, and nothing of what it was.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection as database
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from convoship.lib.actors import Actor
from convoship.lib.deadlocks import once_more
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import conversations, doors, erased_addresses, live, person_holders, reply_mails
from deployments.models import (
    Budget,
    BudgetCount,
    BudgetNotice,
    Conversation,
    ConversationTag,
    File,
    Handoff,
    Identity,
    Message,
    Note,
    Person,
    PersonMerge,
    PersonNote,
    PreviewToken,
    ReplyMail,
    Spending,
    Turn,
    VisitorSession,
    WebhookCallback,
)
from deployments.models.conversation import Status, TurnStatus
from deployments.models.personal import ERASED, blank
from deployments.person_holders import Gone
from workspaces import audit
from workspaces.models import IdempotencyKey

logger = logging.getLogger(__name__)

# Of a batch, and so much is done at once where somebody waits for it.
CONVERSATIONS, MESSAGES = 20, 2_000
# People in hand of a worker's round, and their batches.
PEOPLE, BATCHES = 10, 50

_MERGED = "They were merged into another person."
_MERGING = "They are being merged with somebody just now."


@once_more
@transaction.atomic
def begin(actor: Actor, person: Person) -> Person:
    """Begin to erase somebody, and end it at once where there is little; 409 where they were merged into another.

    Asking again while it goes on changes nothing. Inside `tenant()`.
    """
    _require_kept(person)
    everybody = _everybody(person.id)
    # The first of all: who sends to them, or takes what they write, asks for addresses before rows, too.
    person_holders.own_addresses(everybody)
    identities = list(Identity.objects.select_for_update(no_key=True).filter(person__in=everybody).order_by("id"))
    list(
        _theirs(everybody).filter(status=Status.ACTIVE).select_for_update(no_key=True).order_by("id").values_list("id")
    )
    rows = Person.objects.select_for_update(no_key=True).filter(id__in=everybody).order_by("id")
    held = {row.id: row for row in rows}[person.id]
    # Merging holds the same rows: what it did while they were waited for is seen now.
    _require_kept(held)
    if set(_everybody(person.id)) != set(everybody):
        raise Problem("conflict", _MERGING, hint="Nothing was erased. Try again in a moment.")
    if held.erasing_at is not None:
        return held
    now, gone = timezone.now(), Gone()
    person_holders.erase_addresses(identities, now, gone)
    gone.add("identities", Identity.objects.filter(id__in=[row.id for row in identities]).delete()[0])
    asked = {"kind": actor.kind, "id": str(actor.id) if actor.id else None, "label": actor.label}
    Person.objects.filter(id__in=everybody).update(external_id=None, verified_at=None, visitor_id="", erasing_at=now)
    held.refresh_from_db()
    held.erasing = {"by": asked, "gone": dict(gone.counts)}
    held.save(update_fields=["erasing"])
    audit.record(actor, "person.erasing", held)
    if _is_little(everybody):
        while not _step(held):
            pass
    return held


def _require_kept(person: Person) -> None:
    if person.state == "merged":
        raise Problem("conflict", _MERGED, hint="Erase that one.")


def _everybody(person_id: UUID) -> list[UUID]:
    """The person and all who were merged into them, and into those."""
    found, new = [person_id], [person_id]
    while new:
        new = list(Person.objects.filter(merged_into__in=new).exclude(id__in=found).values_list("id", flat=True))
        found += new
    return found


def _theirs(everybody: Sequence[UUID]) -> Any:
    return Conversation.objects.filter(person__in=everybody)


def _is_little(everybody: Sequence[UUID]) -> bool:
    if _theirs(everybody)[: CONVERSATIONS + 1].count() > CONVERSATIONS:
        return False
    return Message.objects.filter(conversation__person__in=everybody)[: MESSAGES + 1].count() <= MESSAGES


# --- Going on ---------------------------------------------------------------------------------------------------------


def go_on_due() -> int:
    """Go on erasing whoever is being erased, batch by batch; how many batches there were. Outside of `tenant()`."""
    done = 0
    for workspace_id, person_id in doors.due_erasures(PEOPLE):
        try:
            done += _go_on(workspace_id, person_id)
        except Exception:
            logger.exception("erasing person %s failed, it stays due", person_id)
    return done


def _go_on(workspace_id: UUID, person_id: UUID) -> int:
    for batch in range(1, BATCHES + 1):
        with tenant(workspace_id):
            person_holders.own_addresses(_everybody(person_id))
            # Whom another worker has in hand is its own.
            free = Person.objects.select_for_update(no_key=True, skip_locked=True)
            row = free.filter(id=person_id, erasing_at__isnull=False, erased_at=None).first()
            if row is None or _step(row):
                return batch
    return BATCHES


def _step(person: Person) -> bool:
    """Erase a batch of a held person; whether that was the last."""
    everybody = _everybody(person.id)
    left = _theirs(everybody).filter(erased_at=None).order_by("id")
    batch = list(left.values_list("id", flat=True)[:CONVERSATIONS])
    gone = Gone()
    gone.counts.update(person.erasing["gone"])
    if not batch:
        _finish(person, everybody, gone)
        return True
    _erase_conversations(batch, person.erasing_at or timezone.now(), gone)
    person.erasing = {**person.erasing, "gone": dict(gone.counts)}
    person.save(update_fields=["erasing"])
    return False


def _finish(person: Person, everybody: Sequence[UUID], gone: Gone) -> None:
    """Who they were: the last thing to go."""
    now = timezone.now()
    gone.add("notes", PersonNote.objects.filter(person__in=everybody).delete()[0])
    gone.add("merges", PersonMerge.objects.filter(Q(kept__in=everybody) | Q(merged__in=everybody)).delete()[0])
    for person_id in everybody:
        _forget_answers(f"/people/{person_id}", person_id)
    _forget_spending(everybody)
    Person.objects.filter(id__in=everybody).update(**blank(Person), blocked_at=None, erased_at=now)
    by = person.erasing["by"]
    actor = Actor(kind=by["kind"], id=UUID(by["id"]) if by["id"] else None, label=by["label"])
    person.refresh_from_db()
    audit.record(actor, "person.erased", person, people=len(everybody), **gone.counts)


# --- A batch of conversations -----------------------------------------------------------------------------------------


def _erase_conversations(ids: Sequence[UUID], before: dt.datetime, gone: Gone) -> None:
    for conversation_id in ids:
        conversation = conversations.lock(conversation_id)
        conversations.end(conversation, Status.COMPLETED, ERASED, "")
        _stop_turns(conversation)
        _empty_messages(conversation, gone)
        _empty(conversation)
        _forget_answers(f"/conversations/{conversation.id}", conversation.id)
        gone.add("conversations", 1)
    person_holders.erase_conversations(ids, before, gone)
    # A trigger keeps the keys of the files, and the sweeper deletes what stands under them.
    gone.add("files", File.objects.filter(conversation__in=ids).delete()[0])
    gone.add("notes", Note.objects.filter(conversation__in=ids).delete()[1].get(Note._meta.label, 0))
    gone.add("mails", _erase_mails(ids))
    Handoff.objects.filter(conversation__in=ids).update(**blank(Handoff))
    ConversationTag.objects.filter(conversation__in=ids).delete()
    PreviewToken.objects.filter(conversation__in=ids).delete()
    VisitorSession.objects.filter(conversation__in=ids).delete()


def _stop_turns(conversation: Conversation) -> None:
    """Whoever answers just now finds its claim gone, and writes nothing."""
    rows = Turn.objects.filter(conversation=conversation)
    under_way = rows.filter(status__in=(TurnStatus.QUEUED, TurnStatus.RUNNING))
    under_way.update(status=TurnStatus.FAILED, claim=None, leased_until=None, finished_at=timezone.now())
    rows.update(**blank(Turn))
    WebhookCallback.objects.filter(turn__conversation=conversation).delete()


def _empty_messages(conversation: Conversation, gone: Gone) -> None:
    """Every message keeps its place, author's kind, time and status, and nothing else; each is a change of its own."""
    with database.cursor() as cursor:
        cursor.execute(
            "WITH placed AS (SELECT id, row_number() OVER (ORDER BY seq) AS place FROM deployments_message"
            " WHERE conversation_id = %(conversation)s)"
            " UPDATE deployments_message AS m SET"
            " author_name = CASE WHEN m.author_kind = 'visitor' THEN '' ELSE m.author_name END,"
            " status = CASE m.status WHEN 'streaming' THEN 'failed' WHEN 'queued' THEN 'suppressed'"
            " WHEN 'parked' THEN 'suppressed' ELSE m.status END, rev = %(rev)s + placed.place"
            " FROM placed WHERE m.id = placed.id",
            {"conversation": conversation.id, "rev": conversation.rev},
        )
        changed = cursor.rowcount
    Message.objects.filter(conversation=conversation).update(**blank(Message))
    conversation.rev += changed
    gone.add("messages", changed)


def _empty(conversation: Conversation) -> None:
    values = {**blank(Conversation), "silent_at": None, "erased_at": timezone.now()}
    for name, value in values.items():
        setattr(conversation, name, value)
    conversation.save(update_fields=["rev", *values])
    live.tell_change(conversation, [])


def _erase_mails(ids: Sequence[UUID]) -> int:
    """Mails and where they went to. That an address wants none, or takes none, goes on being known."""
    rows = ReplyMail.objects.filter(conversation__in=ids)
    erased = 0
    for mail in rows.filter(state__in=reply_mails.UNWANTED).exclude(address__endswith=erased_addresses.MAIL_HOST):
        erased += 1
        mail.address, mail.reason, mail.remedy = erased_addresses.mail_of(mail.address), ERASED, ""
        mail.save(update_fields=["address", "reason", "remedy"])
    return erased + rows.exclude(state__in=reply_mails.UNWANTED).delete()[0]


def _forget_answers(path: str, row_id: UUID) -> None:
    """What was kept for repeated calls of the API."""
    IdempotencyKey.objects.filter(Q(route__contains=path) | Q(answer__id=str(row_id))).delete()


def _forget_spending(everybody: Sequence[UUID]) -> None:
    """Who took what of models and bots: what was taken stays, and nobody any more who took it."""
    ids = [str(person_id) for person_id in everybody]
    Spending.objects.filter(visitor__in=everybody).update(visitor=None)
    BudgetCount.objects.filter(whose__in=ids).delete()
    BudgetNotice.objects.filter(whose__in=ids).update(whose="")
    Budget.objects.filter(spent_by__in=ids).update(spent_by="")
