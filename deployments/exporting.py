"""One conversation as a file: JSON for programs, text and PDF for people. Inside `tenant()`.

Times are in one named zone (IANA), which the file names. Files of messages are named, not contained. Notes, which the
visitor never saw, are in it only where they are asked for.
"""

from __future__ import annotations

import datetime as dt
import json
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from django.db.models import Count, Sum
from django.db.models.functions import Length
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from convoship.lib.actors import Actor
from convoship.lib.names import line as one_line
from convoship.lib.problems import Problem, invalid
from deployments import carriers, exporting_cost, notes
from deployments.channel_forms import written
from deployments.models import Conversation, Message, Note
from deployments.models.conversation import AuthorKind, Channel, MessageStatus
from workspaces import audit

MOST_MESSAGES = 20_000
# Characters of messages and notes together, with all that came with them: the whole file is made in memory.
LARGEST = 10_000_000
_AT_ONCE = 500
_Row = TypeVar("_Row", Message, Note)
CONTENT_TYPES = {"json": "application/json", "txt": "text/plain; charset=utf-8", "pdf": "application/pdf"}
FORMATS = tuple(CONTENT_TYPES)


@dataclass(frozen=True)
class Entry:
    """A message or a note as people read it: plain text, and what came with it in lines of its own."""

    at: dt.datetime
    who: str
    text: str
    is_note: bool = False
    is_system: bool = False
    is_ours: bool = False
    extras: tuple[str, ...] = ()


@dataclass(frozen=True)
class Talk:
    """A conversation ready to be written down. `is_cut`: only the first messages (and their notes) are in it."""

    conversation: Conversation
    zone: zoneinfo.ZoneInfo
    messages: list[Message]
    notes: list[Note]
    with_notes: bool
    is_cut: bool
    exported_at: dt.datetime
    facts: list[tuple[str, str]]

    def here(self, moment: dt.datetime) -> dt.datetime:
        """The moment in the export's zone."""
        return moment.astimezone(self.zone)

    @property
    def title(self) -> str:
        """What it is called."""
        return f"Conversation with {self.conversation.person.label}"

    @property
    def cut_words(self) -> str:
        """What is said at the end of one that is cut."""
        return f"Only the first {len(self.messages)} messages are in this file."

    def spoken(self, moment: dt.datetime) -> str:
        """`2026-11-27 15:47:01`, in the export's zone."""
        return _spoken(moment, self.zone)

    def entries(self) -> Iterator[Entry]:
        """Messages and notes in their order."""
        left = list(self.notes)
        for message in self.messages:
            while left and left[0].after_seq < message.seq:
                yield _of_note(left.pop(0))
            yield _of_message(message, self.conversation)
        yield from map(_of_note, left)


def _of_note(note: Note) -> Entry:
    return Entry(note.created_at, note.author_name, written(note.text), is_note=True)


def _of_message(message: Message, conversation: Conversation) -> Entry:
    is_visitors = message.author_kind == AuthorKind.VISITOR
    names = {AuthorKind.VISITOR: conversation.person.label, AuthorKind.ASSISTANT: conversation.assistant.name}
    kind = AuthorKind(message.author_kind)
    return Entry(
        message.created_at,
        message.author_name or names.get(kind) or message.shown_author,
        message.text if is_visitors else written(message.text),
        is_system=kind == AuthorKind.SYSTEM,
        is_ours=kind in {AuthorKind.ASSISTANT, AuthorKind.AGENT},
        extras=tuple(_extras(message)),
    )


def _extras(message: Message) -> Iterator[str]:
    for block in message.blocks:
        for item in (block if block.get("type") == "card" else {}, *block.get("cards", ()), *block.get("items", ())):
            words = " - ".join(str(item[name]) for name in ("title", "text", "url") if item.get(name))
            if words:
                yield f"[{words}]"
        labels = [str(button.get("label", "")) for button in block.get("buttons", ())]
        if labels:
            yield f"[Buttons: {', '.join(labels)}]"
    for file in message.attachments:
        if file.get("state"):
            what = (
                "being fetched" if file["state"] == "fetching" else f"not here: {file.get('reason', '')}".rstrip(": ")
            )
            yield f"[File: {file['name']}, {what}]"
            continue
        yield f"[File: {file['name']}, {filesizeformat(file['size']).replace(chr(0xA0), ' ')}]"
    if message.status in {MessageStatus.FAILED, MessageStatus.UNKNOWN, MessageStatus.SUPPRESSED, MessageStatus.PARKED}:
        yield f"[{MessageStatus(message.status).label}{': ' + message.reason if message.reason else ''}]"


