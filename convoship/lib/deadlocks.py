"""Two transactions that wait for each other: the database lets one go, which can be done again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import OperationalError
from psycopg.errors import DeadlockDetected

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger(__name__)


def is_deadlock(error: BaseException) -> bool:
    """Whether the database ended a transaction because of a deadlock: it is there, and nothing is wrong with it."""
    return isinstance(error.__cause__, DeadlockDetected)


def once_more(act: Callable[P, R]) -> Callable[P, R]:
    """Do it again where a deadlock ended it (SQLSTATE 40P01). It has to be a transaction of its own, or a savepoint
    before which nothing was held that others wait for: going back to it lets go of what was held since.
    """

    @wraps(act)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return act(*args, **kwargs)
        except OperationalError as error:
            if not is_deadlock(error):
                raise
            logger.warning("%s met a deadlock and is done again: %s", act.__qualname__, error)
        return act(*args, **kwargs)

    return run
