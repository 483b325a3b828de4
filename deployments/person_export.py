"""One person as a file: all that is known of them and was said with them, as JSON, or as a zip with their files.

It is written to a temporary file a conversation at a time, each read in a short transaction of its own, and contents
of files outside of any: so somebody with years of conversations takes no more memory than anybody else. What is past
the bounds is left out, and the document says so.
"""

from __future__ import annotations

import json
import logging
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any
from uuid import UUID

from django.utils import timezone

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from convoship.lib.times import maybe_moment, moment
from deployments import files, person_changes, person_fields, person_holders
from deployments.models import Conversation, File, Handoff, Identity, Message, Note, Person, ReplyMail, Tag
from workspaces import audit

logger = logging.getLogger(__name__)

MOST_CONVERSATIONS, MOST_MESSAGES, MOST_UNANSWERED = 5_000, 200_000, 5_000
LARGEST_FILES = 500 * 1024 * 1024  # bytes of files in a zip, together
PIECE = 1024 * 1024
CONTENT_TYPES = {"json": "application/json", "zip": "application/zip"}


@dataclass(frozen=True)
class Exported:
    """An export in a temporary file that is gone once it is closed; `size` in bytes."""

    person_id: UUID
    form: str
    content: IO[bytes]
    size: int
    conversations: int
    messages: int
    files: int

    @property
    def name(self) -> str:
        """What the file is called."""
        return f"person-{str(self.person_id)[:8]}.{self.form}"


@dataclass
class _Count:
    conversations: int = 0
    messages: int = 0
    files: int = 0
    is_cut: bool = False


def export(workspace_id: UUID, person_id: UUID, form: str) -> Exported:
    """The person as `json` or `zip`. Outside of `tenant()`; 404 where there is none. `note` says who took it."""
    target: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (handed on to who sends it)
    try:
        count = _Count()
        with tenant(workspace_id):
            person = person_changes.get(person_id)
        if form == "zip":
            with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
                with archive.open("person.json", "w", force_zip64=True) as document:
                    _write(document, workspace_id, person, count)
                _write_files(archive, workspace_id, person, count)
        else:
            _write(target, workspace_id, person, count)
        size = target.tell()
        target.seek(0)
    except BaseException:
        target.close()
        raise
    return Exported(person.id, form, target, size, count.conversations, count.messages, count.files)


def note(actor: Actor, exported: Exported) -> None:
    """That somebody took it. Inside `tenant()`."""
    person = person_changes.get(exported.person_id)
    counts = {
        "conversations": exported.conversations,
        "messages": exported.messages,
        "files": exported.files,
    }
    audit.record(actor, "person.exported", person, format=exported.form, bytes=exported.size, **counts)


def _write(target: Any, workspace_id: UUID, person: Person, count: _Count) -> None:
    """The document, piece by piece: its head, each conversation, its end."""
    with tenant(workspace_id):
        head = {
            "format": "convoship.person",
            "exported_at": moment(timezone.now()),
            "person": _person(person),
            "consents": [_consent(standing) for standing in person_holders.consents_of(person)],
            "unanswered": [_unanswered(one) for one in person_holders.unanswered_of(person, MOST_UNANSWERED)],
            "notes": [_note_of(row) for row in person_changes.notes_of(person)],
        }
        rows = Conversation.objects.filter(person=person, is_test=False).order_by("started_at", "id")
        ids = list(rows.values_list("id", flat=True)[: MOST_CONVERSATIONS + 1])
    count.is_cut = len(ids) > MOST_CONVERSATIONS
    target.write(_dumped(head)[:-1] + b', "conversations": [')
    for conversation_id in ids[:MOST_CONVERSATIONS]:
        if count.messages >= MOST_MESSAGES:
            count.is_cut = True
            break
        with tenant(workspace_id):
            row = Conversation.objects.select_related("assistant").filter(id=conversation_id).first()
            if row is None:
                continue
            target.write((b"," if count.conversations else b"") + b"\n" + _dumped(_conversation(row))[:-1])
            target.write(b', "messages": [')
            for place, piece in enumerate(_messages(row)):
                target.write((b"," if place else b"") + b"\n" + piece)
                count.messages += 1
            target.write(b"]}")
        count.conversations += 1
    target.write(b'], "is_cut": ' + (b"true" if count.is_cut else b"false") + b"}\n")


