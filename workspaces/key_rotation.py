"""Rotation of the master keys: which key opens what, and everything brought under the newest one.

Goes over every workspace, one after the other, each from inside. Stopped at any point it can be started again: what was
done stays done, and a row that somebody wrote meanwhile is left as they wrote it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.db import connection

from convoship.lib import crypto, sealed
from convoship.lib.failpoints import failpoint
from convoship.lib.sealed import SealedColumn
from convoship.lib.tenancy import TenantModel, tenant


@dataclass(frozen=True)
class Census:
    """How many rows of which table each master key opens (by its name), and how many none opens."""

    opened: dict[str, Counter[str]] = field(default_factory=dict)
    unreadable: Counter[str] = field(default_factory=Counter)

    @property
    def newest(self) -> str:
        """The name of the key that seals."""
        return next(iter(self.opened))

    @property
    def left(self) -> int:
        """How many rows older keys are needed for."""
        return sum(counts.total() for name, counts in self.opened.items() if name != self.newest)


@dataclass
class Progress:
    """What a re-encryption has done. `overtaken` are rows that changed or went while it was at them."""

    done: int = 0
    overtaken: int = 0


def names() -> list[str]:
    """The master keys that are set, by name, the newest first."""
    return [crypto.name_of(master) for master in settings.SECRETS_KEYS]


def census() -> Census:
    """Count, in every workspace."""
    found = Census({name: Counter() for name in names()})
    for workspace_id in _workspaces():
        with tenant(workspace_id):
            for column, row in _rows():
                name = _opened_by(column, row)
                counts = found.unreadable if name is None else found.opened[name]
                counts[column.table] += 1
    return found


def reencrypt(tell: Callable[[Progress], None]) -> Progress:
    """Seal with the newest key whatever an older one opens, each row in a transaction of its own."""
    progress = Progress()
    newest = names()[0]
    for workspace_id in _workspaces():
        with tenant(workspace_id):
            stale = [(column, row.pk) for column, row in _rows() if _opened_by(column, row) not in {newest, None}]
        for column, row_id in stale:
            with tenant(workspace_id):
                is_done = _reseal(column, row_id)
            progress.done += is_done
            progress.overtaken += not is_done
            tell(progress)
            failpoint("F8")
    return progress


def _reseal(column: SealedColumn, row_id: UUID) -> bool:
    """Whether the row is under the newest key by this: only where its bytes are still those that were opened."""
    row = column.model._default_manager.filter(pk=row_id).first()
    if row is None:
        return False
    old = bytes(getattr(row, column.column))
    workspace_id, purpose = row.workspace_id, column.purpose(row)
    try:
        value = crypto.unseal(old, workspace_id=workspace_id, purpose=purpose)
    except crypto.Unreadable:
        return False
    new = crypto.seal(value, workspace_id=workspace_id, purpose=purpose)
    held = column.model._default_manager.filter(pk=row_id, **{column.column: old})
    return held.update(**{column.column: new}) == 1


def _rows() -> Iterator[tuple[SealedColumn, TenantModel]]:
    """Every row with a sealed value, of the entered workspace."""
    for column in sealed.columns():
        for row in column.model._default_manager.iterator(chunk_size=500):
            yield column, row


def _opened_by(column: SealedColumn, row: TenantModel) -> str | None:
    value = getattr(row, column.column)
    master = crypto.opened_by(value, workspace_id=row.workspace_id, purpose=column.purpose(row))
    return None if master is None else crypto.name_of(master)


def _workspaces() -> list[UUID]:
    """Every workspace's id: a named door through the wall, for work that has to come by everywhere."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT all_workspaces()")
        return [row[0] for row in cursor.fetchall()]
