"""Files that members and programs send: taken up for an answer that names them (`handoff.reply`).

What a deployment takes from its visitors is its own affair: members may send every kind wherever the conversation's way
to its person takes files at all (`carriers`).
"""

from __future__ import annotations

from uuid import UUID

from convoship.lib.actors import Actor
from convoship.lib.deadlocks import once_more
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import carriers, checking, conversations, file_quotas, files, scanning
from deployments.carriers import FilesTaken
from deployments.file_kinds import Checked
from deployments.models import Conversation, File
from deployments.models.conversation import AuthorKind
from workspaces import audit
from workspaces.members import user_of


def may_upload(workspace_id: UUID, actor: Actor, conversation_id: UUID) -> FilesTaken:
    """What may be sent here, before anything of it is read; 403, 404, 409 or 429 with words where nothing."""
    file_quotas.count_sent_by_member(workspace_id, str(actor.id))
    with tenant(workspace_id):
        taken = _taken(conversations.lock(conversation_id))
        _require_room(workspace_id, 1)
    file_quotas.require_disk(files.storage())
    return taken


def upload(
    workspace_id: UUID, actor: Actor, conversation_id: UUID, name: str, content: bytes, taken: FilesTaken
) -> File:
    """Check a file and keep it for the conversation; it goes out with the message that names it. Outside of `tenant()`.

    `taken`: what `may_upload` said. 413, 415, 422, 429 or 503 with words where it can't be kept.
    """
    try:
        checked = checking.check_waiting(str(actor.id), name, content, taken)
    except scanning.Infected as infected:
        scanning.note(workspace_id, conversation_id, infected, actor)
        raise
    row = files.kept(_enrol(workspace_id, actor, conversation_id, checked), checked)
    with tenant(workspace_id):
        audit.record(actor, "conversation.file_added", row.conversation, file=str(row.id), bytes=row.size)
    return row


@once_more
def _enrol(workspace_id: UUID, actor: Actor, conversation_id: UUID, checked: Checked) -> File:
    with tenant(workspace_id):
        conversation = conversations.lock(conversation_id)
        _taken(conversation)
        _require_room(workspace_id, len(checked.content), lock=True)
        user = user_of(actor)
        name = user.public_name if user else actor.shown_as
        return files.enrolled(
            conversation, checked, author_kind=AuthorKind.AGENT, author_user=user, author_name=name[:100]
        )


def _taken(conversation: Conversation) -> FilesTaken:
    conversations.require_active(conversation)
    taken = carriers.files_of(conversation)
    if taken is None:
        raise Problem("channel_not_allowed", carriers.NO_FILES, hint=carriers.IN_WORDS)
    files.require_place(conversation, AuthorKind.AGENT)
    return taken


def _require_room(workspace_id: UUID, size: int, *, lock: bool = False) -> None:
    try:
        file_quotas.require_room(workspace_id, File.objects.filter(author_kind=AuthorKind.AGENT), size, lock=lock)
    except file_quotas.NoRoom as full:
        raise Problem(
            "quota_exceeded",
            "The workspace keeps as many files as it may.",
            hint="Delete old ones: a deployment's Settings tab leads to its files, Channels to those of channels.",
            retry_after=full.retry_after,
        ) from None
