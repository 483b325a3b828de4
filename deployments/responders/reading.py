"""Text as words: folded, without endings, short forms and synonyms resolved, each with what it weighs in a language.

What a sentence's words stand for in a certain script, slips of the keyboard forgiven, is `spelling.py`'s.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from deployments.responders import common_words, related_words

STOP_WEIGHT = 0.15
PADDING_WEIGHT = 0.30
SPOKEN_FROM = 0.2  # of the words that tell languages apart: a script's second language

_APOSTROPHE = re.compile("['\u2019\u02bc`\u00b4]")
_WORD = re.compile(r"[^\W_]+")
_UMLAUT = re.compile("([aou])e")
_PARTICIPLE = re.compile("^(ab|an|auf|aus|ein|um|vor|weg|zu|)ge([a-z]{4,})t$")
_LONG = re.compile(r"([^\W\d])\1{2,}")
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


class Word(NamedTuple):
    stem: str
    form: str  # as it was written, folded


def bare(text: str) -> str:
    """Case, accents, width and apostrophes don't count."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    if not plain.isascii():
        plain = "".join(char for char in plain if not unicodedata.combining(char))
    return _APOSTROPHE.sub("", plain)


def one_letter(form: str) -> str:
    """An umlaut that is written as two letters, as `bare` leaves one that is written as one."""
    return _UMLAUT.sub(r"\1", form)


def fold(text: str) -> str:
    """As `bare`, and it doesn't count how an umlaut is written."""
    return one_letter(bare(text))


def forms(text: str) -> list[str]:
    """The words of a text as they are written, folded, short forms written out."""
    return [_written_out(form) for form in _WORD.findall(bare(text))]


def forms_of_each(texts: Iterable[str]) -> list[list[str]]:
    """`forms` of many texts, in less time."""
    found = [_WORD.findall(line) for line in bare("\n".join(" ".join(text.split()) for text in texts)).split("\n")]
    out = {form: _written_out(form) for form in {form for line in found for form in line}}
    return [[out[form] for form in line] for line in found]


def _written_out(form: str) -> str:
    """Short forms in full, and no letter more than twice: sooo."""
    if len(form) > 3:
        form = _LONG.sub(r"\1\1", form)
    return common_words.SHORT.get(form, form)


def ending_off(word: str) -> str:
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


SAME = tuple(tuple(map(bare, group)) for group in common_words.SAME)
_IRREGULAR = {bare(form): ending_off(bare(first)) for form, first in common_words.IRREGULAR.items()}
FORMS = dict(_IRREGULAR)
_SAME = {
    _IRREGULAR.get(word) or ending_off(word): _IRREGULAR.get(group[0]) or ending_off(group[0])
    for group in SAME
    for word in group
}
TOGETHER = {(bare(first), bare(second)): word for (first, second), word in common_words.TOGETHER.items()}

_RELATED = {word for group in SAME for word in group} | {part for pair in TOGETHER for part in pair}
SECONDS = frozenset(second for _, second in TOGETHER)


class Lexicon:
    """What is known of the languages of a script. Immutable; `lexicon` has one for each set of languages."""

    def __init__(self, languages: Iterable[str]) -> None:
        self.languages = spoken = tuple(languages)
        known = [common_words.LANGUAGES[language] for language in spoken]
        listed = [word for language in known for words in language for word in words]
        self.stop = frozenset(bare(word) for language in known for word in language.stop)
        self.padding = frozenset(bare(word) for language in known for word in language.padding) - self.stop
        self.light = self.stop | self.padding
        self.vague = frozenset(bare(word) for language in known for word in language.vague) - self.light
        self.common = frozenset(map(bare, listed)) - self.light
        groups = [group for language in spoken for group in related_words.GROUPS[language]]
        listed += [word for group in groups for word in group]
        self.groups = [tuple(map(bare, group)) for group in groups]
        self.known = self.light | self.common | _RELATED | {word for group in self.groups for word in group}
        self.everyday = by_lacks(word for word in self.known if len(word) > 3)
        self.little = by_lacks(word for word in self.light if 2 < len(word) < 5)
        self.vague_stems = frozenset(self.stem(word) for word in self.vague)
        self.related = self._related()
        self.two_letters = {spelled: bare(word) for word in listed if (spelled := two_letters(word)) != bare(word)}

    def stem(self, form: str) -> str:
        """What a folded word is compared by: stop words and greetings are their own stems, synonyms share one."""
        return form if form in self.light else _stem(form)

    def _related(self) -> dict[str, tuple[str, ...]]:
        """By stem: the stems that may stand for it, though they are not the same."""
        found: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for group in self.groups:
            stems = dict.fromkeys(self.stem(word) for word in group if word not in self.light)
            for stem in stems:
                found[stem] |= stems
        return {stem: tuple(other for other in others if other != stem) for stem, others in found.items()}

    def lightness(self, stem: str) -> float:
        """What a word weighs beside one that says something."""
        if stem in self.stop:
            return STOP_WEIGHT
        return PADDING_WEIGHT if stem in self.padding or any(char.isdigit() for char in stem) else 1.0

    def word(self, form: str) -> Word:
        form = self.two_letters.get(form, form)
        return Word(self.stem(form), form)


def together(found: list[Word]) -> list[Word]:
    """Words in order; two that mean something only together are one."""
    joined: list[Word] = []
    for word in found:
        if joined and (whole := TOGETHER.get((joined[-1].form, word.form))):
            joined[-1] = Word(whole, joined[-1].form + word.form)
        else:
            joined.append(word)
    return joined


def near_lengths(words: Iterable[str], most: int = 1) -> dict[int, list[str]]:
    """By a number of letters: the words that have about as many, `most` more or less."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for word in sorted(words):
        for length in range(len(word) - most, len(word) + most + 1):
            found[length].append(word)
    return dict(found)


def lacks(word: str) -> set[str]:
    """A word, and what it is with one letter less. Of two words that are one slip apart some are the same."""
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}


def by_lacks(words: Iterable[str]) -> dict[str, list[str]]:
    """By what they are with one letter less: words. Much quicker to ask than all words of some length."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for word in sorted(words):
        for short in lacks(word):
            found[short].append(word)
    return dict(found)


@lru_cache(maxsize=20_000)
def _stem(form: str) -> str:
    word = _IRREGULAR.get(form) or ending_off(_unprefixed(form))
    return _SAME.get(word, word)


def _unprefixed(form: str) -> str:
    """A German participle as its verb: gewechselt, umgestellt."""
    return _PARTICIPLE.sub(r"\1\2", form) if form.endswith("t") and len(form) > 7 else form


def two_letters(word: str) -> str:
    """A word with its umlauts written as two letters each, folded otherwise."""
    plain = unicodedata.normalize("NFC", word.casefold())
    return bare(plain.replace("ä", "ae").replace("ö", "oe").replace("ü", "ue"))


@lru_cache(maxsize=8)
def lexicon(languages: tuple[str, ...]) -> Lexicon:
    return Lexicon(languages)


_ALL = {code: frozenset(map(bare, frozenset().union(*language))) for code, language in common_words.LANGUAGES.items()}


def languages(forms: Iterable[str]) -> tuple[str, ...]:
    """The languages that words are of, of those we know words of; all of them where none can be told."""
    found = dict.fromkeys(_ALL, 0)
    for form in forms:
        spoken = [code for code, known in _ALL.items() if form in known]
        if len(spoken) == 1:
            found[spoken[0]] += 1
    least = SPOKEN_FROM * max(found.values())
    return tuple(code for code, often in found.items() if often >= least)
