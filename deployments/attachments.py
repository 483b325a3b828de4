"""Files as parts of messages: found for the message that names them, bound to it, and said in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from convoship.lib.problems import invalid
from deployments import carriers, file_kinds
from deployments.models import Conversation, File, Message
from deployments.models.conversation import AuthorKind


def file_json(row: File) -> dict[str, Any]:
    """A file as its upload is answered and as its message shows it (there with a `url` beside)."""
    return {"id": str(row.id), "name": row.name, "size": row.size, "content_type": row.content_type}


def found(conversation: Conversation, ids: Sequence[UUID], by: AuthorKind) -> list[dict[str, Any]]:
    """What a message of this locked conversation shows of these files; 422 unless each is its own and still free.

    `by`: who writes the message. A visitor sends what a visitor sent up, and members what members did.
    """
    # Held, so that the sweeper does not take what a message is taking.
    free = File.objects.select_for_update().filter(message=None, stored_at__isnull=False, author_kind=by)
    rows = {row.id: row for row in free.filter(conversation=conversation, id__in=ids)}
    missing = [f"attachments[{place}]" for place, file_id in enumerate(ids) if file_id not in rows]
    if missing:
        words = "This conversation has no such file that waits for its message."
        raise invalid(
            {path: [words] for path in missing}, hint="Send the file up again, and name the id of the answer."
        )
    return [file_json(rows[file_id]) for file_id in ids]


def found_by_member(conversation: Conversation, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """What a member's message in this locked conversation shows of these files; 422 where they can't go out with it."""
    taken = carriers.files_of(conversation)
    if taken is None:
        raise invalid({"attachments": [carriers.NO_FILES]}, hint=carriers.IN_WORDS)
    if len(ids) > taken.most:
        raise invalid({"attachments": [f"A message takes {taken.most} files at most."]}, hint="Send several messages.")
    return found(conversation, ids, AuthorKind.AGENT)


def waiting(conversation: Conversation, ids: Sequence[UUID]) -> list[File]:
    """Those of these that members sent up here and no message has yet, in the order in which they are named."""
    free = File.objects.filter(conversation=conversation, author_kind=AuthorKind.AGENT, message=None)
    rows = {row.id: row for row in free.filter(id__in=ids, stored_at__isnull=False)}
    return [rows[file_id] for file_id in dict.fromkeys(ids) if file_id in rows]


def bind(message: Message) -> None:
    """The files that the message shows are its own from now on, and go when it goes."""
    ids = [item["id"] for item in message.attachments if "state" not in item]
    File.objects.filter(conversation_id=message.conversation_id, id__in=ids).update(message=message)


def preview(attachments: Sequence[Mapping[str, Any]]) -> str:
    """What stands for files where a text would: Photo, 2 photos, Recording, File, 3 files."""
    if not attachments:
        return ""
    types = [str(item.get("content_type", "")) for item in attachments]
    word = "photo" if all(map(file_kinds.is_image, types)) else "file"
    if all(one.startswith("audio/") for one in types):
        word = "recording"
    return word.capitalize() if len(attachments) == 1 else f"{len(attachments)} {word}s"
