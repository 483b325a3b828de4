"""Which intent a sentence means: deterministic, offline, forgiving of typos, word order and politeness.

A phrase is compared with a sentence word by word. Words are folded (case, accents, endings) and weighed: a word that
few intents use says much, one that many use says little, and stop words, greetings and numbers say next to nothing. A
word of the sentence that the script doesn't know is compared with those it knows by edit distance (`rapidfuzz`), more
letters allowing more slips. Two shares make a phrase's score: how much of the phrase the sentence covers, and how
much of the sentence the phrase covers. The second is what sends strangers' sentences to the fallback: their words
count against every phrase. Whole strings are compared too, for words run together or torn apart and for scripts
without spaces.

Scores are between 0 and 1. The numbers at the top were tuned on sentences that are not in the tests.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from deployments.responders import common_words

ENOUGH = 0.50  # a score from here on is an answer
LIGHT = 0.30  # what a greeting or a number weighs beside a word that says something
LIGHTER = 0.10  # what a stop word weighs
UNKNOWN = 0.80  # what a word that the script doesn't know weighs, in parts of the rarest it knows
CROWD = 0.80  # the power to which the number of unknown words counts
KEYNESS = 0.50  # how much more a word weighs that stands in several phrases of its intent
FILL = 0.45  # the part that the covering of the phrase has in its score; the covering of the sentence has the rest
PHRASE_SHARE = 0.75  # of a score; the rest is how far the sentence's words belong to this intent alone
LONGEST_READ = 1500  # characters of a message that are looked at
MOST_SENTENCES = 8

_APOSTROPHE = re.compile("['\u2019\u02bc`\u00b4]")
_WORD = re.compile(r"[^\W_]+")
_SENTENCE = re.compile(r"[.,!?;\n\u3002\uff01\uff1f]+")
_UMLAUT = re.compile("([aou])e")
_ENDINGS = (
    ("ies", "y"),
    ("s", ""),
    ("ern", "er"),
    ("ungen", ""),
    ("ing", ""),
    ("ung", ""),
    ("ment", ""),
    ("ed", ""),
    ("en", ""),
)


@dataclass(frozen=True, slots=True)
class Match:
    """How well one intent fits: its place in the script, the score, and the phrase that was nearest."""

    intent: int
    score: float
    phrase: str


@dataclass(frozen=True, slots=True)
class _Phrase:
    intent: int
    text: str
    folded: str
    weight: float


def fold(text: str) -> str:
    """Case, accents, width and apostrophes don't count, nor how an umlaut is written."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    if not plain.isascii():
        plain = "".join(char for char in plain if not unicodedata.combining(char))
    return _UMLAUT.sub(r"\1", _APOSTROPHE.sub("", plain))


STOP = frozenset(map(fold, common_words.STOP))
PADDING = frozenset(map(fold, common_words.PADDING))
_STOPS = sorted(word for word in STOP if len(word) > 3)


def stem(word: str) -> str:
    """A word without its commonest English and German endings; never shorter than three letters."""
    for ending, put in _ENDINGS:
        if (
            word.endswith(ending)
            and len(word) - len(ending) >= (4 if len(ending) < 3 else 3)
            and not word.endswith("ss")
        ):
            word = word[: len(word) - len(ending)] + put
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "sl":
        word = word[:-1]
    return word[:-1] if len(word) > 4 and word[-1] in "ey" else word


def words(text: str) -> dict[str, str]:
    """The words of a text, each once, in order: stem -> folded form; stop words and greetings are their own stems."""
    found = (common_words.SHORT.get(form, form) for form in _WORD.findall(fold(text)))
    return {form if form in STOP or form in PADDING else stem(form): form for form in found}


