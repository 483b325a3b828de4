"""How conversations look from outside: the JSON of CONTRACT section 4, one place for HTTP, sockets and live events."""

from __future__ import annotations

from typing import Any

from convoship.lib.times import moment as moment
from deployments.models import Conversation, Message


def message_json(message: Message) -> dict[str, Any]:
    """A message as visitors see it."""
    author: dict[str, Any] = {"kind": message.author_kind}
    if message.author_name:
        author["name"] = message.author_name
    document: dict[str, Any] = {
        "id": str(message.id),
        "seq": message.seq,
        "author": author,
        "text": message.text,
        "blocks": message.blocks,
        "attachments": [],
        "status": message.status,
        "rev": message.rev,
        "created_at": moment(message.created_at),
    }
    if message.client_id:
        document["client_id"] = message.client_id
    if message.reason:
        document["reason"] = message.reason
    return document


def whole_message_json(message: Message) -> dict[str, Any]:
    """A message as the workspace's own programs see it: with what to do about its reason."""
    return {**message_json(message), **({"remedy": message.remedy} if message.remedy else {})}


def session_json(session_id: Any, conversation: Conversation) -> dict[str, Any]:
    """A visitor session."""
    return {
        "id": str(session_id),
        "conversation_id": str(conversation.id),
        "status": conversation.status,
        "control": conversation.control,
        "head_seq": conversation.head_seq,
        "rev": conversation.rev,
        "created_at": moment(conversation.started_at),
    }
