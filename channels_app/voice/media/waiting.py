"""Sockets that have not said for which call they are: whoever finds an address may open some, and holds no place.

A gateway says it at once. So where many wait, the one that has waited longest has to go for the next one: a flood shuts
nobody out who has a ticket, and few of those that have none are kept.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol

# Of one connection, or of one address; and of all.
MOST_ALIKE, MOST = 50, 200


class Waiter(Protocol):
    """A socket. `belongs`: to which connection, and to which address."""

    @property
    def belongs(self) -> Sequence[Hashable]:
        """What it has in common with others."""

    def give_way(self) -> None:
        """It has to go."""


class Waiting:
    """Of one process."""

    def __init__(self) -> None:
        # The one that waits longest first.
        self._waiters: dict[Waiter, None] = {}

    def __len__(self) -> int:
        return len(self._waiters)

    def add(self, waiter: Waiter) -> bool:
        """One more waits: whether another one had to go for it."""
        oldest = self._oldest(waiter)
        if oldest is not None:
            self.let_go(oldest)
        self._waiters[waiter] = None
        return oldest is not None

    def remove(self, waiter: Waiter) -> None:
        """It has said for which call it is, or is gone."""
        self._waiters.pop(waiter, None)

    def let_go(self, waiter: Waiter) -> None:
        """It is waited for no more, if it is."""
        if waiter in self._waiters:
            self.remove(waiter)
            waiter.give_way()

    def _oldest(self, waiter: Waiter) -> Waiter | None:
        for common in waiter.belongs:
            alike = [one for one in self._waiters if common in one.belongs]
            if len(alike) >= MOST_ALIKE:
                return alike[0]
        return next(iter(self._waiters)) if len(self._waiters) >= MOST else None
