"""The columns that hold sealed values, so that a rotation of master keys forgets none.

Each app adds its own when it is ready. What a value is bound to beside its workspace is the column's `purpose` of a
row: the one that the app itself seals and opens with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from convoship.lib.tenancy import TenantModel


@dataclass(frozen=True)
class SealedColumn:
    """A column of a tenant table whose values `convoship.lib.crypto` sealed."""

    model: type[TenantModel]
    column: str
    purpose: Callable[[Any], str]

    @property
    def table(self) -> str:
        """The table's name in the database."""
        return self.model._meta.db_table


_columns: list[SealedColumn] = []


def register(model: type[TenantModel], column: str, purpose: Callable[[Any], str]) -> None:
    """Have this column counted and re-encrypted when master keys are rotated."""
    _columns.append(SealedColumn(model, column, purpose))


def columns() -> Sequence[SealedColumn]:
    """Every registered column."""
    return tuple(_columns)
