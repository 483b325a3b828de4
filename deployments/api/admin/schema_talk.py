"""Shapes of what members write for each other: notes, and replies kept for reuse."""

from __future__ import annotations

from deployments.canned import LONGEST_TITLE, SHORTCUT_WORDS
from deployments.models.reply_mail import ReplyMailState
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

_REPLY_MAIL = component(
    "ReplyMail",
    fields(
        id=UUID,
        address=TEXT,
        from_seq={**WHOLE, "description": "The first message in it, of those that the visitor had not read."},
        to_seq={**WHOLE, "description": "The last one."},
        state={"enum": list(ReplyMailState.values)},
        reason={**TEXT, "description": "Why it is so; empty where nothing is wrong."},
        remedy={**TEXT, "description": "What to do about the reason."},
        attempts=WHOLE,
        due_at={**TIME, "description": "When it is sent, or tried next, while it is queued."},
        sent_at={**or_null(TIME), "description": "When the mail server took it."},
        continued_at={**or_null(TIME), "description": "When the visitor came back by its link."},
        stopped_at={**or_null(TIME), "description": "When the visitor asked for no more mails about it."},
        created_at=TIME,
    ),
)
MAILS: Schema = {
    "type": "array",
    "items": _REPLY_MAIL,
    "description": "The newest mails with answers of people that the visitor had not read, the newest first.",
}
NEW_NOTE = body({"text": _TEXT, "client_id": _CLIENT_ID}, required=("text",))

_CANNED: dict[str, Schema] = {
    "shortcut": {
        "type": "string",
        "pattern": r"^\s*/?[A-Za-z0-9][A-Za-z0-9_-]{0,29}\s*$",
        "x-words": {"pattern": SHORTCUT_WORDS},
        "description": "What is typed after a slash; kept in lower case, unique in the workspace.",
    },
    "title": {"type": "string", "maxLength": LONGEST_TITLE, "pattern": r"\S", "x-words": _WORDS},
    "text": {
        **_TEXT,
        "description": "Markdown with variables: `{{visitor.name}}`, `{{agent.name}}`, `{{assistant.name}}`, "
        "`{{page.title}}`, ...; `{{visitor.name|there}}` has other words where there is no value.",
    },
}
CANNED_REPLY = component(
    "CannedReply", fields(id=UUID, shortcut=TEXT, title=TEXT, text=TEXT, created_at=TIME, changed_at=TIME)
)
CANNED_REPLIES = page_of("CannedReplyPage", CANNED_REPLY)
NEW_CANNED_REPLY = body(_CANNED, required=("shortcut", "title", "text"))
CANNED_REPLY_CHANGES = body(_CANNED)