# --- Writing it down --------------------------------------------------------------------------------------------------


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """The zone of this name; UTC for none; 422 `invalid` for one that there isn't."""
    name = name.strip() or "UTC"
    if name not in _zones():
        words = "There is no such time zone. Name one of the IANA database: Europe/Berlin, America/New_York, UTC."
        raise invalid({"zone": [words]}, detail=words)
    return zoneinfo.ZoneInfo(name)


@dataclass(frozen=True)
class Export:
    """A conversation that was read, and is to be written down in this form."""

    talk: Talk
    form: str

    def written(self) -> bytes:
        """The file. It takes its time (a PDF up to some seconds), so outside of `tenant()`: it needs no database."""
        return _WRITERS[self.form](self.talk)


def export(actor: Actor, conversation: Conversation, form: str, *, zone: str = "", with_notes: bool = False) -> Export:
    """The conversation, read to be a file of this form (one of `FORMATS`), and a line in the audit log.

    The conversation comes with its person, assistant and version. 422 `invalid` for an unknown form or zone, 413 for a
    PDF of too much.
    """
    if form not in _WRITERS:
        words = f"Choose one of: {', '.join(FORMATS)}."
        raise invalid({"format": [words]}, detail=words)
    in_zone = zone_of(zone)
    if form == "pdf":
        _refuse_many(conversation, with_notes)
    talk = _gathered(conversation, in_zone, with_notes)
    if form == "pdf":
        drawn = ((entry.who, entry.text, *entry.extras) for entry in talk.entries())
        if exporting_cost.weight(drawn, exporting_cost.LARGEST_PDF) > exporting_cost.LARGEST_PDF:
            raise _too_long()
    audit.record(actor, "conversation.exported", conversation, format=form, notes=with_notes, zone=talk.zone.key)
    return Export(talk, form)


def _refuse_many(conversation: Conversation, with_notes: bool) -> None:
    """What is too long by its words alone isn't even read."""
    sources = (Message, Note) if with_notes else (Message,)
    found = (source.objects.filter(conversation=conversation) for source in sources)
    counts = [rows.aggregate(count=Count("id"), size=Sum(Length("text"))) for rows in found]
    count, size = (sum(each[name] or 0 for each in counts) for name in ("count", "size"))
    if count > exporting_cost.MOST_IN_PDF or size > exporting_cost.LARGEST_PDF:
        raise _too_long()


def _too_long() -> Problem:
    return Problem(
        "payload_too_large",
        "This conversation is too long for a PDF.",
        hint="Export it as text or JSON: they hold more.",
    )


def _gathered(conversation: Conversation, zone: zoneinfo.ZoneInfo, with_notes: bool) -> Talk:
    rows, left = _first(_messages(conversation), LARGEST)
    found: list[Note] = []
    if with_notes and left > 0:
        said = notes.of(conversation)
        # Those of messages that are not in it would stand at no place.
        said = said.filter(after_seq__lte=rows[-1].seq) if rows and len(rows) == MOST_MESSAGES else said
        found, left = _first(said.iterator(_AT_ONCE), left)
    is_cut = left <= 0 or (len(rows) == MOST_MESSAGES and conversation.head_seq > rows[-1].seq)
    now = timezone.now()
    facts = _facts(conversation, zone, now)
    return Talk(conversation, zone, rows, found, with_notes, is_cut, now, facts)


def _messages(conversation: Conversation) -> Iterator[Message]:
    """The first of them in order, few at a time."""
    rows = Message.objects.filter(conversation=conversation).select_related("author_user").order_by("seq")
    last, count = 0, 0
    while count < MOST_MESSAGES:
        part = list(rows.filter(seq__gt=last)[: min(_AT_ONCE, MOST_MESSAGES - count)])
        if not part:
            return
        yield from part
        last, count = part[-1].seq, count + len(part)


def _first(rows: Iterable[_Row], most: int) -> tuple[list[_Row], int]:
    """As many of them as have `most` characters, and how many characters are left; 0 where that ended it."""
    found: list[_Row] = []
    for row in rows:
        size = len(row.text)
        if isinstance(row, Message):
            size += len(json.dumps([row.blocks, row.attachments], ensure_ascii=False))
        if size > most:
            return found, 0
        most -= size
        found.append(row)
    return found, most


