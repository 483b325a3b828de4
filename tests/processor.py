"""What a piece of work costs the processor, told so that it is the same on a slow or a busy machine.

Two processes that share a core, or an older machine, make anything take up to twice the CPU time. So each try is
measured beside a fixed piece of Python, and told in milliseconds of the machine on which that takes `YARDSTICK_MS`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

# Of the machine on which the tests' limits were set: two cores of a 2.5 GHz Xeon with nothing else running.
YARDSTICK_MS = 1.0

_WORDS = [f"word{number * 7919 % 1000:03d}" for number in range(1000)]


def milliseconds(work: Callable[[], object], rounds: int = 1, tries: int = 9) -> float:
    """CPU of one call of `work`: of `tries` of `rounds` calls each, one that few undercut."""
    work()
    found = []
    for _ in range(tries):
        before = _cpu(_yardstick, 2)
        took = _cpu(work, rounds)
        found.append(took / (before + _cpu(_yardstick, 2)) * 2 * YARDSTICK_MS)
    return sorted(found)[tries // 4]


def _cpu(work: Callable[[], object], rounds: int) -> float:
    began = time.process_time()
    for _ in range(rounds):
        work()
    return (time.process_time() - began) / rounds


def _yardstick() -> int:
    """What Python does all day: look up, cut, join, count."""
    seen: dict[str, int] = {}
    for word in _WORDS:
        for cut in (word[:3], word[2:], word):
            seen[cut] = seen.get(cut, 0) + len(cut)
    return len(" ".join(sorted(seen)).split())
