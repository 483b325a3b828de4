"""What a word of a sentence stands for in a script that may not know it: slips, torn and joined words, compounds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import OSA

from deployments.responders import common_words
from deployments.responders.reading import SAME, TOGETHER, Lexicon, Word, forms, near_lengths, one_letter, two_letters

# How sure a reading is by the letters of the longer spelling, for one slip; two are allowed from eight letters on.
ONE_SLIP = {3: 0.60, 4: 0.88}
ONE_SLIP_LONG = 0.95
TWO_SLIPS = 0.80
TWO_SLIPS_FROM = 8
WRONG_FIRST = 0.75
RIVAL = 0.95  # where an everyday word is as near
JOINED = 0.95
COMPOUND = 0.85  # Versandkosten for Versand, cancellation for cancel
NEAREST = 5
MOST_PUT_RIGHT = 60  # words of a message


Readings = tuple[tuple[str, float], ...]  # stems of the script and how sure each is, the surest first


class Token(NamedTuple):
    """A word of a sentence."""

    form: str  # put right
    stem: str
    readings: Readings = ()  # none: the script has no such word
    sure: float = 1.0  # of the form


class Speller:
    """The spellings of a script's words."""

    def __init__(self, lexicon: Lexicon, words: Iterable[Word]) -> None:
        """`words`: all that the script's phrases have."""
        self.lexicon = lexicon
        known = {word.form: word.stem for word in words}
        self.stems = frozenset(known.values())
        for group in SAME:
            if (first := lexicon.stem(group[0])) in self.stems:
                known |= dict.fromkeys(group, first)
        self._forms = {form: stem for form, stem in known.items() if form not in lexicon.light}
        spelled = [form for form in self._forms if len(form) > 2]
        self._near = {1: near_lengths(spelled), 2: near_lengths(spelled, 2)}
        self._near_stems = near_lengths(stem for stem in set(self._forms.values()) if len(stem) > 3)
        self._umlauts = {one_letter(form): form for form in known} | lexicon.two_letters
        self._starts: defaultdict[str, list[str]] = defaultdict(list)
        self._ends: defaultdict[str, list[str]] = defaultdict(list)
        for word in dict.fromkeys(self._forms.values()):
            if len(word) > 4:
                self._starts[word[:4]].append(word)
                self._ends[word[-4:]].append(word)

    def learn_umlauts(self, texts: Iterable[str]) -> None:
        """Words with umlauts may be written with two letters for each."""
        for text in texts:
            if not text.isascii():
                for form, spelled in zip(forms(text), forms(two_letters(text)), strict=False):
                    if form != spelled:
                        self._umlauts.setdefault(spelled, form)

    def read(self, text: str) -> list[Token]:
        """The text's words, each with what it stands for."""
        written = forms(text)
        read: list[Token] = []
        found: dict[str, list[Token]] = {}
        place = 0
        while place < len(written):
            form = self._spelled_umlaut(written[place])
            if not self._known(form) and place + 1 < len(written) and (joined := self._torn(form, written[place + 1])):
                read.append(joined)
                place += 1
            else:
                if form not in found:
                    found[form] = self._alone(form, len(found) < MOST_PUT_RIGHT)
                read.extend(found[form])
            place += 1
        put: list[Token] = []
        for token in read:
            if put and (whole := TOGETHER.get((put[-1].form, token.form))):
                put[-1] = self._token(put[-1].form + token.form, whole)
            else:
                put.append(token)
        return put

    def _token(self, form: str, stem: str, sure: float = 1.0) -> Token:
        return Token(form, stem, ((stem, sure),) if stem in self.stems else (), sure)

    def _spelled_umlaut(self, form: str) -> str:
        return form if self._known(form) else self._umlauts.get(form, form)

    def _known(self, form: str) -> bool:
        return form in self.lexicon.known or self.lexicon.stem(form) in self.stems

    def _torn(self, form: str, after: str) -> Token | None:
        """Two words that are one with a space in it."""
        whole = form + after
        if len(whole) < 5 or (self._known(after) and after not in self.lexicon.light):
            return None
        if not self._known(whole):
            return None
        return self._token(whole, self.lexicon.stem(whole), JOINED)

    def _alone(self, form: str, put_right: bool) -> list[Token]:
        stem = self.lexicon.stem(form)
        if stem in self.stems:
            return [self._token(form, stem)]
        if form in self.lexicon.light:
            return [Token(form, stem)]
        if form in self.lexicon.known:
            return [Token(form, stem, self._related(stem))]
        if len(form) < 3 or form.isdigit() or not put_right:
            return [Token(form, stem)]
        return (
            self._slipped(form)
            or self._run_together(form)
            or [Token(form, stem, self._related(stem) or self._begun(form))]
        )

    def _slipped(self, form: str) -> list[Token]:
        slips = 1 if len(form) < TWO_SLIPS_FROM else 2
        spelled = self._near[slips].get(len(form), ())
        near = process.extract(form, spelled, scorer=OSA.distance, limit=NEAREST, score_cutoff=slips)
        least = int(near[0][1]) if near else slips
        rival = None
        if len(form) > 3:
            everyday = self.lexicon.everyday.get(len(form), ())
            rival = process.extractOne(form, everyday, scorer=OSA.distance, score_cutoff=min(least, 1))
        if rival and (not near or rival[1] < least):
            return [self._token(rival[0], self.lexicon.stem(rival[0]), _sure(form, rival[0], rival[1]))]
        best: dict[str, float] = {}
        for other, slip, _ in near:
            sure = _sure(form, other, slip) * (RIVAL if rival and rival[0] != other else 1.0)
            best[self._forms[other]] = max(sure, best.get(self._forms[other], 0.0))
        if not best and slips == 1:
            return self._slipped_stem(form)
        if not best:
            return []
        readings = tuple(sorted(best.items(), key=lambda pair: -pair[1]))
        form = next(other for other, _, _ in near if self._forms[other] == readings[0][0])
        return [Token(form, readings[0][0], readings, readings[0][1])]

    def _slipped_stem(self, form: str) -> list[Token]:
        """As `_slipped`, in a form that the script doesn't have of a word that it has."""
        stem = self.lexicon.stem(form)
        if len(stem) < 4 or stem == form:
            return []
        near = process.extractOne(stem, self._near_stems.get(len(stem), ()), scorer=OSA.distance, score_cutoff=1)
        return [self._token(near[0], near[0], _sure(stem, near[0], near[1]))] if near else []

    def _run_together(self, form: str) -> list[Token]:
        """One word that is two without a space."""
        if len(form) < 6:
            return []
        for at in range(2, len(form) - 1):
            head, tail = form[:at], form[at:]
            if max(len(head), len(tail)) > 3 and self._head(head, tail) and self._part(tail):
                parts = [self._token(part, self.lexicon.stem(part), JOINED) for part in (head, tail)]
                if all(part in self.lexicon.light for part in (head, tail)) or any(
                    len(part.form) > 3 and part.readings and part.form not in self.lexicon.light for part in parts
                ):
                    return parts
        return []

    def _head(self, form: str, tail: str) -> bool:
        if form in common_words.PARTICLES and len(tail) > 4:
            return True
        return form not in common_words.PREFIXES and self._part(form)

    def _part(self, form: str) -> bool:
        if form in self.lexicon.light:
            return True
        return (len(form) > 2 and self.lexicon.stem(form) in self.stems) or (
            len(form) > 3 and form in self.lexicon.common
        )

    def _related(self, word: str) -> Readings:
        """Compounds and derived words: Versandkosten, cancellation."""
        if len(word) < 5:
            return ()
        found = [other for other in self._starts.get(word[:4], ()) if word.startswith(other) or other.startswith(word)]
        found += [other for other in self._ends.get(word[-4:], ()) if word.endswith(other)]
        return tuple((other, COMPOUND) for other in dict.fromkeys(found))

    def _begun(self, form: str) -> Readings:
        """As `_related`, with one slip in what they share."""
        if len(form) < 8:
            return ()
        return tuple(
            (other, COMPOUND * ONE_SLIP_LONG)
            for start, others in self._starts.items()
            if start[0] == form[0]
            for other in others
            if 5 < len(other) < len(form)
            and any(OSA.distance(form[:size], other) <= 1 for size in range(len(other) - 1, len(other) + 2))
        )


def _sure(form: str, other: str, slips: float) -> float:
    """Of two spellings. A slip weighs more in a short word, and the first letter is seldom wrong."""
    if slips == 0:
        return 1.0
    sure = TWO_SLIPS if slips > 1 else ONE_SLIP.get(max(len(form), len(other)), ONE_SLIP_LONG)
    return sure * (1.0 if form[0] == other[0] or form[:2] == other[1::-1] else WRONG_FIRST)