def _dumped(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def _person(person: Person) -> dict[str, Any]:
    identities = list(Identity.objects.filter(person=person).order_by("created_at"))
    shown = person_holders.addresses_of(identities)
    return {
        "id": str(person.id),
        "name": person.name,
        "email": person.email,
        "external_id": person.external_id,
        "verified_at": maybe_moment(person.verified_at),
        "identities": [
            {"kind": row.kind, "value": shown[row.id].value, "since": moment(row.created_at)} for row in identities
        ],
        "fields": {value.field.key: value.value for value in person_fields.values_of(person)},
        "blocked_at": maybe_moment(person.blocked_at),
        "blocked_reason": person.blocked_reason,
        "created_at": moment(person.created_at),
    }


def _consent(standing: person_holders.Standing) -> dict[str, Any]:
    return {
        "connection": standing.place,
        "address": standing.address,
        "state": standing.state,
        "since": moment(standing.changed_at),
        "ledger": [{"at": moment(line.at), "state": line.state, "source": line.source} for line in standing.lines],
    }


def _unanswered(one: person_holders.Unanswered) -> dict[str, Any]:
    return {"at": moment(one.at), "connection": one.place, "text": one.text, "files": one.files, "why": one.why}


def _note_of(row: Any) -> dict[str, Any]:
    return {"author": row.author_name, "text": row.text, "created_at": moment(row.created_at)}


def _conversation(row: Conversation) -> dict[str, Any]:
    notes = Note.objects.filter(conversation=row).order_by("created_at")
    mails = ReplyMail.objects.filter(conversation=row).order_by("created_at")
    handoffs = Handoff.objects.filter(conversation=row).order_by("requested_at")
    tags = Tag.objects.filter(tagged__conversation=row).order_by("name")
    return {
        "id": str(row.id),
        "channel": row.channel,
        "assistant": row.assistant.name,
        "status": row.status,
        "said_of_them": row.visitor_data,
        "proved_as": row.proved_as or None,
        "page": {"url": row.page_url, "title": row.page_title, "referrer": row.referrer},
        "page_now": row.page_now,
        # What the assistant has understood so far, and keeps for its next answer.
        "understood": row.flow_state,
        "tags": list(tags.values_list("name", flat=True)),
        "handoffs": [_handoff(handoff) for handoff in handoffs],
        "handoff_reason": row.handoff_reason,
        "ended_reason": row.ended_reason,
        "locale": row.locale,
        "started_at": moment(row.started_at),
        "ended_at": maybe_moment(row.ended_at),
        "notes": [_note_of(note) for note in notes],
        "mails": [
            {"address": mail.address, "state": mail.state, "created_at": moment(mail.created_at)} for mail in mails
        ],
    }


def _handoff(row: Handoff) -> dict[str, Any]:
    return {
        "cause": row.cause,
        "reason": row.reason,
        # What was asked before a person came, and what they answered.
        "answers": row.answers,
        "with": row.shown_holder,
        "case_ref": row.case_ref,
        "tried": [{"words": tried.get("words", ""), "at": tried.get("at", "")} for tried in row.tried],
        "outcome": row.outcome,
        "summary": row.summary,
        "requested_at": moment(row.requested_at),
        "ended_at": maybe_moment(row.ended_at),
    }


def _messages(row: Conversation) -> Iterator[bytes]:
    for message in Message.objects.filter(conversation=row).order_by("seq").iterator(chunk_size=500):
        yield _dumped(
            {
                "seq": message.seq,
                "author": {"kind": message.author_kind, "name": message.author_name},
                "text": message.text,
                "tapped": message.payload,
                "template": message.template,
                "blocks": message.blocks,
                "attachments": message.attachments,
                "status": message.status,
                "created_at": moment(message.created_at),
            }
        )


def _write_files(archive: zipfile.ZipFile, workspace_id: UUID, person: Person, count: _Count) -> None:
    with tenant(workspace_id):
        theirs = File.objects.filter(conversation__person=person, stored_at__isnull=False, message__isnull=False)
        rows = list(theirs.order_by("created_at", "id"))
    left_out, written = [], 0
    for row in rows:
        if written + row.size > LARGEST_FILES:
            left_out.append(f"{row.id} {row.name}: too much for one archive")
            continue
        try:
            _, content = files.opened(workspace_id, row.id)
        except Problem as problem:
            left_out.append(f"{row.id} {row.name}: {problem.detail}")
            continue
        # Its id keeps apart what has the same name; the name was cleaned when it was taken up.
        info = zipfile.ZipInfo(f"files/{row.id}-{row.name.replace('/', '_')}", row.created_at.timetuple()[:6])
        info.external_attr = 0o600 << 16
        with content, archive.open(info, "w", force_zip64=True) as into:
            while piece := content.read(PIECE):
                into.write(piece)
        written += row.size
        count.files += 1
    if left_out:
        archive.writestr("left-out.txt", "\n".join(left_out) + "\n")
