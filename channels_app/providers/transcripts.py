"""What a desk's people read of a conversation that is handed over to them: the case, and all that was said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from channels_app import replies
from deployments import carriers
from deployments.desks import Case
from deployments.models import Conversation, Message
from deployments.models.conversation import AuthorKind, Channel
from deployments.models.handoff import HandoffOutcome

_CALLED = {AuthorKind.ASSISTANT: "Assistant", AuthorKind.SYSTEM: "Notice", AuthorKind.AGENT: "A person"}
LONGEST_SUBJECT = 120
_BACK = re.compile(r"(?is)\s*/bot(?![\w-])[:\s]*(.*)")
_IN_VAIN = (HandoffOutcome.NOBODY_CAME, HandoffOutcome.NOBODY_THERE)


@dataclass(frozen=True)
class Visitor:
    """Who it is, as far as that is known. `email` is proven where `is_verified`; else somebody typed it."""

    id: str
    name: str
    email: str
    is_verified: bool

    @property
    def shown(self) -> str:
        """What people call them."""
        return self.name or self.email or f"Visitor {self.id[:8]}"


def visitor_of(case: Case) -> Visitor:
    """Who waits: what the workspace knows of them, else what they answered before the hand-over."""
    person, answers = case.conversation.person, case.handoff.answers
    name = person.name or str(answers.get("name", ""))
    email = person.email or str(answers.get("email", ""))
    return Visitor(str(person.id), name[:100], email[:254], bool(person.email) and person.external_id is not None)


def subject(case: Case, messages: Sequence[Message]) -> str:
    """One line for the case: what they asked last, or why a person is wanted."""
    said = [one.text for one in messages if one.author_kind == AuthorKind.VISITOR and one.text.strip()]
    line = str(case.handoff.answers.get("question", "")) or (said[-1] if said else "") or case.handoff.reason
    line = " ".join(line.split()) or f"A conversation with {visitor_of(case).shown}"
    return line if len(line) <= LONGEST_SUBJECT else f"{line[: LONGEST_SUBJECT - 1]}…"


def facts(case: Case, page: str) -> list[str]:
    """Who, from where and why, line by line; `page` is the conversation's own here."""
    handoff, conversation, visitor = case.handoff, case.conversation, visitor_of(case)
    email = f"E-mail: {visitor.email}{'' if visitor.is_verified else ' (not verified)'}" if visitor.email else ""
    lines = [
        f"Why: {handoff.get_cause_display()}.{f' {handoff.reason}' if handoff.reason else ''}",
        f"Visitor: {visitor.shown}",
        email,
        f"Channel: {_channel_of(conversation)}",
        f"Language: {conversation.locale}" if conversation.locale else "",
        f"Page: {conversation.page_url}" if conversation.page_url else "",
        *(f"{name.capitalize()}: {answer}" for name, answer in handoff.answers.items() if name == "question"),
        f"The whole conversation: {page}",
    ]
    return [line for line in lines if line]


def _channel_of(conversation: Conversation) -> str:
    """Where they write, and from which address: of a connection its kind, as \"Webhook\" says nothing to agents."""
    place = carriers.place_of(conversation) if conversation.channel != Channel.WEB else None
    return f"{place.label}, {place.address}" if place is not None else conversation.get_channel_display()


def line_of(message: Message, visitor: Visitor) -> str:
    """One message, with who said it and when (UTC)."""
    who = visitor.shown if message.author_kind == AuthorKind.VISITOR else ""
    who = who or message.author_name or _CALLED.get(AuthorKind(message.author_kind), "")
    kind = " (assistant)" if message.author_kind == AuthorKind.ASSISTANT and message.author_name else ""
    return f"[{message.created_at:%H:%M}] {who}{kind}: {words_of(message)}"


def words_of(message: Message) -> str:
    """What a message says, with the names of its files. A visitor wrote no Markdown: their words stand as typed."""
    is_visitors = message.author_kind == AuthorKind.VISITOR
    text = message.text if is_visitors else replies.as_text(message)
    names = [str(one.get("name", "File")) for one in message.attachments if not one.get("deleted")]
    return "\n".join(filter(None, (text, *(f"[file: {name}]" for name in names)))) or "(nothing)"


def not_here(file: Mapping[str, Any]) -> str:
    """The line that stands for a file of a message that we don't have: not yet, or never; "" of one that we have."""
    name = file.get("name", "File")
    if file.get("state") == "fetching":
        return f"[file on its way: {name}]"
    why = f": {file['reason']}" if file.get("reason") else ""
    return f"[file {name} could not be fetched{why}]" if file.get("state") else ""


def not_there(file: Mapping[str, Any], why: str = "") -> str:
    """The line that stands for a file that we have, and the desk can't take."""
    return f"[file {file.get('name', 'File')} stands in the conversation only{f': {why}' if why else ''}]"


def whole(case: Case, messages: Sequence[Message]) -> list[str]:
    """The transcript, line by line."""
    visitor = visitor_of(case)
    begins = [] if not messages or messages[0].seq <= 1 else ["(Earlier messages stand in the conversation only.)"]
    return [*begins, *(line_of(message, visitor) for message in messages)]


def way_back(text: str) -> str | None:
    """Of a note or message that gives the conversation back (`/bot` and what was done) the latter; None of others."""
    found = _BACK.match(text)
    return found[1].strip() if found is not None else None


def ending(outcome: str, words: str) -> str:
    """What a desk's people read where the case is over here."""
    if outcome in _IN_VAIN:
        return (
            f"Convoship: {words} The assistant goes on. An answer here still reaches the visitor while they are there."
        )
    return f"Convoship: {words} What is written here from now on does not reach the visitor."


def undelivered(said: str, words: str) -> str:
    """What stands beside a reply that nobody got."""
    short = f"{said[:200]}…" if len(said) > 200 else said
    return f"This reply did not reach the visitor. {words} It was: “{short}”"


def in_pieces(lines: Iterable[str], longest: int) -> list[str]:
    """Lines put together to texts of at most so many characters; a line that is longer is cut into several."""
    pieces: list[str] = []
    now = ""
    for line in lines:
        for start in range(0, max(1, len(line)), longest):
            part = line[start : start + longest]
            if now and len(now) + 1 + len(part) > longest:
                pieces.append(now)
                now = part
            else:
                now = f"{now}\n{part}" if now else part
    return [*pieces, now] if now else pieces
