"""For what many tests start from and none may change: it is made once, and each test's writing is rolled back to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def rolled_back() -> Iterator[None]:
    """Whatever the block writes is gone afterwards.

    A module's fixture makes the rows in one of these, and each test runs in another inside it: a savepoint, as in
    Django's `TestCase`. So no test sees another's writing, and one that breaks the transaction fails here and now.
    Other threads see nothing of it: what they are to see has to be committed, and cannot be shared like this.
    """
    atomic = transaction.atomic()
    # Durable blocks inside take this one for a test's, as they do Django's own.
    atomic._from_testcase = True  # type: ignore[attr-defined]
    depth = len(connection.atomic_blocks)
    with atomic:
        yield
        assert len(connection.atomic_blocks) == depth + 1
        assert not connection.needs_rollback
        transaction.set_rollback(True)
