"""What is found before the tenant is known: whose a connection is, where work is due, and since when (migrations
`0002_wall`, `0004_faults`, `0013_calls`, `0015_transfer` and `0021_desk_cases`).
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple
from uuid import UUID

from django.db import connection


class ConnectionOwner(NamedTuple):
    """Whose a connection is, and of which kind."""

    workspace_id: UUID
    kind: str


class Due(NamedTuple):
    """A workspace with events to handle (`event`), requests to send (`delivery`), or something to fetch or look after.

    Those are `templates` and `media`; a `call` that nothing is heard of, and the audio of one (`recording`).
    """

    kind: str
    workspace_id: UUID


def resolve_connection(connection_id: UUID) -> ConnectionOwner | None:
    """The workspace and kind of a connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT workspace_id, kind FROM resolve_connection(%s)", [connection_id])
        row = cursor.fetchone()
        return ConnectionOwner(*row) if row else None


def due(limit: int) -> list[Due]:
    """Where work is due, the longest waiting first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind, workspace_id FROM due_channel_work(%s)", [limit])
        return [Due(*row) for row in cursor.fetchall()]


def due_courses(limit: int) -> list[UUID]:
    """The workspaces with calls that have to be led somewhere, the longest waiting first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT workspace_id FROM due_call_courses(%s)", [limit])
        return [row[0] for row in cursor.fetchall()]


def due_cases(limit: int) -> list[UUID]:
    """The workspaces with cases at desks that somebody has to look at, the longest waiting first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT workspace_id FROM due_desk_cases(%s)", [limit])
        return [row[0] for row in cursor.fetchall()]


def backlog() -> dt.datetime | None:
    """Since when the oldest work waits that a worker could take up now; None where there is none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT channel_backlog()")
        row = cursor.fetchone()
        return row[0] if row else None
