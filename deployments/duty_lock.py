"""Who is on duty stays as it is for whoever asks, until their transaction ends.

Whether somebody is there decides whether a hand-over is offered or waits, and who comes on duty looks for those that
wait. Each would miss the other where both happen at once: so who asks holds this lock shared, and who comes holds it
alone, before any row is locked.
"""

from __future__ import annotations

from uuid import UUID

from django.db import connection


def keep(workspace_id: UUID) -> None:
    """Until the transaction ends nobody comes on duty in this workspace: whoever is about to, waits."""
    _lock("pg_advisory_xact_lock_shared", workspace_id)


def hold_alone(workspace_id: UUID) -> None:
    """Wait for all who have asked, and have others ask once this transaction has ended."""
    _lock("pg_advisory_xact_lock", workspace_id)


def _lock(function: str, workspace_id: UUID) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [int.from_bytes(workspace_id.bytes[:8], "big", signed=True)])
