"""Files of the composer: those that were sent up for the answer, and, for who has no JavaScript, those in its form.

With JavaScript each goes up by the API when it is chosen, and the form names them in `attachments`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest

from convoship.lib.problems import Problem
from deployments import attachments, carriers, file_kinds, member_files
from deployments.file_kinds import clean_name
from deployments.file_settings import MEGABYTE
from deployments.models import Conversation
from workspaces import refusals
from workspaces.access import WorkspaceRequest, entered
from workspaces.api.ids import parsed_id

PERMISSION = "conversations.write"


@dataclass(frozen=True)
class Added:
    """What a form brought: the files' ids, and in words what was wrong with those that are not there."""

    ids: tuple[UUID, ...] = ()
    errors: list[str] = field(default_factory=list)


def added(request: HttpRequest, conversation_id: UUID) -> Added:
    """The files that the form names, and those in it, sent up now. Outside of `tenant()`; 404 for a wrong address."""
    named = [value for raw in request.POST.getlist("attachments")[:100] if (value := parsed_id(raw)) is not None]
    ids, errors = list(dict.fromkeys(named)), []
    for sent in cast("list[UploadedFile]", request.FILES.getlist("files")):
        if not sent.name:
            continue
        try:
            ids.append(_kept(request, conversation_id, sent))
        except Problem as problem:
            if problem.code == "not_found":
                raise
            said = [words for messages in problem.errors.values() for words in messages]
            words = f"{' '.join(said)} {problem.hint or ''}".strip() if said else refusals.words_of(problem)
            errors.append(f"{clean_name(sent.name)}: {words}")
    return Added(tuple(ids), errors)


def _kept(request: HttpRequest, conversation_id: UUID, sent: UploadedFile) -> UUID:
    with entered(request, PERMISSION) as inside:
        workspace_id, actor = inside.workspace.id, inside.actor
    taken = member_files.may_upload(workspace_id, actor, conversation_id)
    if (sent.size or 0) > taken.max_bytes:
        raise Problem(
            "payload_too_large", f"The file is too large: at most {taken.max_bytes / MEGABYTE:.3g} MB.", hint=""
        )
    if not sent.size:
        raise Problem("invalid", "The file is empty.", hint="")
    return member_files.upload(workspace_id, actor, conversation_id, sent.name or "", sent.read(), taken).id


def shown(request: WorkspaceRequest, row: Conversation, files: Added) -> dict[str, Any]:
    """What the composer has of files: whether and which may be sent, those that wait, and what was wrong."""
    taken = carriers.files_of(row) if row.is_active and request.actor.may(PERMISSION) else None
    waiting = attachments.waiting(row, files.ids) if files.ids else []
    hows = taken.hows([(file.content_type, file.size) for file in waiting]) if taken else [""] * len(waiting)
    return {
        "takes_files": taken,
        "accept": file_kinds.accepted(taken.kinds) if taken else "",
        "accept_photos": file_kinds.accepted(("images",)) if taken and "images" in taken.kinds else "",
        "waiting_files": [{"row": file, "how": how} for file, how in zip(waiting, hows, strict=True)],
        "file_errors": files.errors,
    }
