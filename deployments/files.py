"""Files: taken up from visitors (from members: `member_files`), read, and deleted with what they belong to.

The row comes first, then the content, then the word that the content is there; and a row that is deleted leaves its key
behind (a trigger writes it). So whatever dies on the way, content is always found by something that deletes it.
Storage may be another machine: it is never called within a transaction.
"""

from __future__ import annotations

import datetime as dt
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.db.models import Q, QuerySet
from django.utils import timezone

from convoship.lib.deadlocks import once_more
from convoship.lib.problems import Problem, not_found
from convoship.lib.tenancy import tenant
from deployments import conversations, deploying, doors, entering, file_quotas, file_settings
from deployments.admission import Caller
from deployments.entering import Visit
from deployments.file_kinds import Checked
from deployments.file_settings import MOST_IN_CONVERSATION, FileSettings
from deployments.models import Conversation, Deployment, File, GoneFile
from deployments.models.conversation import AuthorKind

logger = logging.getLogger(__name__)

UNATTACHED_FOR = dt.timedelta(hours=2)  # as the door `due_files` has it
TRIED_AGAIN_AFTER = dt.timedelta(minutes=5)
BATCH = 200


def storage() -> Storage:
    """Where contents are (settings.STORAGES["files"])."""
    return storages["files"]


# --- Up ---------------------------------------------------------------------------------------------------------------


def may_upload(visit: Visit, caller: Caller) -> FileSettings:
    """What the visitor may send here, before anything of it is read; 403, 409 or 429 with words where nothing."""
    file_quotas.count_sent(visit.workspace_id, visit.session_id, caller.ip)
    with _telling_of_room(visit), tenant(visit.workspace_id):
        conversation, standing = entering.enter(visit, caller)
        allowed = _allowed(conversation, file_settings.of(standing.files))
        file_quotas.require_room(visit.workspace_id, _waiting_together(visit), 1)
    file_quotas.require_disk(storage())
    return allowed


@contextmanager
def _telling_of_room(visit: Visit) -> Iterator[None]:
    """Where there was no room for a file the workspace's people read so: outside the transaction that ended by it."""
    try:
        yield
    except file_quotas.NoRoom:
        now = timezone.now()
        with tenant(visit.workspace_id):
            row = Deployment.objects.filter(id=visit.deployment_id)
            lately = Q(files_refused_at__gt=now - dt.timedelta(minutes=1))
            row.exclude(lately).update(files_refused_at=now)
        raise


def _allowed(conversation: Conversation, allowed: FileSettings) -> FileSettings:
    if not allowed.on:
        raise Problem(
            "channel_not_allowed",
            "This chat takes no files.",
            hint="Turn files on in the deployment's settings in Convoship.",
        )
    conversations.require_active(conversation)
    require_place(conversation, AuthorKind.VISITOR)
    return allowed


def _waiting_together(visit: Visit) -> QuerySet[File]:
    return File.objects.filter(conversation__deployment_id=visit.deployment_id, author_kind=AuthorKind.VISITOR)


def require_place(conversation: Conversation, by: AuthorKind) -> None:
    """Whether the conversation takes one more of these authors; 429 if not. Members have as many as the visitor."""
    if File.objects.filter(conversation=conversation, author_kind=by).count() >= MOST_IN_CONVERSATION:
        raise Problem(
            "quota_exceeded",
            f"This conversation has {MOST_IN_CONVERSATION} files, and takes no more.",
            hint="Send the others in a new conversation, or in another way.",
            retry_after=int(UNATTACHED_FOR.total_seconds()),
        )


def upload(visit: Visit, caller: Caller, checked: Checked) -> File:
    """Keep a checked file for the visitor's conversation; it goes out with the message that names it."""
    with _telling_of_room(visit):
        row = _enrol(visit, caller, checked)
    return kept(row, checked)


def enrolled(conversation: Conversation, checked: Checked, **author: Any) -> File:
    """The row of a file whose content is about to be kept. Within the tenant, the conversation locked."""
    token = secrets.token_hex(24)
    return File.objects.create(
        conversation=conversation,
        key=f"{token[:2]}/{token[2:]}",
        name=checked.name,
        content_type=checked.content_type,
        size=len(checked.content),
        **author,
    )


def kept(row: File, checked: Checked) -> File:
    """Keep the content of an enrolled file, or take its row away again. Outside of `tenant()`."""
    workspace_id = row.workspace_id
    try:
        file_quotas.count_taken(workspace_id)
    except Problem:
        with tenant(workspace_id):
            row.delete()
        raise
    try:
        storage().save(row.key, ContentFile(checked.content))
    except Exception as error:
        logger.exception("file %s was not stored", row.id)
        with tenant(workspace_id):
            row.delete()
        raise Problem("unavailable", "The file could not be kept just now.", retry_after=30) from error
    row.stored_at = timezone.now()
    with tenant(workspace_id):
        is_there = File.objects.filter(id=row.id).update(stored_at=row.stored_at)
    if not is_there:
        # Its conversation was deleted meanwhile, and its key with it swept perhaps.
        storage().delete(row.key)
        raise not_found()
    return row


@once_more
def _enrol(visit: Visit, caller: Caller, checked: Checked) -> File:
    # Checked again under the lock, so that the count is exact and a switch that was turned meanwhile holds.
    with tenant(visit.workspace_id, shared_lock=deploying.lock_key(visit.deployment_id)):
        conversation, standing = entering.enter(visit, caller, lock=True)
        _allowed(conversation, file_settings.of(standing.files))
        file_quotas.require_room(visit.workspace_id, _waiting_together(visit), len(checked.content), lock=True)
        return enrolled(conversation, checked)


# --- Out --------------------------------------------------------------------------------------------------------------


def opened(workspace_id: UUID, file_id: UUID) -> tuple[File, IO[bytes]]:
    """A file and its content, to be closed; 404 where there is none by that id here or its content is gone.

    503 where the storage doesn't give it just now.
    """
    with tenant(workspace_id):
        row = File.objects.filter(id=file_id, stored_at__isnull=False).first()
    if row is None:
        raise not_found()
    try:
        return row, cast(IO[bytes], storage().open(row.key))
    except FileNotFoundError:
        logger.error("the content of file %s is gone", row.id)
        raise not_found() from None
    except Exception as error:
        logger.exception("the content of file %s can't be read", row.id)
        raise Problem("unavailable", "The file can't be read just now.", retry_after=30) from error


# --- Away -------------------------------------------------------------------------------------------------------------


def sweep() -> int:
    """Delete files that no message took in two hours, and the content of all whose row is gone; how many of both."""
    swept = 0
    for workspace_id, file_id in doors.due_files(BATCH):
        try:
            with tenant(workspace_id):
                # Looked at again and held: a message may be taking it just now.
                row = File.objects.select_for_update().filter(id=file_id, message=None).first()
                swept += row.delete()[0] if row else 0
        except Exception:
            logger.exception("file %s could not be deleted, it stays due", file_id)
    due = GoneFile.objects.filter(due_at__lte=timezone.now()).order_by("due_at")
    for key in due.values_list("key", flat=True)[:BATCH]:
        try:
            storage().delete(key)
        except Exception:
            logger.exception("content %s could not be deleted, it is tried again later", key)
            GoneFile.objects.filter(key=key).update(due_at=timezone.now() + TRIED_AGAIN_AFTER)
            continue
        GoneFile.objects.filter(key=key).delete()
        swept += 1
    return swept
