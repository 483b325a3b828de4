"""Ours and the two plain ways it has to be better than. Each is made from a script and guesses an intent for a text.

All get the same phrases (each intent's and its name) and texts folded in the same way: case, accents and apostrophes
are no advantage of ours.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from rapidfuzz import fuzz, process

from deployments.responders.matching import fold
from deployments.responders.scripted import Script

Guess = tuple[str | None, float]  # the best intent and its score between 0 and 1


class Guesser(Protocol):
    def __call__(self, text: str) -> Guess: ...


def _phrases(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (fold(phrase), intent["name"])
        for intent in content["intents"]
        for phrase in (*intent["phrases"], intent["name"].replace("_", " "))
    ]


class Ours:
    """The matcher as the product uses it."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.script = Script(content)

    def __call__(self, text: str) -> Guess:
        ranked = self.script.matcher.rank(text)
        return (self.script.intents[ranked[0].intent]["name"], ranked[0].score) if ranked else (None, 0.0)


class Fuzzy:
    """rapidfuzz as it comes: the phrase with the highest ratio."""

    def __init__(self, content: Mapping[str, Any], scorer: Callable[..., float]) -> None:
        phrases = _phrases(content)
        self.texts = [phrase for phrase, _ in phrases]
        self.names = [name for _, name in phrases]
        self.scorer = scorer

    def __call__(self, text: str) -> Guess:
        near = process.extractOne(fold(text), self.texts, scorer=self.scorer)
        return (self.names[near[2]], near[1] / 100) if near else (None, 0.0)


class TfIdf:
    """Cosine of TF-IDF vectors, words and character n-grams of 3 to 5 within words, half and half."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        phrases = _phrases(content)
        self.names = [name for _, name in phrases]
        self.parts = [_Index([phrase for phrase, _ in phrases], terms) for terms in (_words, _grams)]

    def __call__(self, text: str) -> Guess:
        scores: defaultdict[int, float] = defaultdict(float)
        for part in self.parts:
            for place, cosine in part.cosines(fold(text)).items():
                scores[place] += cosine / len(self.parts)
        if not scores:
            return None, 0.0
        best = max(scores, key=lambda place: (scores[place], -place))
        return self.names[best], scores[best]


class _Index:
    """Phrases by term, each term with its share of the phrase's unit vector (sub-linear tf, smoothed idf)."""

    def __init__(self, texts: list[str], terms: Callable[[str], Counter[str]]) -> None:
        self.terms = terms
        counted = [terms(text) for text in texts]
        used = Counter(term for counts in counted for term in counts)
        self.idf = {term: 1 + math.log((1 + len(texts)) / (1 + often)) for term, often in used.items()}
        self.postings: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
        for place, counts in enumerate(counted):
            for term, weight in self._unit(counts).items():
                self.postings[term].append((place, weight))

    def _unit(self, counts: Counter[str]) -> dict[str, float]:
        rarest = max(self.idf.values(), default=1.0)
        weights = {term: (1 + math.log(often)) * self.idf.get(term, rarest) for term, often in counts.items()}
        length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        return {term: weight / length for term, weight in weights.items()}

    def cosines(self, text: str) -> dict[int, float]:
        found: defaultdict[int, float] = defaultdict(float)
        for term, weight in self._unit(self.terms(text)).items():
            for place, other in self.postings.get(term, ()):
                found[place] += weight * other
        return found


def _split(text: str) -> list[str]:
    return "".join(char if char.isalnum() else " " for char in text).split()


def _words(text: str) -> Counter[str]:
    return Counter(_split(text))


def _grams(text: str) -> Counter[str]:
    padded = [f" {word} " for word in _split(text)]
    return Counter(
        word[start : start + size] for word in padded for size in (3, 4, 5) for start in range(len(word) - size + 1)
    )


# What `Ours` is measured beside, by the name it has in the table.
PLAIN: dict[str, Callable[[Mapping[str, Any]], Guesser]] = {
    "rapidfuzz token_set_ratio": lambda content: Fuzzy(content, fuzz.token_set_ratio),
    "rapidfuzz WRatio": lambda content: Fuzzy(content, fuzz.WRatio),
    "TF-IDF": TfIdf,
}