class Matcher:
    """A script's phrases, made ready for being asked. Immutable, so all turns of a process may share it."""

    def __init__(self, phrases: Iterable[tuple[int, str]]) -> None:
        """`phrases`: (place of the intent, text)."""
        listed = [(intent, text, words(text)) for intent, text in phrases]
        users: defaultdict[str, Counter[int]] = defaultdict(Counter)
        for intent, _, found in listed:
            for word in found:
                users[word][intent] += 1
        intents = len({intent for intent, _, _ in listed})
        self.size = len(listed)
        self._users = dict(users)
        self._rarest = math.log1p(intents) if intents > 1 else 1.0
        self._weights = {
            word: _lightness(word)
            * (math.log1p(intents / len(by)) if intents > 1 else 1.0)
            * (1 + KEYNESS * math.log(max(by.values())))
            for word, by in users.items()
        }
        forms = {form: word for _, _, found in listed for word, form in found.items()}
        self._forms = {form: word for form, word in forms.items() if len(form) > 3 and form not in STOP}
        self._vocabulary = list(self._forms)
        self._by_start: defaultdict[str, list[str]] = defaultdict(list)
        for word in dict.fromkeys(self._forms.values()):
            self._by_start[word[:4]].append(word)
        self._holders: defaultdict[str, list[int]] = defaultdict(list)
        self._phrases: list[_Phrase] = []
        self._exact: dict[str, int] = {}
        for place, (intent, text, found) in enumerate(listed):
            weight = sum(self._weights[word] for word in found)
            self._phrases.append(_Phrase(intent, text, _telling(found), weight))
            self._exact.setdefault(_exactly(text), place)
            for word in found:
                self._holders[word].append(place)
        self._folded = [phrase.folded for phrase in self._phrases]

    def rank(self, text: str) -> list[Match]:
        """All intents that resemble the text at all, the best first; equals in the order of the script."""
        text = text[:LONGEST_READ]
        if (place := self._exact.get(_exactly(text))) is not None:
            best = {self._phrases[place].intent: Match(self._phrases[place].intent, 1.0, self._phrases[place].text)}
        else:
            best = {}
        for part in _sentences(text):
            for match in self._score(part):
                if match.intent not in best or match.score > best[match.intent].score:
                    best[match.intent] = match
        return sorted(best.values(), key=lambda match: (-match.score, match.intent))

    def _score(self, asked: Mapping[str, str]) -> list[Match]:
        if not asked or not self._phrases:
            return []
        said = strange = 0.0
        meant = _meant(asked)
        covered: defaultdict[int, float] = defaultdict(float)  # by phrase: how much of the sentence it covers
        filled: defaultdict[int, float] = defaultdict(float)  # by phrase: how much of it the sentence covers
        owned: defaultdict[int, float] = defaultdict(float)  # by intent: how much of the sentence is its alone
        for word in sorted(asked, key=lambda word: word in STOP):
            known = self._known(word, asked[word])
            if not known:
                strange += _strangeness(asked[word])
                continue
            weight = max(self._weights[other] for other, _ in known)
            if meant and word in PADDING:
                weight *= LIGHTER / LIGHT
            said += weight
            reached: set[int] = set()
            for other, likeness in known:
                only_candidates = other in STOP and bool(covered)
                for place in self._holders[other]:
                    if place in reached or (only_candidates and place not in covered):
                        continue
                    reached.add(place)
                    covered[place] += weight * likeness
                    filled[place] += self._weights[other] * likeness
                users = self._users[other]
                for intent in users:
                    owned[intent] += weight * likeness / len(users)
        said += UNKNOWN * self._rarest * strange**CROWD
        return self._combined(_telling(asked), said, covered, filled, owned)

    def _combined(
        self,
        asked: str,
        said: float,
        covered: dict[int, float],
        filled: dict[int, float],
        owned: dict[int, float],
    ) -> list[Match]:
        best: dict[int, tuple[float, int]] = {}
        for place, cover in covered.items():
            phrase = self._phrases[place]
            score = min(1.0, filled[place] / phrase.weight) ** FILL * min(1.0, cover / said) ** (1 - FILL)
            if phrase.intent not in best or score > best[phrase.intent][0]:
                best[phrase.intent] = (score, place)
        scores = {
            intent: (PHRASE_SHARE * score + (1 - PHRASE_SHARE) * min(1.0, owned[intent] / said), place)
            for intent, (score, place) in best.items()
        }
        for _, ratio, place in process.extract(asked, self._folded, scorer=fuzz.ratio, limit=3, score_cutoff=85):
            intent = self._phrases[place].intent
            if ratio / 100 > scores.get(intent, (0.0, 0))[0]:
                scores[intent] = (ratio / 100, place)
        return [Match(intent, score, self._phrases[place].text) for intent, (score, place) in scores.items()]

    def _known(self, word: str, form: str) -> list[tuple[str, float]]:
        """The script's words that this one may stand for, the likest first, with their likeness."""
        if word in self._users:
            return [(word, 1.0)]
        if len(form) < 4 or word in STOP or word in PADDING:
            return []
        slips = 1 if len(form) < 8 else 2
        near = process.extract(form, self._vocabulary, scorer=OSA.distance, limit=5, score_cutoff=slips)
        found = [(self._forms[other], _likeness(form, other, slip)) for other, slip, _ in near]
        found.sort(key=lambda pair: -pair[1])
        if not found and len(word) > 5:  # a compound: Versandkosten, shipping-cost
            found = [
                (other, 0.75)
                for other in self._by_start.get(word[:4], ())
                if len(other) > 4 and (word.startswith(other) or other.startswith(word))
            ]
        return found


def _likeness(form: str, other: str, slips: float) -> float:
    """Of two spellings. A slip weighs more in a short word, and the first letter is seldom wrong."""
    kept: float = (1 - slips / max(len(form), len(other))) ** 1.5
    return kept * (1.0 if form[0] == other[0] else 0.7)


def _telling(found: Iterable[str]) -> str:
    """The words that say something, or all if none does."""
    return " ".join([word for word in found if word not in STOP] or list(found))


def _strangeness(word: str) -> float:
    light = _lightness(word)
    if light < 1.0 or len(word) < 4:
        return min(light, 0.5)
    return LIGHTER if process.extractOne(word, _STOPS, scorer=OSA.distance, score_cutoff=1) else 1.0


def _lightness(word: str) -> float:
    if word in STOP:
        return LIGHTER
    return LIGHT if word in PADDING or any(char.isdigit() for char in word) else 1.0


def _sentences(text: str) -> list[dict[str, str]]:
    """The words of the whole text, and those of each sentence in it that does more than greet or thank."""
    whole = words(text)
    parts = [found for part in _SENTENCE.split(text)[:MOST_SENTENCES] if _meant(found := words(part))]
    return [whole, *(part for part in parts if part != whole)]


def _meant(found: Iterable[str]) -> bool:
    return any(_lightness(word) == 1.0 for word in found)


def _exactly(text: str) -> str:
    return " ".join(text.casefold().split())
