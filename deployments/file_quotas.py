"""How many files are taken, and how many bytes are kept: by who sends, address, deployment, workspace and server.

Numbers a time are counted in Valkey (`limiting`). What is kept is counted in the database, under a lock, so a ceiling
holds exactly and whatever else is away.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.core.files.storage import Storage
from django.db import connection
from django.db.models import QuerySet, Sum

from convoship.lib import client_ip, limiting
from convoship.lib.problems import Problem
from deployments.models import File

logger = logging.getLogger(__name__)

RETRY_AFTER = 3600
_FULL = "This chat can't take more files at the moment."
_OTHERWISE = "Send it later, or in another way."


class NoRoom(Problem):
    """The workspace keeps as many bytes as it may: its people have to make room."""

    def __init__(self) -> None:
        super().__init__("quota_exceeded", _FULL, hint=_OTHERWISE, retry_after=RETRY_AFTER)


def count_sent(workspace_id: UUID, session_id: UUID, ip: str) -> None:
    """Count one that is about to be sent; `rate_limited` where it is one too many."""
    address = client_ip.bucket(ip)
    limiting.hit("visitor_files", str(workspace_id), str(session_id), words="You are sending files very quickly")
    # By the address alone: whoever has many workspaces to send to still has one disk to fill.
    limiting.hit("files_per_ip", address, words="Too many files come from this address")
    limiting.hit("files_per_ip_and_day", address, words="Too many files have come from this address today")


def count_sent_by_member(workspace_id: UUID, who: str) -> None:
    """Count one that a member or a program is about to send; `rate_limited` where it is one too many."""
    limiting.hit("member_files", str(workspace_id), who, words="You are sending files very quickly")


def count_taken(workspace_id: UUID) -> None:
    """Count one that was enrolled: what many share is not used up by what comes to nothing."""
    limiting.hit("files_per_workspace", str(workspace_id), words="Too many files are sent here")
    limiting.hit("files_overall", "all", words="Too many files are sent just now")


def require_room(workspace_id: UUID, among: QuerySet[File], size: int, *, lock: bool = False) -> None:
    """Whether so many bytes more may be kept; 429 `quota_exceeded` if not. Within the workspace's tenant.

    `among`: the files that count together while no message has taken them.

    `lock`: nobody else adds to the workspace's files until the transaction ends, so that the sum is exact.
    """
    if lock:
        with connection.cursor() as cursor:
            key = int.from_bytes(workspace_id.bytes[8:], "big", signed=True)
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
    kept = kept_bytes()
    if kept + size > settings.LIMITS["workspace_file_bytes"]:
        logger.warning("workspace %s keeps %d bytes of files and takes no more", workspace_id, kept)
        raise NoRoom
    # What no message takes is deleted after two hours.
    waiting = among.filter(message=None).aggregate(bytes=Sum("size"))["bytes"] or 0
    if waiting + size > settings.LIMITS["waiting_file_bytes"]:
        raise Problem(
            "quota_exceeded",
            _FULL,
            hint=_OTHERWISE,
            retry_after=RETRY_AFTER,
        )


def kept_bytes() -> int:
    """How many bytes of files the workspace keeps. Within its tenant."""
    return File.objects.aggregate(bytes=Sum("size"))["bytes"] or 0


def require_disk(storage: Storage) -> None:
    """503 where the disk that contents are on is nearly full; a storage that is no disk knows its own limits."""
    try:
        place = Path(storage.path(""))
    except NotImplementedError:
        return
    there = next(folder for folder in (place, *place.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if free < settings.LIMITS["free_disk_bytes"]:
        logger.error("no file is taken: %s has %d bytes left", there, free)
        raise Problem("unavailable", "There is no room for files just now.", hint=_OTHERWISE, retry_after=RETRY_AFTER)
