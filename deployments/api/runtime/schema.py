"""The shapes of the visitors' API for OpenAPI. Written as JSON Schema, since no serializer stands behind them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter

from deployments.models.conversation import MessageStatus
from deployments.waiting import WAITS_FOR


def _object(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        found["required"] = required
    return found


_TEXT = {"type": "string"}
_UUID = {"type": "string", "format": "uuid"}
_TIME = {"type": "string", "format": "date-time"}
_NUMBER = {"type": "integer", "minimum": 0}
_YES_NO = {"type": "boolean"}

_SESSION = _object(
    ["id", "conversation_id", "status", "control", "waits_for", "head_seq", "rev", "read_seq", "created_at"],
    id=_UUID,
    conversation_id=_UUID,
    status={"enum": ["active", "completed", "failed", "abandoned"]},
    control={"enum": ["assistant", "waiting", "human"]},
    waits_for={
        "enum": [*WAITS_FOR, None],
        "description": "While `control` is `waiting`: an answer of the visitor's to what is asked before (`form`), "
        "people who are not there now (`people`), or a person who was asked (`person`). Null otherwise.",
    },
    head_seq=_NUMBER,
    rev=_NUMBER,
    read_seq={**_NUMBER, "description": "The last message that the person who answers has read."},
    created_at=_TIME,
)
_FILE_PROPERTIES = {
    "id": _UUID,
    "name": _TEXT,
    "size": {"type": "integer", "minimum": 0, "description": "Bytes."},
    "content_type": _TEXT,
}
MESSAGE = _object(
    ["id", "seq", "author", "text", "blocks", "attachments", "status", "rev", "created_at"],
    id=_UUID,
    seq={"type": "integer", "minimum": 1},
    author=_object(["kind"], kind={"enum": ["visitor", "assistant", "agent", "system"]}, name=_TEXT, avatar_url=_TEXT),
    text=_TEXT,
    blocks={"type": "array", "items": {"type": "object"}},
    attachments={
        "type": "array",
        "items": _object(
            ["id", "name", "size", "content_type", "url"],
            **_FILE_PROPERTIES,
            url={"type": "string", "description": "Good for an hour; read anew, it is a fresh one. Empty if deleted."},
            state={
                "enum": ["fetching", "failed", "refused"],
                "description": "Of a file that came over another channel than the web and is not here (yet).",
            },
            reason={**_TEXT, "description": "Why it is not here; `remedy` says what to do."},
            remedy=_TEXT,
            next_try_at={**_TIME, "description": "When one is fetched again that could not be until now."},
            tried_at={**_TIME, "description": "When one was tried last that is not tried again by itself."},
            deleted={"const": True, "description": "Only where the content was deleted to make room."},
        ),
    },
    client_id=_TEXT,
    status={"enum": MessageStatus.values},
    reason=_TEXT,
    reply_to={"type": "integer", "description": "The `seq` of the message that it replies to, where its channel says."},
    rev=_NUMBER,
    created_at=_TIME,
)
_MESSAGES = {"type": "array", "items": MESSAGE}
_ASSISTANT = _object(["id", "name"], id=_UUID, name=_TEXT)

SESSION = _object(["session"], session=_SESSION)
CONFIG = _object(
    ["assistant", "theme", "texts", "features", "version"],
    assistant=_ASSISTANT,
    theme={"type": "object"},
    texts={"type": "object"},
    features={"type": "object"},
    version=_TEXT,
)
CONFIG_PARAMETERS = [
    OpenApiParameter("agent_id", _UUID, required=True, description="The assistant's id."),
    OpenApiParameter("locale", _TEXT, description="The visitor's language: the launcher's label is in it."),
    OpenApiParameter("page", _TEXT, description="The page's path: shown in the list of refused origins, if it is."),
    OpenApiParameter(
        "visitor_id",
        {"type": "string", "maxLength": 64},
        description="The id that this browser keeps for its visitor: decides what they meet while a rollout runs. "
        "A browser without one is then given one, in `features.visitor_id`, to keep and to send from now on.",
    ),
]
_USER = {
    **_object(
        id={"type": "string", "maxLength": 255},
        name={"type": "string", "maxLength": 100},
        email={"type": "string", "maxLength": 254},
    ),
    "description": "What the page says of its user: a claim, unless a user_token proves it.",
    "maxProperties": 20,
    "additionalProperties": {"type": ["string", "number", "boolean"], "maxLength": 500},
}
_USER_TOKEN = {
    "type": "string",
    "maxLength": 4096,
    "description": "A JWT, HS256, signed with the deployment's identity secret: sub, exp, name, email.",
}
IDENTIFY_REQUEST = {"application/json": _object(user=_USER, user_token=_USER_TOKEN)}
SESSION_REQUEST = {
    "application/json": _object(
        ["agent_id"],
        agent_id=_UUID,
        channel={"enum": ["web"]},
        client_id={**_UUID, "description": "Random, made for this one call; repeating it repeats the answer."},
        visitor_id={"type": "string", "maxLength": 64},
        resume={"type": "string", "description": "An earlier cst_ token."},
        user=_USER,
        user_token=_USER_TOKEN,
        locale={"type": "string", "maxLength": 35},
        page=_object(url=_TEXT, title=_TEXT, referrer=_TEXT),
    )
}
SESSION_OPENED = _object(
    ["session", "session_token", "expires_at", "socket_url", "assistant", "theme", "messages", "has_more"],
    session=_SESSION,
    session_token=_TEXT,
    expires_at=_TIME,
    socket_url=_TEXT,
    assistant=_ASSISTANT,
    theme={"type": "object"},
    messages=_MESSAGES,
    has_more=_YES_NO,
)
MESSAGES = _object(
    ["messages", "head_seq", "rev", "has_more"], messages=_MESSAGES, head_seq=_NUMBER, rev=_NUMBER, has_more=_YES_NO
)
MESSAGES_PARAMETERS = [
    OpenApiParameter("after", int, description="Messages with a seq above this one."),
    OpenApiParameter("rev", int, description="Messages made or changed after this rev, in order of rev."),
    OpenApiParameter("limit", int, description="1 to 200, 50 by default."),
]
STREAM_PARAMETERS = [
    *MESSAGES_PARAMETERS[:2],
    OpenApiParameter("Last-Event-ID", int, OpenApiParameter.HEADER, description="The last event's id: a rev."),
]
STREAM = {"type": "string", "description": "Events named and shaped as the socket's frames; `id` is the rev."}
STOP_REQUEST = {
    "application/json": _object(
        message_id={**_UUID, "description": "Stop only while this message is being written; else whatever is."}
    )
}
MESSAGE_REQUEST = {
    "application/json": _object(
        ["client_id"],
        client_id={"type": "string", "minLength": 1, "maxLength": 64},
        text={"type": "string", "maxLength": 8000},
        payload={"type": "string", "maxLength": 1000, "description": "The value of a tapped button."},
        attachments={
            "type": "array",
            "items": _UUID,
            "maxItems": 10,
            "description": "Ids of files that were sent up in this conversation; the text may then be left out.",
        },
    )
}
FILE_REQUEST = {"multipart/form-data": _object(["file"], file={"type": "string", "format": "binary"})}
_HOW = {**_TEXT, "description": "Only of a channel that does not take this one along: in what other way it goes."}
FILE = _object(["file"], file=_object(list(_FILE_PROPERTIES), **_FILE_PROPERTIES, how=_HOW))
MESSAGE_POSTED = _object(
    ["message", "replies", "head_seq", "rev", "pending"],
    message=MESSAGE,
    replies=_MESSAGES,
    head_seq=_NUMBER,
    rev=_NUMBER,
    pending=_YES_NO,
)
EVENT_REQUEST = {
    "application/json": {
        "oneOf": [
            _object(["type", "on"], type={"const": "typing"}, on=_YES_NO),
            _object(["type", "seq"], type={"const": "read"}, seq=_NUMBER),
        ]
    }
}
HANDOFF_REQUEST = {"application/json": _object(reason={"type": "string", "maxLength": 300})}
