"""Files as parts of messages: found for the message that names them, bound to it, and said in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from convoship.lib.problems import invalid
from deployments import file_kinds
from deployments.models import Conversation, File, Message


def file_json(row: File) -> dict[str, Any]:
    """A file as its upload is answered and as its message shows it (there with a `url` beside)."""
    return {"id": str(row.id), "name": row.name, "size": row.size, "content_type": row.content_type}


def found(conversation: Conversation, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """What a message of this locked conversation shows of these files; 422 unless each is its own and still free."""
    # Held, so that the sweeper does not take what a message is taking.
    free = File.objects.select_for_update().filter(message=None, stored_at__isnull=False)
    rows = {row.id: row for row in free.filter(conversation=conversation, id__in=ids)}
    missing = [f"attachments[{place}]" for place, file_id in enumerate(ids) if file_id not in rows]
    if missing:
        words = "This conversation has no such file that waits for its message."
        raise invalid(
            {path: [words] for path in missing}, hint="Send the file up again, and name the id of the answer."
        )
    return [file_json(rows[file_id]) for file_id in ids]


def bind(message: Message) -> None:
    """The files that the message shows are its own from now on, and go when it goes."""
    ids = [item["id"] for item in message.attachments]
    File.objects.filter(conversation_id=message.conversation_id, id__in=ids).update(message=message)


def preview(attachments: Sequence[Mapping[str, Any]]) -> str:
    """What stands for files where a text would: Photo, 2 photos, File, 3 files."""
    if not attachments:
        return ""
    all_images = all(file_kinds.is_image(str(item.get("content_type", ""))) for item in attachments)
    word = "photo" if all_images else "file"
    return word.capitalize() if len(attachments) == 1 else f"{len(attachments)} {word}s"
