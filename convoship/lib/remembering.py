"""What a process remembers, bounded by its weight: bytes, or how many."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """The values asked for last, as many as weigh no more than `most` together; the last one is kept in any case.

    For what never changes under its key. Threads share it.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.weight = 0
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K) -> V | None:
        """The value, which now is the one asked for last."""
        with self._lock:
            if (held := self._kept.get(key)) is None:
                return None
            self._kept.move_to_end(key)
            return held[0]

    def put(self, key: K, value: V, weight: int = 1) -> V:
        """Keep the value, and forget what was asked for longest ago where that is too much."""
        with self._lock:
            _, before = self._kept.pop(key, (None, 0))
            self._kept[key] = (value, weight)
            self.weight += weight - before
            while self.weight > self.most and len(self._kept) > 1:
                _, (_, gone) = self._kept.popitem(last=False)
                self.weight -= gone
        return value
