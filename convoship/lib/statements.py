"""Statements that a connection has PostgreSQL plan once, and not each time: those of every visitor's message.

Django's cursor writes values into the statement, so that each is new to the server, which parses and plans it again;
that was nearly half of the time that PostgreSQL took. `server_side_binding` would do it for all of Django's queries,
some of which can't be bound so; what is written out by hand can.

psycopg keeps count: a statement is prepared when it comes for the third time, each by the types of its values, the
hundred that were used last are kept, and a rollback (to a savepoint, too) forgets them all. A plan that a migration
made old ends its transaction, which can be done again (`deadlocks.is_by_chance`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorDebugWrapper, CursorWrapper


class _Noted(CursorDebugWrapper):
    """Notes the statement as it was written. (psycopg's cursor doesn't tell what it sent, which Django would note.)"""

    def debug_sql(
        self, sql: Any = None, params: Any = None, use_last_executed_query: bool = False, many: bool = False
    ) -> Any:
        """As Django's."""
        return super().debug_sql(sql, params, False, many)


@contextmanager
def cursor() -> Iterator[CursorWrapper]:
    """A cursor for statements whose texts are few: values go in by `%s` alone, never into the text.

    A value has the type that PostgreSQL finds where it stands; where it finds none (`%s IS NULL`) the text says it
    (`%s::uuid`). With `DATABASE_PREPARES` off (a pooler that lends connections by the transaction) it is Django's own.
    """
    if not settings.DATABASE_PREPARES:
        with connection.cursor() as plain:
            yield plain
        return
    # As Django's own begins.
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    connection.validate_thread_sharing()
    with connection.wrap_database_errors:
        inner: Any = psycopg.Cursor[Any](connection.connection)
    with (_Noted if connection.queries_logged else CursorWrapper)(inner, connection) as wrapped:
        yield wrapped
