"""How long a search takes among N messages: `python -m tests.bench.searching N` makes them, searches, prints JSON.

Server time: a search and the sentences of what was found, without the page around it. Each kind of question is asked
for many words, once each, so that nothing is remembered from the last time.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

ROUNDS = 40
PAGE = 30


def kinds(chance: random.Random) -> dict[str, Callable[[], str]]:
    """What is asked for: from words that nearly every message has to those that nobody said."""
    from tests.bench.messages import WORDS, word

    def between(first: int, last: int) -> str:
        return word(chance.randrange(first, last))

    return {
        "very common": lambda: between(0, 20),
        "common": lambda: between(50, 1000),
        "rare": lambda: between(5000, WORDS),
        "unsaid": lambda: f"zz{chance.randrange(10**6)}",
        "common and rare": lambda: f"{between(0, 20)} {between(5000, WORDS)}",
        "two common": lambda: f"{between(0, 20)} {between(50, 400)}",
        "in this order": lambda: f'"{between(20, 200)} {between(20, 200)}"',
        "without": lambda: f"{between(200, 2000)} -{between(0, 20)}",
        "unfinished": lambda: between(2000, WORDS)[:4],
        "person": lambda: f"visitor{chance.randrange(10**5)}",
    }


def main(messages: int) -> dict[str, Any]:
    """Milliseconds by kind, and of all."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convoship.settings")
    import django

    django.setup()
    from convoship.lib.tenancy import tenant
    from deployments import searching
    from tests.bench import messages as made

    workspace_id = made.fill(messages)
    found: dict[str, list[float]] = {}
    for _round in range(ROUNDS):
        for name, ask in kinds(random.Random(_round)).items():
            with tenant(workspace_id):
                text, began = ask(), time.perf_counter()
                hits = searching.hits(text, limit=PAGE)
                searching.sentences(text, [hit.message_id for hit in hits if hit.message_id])
                found.setdefault(name, []).append((time.perf_counter() - began) * 1000)
    everything = sorted(took for times in found.values() for took in times)
    return {
        "messages": messages,
        "p50": median(everything),
        "p95": everything[int(len(everything) * 0.95)],
        "kinds": {
            name: {"p50": median(times), "p95": sorted(times)[int(ROUNDS * 0.95)]} for name, times in found.items()
        },
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
