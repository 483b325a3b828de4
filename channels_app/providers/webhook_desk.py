"""A desk behind a custom webhook: what it is told of a hand-over, and what it may say back. Pure.

Told, signed and in order (CONTRACT section 6): `handoff.opened {handoff_key, ..., messages}`, `handoff.message
{handoff_key, message}`, `handoff.files {handoff_key, message}`, `handoff.closed {handoff_key, outcome, words}`. Said
back to the connection's inbound address: `{type, handoff_key, ...}` with `handoff.accepted {name?}`, `handoff.message
{name?, text}`, `handoff.typing {name?, on?}`, `handoff.returned {summary?}`, `handoff.closed {name?}`,
`handoff.unavailable {reason?}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from channels_app.providers import sent_files
from channels_app.providers.base import BadEvent, Planned
from channels_app.providers.events import DeskSaid
from channels_app.wire import message_data
from convoship.lib.plain_errors import PlainValidator, failures
from convoship.lib.times import maybe_moment, moment
from deployments.desks import Case
from deployments.models import Message

OPENED, MESSAGE, FILES, CLOSED = "handoff.opened", "handoff.message", "handoff.files", "handoff.closed"
TELLS = (OPENED, MESSAGE, FILES, CLOSED)
LONGEST_NAME, LONGEST_WORDS, LONGEST_SUMMARY = 100, 300, 4000
# The newest of a conversation's messages that a case is opened with; there are rarely more.
MOST_MESSAGES = 500

_NAME = {"type": "string", "maxLength": LONGEST_NAME}
_SAYS: Mapping[str, Mapping[str, Any]] = {
    "handoff.accepted": {"name": _NAME},
    "handoff.message": {"name": _NAME, "text": {"type": "string", "maxLength": 8000, "pattern": r"\S"}},
    "handoff.typing": {"name": _NAME, "on": {"type": "boolean"}},
    "handoff.returned": {"name": _NAME, "summary": {"type": "string", "maxLength": LONGEST_SUMMARY}},
    "handoff.closed": {"name": _NAME},
    "handoff.unavailable": {"reason": {"type": "string", "maxLength": LONGEST_WORDS}},
}


def _body(says: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", "handoff_key", *(["text"] if "text" in fields else [])],
        "additionalProperties": False,
        "properties": {
            "type": {"const": says},
            "handoff_key": {"type": "string", "minLength": 1, "maxLength": 60},
            "event_id": {"type": "string", "minLength": 1, "maxLength": 200},
            **fields,
        },
    }


_VALIDATORS = {says: PlainValidator(_body(says, fields)) for says, fields in _SAYS.items()}


def is_said(body: object) -> bool:
    """Whether a body is a desk's: it says its type."""
    return isinstance(body, Mapping) and "type" in body


def read(body: Mapping[str, Any], message_id: str) -> DeskSaid:
    """What a desk says; `BadEvent` with the fields that can't be read."""
    says = body["type"]
    validator = _VALIDATORS.get(says) if isinstance(says, str) else None
    if validator is None:
        raise BadEvent({"type": [f"This must be one of: {', '.join(_VALIDATORS)}."]})
    errors = failures(validator, body)
    if errors:
        raise BadEvent(errors)
    return DeskSaid(
        key=body.get("event_id") or message_id,
        address=body["handoff_key"],
        says=says.removeprefix("handoff."),
        name=body.get("name", "").strip(),
        text=body.get("text", body.get("summary", body.get("reason", ""))).strip(),
        on=body.get("on", True),
    )


def opened(case: Case, messages: Sequence[Message], page: str) -> Planned:
    """The case, with the whole conversation so far."""
    handoff, conversation = case.handoff, case.conversation
    person = conversation.person
    about = {
        "cause": handoff.cause,
        "reason": handoff.reason,
        "answers": handoff.answers,
        "wait_until": maybe_moment(handoff.wait_until),
        "channel": conversation.channel,
        "locale": conversation.locale,
        "visitor": {"name": person.name, "email": person.email, "verified": person.external_id is not None},
        "page": {"url": conversation.page_url, "title": conversation.page_title},
        "conversation_url": page,
        "messages": [_whole(message) for message in messages],
        "has_earlier_messages": bool(messages) and messages[0].seq > 1,
    }
    return _told(OPENED, case, handoff.offered_at, **about)


def message(case: Case, said: Message) -> Planned:
    """What the visitor, or a program by the API, said since."""
    return _told(MESSAGE, case, said.created_at, message=_whole(said))


def files(case: Case, of: Message) -> Planned:
    """What became of files that were still being fetched when the message was told: the message as it is now."""
    return _told(FILES, case, timezone.now(), message=_whole(of))


def _whole(message: Message) -> dict[str, Any]:
    """A message with its files."""
    return {**message_data(message), "attachments": sent_files.told(message.attachments)}


def closed(case: Case, outcome: str, words: str, at: Any) -> Planned:
    """The desk doesn't have the case any more, and why."""
    return _told(CLOSED, case, at, outcome=outcome, words=words)


def _told(name: str, case: Case, at: Any, **about: Any) -> Planned:
    identity = {"handoff_key": case.key, "conversation_id": str(case.conversation.id)}
    return Planned(name, {"type": name, "timestamp": moment(at), "data": {**identity, **about}})


def examples(now: Any) -> list[Planned]:
    """An event of each type with made-up content, for trying."""
    identity = {
        "handoff_key": "00000000-0000-4000-8000-000000000002.1",
        "conversation_id": "00000000-0000-4000-8000-000000000000",
        "is_test": True,
    }
    said = {
        "id": "00000000-0000-4000-8000-000000000001",
        "seq": 1,
        "author": {"kind": "visitor"},
        "text": "This is a test event.",
        "blocks": [],
        "attachments": [],
        "created_at": moment(now),
    }
    about: Mapping[str, Mapping[str, Any]] = {
        OPENED: {"cause": "visitor", "reason": "This is a test event.", "messages": [said]},
        MESSAGE: {"message": said},
        FILES: {"message": said},
        CLOSED: {"outcome": "resolved", "words": "This is a test event."},
    }
    return [
        Planned(name, {"type": name, "timestamp": moment(now), "data": {**identity, **about[name]}}) for name in TELLS
    ]
