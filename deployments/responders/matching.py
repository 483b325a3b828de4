"""Which intent a sentence means: deterministic, offline, forgiving of typos, word order and politeness.

A sentence's words are put right and folded (`spelling.py`, `reading.py`), and weighed: a word that few intents use says
much, one that many use says little, and stop words, greetings and vague words say next to nothing. For each intent
that shares a word there is then some evidence (`Evidence`): how much of the sentence its phrases have, how much of that
is this intent's alone, how much of its best phrase the sentence has, and in the same order, whether it asks with the
same words. What the script doesn't know counts against every intent: that is what sends strangers' sentences to the
fallback. Evidence is added up and squeezed between 0 and 1.

What evidence counts was fitted by logistic regression to CLINC150 (Larson et al. 2019), other people's sentences to
other scripts, and to the part for tuning of `tests/matching`; the numbers above it were tried out on both. See
docs/matching.md.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from rapidfuzz import fuzz, process

from deployments.responders.common_words import QUESTIONS
from deployments.responders.reading import SECONDS, fold, forms, forms_of_each, languages, lexicon, together
from deployments.responders.spelling import Speller, Token

__all__ = ["ENOUGH", "LONGEST_READ", "Match", "Matcher", "fold"]

ENOUGH = 0.50  # a score from here on is an answer
WRITTEN_SO = 0.99  # the score of a phrase itself, but for case, accents and punctuation
SAME_SIGNS = 80  # of 100: so much alike are two texts of a script without spaces that mean the same
LONGEST_READ = 1500  # characters of a message that are looked at
MOST_SENTENCES = 8
MANY_PHRASES = 2000  # from here on stop words alone don't lead to phrases that say something

# What a word weighs, in parts of one that is a single intent's.
VAGUE = 0.60
PADDED = 0.15  # a greeting in a sentence that says something else as well, in parts of a greeting
KEYNESS = 0.80  # how much more a word weighs that stands in several phrases of its intent
FEW_PHRASES = 4  # fewer count as that many
OFTEN = 3  # phrases from which on a word is no more an intent's own

# The same for words that the script doesn't know.
UNKNOWN = 0.90
UNKNOWN_VAGUE = 0.24
UNKNOWN_SHORT = 0.24  # three letters at most: more often a slip than a word
FILL = 0.45  # the part that filling the phrase has in choosing an intent's best one; covering the sentence has the rest

_SENTENCE = re.compile(r"[.,!?;\n\u3002\uff01\uff1f]+")


class Evidence(NamedTuple):
    """What speaks for an intent. Shares are between 0 and 1 and of what words weigh, not of their number."""

    owned: float  # the share of the sentence that is this intent's alone
    covered: float  # the share of the sentence that the intent's phrases have
    filled: float  # the share of its best phrase that the sentence has
    both: float  # covered times filled
    pairs: float  # the share of the best phrase's neighbouring words that are neighbours in the sentence
    solid: float  # covered times the logarithm of the number of telling words shared with the best phrase
    manner: float  # the share of the sentence's stop words that the intent's phrases have, by number
    foreign: float  # 1 if it asks with a word (who, when) that the intent's phrases never ask with
    length: float  # the logarithm of the number of the sentence's words
    phrases: float  # the logarithm of the number of the intent's phrases: many resemble more that means something else

    @property
    def score(self) -> float:
        return 1 / (1 + math.exp(-BASE - sum(weight * value for weight, value in zip(WEIGHTS, self, strict=True))))


BASE = -3.53
WEIGHTS = Evidence(
    owned=3.31,
    covered=2.91,
    filled=1.77,
    both=2.73,
    pairs=2.56,
    solid=1.33,
    manner=0.81,
    foreign=-1.31,
    length=-0.97,
    phrases=-0.32,
)


@dataclass(frozen=True, slots=True)
class Match:
    """How well one intent fits: its place in the script, the score, and the phrase that was nearest."""

    intent: int
    score: float
    phrase: str


class _Said(NamedTuple):
    token: Token
    weight: float


class Matcher:
    """A script's phrases, made ready for being asked. Immutable, so all turns of a process may share it."""

    def __init__(self, phrases: Iterable[tuple[int, str]]) -> None:
        """`phrases`: (place of the intent, text)."""
        listed = list(phrases)
        self.size = len(listed)
        self._intents = [intent for intent, _ in listed]
        self._texts = [text for _, text in listed]
        self._many = {intent: math.log(max(FEW_PHRASES, many)) for intent, many in Counter(self._intents).items()}
        written = forms_of_each(self._texts)
        used = Counter(form for found in written for form in found)
        self._lexicon = lexicon(languages(used))
        known = {form: self._lexicon.word(form) for form in used}
        found = [[known[form] for form in each] for each in written]
        for place, each in enumerate(written):
            if not SECONDS.isdisjoint(each):
                found[place] = together(found[place])
        self._speller = Speller(self._lexicon, {word for each in found for word in each})
        self._speller.learn_umlauts(self._texts)
        self._stems = [[word.stem for word in each] for each in found]
        holders: defaultdict[str, list[int]] = defaultdict(list)
        for place, stems in enumerate(self._stems):
            for stem in dict.fromkeys(stems):
                holders[stem].append(place)
        self._holders = dict(holders)
        self._weigh_words()
        self._full = [sum(map(self._weights.__getitem__, dict.fromkeys(stems))) for stems in self._stems]
        stop = self._lexicon.stop
        self._light = {place for place, stems in enumerate(self._stems) if stop.issuperset(stems)}
        self._exact: dict[str, int] = {}
        self._written: dict[tuple[str, ...], int] = {}
        for place, text in enumerate(self._texts):
            self._exact.setdefault(_exactly(text), place)
            if written[place]:
                self._written.setdefault(tuple(written[place]), place)

    def _weigh_words(self) -> None:
        """What each word says, and how it is shared among intents."""
        intents = len(set(self._intents))
        self._rarest = math.log1p(intents) if intents > 1 else 1.0
        self._weights: dict[str, float] = {}
        self._shares: dict[str, dict[int, float]] = {}
        for stem, places in self._holders.items():
            by = Counter(map(self._intents.__getitem__, places))
            weight = self._lexicon.lightness(stem) * (1 + KEYNESS * math.log(max(by.values())))
            if intents > 1:
                weight *= math.log1p(intents / len(by))
            if stem in self._lexicon.vague_stems:
                weight *= VAGUE
            self._weights[stem] = weight
            total = sum(min(often, OFTEN) for often in by.values())
            self._shares[stem] = {intent: min(often, OFTEN) / total for intent, often in by.items()}

    def rank(self, text: str) -> list[Match]:
        """All intents that resemble the text at all, the best first; equals in the order of the script."""
        text = text[:LONGEST_READ]
        best: dict[int, Match] = {}

        def add(place: int, score: float) -> None:
            intent = self._intents[place]
            if intent not in best or score > best[intent].score:
                best[intent] = Match(intent, score, self._texts[place])

        for part in self._sentences(text):
            for place, evidence in self.evidence(part):
                add(place, evidence.score)
        if not text.isascii() and any(char >= "\u0e00" for char in text):  # scripts without spaces
            for _, ratio, place in process.extract(
                text, self._texts, scorer=fuzz.ratio, limit=3, score_cutoff=SAME_SIGNS
            ):
                add(place, min(WRITTEN_SO, ratio / 100))
        if (place := self._written.get(tuple(forms(text)), -1)) >= 0:
            add(place, WRITTEN_SO)
        if (place := self._exact.get(_exactly(text), -1)) >= 0:
            add(place, 1.0)
        return sorted(best.values(), key=lambda match: (-match.score, match.intent))

    def _sentences(self, text: str) -> list[list[Token]]:
        parts = [found for part in _SENTENCE.split(text) if (found := self._speller.read(part))]
        if len(parts) < 2:
            return parts
        telling = [part for part in parts if self._tells(part)]
        return [[token for part in parts for token in part], *telling[:MOST_SENTENCES]]

    def _tells(self, tokens: Iterable[Token]) -> bool:
        return any(self._lexicon.lightness(token.stem) == 1.0 for token in tokens)

    def _weighed(self, tokens: Iterable[Token]) -> list[_Said]:
        """The words of a sentence, each once, with what they weigh."""
        seen: dict[str, Token] = {}
        for token in tokens:
            seen.setdefault(token.stem, token)
        tells = self._tells(seen.values())
        return [
            _Said(token, self._weight(token) * (PADDED if tells and stem in self._lexicon.padding else 1.0))
            for stem, token in seen.items()
        ]

    def _weight(self, token: Token) -> float:
        if token.readings:
            return max(self._weights[stem] for stem, _ in token.readings)
        lightness = self._lexicon.lightness(token.stem)
        if lightness < 1.0:  # a slip that was put right may be another word after all
            return self._rarest * UNKNOWN * (token.sure * lightness + 1 - token.sure)
        if token.stem in self._lexicon.vague_stems:
            return self._rarest * UNKNOWN_VAGUE
        known = token.form in self._lexicon.known
        return self._rarest * (UNKNOWN_SHORT if len(token.form) <= 3 and not known else UNKNOWN)

    def evidence(self, tokens: Sequence[Token]) -> list[tuple[int, Evidence]]:
        """For each intent that shares a word: the place of its best phrase, and what speaks for it."""
        said = self._weighed(tokens)
        total = sum(item.weight for item in said) or 1.0
        covered: dict[int, float] = {}  # by phrase: how much of the sentence it covers
        filled: defaultdict[int, float] = defaultdict(float)  # by phrase: how much of it the sentence covers
        hits: defaultdict[int, float] = defaultdict(float)  # by phrase: the words they share that say something
        owned: defaultdict[int, float] = defaultdict(float)
        shared: defaultdict[int, float] = defaultdict(float)
        for token, weight in self._telling_first(said):
            reached: dict[int, float] = {}
            used: dict[int, tuple[float, float]] = {}
            # (Phrases are many: no call is made for each.)
            within = covered if token.stem in self._lexicon.stop else None
            says_something = token.stem not in self._lexicon.light
            for stem, sure in token.readings:
                fills = self._weights[stem] * sure
                for place in self._places(stem, within):
                    filled[place] += fills
                    if sure > reached.get(place, 0.0):
                        reached[place] = sure
                for intent, share in self._shares[stem].items():
                    used[intent] = max((sure, share), used.get(intent, (0.0, 0.0)))
            for place, sure in reached.items():
                covered[place] = covered.get(place, 0.0) + weight * sure
                if says_something:
                    hits[place] += sure
            for intent, (sure, share) in used.items():
                shared[intent] += weight * sure
                owned[intent] += weight * sure * share
        best: dict[int, tuple[float, int]] = {}
        for place, cover in covered.items():
            fit = min(1.0, filled[place] / self._full[place]) ** FILL * min(1.0, cover / total) ** (1 - FILL)
            intent = self._intents[place]
            if intent not in best or fit > best[intent][0]:
                best[intent] = fit, place
        stems = [token.stem for token in tokens]
        pairs = set(pairwise(stems))
        stop = {stem for stem in stems if stem in self._lexicon.stop}
        asks = {stem for stem in stems if stem in QUESTIONS}
        found = []
        for intent, (_, place) in best.items():
            cover, fill = min(1.0, shared[intent] / total), min(1.0, filled[place] / self._full[place])
            evidence = Evidence(
                owned=min(1.0, owned[intent] / total),
                covered=cover,
                filled=fill,
                both=cover * fill,
                pairs=self._paired(place, pairs),
                solid=math.log1p(hits[place]) * cover,
                manner=self._used(stop, intent) / len(stop) if stop else 0.5,
                foreign=float(bool(asks) and not self._used(asks, intent)),
                length=math.log1p(len(said)),
                phrases=self._many[intent],
            )
            found.append((place, evidence))
        return found

    def _used(self, stems: Iterable[str], intent: int) -> int:
        """How many of the words an intent's phrases have."""
        return sum(intent in self._shares.get(stem, ()) for stem in stems)

    def _telling_first(self, said: Iterable[_Said]) -> list[_Said]:
        """Stop words last, the rarest first: they only add to what the others found, if those found anything."""
        stop = self._lexicon.stop
        return sorted(
            said, key=lambda item: 1 + len(self._holders.get(item.token.stem, ())) if item.token.stem in stop else 0
        )

    def _paired(self, place: int, pairs: set[tuple[str, str]]) -> float:
        """The share of a phrase's neighbouring words that stand together in the sentence too."""
        stems = self._stems[place]
        own = dict.fromkeys(pairwise(stems))
        whole = both = 0.0
        for pair in own:
            weight = self._weights[pair[0]] + self._weights[pair[1]]
            whole += weight
            both += weight * (pair in pairs)
        return both / whole if whole else 0.0

    def _places(self, stem: str, among: Mapping[int, float] | None) -> Iterable[int]:
        """The phrases that hold a word; of a stop word not all, where there are many."""
        holders = self._holders[stem]
        if among is None or self.size < MANY_PHRASES:
            return holders
        if not among:
            return [place for place in holders if place in self._light]
        if len(holders) > len(among):
            return [place for place in among if stem in self._stems[place]]
        return [place for place in holders if place in among]


def _exactly(text: str) -> str:
    return " ".join(text.casefold().split())
