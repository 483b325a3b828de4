"""How conversations look from outside: the JSON of CONTRACT section 4, one place for HTTP, sockets and live events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from convoship.lib.times import moment as moment
from deployments import file_links
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
        "attachments": [attachment_json(message, item) for item in message.attachments],
        "status": message.status,
        "rev": message.rev,
        "created_at": moment(message.created_at),
    }
    if message.client_id:
        document["client_id"] = message.client_id
    if message.reply_to:
        document["reply_to"] = message.reply_to
    if message.reason:
        document["reason"] = message.reason
    return document


def attachment_json(message: Message, item: Mapping[str, Any]) -> dict[str, Any]:
    """One of a message's files, with a link that is good from now on for an hour; none where there is no content."""
    if item.get("deleted") or item.get("state"):
        return {**item, "url": ""}
    return {**item, "url": file_links.link(message.workspace_id, UUID(item["id"]))}


def whole_message_json(message: Message) -> dict[str, Any]:
    """A message as the workspace's own programs see it: with what to do about its reason, and its template."""
    more: dict[str, Any] = {}
    if message.remedy:
        more["remedy"] = message.remedy
    if message.template:
        more["template"] = message.template
    return {**message_json(message), **more}


def session_json(session_id: Any, conversation: Conversation) -> dict[str, Any]:
    """A visitor session; what its conversation waits for was found before (`waiting.note`)."""
    return {
        "id": str(session_id),
        "conversation_id": str(conversation.id),
        "status": conversation.status,
        "control": conversation.control,
        "waits_for": conversation.waits_for,
        "head_seq": conversation.head_seq,
        "rev": conversation.rev,
        "read_seq": conversation.agent_read_seq,
        "created_at": moment(conversation.started_at),
    }