def _facts(row: Conversation, zone: zoneinfo.ZoneInfo, now: dt.datetime) -> list[tuple[str, str]]:
    """What is known of it, in order."""
    place = carriers.place_of(row) if row.channel != Channel.WEB else None
    found = [
        ("Conversation", str(row.id)),
        ("Person", row.person.label),
        ("E-mail", f"{row.person.email} (as typed, not checked)" if row.person.email else ""),
        ("Channel", f"{place.label}: {place.address}" if place else row.get_channel_display()),
        ("Assistant", f"{row.assistant.name}, version {row.version.number}"),
        ("Page", row.page_url),
        ("Language", row.locale),
        ("Began", _spoken(row.started_at, zone)),
        ("Ended", _spoken(row.ended_at, zone) if row.ended_at else ""),
        ("Status", " ".join([f"{row.get_status_display()}.", row.ended_reason]).strip()),
        ("Times", f"in {zone.key}"),
        ("Exported", _spoken(now, zone)),
    ]
    return [(name, value) for name, value in found if value]


def _spoken(moment: dt.datetime, zone: zoneinfo.ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def disposition(conversation: Conversation, form: str) -> str:
    """The header that makes a browser keep the file."""
    return f'attachment; filename="conversation-{str(conversation.id)[:8]}.{form}"'


def _as_json(talk: Talk) -> bytes:
    row = talk.conversation

    def moment(value: dt.datetime | None) -> str | None:
        return talk.here(value).isoformat(timespec="milliseconds") if value else None

    document: dict[str, Any] = {
        "format": "convoship.conversation",
        "time_zone": talk.zone.key,
        "exported_at": moment(talk.exported_at),
        "conversation": {
            "id": str(row.id),
            "channel": row.channel,
            "status": row.status,
            "person": {"id": str(row.person_id), "name": row.person.name, "email": row.person.email},
            "assistant": {"id": str(row.assistant_id), "name": row.assistant.name, "version": row.version.number},
            "locale": row.locale,
            "page": {"url": row.page_url, "title": row.page_title, "referrer": row.referrer},
            "started_at": moment(row.started_at),
            "ended_at": moment(row.ended_at),
            "ended_reason": row.ended_reason,
        },
        "messages": [_message_json(message, moment) for message in talk.messages],
        "is_cut": talk.is_cut,
    }
    if talk.with_notes:
        document["notes"] = [
            {
                "id": str(note.id),
                "author": note.author_name,
                "text": note.text,
                "after_seq": note.after_seq,
                "mentions": [mention.user.display_name for mention in note.mentions.all()],
                "created_at": moment(note.created_at),
            }
            for note in talk.notes
        ]
    return (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()


def _message_json(message: Message, moment: Callable[[dt.datetime], str | None]) -> Mapping[str, Any]:
    return {
        "id": str(message.id),
        "seq": message.seq,
        "author": {"kind": message.author_kind, "name": message.author_name},
        "text": message.text,
        "blocks": message.blocks,
        "attachments": message.attachments,
        "status": message.status,
        "reason": message.reason,
        "created_at": moment(message.created_at),
    }


def _as_text(talk: Talk) -> bytes:
    width = max(len(name) for name, _ in talk.facts) + 2
    lines = [one_line(talk.title), ""]
    lines += [f"{name + ':':<{width}}{one_line(value)}" for name, value in talk.facts]
    for entry in talk.entries():
        kind = "note, not shown to the visitor" if entry.is_note else ""
        who = one_line(entry.who) + (f" ({kind})" if kind else "")
        lines += ["", f"[{talk.spoken(entry.at)}] {who}:"]
        lines += [f"    {line}" for part in (entry.text, *entry.extras) for line in part.splitlines()]
    if talk.is_cut:
        lines += ["", talk.cut_words]
    return ("\n".join(lines) + "\n").encode()


def _as_pdf(talk: Talk) -> bytes:
    from deployments import exporting_pdf  # fonts and the library take time and memory that few processes need

    return exporting_pdf.drawn(talk)


_WRITERS: Mapping[str, Callable[[Talk], bytes]] = {"json": _as_json, "txt": _as_text, "pdf": _as_pdf}
