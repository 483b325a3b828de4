"""What a delivery tells a desk, as people read it: who said what, and when. Read from what will be, or was, sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from channels_app.models import Delivery
from channels_app.providers.desk_port import MESSAGE, OPENED, RECEIPT

LONGEST = 4000
_HOUSE, _VISITOR = "Convoship", "The visitor"


@dataclass(frozen=True)
class Told:
    """One thing that is told. `files` are names; `at` is when it was said, where that is known."""

    who: str
    text: str
    at: dt.datetime | None = None
    files: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """All of it in one line."""
        said = " ".join([self.text, *(f"[file: {name}]" for name in self.files)]).strip()
        return f"{self.who}: {' '.join(said.split())}" if said else ""


def of(delivery: Delivery) -> list[Told]:
    """What it tells, in order; nothing where no words go along, or they are those of a message that is shown."""
    content = delivery.content if isinstance(delivery.content, dict) else {}
    if delivery.message_id is not None or not delivery.what.startswith("handoff."):
        return []
    found = _turns(delivery, content) or _data(content) or _single(delivery, content)
    return [one for one in found if one.text or one.files]


def _turns(delivery: Delivery, content: Mapping[str, Any]) -> list[Told]:
    turns = content.get("turns")
    return [
        Told(str(one.get("who") or _visitor(content)), _cut(one.get("text")), _moment(one.get("at")), _files(one))
        for one in (turns if isinstance(turns, list) else ())
        if isinstance(one, Mapping)
    ]


def _data(content: Mapping[str, Any]) -> list[Told]:
    """Of a program's events, which have everything in `data`."""
    data = content.get("data")
    if not isinstance(data, Mapping):
        return []
    messages = data.get("messages")
    rows = [*(messages if isinstance(messages, list) else ()), data.get("message")]
    told = [_of_message(one) for one in rows if isinstance(one, Mapping)]
    words = data.get("words")
    return [*told, Told(_HOUSE, _cut(words))] if words else told


def _of_message(message: Mapping[str, Any]) -> Told:
    author = message.get("author")
    author = author if isinstance(author, Mapping) else {}
    kinds = {"visitor": _VISITOR, "assistant": "The assistant", "agent": "A person", "system": _HOUSE}
    who = str(author.get("name") or kinds.get(str(author.get("kind")), _HOUSE))
    files = _files({"files": message.get("attachments")})
    return Told(who, _cut(message.get("text")), _moment(message.get("created_at")), files)


def _single(delivery: Delivery, content: Mapping[str, Any]) -> Iterator[Told]:
    """Words that stand alone: the visitor's, or a note of ours."""
    if delivery.what == RECEIPT:
        yield Told(_HOUSE, _cut(content.get("why_not")) or "It is in the conversation.")
        return
    comment = content.get("comment")
    if comment:
        yield Told(_visitor(content), _cut(comment))
        return
    is_visitors = delivery.what in (MESSAGE, OPENED) and "note" not in content
    who = _visitor(content) if is_visitors else _HOUSE
    yield Told(who, _cut(content.get("note") or content.get("text")), None, _files(content))


def _visitor(content: Mapping[str, Any]) -> str:
    """By the name that goes along, where one does."""
    for name, field in (("from", "nickname"), ("requester", "name")):
        part = content.get(name)
        if isinstance(part, Mapping) and part.get(field):
            return str(part[field])[:60]
    return _VISITOR


def _files(part: Mapping[str, Any]) -> tuple[str, ...]:
    files: Iterable[Any] = part.get("files") or ()
    return tuple(str(one.get("name") or "a file")[:80] for one in files if isinstance(one, Mapping))


def _cut(text: object) -> str:
    return str(text)[:LONGEST] if isinstance(text, str) else ""


def _moment(written: object) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(written) if isinstance(written, str) and written else None
    except ValueError:
        return None
