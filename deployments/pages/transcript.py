"""How one conversation's transcript is drawn: its messages, and between them what members noted."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.utils.dateparse import parse_datetime
from django.utils.safestring import SafeString

from deployments import attachments, calls, carriers, file_kinds, notes, writing
from deployments.models import Conversation, Mention, Message, Note, ReplyMail, Turn
from deployments.models.conversation import AuthorKind, Channel, MessageStatus, Stop
from deployments.pages import queries, thought_words
from deployments.safe_text import render_markdown, spoken
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
    # When it is tried again by itself, or was tried last.
    next_try_at: dt.datetime | None = None
    tried_at: dt.datetime | None = None


@dataclass(frozen=True)
class Replied:
    """The message that one replies to, as its first words."""

    seq: int
    words: str


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
    # Where a template is sent in its place, while it waits for a window, or after its own was refused.
    repair: str = ""
    # Of a visitor's: which option they chose, and how, in words; and what they reply to.
    chose: str = ""
    replied: Replied | None = None
    # The template that it went in by itself, as the window was closed.
    carried_in: str = ""
    # When the visitor had read up to here, under the last of our messages that they have, until they write again.
    seen_at: dt.datetime | None = None
    # The mails whose last message this is.
    mails: Sequence[ReplyMail] = ()
    # Of a call: how much of it was heard, and how the turn went that the caller began with it.
    heard: calls.Heard | None = None
    told: calls.TurnTold | None = None


@dataclass(frozen=True)
class NoteLine:
    """A note as the transcript shows it."""

    note: Note
    html: SafeString
    mentions: list[Mention]


@dataclass(frozen=True)
class Transcript:
    """Lines, notes and the steps of a call in their order, and which part of the messages they are."""

    entries: list[Line | NoteLine | calls.Step]
    part: queries.Transcript

    @property
    def head_seq(self) -> int:
        """The last message's that is shown; 0 where there is none."""
        return self.part.last_seq if self.part.messages else 0


def transcript(conversation: Conversation, around: int | None = None, call: calls.Told | None = None) -> Transcript:
    """The conversation as its members see it: its newest messages, or those around one. `call`: the one that it is."""
    part = queries.transcript(conversation, around)
    messages = list(part.messages)
    found = [
        NoteLine(note, SafeString(render_markdown(note.text)), list(note.mentions.all()))
        for note in notes.of(conversation, after_seq=part.first_seq - 1 if part.has_earlier else 0)
        if not part.has_later or note.after_seq <= part.last_seq
    ]
    lines = _with_mails(conversation, _with_seen(conversation, _lines(conversation, messages)))
    if call is None:
        return Transcript(list(_woven(lines, found)), part)
    lines = [_as_heard(line, call, conversation.who) for line in lines]
    return Transcript(list(_with_steps(_woven(lines, found), _steps_within(call, part), call.said_at)), part)


def _as_heard(line: Line, call: calls.Told, who: str) -> Line:
    """`who`: what the caller is called beside it, too."""
    message, heard = line.message, call.heard.get(line.message.id)
    told = replace(line, heard=heard, told=call.turns.get(message.id))
    if message.author_kind == AuthorKind.VISITOR:
        told = replace(told, author=who)
    if heard is not None and heard.state != "spoken":
        # All of it was to be said in words, which stand there with what was heard of them.
        told = replace(told, cards=[], buttons=[])
    return told


def _steps_within(call: calls.Told, part: queries.Transcript) -> list[calls.Step]:
    """Those that happened while what is shown was said."""
    messages = list(part.messages)
    since = messages[0].created_at if messages and part.has_earlier else None
    until = messages[-1].created_at if messages and part.has_later else None
    return [one for one in call.steps if not (since and one.at < since) and not (until and one.at > until)]


def _with_steps(
    entries: Iterable[Line | NoteLine], steps: Sequence[calls.Step], said_at: Mapping[UUID, dt.datetime]
) -> Iterator[Line | NoteLine | calls.Step]:
    """Each step before what was said or noted after it."""
    left = list(steps)
    for entry in entries:
        if isinstance(entry, NoteLine):
            at = entry.note.created_at
        else:
            at = said_at.get(entry.message.id, entry.message.created_at)
        while left and left[0].at <= at:
            yield left.pop(0)
        yield entry
    yield from left


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


LONGEST_QUOTE = 120
# The map of a place that somebody sent (`providers.twilio.whatsapp`): an address in its own line, led to as such.
_MAP = re.compile(r"^(https://www\.openstreetmap\.org/\?mlat=[-.\d]+&mlon=[-.\d]+#map=[-./\d]+)$", re.MULTILINE)
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
    stuck = [it for it in messages if it.status in (MessageStatus.PARKED, MessageStatus.FAILED)]
    repairs = carriers.repairs_of(stuck) if is_carried and stuck and conversation.is_active else {}
    carried = carriers.carried_in([it for it in messages if not it.template]) if is_carried else {}
    replied, options = _replied(conversation, messages), _options_before(conversation, messages)
    lines = []
    for it in messages:
        line = _line(it, stories.get(it.id, ""), repairs.get(it.id, ""))
        chose = _chose(conversation, it, options) if it.payload and it.author_kind == AuthorKind.VISITOR else ""
        reply = replied.get(it.reply_to or 0)
        lines.append(replace(line, chose=chose, replied=reply, carried_in=carried.get(it.id, "")))
        options = _options_of(it) or options
    return lines


