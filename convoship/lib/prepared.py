"""Whether the database has everything that this code needs: for commands that are run while `up` still prepares it."""

from __future__ import annotations

import time

from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

_LOOK_EVERY = 0.5  # seconds


def lacking() -> str:
    """What is not there yet, in words; "" where all is."""
    try:
        loader = MigrationLoader(connection)
    except DatabaseError as error:
        return f"the database can't be read ({str(error).splitlines()[0]})"
    missing = [key for key in loader.graph.nodes if key not in loader.applied_migrations]
    return f"{len(missing)} migrations of the database are still to come" if missing else ""


def wait(seconds: float) -> str:
    """Wait so long at most until nothing lacks; what lacks then, in words, "" where nothing does."""
    until = time.monotonic() + seconds
    while words := lacking():
        left = until - time.monotonic()
        if left <= 0:
            break
        time.sleep(min(_LOOK_EVERY, left))
    return words
