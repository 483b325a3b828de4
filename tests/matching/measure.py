"""What is measured: how often the right intent comes out, and how often one comes out where none is meant."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from tests.matching.guessers import Guesser
from tests.matching.sets import GERMAN, SCRIPTS, Part, script, utterances
from tests.matching.typos import typed

VARIANTS = 5  # how often each utterance is typed with slips
MOST_FALSE = 0.05
SEEDS: dict[Part, int] = {"tune": 1000, "held_out": 2000, "fresh": 3000}

Make = Callable[[Mapping[str, Any]], Guesser]


class Case(NamedTuple):
    script: str
    text: str
    intent: str | None
    slipped: bool


class Heard(NamedTuple):
    """A case, and what a guesser made of it."""

    case: Case
    intent: str | None
    score: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares between 0 and 1 over the cases in scope and those out of it, and the number of each."""

    top: float  # in scope, the best intent is the right one
    answered: float  # and it scores enough: what a visitor gets
    false: float  # out of scope, an intent scores enough
    inside: int
    outside: int


@cache
def cases(part: Part, *, variants: int = VARIANTS) -> tuple[Case, ...]:
    """Every utterance of a part as written, and `variants` times with slips."""
    found = []
    for name in SCRIPTS:
        layout = "qwertz" if name in GERMAN else "qwerty"
        for text, intent in utterances(name, part):
            found.append(Case(name, text, intent, slipped=False))
            for seed in range(SEEDS[part], SEEDS[part] + variants):
                found.append(Case(name, typed(text, seed, layout=layout), intent, slipped=True))
    return tuple(found)


def hear(make: Make, listed: Iterable[Case]) -> tuple[list[Heard], float]:
    """What a guesser makes of the cases, and the CPU seconds it took for each on average, once it is made."""
    guessers = {name: make(script(name)) for name in SCRIPTS}
    heard, started = [], time.process_time()
    for case in listed:
        heard.append(Heard(case, *guessers[case.script](case.text)))
    return heard, (time.process_time() - started) / max(1, len(heard))


def figures(heard: Iterable[Heard], enough: float) -> Figures:
    inside = outside = top = answered = false = 0
    for case, intent, score in heard:
        accepted = intent is not None and score >= enough
        if case.intent is None:
            outside += 1
            false += accepted
        else:
            inside += 1
            top += intent == case.intent
            answered += accepted and intent == case.intent
    return Figures(top / max(1, inside), answered / max(1, inside), false / max(1, outside), inside, outside)


def strict(heard: list[Heard]) -> float:
    """The lowest threshold with which at most `MOST_FALSE` out of scope are accepted."""
    return next(at for at in _thresholds() if figures(heard, at).false <= MOST_FALSE)


def lenient(heard: list[Heard]) -> float:
    """The threshold where right answers are furthest above false accepts."""
    return max(_thresholds(), key=lambda at: (found := figures(heard, at)).answered - found.false)


def _thresholds() -> list[float]:
    return [step / 100 for step in range(102)]
