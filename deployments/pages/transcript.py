"""How one conversation's transcript is drawn: its messages, and between them what members noted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.safestring import SafeString

from deployments import carriers, file_kinds, notes, writing
from deployments.models import Conversation, Mention, Message, Note, ReplyMail, Turn
from deployments.models.conversation import AuthorKind, Channel, MessageStatus, Stop
from deployments.pages import queries
from deployments.safe_text import render_markdown
from deployments.wire import attachment_json


@dataclass(frozen=True)
class Card:
    """A card, or an item of a list."""

    title: str
    html: SafeString


@dataclass(frozen=True)
class Attached:
    """A file of a message; `url` is good for an hour."""

    name: str
    size: int
    url: str
    is_image: bool
    is_deleted: bool = False
    # Of one that is not here (yet): being fetched, failed or refused, and why; `again`: where it is fetched anew.
    state: str = ""
    reason: str = ""
    again: str = ""


@dataclass(frozen=True)
class Line:
    """A message as the transcript shows it."""

    message: Message
    html: SafeString
    side: str
    author: str
    turn: Turn | None
    trace: list[tuple[str, str]]
    buttons: list[str] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    files: list[Attached] = field(default_factory=list)
    # The badge of a message that did not arrive (so far): its words and tone; and where its story is told.
    trouble: tuple[str, str] | None = None
    story: str = ""
    # Where a template is sent in its place, while it waits for a window.
    repair: str = ""
    # When the visitor had read up to here, under the last of our messages that they have, until they write again.
    seen_at: dt.datetime | None = None
    # The mails whose last message this is.
    mails: Sequence[ReplyMail] = ()


@dataclass(frozen=True)
class NoteLine:
    """A note as the transcript shows it."""

    note: Note
    html: SafeString
    mentions: list[Mention]


@dataclass(frozen=True)
class Transcript:
    """Lines and notes in their order, and which part of the messages they are."""

    entries: list[Line | NoteLine]
    part: queries.Transcript

    @property
    def head_seq(self) -> int:
        """The last message's that is shown; 0 where there is none."""
        return self.part.last_seq if self.part.messages else 0


def transcript(conversation: Conversation, around: int | None = None) -> Transcript:
    """The conversation as its members see it: its newest messages, or those around one."""
    part = queries.transcript(conversation, around)
    messages = list(part.messages)
    found = [
        NoteLine(note, SafeString(render_markdown(note.text)), list(note.mentions.all()))
        for note in notes.of(conversation, after_seq=part.first_seq - 1 if part.has_earlier else 0)
        if not part.has_later or note.after_seq <= part.last_seq
    ]
    lines = _with_mails(conversation, _with_seen(conversation, _lines(conversation, messages)))
    return Transcript(list(_woven(lines, found)), part)


def _with_mails(conversation: Conversation, lines: list[Line]) -> list[Line]:
    """Under the last message that each has, what became of it; of those that nobody needed, nothing."""
    if conversation.channel != Channel.WEB:
        return lines
    mails = queries.reply_mails(conversation)
    return [replace(line, mails=found) if (found := mails.get(line.message.seq)) else line for line in lines]


def _with_seen(conversation: Conversation, lines: list[Line]) -> list[Line]:
    for place in reversed(range(len(lines))):
        message = lines[place].message
        if message.author_kind == AuthorKind.VISITOR:
            break
        if message.author_kind != AuthorKind.SYSTEM and message.seq <= conversation.visitor_read_seq:
            lines[place] = replace(lines[place], seen_at=conversation.visitor_read_at)
            break
    return lines


def _woven(lines: Iterable[Line], found: list[NoteLine]) -> Iterator[Line | NoteLine]:
    """Each note after the message that was the last when it was written."""
    left = iter(found)
    note = next(left, None)
    for line in lines:
        while note is not None and note.note.after_seq < line.message.seq:
            yield note
            note = next(left, None)
        yield line
    while note is not None:
        yield note
        note = next(left, None)


# What has not arrived, the words and the tone of each.
_TROUBLES = {
    MessageStatus.QUEUED: ("Waiting to be sent", ""),
    MessageStatus.PARKED: ("Parked", "warn"),
    MessageStatus.FAILED: ("Not delivered", "bad"),
    MessageStatus.UNKNOWN: ("Nobody knows whether it arrived", "warn"),
    MessageStatus.SUPPRESSED: ("Held back", "warn"),
}


def _lines(conversation: Conversation, messages: list[Message]) -> list[Line]:
    """The transcript's lines, each that somebody carries to the visitor with the way to its story."""
    is_carried = conversation.channel != Channel.WEB
    stories = carriers.stories_of([it for it in messages if it.author_kind != AuthorKind.VISITOR]) if is_carried else {}
    parked = [it for it in messages if it.status == MessageStatus.PARKED]
    repairs = carriers.repairs_of(parked) if is_carried and parked and conversation.is_active else {}
    return [_line(it, stories.get(it.id, ""), repairs.get(it.id, "")) for it in messages]


def _line(message: Message, story: str = "", repair: str = "") -> Line:
    turn = getattr(message, "turn", None) if message.author_kind == AuthorKind.VISITOR else None
    side = {AuthorKind.VISITOR: "", AuthorKind.ASSISTANT: "ours", AuthorKind.AGENT: "ours agent"}
    author = message.shown_author
    return Line(
        message=message,
        html=SafeString(render_markdown(message.text)),
        side=side.get(AuthorKind(message.author_kind), "system"),
        author=author,
        turn=turn,
        trace=_facts_of(turn.trace) if turn else [],
        buttons=[str(button.get("label", "")) for block in message.blocks for button in block.get("buttons", [])],
        cards=[
            Card(str(card.get("title", "")), SafeString(render_markdown(str(card.get("text", "")))))
            for block in message.blocks
            for card in _cards_of(block)
        ],
        files=[_attached(message, attachment_json(message, item)) for item in message.attachments],
        trouble=_trouble_of(message) if message.reason or story else None,
        story=story,
        repair=repair,
    )


def _trouble_of(message: Message) -> tuple[str, str] | None:
    """The badge of a message that did not arrive, or not as a whole."""
    if message.status == MessageStatus.FAILED and message.text and message.reason == writing.CUT:
        return "Cut off", "bad"
    if message.author_kind == AuthorKind.ASSISTANT and message.reason in Stop.labels:
        return "Cut short", ""
    return _TROUBLES.get(MessageStatus(message.status))


def _attached(message: Message, item: dict[str, Any]) -> Attached:
    state = str(item.get("state", ""))
    return Attached(
        item["name"],
        item["size"],
        item["url"],
        file_kinds.is_image(item["content_type"]),
        is_deleted="deleted" in item,
        state=state,
        reason=" ".join(filter(None, (item.get("reason"), item.get("remedy")))),
        again=carriers.again_at(message, item["id"]) if state == "failed" else "",
    )


def _cards_of(block: dict[str, Any]) -> list[dict[str, Any]]:
    match block.get("type"):
        case "card":
            return [block]
        case "carousel":
            return list(block.get("cards", []))
        case "list":
            return list(block.get("items", []))
        case _:
            return []


def _facts_of(trace: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (str(key).replace("_", " "), _plain(value)) for key, value in trace.items() if value not in (None, "", [], {})
    ]


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, list):
        return "; ".join(_plain(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(_plain(item) for item in value.values())
    return str(value)
