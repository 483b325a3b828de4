"""Who is written to, held until the transaction ends: what decides whether a message may leave is settled under it.

On the address and not on a row, which the first STOP has yet to make; and on the workspace's, since a STOP may hold for
every channel; by the key of a number that is written in several ways (`same_number`).

**The order in which everything about addresses is held**, by whoever holds more than one of these; each sort in the
order of its ids, addresses in that of their keys:

1. addresses (`own`, `own_all`, `share`),
2. the one who opens conversations at an address (`incoming_messages.one_at_a_time`),
3. identities, conversations, people (`deployments.blocking`, `deployments.erasing`),
4. deliveries, and what else goes by an address (windows, events, counts),
5. connections, where a request or an attempt writes down that there was one.

So an address is asked for before the first row is held: a report that may close a window owns it before it locks its
conversation, and erasing owns all of them at the beginning.

A claim (`claims`) begins at the other end, as it finds out by its deliveries whom they are for. It may, since it waits
for none of these: rows that somebody holds it skips, and an address that somebody owns it leaves for later
(`share_free`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from uuid import UUID

from django.db import connection as database

from channels_app.models import Connection
from convoship.lib import same_number


def share(connection: Connection, address: str) -> None:
    """What is decided of the address stays so; others may be about to write to it too."""
    _lock("pg_advisory_xact_lock_shared", _key(connection.workspace_id, address))


def share_free(connection: Connection, address: str) -> bool:
    """`share`, without waiting: False where somebody owns the address, or waits to."""
    return _lock("pg_try_advisory_xact_lock_shared", _key(connection.workspace_id, address))


def own(connection: Connection, address: str) -> None:
    """Something is decided of the address: whoever is about to write to it is waited for."""
    _lock("pg_advisory_xact_lock", _key(connection.workspace_id, address))


def own_all(workspace_id: UUID, addresses: Iterable[str]) -> None:
    """`own` several, in the order in which everybody does."""
    for key in sorted({_key(workspace_id, address) for address in addresses}):
        _lock("pg_advisory_xact_lock", key)


def _key(workspace_id: UUID, address: str) -> int:
    digest = hashlib.sha256(b"address" + workspace_id.bytes + same_number.key(address).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _lock(function: str, key: int) -> bool:
    """Whether it is held: what waits comes back with it."""
    with database.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [key])
        return bool(cursor.fetchone()[0] is not False)
