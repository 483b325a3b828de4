"""Shapes of what members write for each other: notes, and replies kept for reuse."""

from __future__ import annotations

from deployments.safe_text import LONGEST_TEXT
from workspaces.api.schema import TEXT, TIME, UUID, WHOLE, Schema, body, component, fields, or_null, page_of

_WORDS = {"pattern": "This must not be empty."}
_TEXT: Schema = {"type": "string", "maxLength": LONGEST_TEXT, "pattern": r"\S", "x-words": _WORDS}
_CLIENT_ID: Schema = {
    "type": "string",
    "maxLength": 64,
    "pattern": r"\S",
    "x-words": _WORDS,
    "description": "Random for each note; the same one again writes nothing twice.",
}

_MEMBER = component("Member", fields(id=UUID, name=TEXT))
_MENTION = component(
    "Mention",
    fields(
        user=_MEMBER,
        mailed_at={**or_null(TIME), "description": "When the mail server took the mail that tells them."},
        trouble={**TEXT, "description": "Why it has not, so far; empty where nothing is wrong."},
    ),
)
NOTE = component(
    "Note",
    fields(
        id=UUID,
        author=fields(id=or_null(UUID), name=TEXT),
        text={**TEXT, "description": "Markdown, as in messages. Never shown to the visitor."},
        after_seq={**WHOLE, "description": "The last message when it was written."},
        mentions={"type": "array", "items": _MENTION},
        created_at=TIME,
    ),
)
NOTES = page_of("NotePage", NOTE)
NEW_NOTE = body({"text": _TEXT, "client_id": _CLIENT_ID}, required=("text",))
