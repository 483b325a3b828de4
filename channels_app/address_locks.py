"""Who is written to, held until the transaction ends: what decides whether a message may leave is settled under it.

On the address and not on a row, which the first STOP has yet to make; and on the workspace's, since a STOP may hold for
every channel; by the key of a number that is written in several ways (`same_number`).
"""

from __future__ import annotations

import hashlib

from django.db import connection as database

from channels_app.models import Connection
from convoship.lib import same_number


def share(connection: Connection, address: str) -> None:
    """What is decided of the address stays so; others may be about to write to it too."""
    _lock(connection, address, "pg_advisory_xact_lock_shared")


def own(connection: Connection, address: str) -> None:
    """Something is decided of the address: whoever is about to write to it is waited for."""
    _lock(connection, address, "pg_advisory_xact_lock")


def _lock(connection: Connection, address: str, function: str) -> None:
    digest = hashlib.sha256(b"address" + connection.workspace_id.bytes + same_number.key(address).encode()).digest()
    with database.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [int.from_bytes(digest[:8], "big", signed=True)])