def _replied(conversation: Conversation, messages: Sequence[Message]) -> dict[int, Replied]:
    """What these messages reply to, by its `seq`."""
    wanted = {it.reply_to for it in messages if it.reply_to}
    if not wanted:
        return {}
    rows = Message.objects.filter(conversation=conversation, seq__in=wanted)
    return {row.seq: Replied(row.seq, _excerpt(row)) for row in rows}


def _excerpt(message: Message) -> str:
    words = " ".join(spoken(message.text).split()) or attachments.preview(message.attachments) or "A message"
    return words if len(words) <= LONGEST_QUOTE else f"{words[: LONGEST_QUOTE - 1]}\N{HORIZONTAL ELLIPSIS}"


def _options_before(conversation: Conversation, messages: Sequence[Message]) -> dict[str, str]:
    """What was offered last before the first of these, which may stand in a part that isn't shown."""
    if not any(it.payload for it in messages):
        return {}
    earlier = Message.objects.filter(conversation=conversation, seq__lt=messages[0].seq)
    offering = earlier.exclude(author_kind=AuthorKind.VISITOR).exclude(blocks=[]).order_by("-seq").first()
    return _options_of(offering) if offering is not None else {}


def _options_of(message: Message) -> dict[str, str]:
    """The labels of what can be chosen in a message, by their payloads."""
    parts = [part for block in message.blocks for part in (block, *block.get("cards", []))]
    buttons = [button for part in parts for button in part.get("buttons", [])]
    return {str(button["payload"]): str(button.get("label", "")) for button in buttons if "payload" in button}


def _chose(conversation: Conversation, message: Message, options: Mapping[str, str]) -> str:
    """How they chose, in words; which option, where what they wrote doesn't say it itself."""
    label = options.get(message.payload, "")
    if label and " ".join(message.text.split()).casefold() != label.casefold():
        return f"chose \N{LEFT DOUBLE QUOTATION MARK}{label}\N{RIGHT DOUBLE QUOTATION MARK}"
    # Elsewhere than on the web the words of a button may be typed as well.
    return "tapped a button" if conversation.channel == Channel.WEB else "chose an option"


def _line(message: Message, story: str = "", repair: str = "") -> Line:
    turn = getattr(message, "turn", None) if message.author_kind == AuthorKind.VISITOR else None
    side = {AuthorKind.VISITOR: "", AuthorKind.ASSISTANT: "ours", AuthorKind.AGENT: "ours agent"}
    author = message.shown_author
    return Line(
        message=message,
        html=SafeString(render_markdown(_MAP.sub(r"<\1>", message.text))),
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
    state, reason = str(item.get("state", "")), str(item.get("reason", ""))
    is_again = state == "failed" or (state == "fetching" and bool(reason))
    return Attached(
        item["name"],
        item["size"],
        item["url"],
        file_kinds.is_image(item["content_type"]),
        is_deleted="deleted" in item,
        state=state,
        reason=" ".join(filter(None, (item.get("reason"), item.get("remedy")))),
        again=carriers.again_at(message, item["id"]) if is_again else "",
        next_try_at=_moment(item.get("next_try_at")),
        tried_at=_moment(item.get("tried_at")),
    )


def _moment(value: object) -> dt.datetime | None:
    return parse_datetime(value) if isinstance(value, str) else None


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


# Of what the script noted, as people read it.
_TRACED = {"by": "Understood by", "misses": "Not understood, in a row"}
_FOUND_BY = {
    "button": "a choice that was offered",
    "words": "their words",
    "small_talk": "small talk",
    "fallback": "nothing",
    "form": "the question before it",
    "cancel": "their wish to leave the questions",
}


def _facts_of(trace: dict[str, Any]) -> list[tuple[str, str]]:
    if thought_words.is_thought(trace):
        by = trace.get("by")
        return [
            *thought_words.facts(trace),
            *([("Answered by", "the script")] if by and by not in thought_words.KINDS else []),
        ]
    shown = {key: value for key, value in trace.items() if value not in (None, "", [], {})}
    if not shown.get("misses"):
        shown.pop("misses", None)
    if "by" in shown:
        shown["by"] = _FOUND_BY.get(str(shown["by"]), shown["by"])
    return [(_TRACED.get(key) or str(key).replace("_", " "), _plain(value)) for key, value in shown.items()]


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, list):
        return "; ".join(_plain(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(_plain(item) for item in value.values())
    return str(value)
