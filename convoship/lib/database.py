"""Which of the two database roles does what (docs/architecture.md, Tenancy)."""

from __future__ import annotations

from typing import Any

from django.db import connection

MIGRATING_ALIAS = "owner"


class OwnerMigrates:
    """Migrations run as the role that owns the tables; everything else runs as the one under row-level security.

    Reading and writing need no rule: without one they go to `default`, and a data migration that asks for `owner` by
    name gets it.
    """

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """Only the owner makes tables, in tests as well."""
        return db == MIGRATING_ALIAS

    def allow_relation(self, obj1: object, obj2: object, **hints: Any) -> bool:
        """Both aliases are one database."""
        return True


def drop_broken_connections() -> None:
    """Ask each connection that the pool keeps whether it still works, and replace those that don't."""
    pool = connection.pool  # type: ignore[attr-defined]
    if pool is not None:
        pool.check()
