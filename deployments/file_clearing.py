"""Making room: how much of it files take, and deleting old files' content while their messages stay."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import Count, QuerySet, Sum
from django.utils import timezone

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid
from convoship.lib.tenancy import entered_workspace_id
from deployments import conversations, file_quotas
from deployments.models import Deployment, File
from workspaces import audit
from workspaces.models import Workspace

LONGEST_DAYS = 3650
# Their conversations are held until all is deleted.
MOST_AT_ONCE = 500


@dataclass(frozen=True)
class Room:
    """What the files of a deployment, or of no one, and all of the workspace take, in bytes.

    With when a visitor's file was last refused for it, of a deployment.
    """

    files: int
    bytes: int
    workspace_bytes: int
    most_bytes: int
    refused_at: dt.datetime | None

    @property
    def percent(self) -> int:
        """How much of what the workspace may keep is kept."""
        return min(100, round(100 * self.workspace_bytes / max(1, self.most_bytes)))


@dataclass(frozen=True)
class Cleared:
    """How many files were deleted, their bytes, and how many as old are left for the next time."""

    files: int
    bytes: int
    left: int


def room(deployment: Deployment | None) -> Room:
    """How much room a deployment's files take; None: those that came over channels. Within the tenant."""
    found = File.objects.filter(conversation__deployment=deployment).aggregate(n=Count("id"), bytes=Sum("size"))
    return Room(
        found["n"],
        found["bytes"] or 0,
        file_quotas.kept_bytes(),
        settings.LIMITS["workspace_file_bytes"],
        deployment.files_refused_at if deployment else None,
    )


def clear(actor: Actor, deployment: Deployment | None, older_than_days: int) -> Cleared:
    """Delete the content of files that were sent so many days ago and earlier, the oldest first, for good.

    Those of a deployment; None: those that came, and went, over channels. Their messages stay, and say that the file
    was deleted. At most MOST_AT_ONCE a time. Within the tenant; 422 for a number of days that is none.
    """
    if not 1 <= older_than_days <= LONGEST_DAYS:
        raise invalid({"older_than_days": [f"A whole number of days from 1 to {LONGEST_DAYS:,}."]})
    due = _due(deployment, timezone.now() - dt.timedelta(days=older_than_days))
    chosen: dict[UUID, list[UUID]] = defaultdict(list)
    for file_id, conversation_id in due.order_by("created_at").values_list("id", "conversation_id")[:MOST_AT_ONCE]:
        chosen[conversation_id].append(file_id)
    # In one order, so that two who do it at once wait for each other and not crosswise.
    done = [_clear_in(conversation_id, chosen[conversation_id]) for conversation_id in sorted(chosen)]
    cleared = Cleared(sum(files for files, _ in done), sum(size for _, size in done), due.count())
    told = {"older_than_days": older_than_days, "files": cleared.files, "bytes": cleared.bytes}
    if cleared.files and deployment is not None:
        audit.record(actor, "deployment.files_deleted", deployment, **told)
    elif cleared.files:
        workspace = Workspace.objects.get(id=entered_workspace_id())
        audit.record(actor, "workspace.channel_files_deleted", workspace, **told)
    return cleared


def _due(deployment: Deployment | None, before: dt.datetime) -> QuerySet[File]:
    found = File.objects.filter(conversation__deployment=deployment, message__isnull=False)
    return found.filter(created_at__lte=before)


def _clear_in(conversation_id: UUID, file_ids: list[UUID]) -> tuple[int, int]:
    """Delete these files of a conversation: how many there still were, and their bytes."""
    try:
        conversation = conversations.lock(conversation_id)
    except Problem:
        return 0, 0  # deleted meanwhile
    rows = list(File.objects.select_related("message").filter(id__in=file_ids, message__isnull=False))
    gone = {str(row.id) for row in rows}
    for message in {row.message.id: row.message for row in rows if row.message is not None}.values():
        shown = [{**item, "deleted": True} if item["id"] in gone else item for item in message.attachments]
        conversations.change_message(conversation, message, attachments=shown)
    # A trigger keeps the keys, and the sweeper deletes what stands under them.
    File.objects.filter(id__in=[row.id for row in rows]).delete()
    return len(rows), sum(row.size for row in rows)
