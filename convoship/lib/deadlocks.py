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


def once_more(act: Callable[P, R]) -> Callable[P, R]:
    """Do it again where a deadlock ended it (SQLSTATE 40P01). It has to be a transaction of its own."""

    @wraps(act)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return act(*args, **kwargs)
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected):
                raise
            logger.warning("%s met a deadlock and is done again: %s", act.__qualname__, error)
        return act(*args, **kwargs)

    return run
