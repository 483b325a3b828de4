"""What ends a transaction by chance, so that it can be done again: above all two that wait for each other, of which
the database lets one go; and a statement that was prepared before a migration changed a column that it reads.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import DatabaseError
from psycopg.errors import DeadlockDetected, FeatureNotSupported

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger(__name__)


def is_deadlock(error: BaseException) -> bool:
    """Whether the database ended a transaction because of a deadlock: it is there, and nothing is wrong with it."""
    return isinstance(error.__cause__, DeadlockDetected)


def is_by_chance(error: BaseException) -> bool:
    """Whether the same can be done again at once: it was a deadlock, or a plan made before a migration.

    PostgreSQL has no code of its own for the latter; rolling back forgets the plan (`convoship.lib.statements`).
    """
    is_old_plan = isinstance(error.__cause__, FeatureNotSupported) and "cached plan" in str(error.__cause__)
    return is_old_plan or is_deadlock(error)


def once_more(act: Callable[P, R]) -> Callable[P, R]:
    """Do it again where chance ended it (`is_by_chance`). It has to be a transaction of its own, or a savepoint before
    which nothing was held that others wait for: going back to it lets go of what was held since.
    """

    @wraps(act)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return act(*args, **kwargs)
        except DatabaseError as error:
            if not is_by_chance(error):
                raise
            logger.warning("%s is done again: %s", act.__qualname__, error)
        return act(*args, **kwargs)

    return run
