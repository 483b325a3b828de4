"""What is asked for, as words that are weighed: each with the spellings, word forms and near meanings it may have.

Pure: what the passages have of them is asked by `searching`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from rapidfuzz.distance import OSA

from deployments.knowledge import meanings
from deployments.knowledge.languages import LANGUAGES, of_tag
from deployments.responders.common_words import LANGUAGES as KNOWN
from deployments.responders.reading import FORMS, SAME, TOGETHER, Lexicon, bare, forms, lexicon
from deployments.responders.slips import sure_of

# Words that a question of this kind is answered with.
ANSWERED_WITH = {
    "how long": "days weeks months hours minutes years within until",
    "when": "days weeks hours clock am pm monday until within before after open",
    "how much": "costs cost price free fee",
    "wann": "uhr tage wochen stunden montags monat bis innerhalb ab",
    "wie lange": "tage wochen monate stunden minuten jahre bis innerhalb",
    "wie viel": "kostet kosten preis euro cent",
}
KIND_OF_ANSWER = 0.25

LONGEST_READ = 1_000  # characters
MOST_TERMS = 20
MOST_KIN = 12

# How sure it is that another word means the same.
SAME_WORD = 0.9
NEAR_WORD = 0.5
BEGINNING = 0.6
COMPOUND = 0.6
DERIVED = 0.75  # delivery for deliver: one begins with all of the other, and goes on for a few letters
WITHIN = 0.5  # Zehnerkarte for Karte
LEAST_SHARED, FEW_LETTERS = 5, 4
# Languages that write compounds as one word.
COMPOUNDING = frozenset({"danish", "dutch", "finnish", "german", "hungarian", "norwegian", "swedish"})
# What words weigh beside one that tells something.
VAGUE, PADDING = 0.55, 0.25


@dataclass
class Term:
    """A word of the question. `variants`: other words that may stand for it, and how sure each is."""

    form: str
    weight: float
    place: int
    is_extra: bool = False  # it helps where a passage has it, and is not missing where none does
    variants: dict[str, float] = field(default_factory=dict)

    def add(self, form: str, sure: float) -> None:
        """One more, unless it is known as surer already."""
        if sure > self.variants.get(form, 0.0):
            self.variants[form] = sure


def lexicon_of(languages: Iterable[str]) -> Lexicon:
    """What is known beyond word forms of these languages of `languages`: of English and German, that is."""
    return lexicon(tuple(tag for language in sorted(languages) if (tag := LANGUAGES.get(language, ("",))[0]) in KNOWN))


def terms(text: str, words: Lexicon) -> list[Term]:
    """The words that tell something, in order; those that say little only where there is nothing else."""
    written = forms(text[:LONGEST_READ])
    found: dict[str, Term] = {}
    for place, form in enumerate(written):
        if form in words.stop:
            continue
        weight = PADDING if form in words.padding else VAGUE if form in words.vague else 1.0
        found.setdefault(form, Term(form, weight, place))
    listed = list(found.values())
    if any(term.weight == 1.0 for term in listed):
        listed = [term for term in listed if term.weight > PADDING]
    listed = listed[:MOST_TERMS]
    for term in listed:
        _vary(term, words)
    return listed + _extra(written, words)


def _extra(written: list[str], words: Lexicon) -> list[Term]:
    """Two words that mean something only together (log in), and what an answer to such a question has."""
    extra: list[Term] = []
    for place, pair in enumerate(pairwise(written)):
        if (whole := TOGETHER.get(pair)) and whole not in written:
            extra.append(Term(whole, 1.0, place, is_extra=True, variants={whole: 1.0}))
        for asks, answers in ANSWERED_WITH.items():
            if asks in (pair[0], " ".join(pair)) and not any(term.form == asks for term in extra):
                told = dict.fromkeys(answers.split(), 1.0)
                extra.append(Term(asks, KIND_OF_ANSWER, -9, is_extra=True, variants=told))
    return extra


def _vary(term: Term, words: Lexicon) -> None:
    term.add(term.form, 1.0)
    stem = words.stem(term.form)
    for other in _same(words).get(stem, ()):
        term.add(other, SAME_WORD)
    for other in list(_near(words).get(stem, ()))[:MOST_KIN]:
        term.add(other, NEAR_WORD)


@lru_cache(maxsize=8)
def _same(words: Lexicon) -> dict[str, tuple[str, ...]]:
    """By stem: forms and words that mean the very same."""
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for group in SAME:
        for stem in {words.stem(form) for form in group}:
            found[stem] |= dict.fromkeys(group)
    for form, first in FORMS.items():
        found[first][form] = None
    return {stem: tuple(others) for stem, others in found.items()}


@lru_cache(maxsize=8)
def _near(words: Lexicon) -> dict[str, tuple[str, ...]]:
    """By stem: words that are used for one another, though they don't mean quite the same."""
    found: defaultdict[str, dict[str, None]] = defaultdict(dict)
    groups = [tuple(map(bare, group)) for tag in words.languages for group in meanings.GROUPS[of_tag(tag)]]
    for group in (*groups, *words.groups):
        # A list of countries, of ways to pay: one of them answers no question after another.
        if len(group) > MOST_KIN:
            continue
        for stem in {words.stem(form) for form in group}:
            found[stem] |= dict.fromkeys(form for form in group if words.stem(form) != stem)
    return {stem: tuple(others) for stem, others in found.items()}


def put_right(term: Term, near: Iterable[str]) -> None:
    """Add what a word that the passages don't have may have been meant to be: a slip, or a compound's part."""
    form = term.form
    slips = 1 if len(form) < 6 else 2
    for known in near:
        distance = OSA.distance(form, known)
        if distance <= slips and len(form) > 3 and len(known) > 2:
            term.add(known, sure_of(form, known, distance))
        elif len(known) > 4 and len(form) > 4 and (_holds(form, known) or _holds(known, form)):
            term.add(known, COMPOUND)
        elif len(form) > 6 and distance <= 3 and len(known) > 6 and form[:3] == known[:3]:
            term.add(known, 0.5)


def akin(lexeme: str, others: Iterable[str], *, compounds: bool) -> dict[str, float]:
    """Of other lexemes those that are derived from this one, or (`compounds`) have it within, and how sure it is."""
    found: dict[str, float] = {}
    for other in others:
        if other.startswith(lexeme) or lexeme.startswith(other):
            is_near = abs(len(other) - len(lexeme)) <= FEW_LETTERS and min(len(other), len(lexeme)) >= LEAST_SHARED
            if is_near:
                found[other] = DERIVED
            elif compounds:
                found[other] = WITHIN
        elif compounds and (other.endswith(lexeme) or lexeme.endswith(other)):
            found[other] = WITHIN
    return found


def _holds(whole: str, part: str) -> bool:
    return whole.startswith(part) or whole.endswith(part)
