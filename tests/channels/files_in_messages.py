"""Files that come with messages: real bytes of some kinds, and one that could not be fetched."""

from __future__ import annotations

import io
from typing import Any
from uuid import UUID

from django.utils import timezone
from PIL import Image

from channels_app.models import Connection, InboundMedia
from channels_app.models.media import MediaState
from deployments import conversations
from deployments.conversations import NewMessage
from deployments.models.conversation import AuthorKind, MessageStatus

PDF = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
CARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada Lovelace\r\nTEL:+14155550123\r\nEND:VCARD\r\n"
# The first page of a voice note: an Ogg page with an Opus head (RFC 7845, 5.1).
VOICE = b"OggS\x00\x02" + bytes(20) + b"\x01\x13OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00" + bytes(64)


def picture(as_what: str = "JPEG", size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    """A picture of one colour."""
    out = io.BytesIO()
    Image.new("RGB", size, "teal").save(out, as_what, **options)
    return out.getvalue()


def failed(connection: Connection, conversation_id: UUID) -> InboundMedia:
    """A message with a file that could not be fetched. Inside `tenant()`."""
    conversation = conversations.lock(conversation_id)
    new = NewMessage(author_kind=AuthorKind.VISITOR, text="look", status=MessageStatus.RECEIVED)
    message = conversations.post_message(conversation, new)
    row: InboundMedia = InboundMedia.objects.create(
        connection=connection,
        conversation=conversation,
        message=message,
        place=0,
        url="https://files.example/photo.jpg",
        state=MediaState.FAILED,
        reason="It has no such file (404).",
        due_at=timezone.now(),
    )
    item = {"id": str(row.id), "name": "Photo", "size": 0, "content_type": "image/jpeg"}
    conversations.change_message(
        conversation, message, attachments=[{**item, "state": "failed", "reason": row.reason, "remedy": ""}]
    )
    return row
