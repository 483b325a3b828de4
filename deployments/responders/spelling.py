"""What a word of a sentence stands for in a script that may not know it: slips, torn and joined words, compounds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import OSA

from deployments.responders import common_words
from deployments.responders.reading import (
    FORMS,
    SAME,
    TOGETHER,
    Lexicon,
    Word,
    forms,
    lacks,
    near_lengths,
    one_letter,
    two_letters,
)
from deployments.responders.slips import ONE_SLIP_LONG, likely, sure_of

TWO_SLIPS_FROM = 8  # letters
LESS_SAID = 0.97  # of everyday words: one that tells something, beside one that says little
RIVAL = 0.95  # where an everyday word is as near
LIKELIER = 0.90  # an everyday word is meant, if a word of the script is that much less sure
JOINED = 0.95
MEANT = 0.65  # invoice for bill
COMPOUND = 0.85  # Versandkosten for Versand, cancellation for cancel
NEAREST = 5
ENDINGS = ("s", "d", "ed", "ing", "e", "n", "en", "er")
MOST_PUT_RIGHT = 60  # words of a message


Readings = tuple[tuple[str, float], ...]  # stems of the script and how sure each is, the surest first


class Token(NamedTuple):
    """A word of a sentence."""

    form: str  # put right
    stem: str
    readings: Readings = ()  # none: the script has no such word
    sure: float = 1.0  # of the form


class _Rival(NamedTuple):
    form: str
    slips: float
    sure: float


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
        own = {form: stem for form, stem in known.items() if form not in lexicon.light}
        self._forms = {**self._inflected(own), **own}
        spelled = [form for form in self._forms if len(form) > 2]
        self._near = {1: near_lengths(spelled), 2: near_lengths(spelled, 2)}
        self._near_stems = near_lengths(stem for stem in set(own.values()) if len(stem) > 3)
        self._umlauts = {one_letter(form): form for form in known} | lexicon.two_letters
        self._starts: defaultdict[str, list[str]] = defaultdict(list)
        self._ends: defaultdict[str, list[str]] = defaultdict(list)
        for word in dict.fromkeys(own.values()):
            if len(word) > 4:
                self._starts[word[:4]].append(word)
                self._ends[word[-4:]].append(word)

    def _inflected(self, known: Mapping[str, str]) -> dict[str, str]:
        """Forms of the script's words that it doesn't have itself: whoever slips does so in these too."""
        found = {form: stem for form, stem in FORMS.items() if stem in self.stems}
        for form, stem in known.items():
            if len(form) > 3:
                for ending in ENDINGS:
                    if self.lexicon.stem(form + ending) == stem:
                        found[form + ending] = stem
        # What a script has only as half of two words that are one.
        for pair, whole in TOGETHER.items():
            if whole in self.stems:
                found |= {part: self.lexicon.stem(part) for part in pair if part not in self.lexicon.light}
        return {form: stem for form, stem in found.items() if form not in self.lexicon.light}

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
            if place + 1 < len(written) and (joined := self._torn(form, written[place + 1])):
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
        readings = ((stem, sure),) if stem in self.stems else self._kin(stem, sure)
        return Token(form, stem, readings, sure)

    def _kin(self, stem: str, sure: float) -> Readings:
        """What stands for a word that the script hasn't: words of nearly its meaning, compounds and derived words."""
        near = [(other, MEANT) for other in self.lexicon.related.get(stem, ()) if other in self.stems]
        best = dict(near) | dict(self._related(stem))
        return tuple(sorted(((other, sure * kin) for other, kin in best.items()), key=lambda pair: -pair[1]))

    def _spelled_umlaut(self, form: str) -> str:
        return form if self._known(form) else self._umlauts.get(form, form)

    def _known(self, form: str) -> bool:
        return form in self.lexicon.known or self.lexicon.stem(form) in self.stems

    def _torn(self, form: str, after: str) -> Token | None:
        """Two words that are one with a space in it."""
        whole = form + after
        strange = [part for part in (form, after) if not self._known(part)]
        if len(whole) < 5 or not strange or not self._known(whole):
            return None
        if (
            strange != [form, after]
            and whole not in self._forms
            and (form not in strange or after not in self.lexicon.light)
        ):
            return None
        return self._token(whole, self.lexicon.stem(whole), JOINED)

    def _alone(self, form: str, put_right: bool) -> list[Token]:
        stem = self.lexicon.stem(form)
        if stem in self.stems:
            return [self._token(form, stem)]
        if form in self.lexicon.light:
            return [Token(form, stem)]
        if form in self.lexicon.known:
            return self._everyday_word(form, stem)
        if len(form) < 3 or form.isdigit() or not put_right:
            return [Token(form, stem)]
        slipped = self._slipped(form)
        if slipped and slipped[0].sure >= COMPOUND:
            return slipped
        compound = self._compound(form, stem)
        if slipped:
            return compound or slipped
        return self._run_together(form) or compound or self._run_together_slipped(form) or [Token(form, stem)]

    def _everyday_word(self, form: str, stem: str, sure: float = 1.0) -> list[Token]:
        """Of a word that is known, but not of the script."""
        token = self._token(form, stem, sure)
        if token.readings or form in self.lexicon.light or form in self.lexicon.common:
            return [token]
        return self._run_together(form) or [token]

    def _compound(self, form: str, stem: str) -> list[Token]:
        readings = dict(self._begun(form)) | dict(self._related(stem))
        return [Token(form, stem, tuple(sorted(readings.items(), key=lambda pair: -pair[1])))] if readings else []

    def _slipped(self, form: str) -> list[Token]:
        slips = 1 if len(form) < TWO_SLIPS_FROM else 2
        spelled = self._near[slips].get(len(form), ())
        near = process.extract(form, spelled, scorer=OSA.distance, limit=NEAREST, score_cutoff=slips)
        least = int(near[0][1]) if near else slips
        rival = self._everyday(form, min(least, 1))
        if rival and (not near or rival.slips < least):
            return self._everyday_word(rival.form, self.lexicon.stem(rival.form), rival.sure)
        best: dict[str, float] = {}
        for other, slip, _ in near:
            sure = sure_of(form, other, slip) * (RIVAL if rival and rival.form != other else 1.0)
            best[self._forms[other]] = max(sure, best.get(self._forms[other], 0.0))
        if rival and rival.form not in self._forms and rival.sure * LIKELIER > max(best.values()):
            return [self._token(rival.form, self.lexicon.stem(rival.form), rival.sure)]
        if not best and slips == 1:
            return self._slipped_stem(form)
        if not best:
            return []
        readings = tuple(sorted(best.items(), key=lambda pair: -pair[1]))
        form = next(other for other, _, _ in near if self._forms[other] == readings[0][0])
        known = tuple(reading for reading in readings if reading[0] in self.stems)
        return [Token(form, readings[0][0], known, readings[0][1])]

    def _everyday(self, form: str, most: int) -> _Rival | None:
        """The everyday word that is meant most likely: one that says little rather than one that tells something."""
        if len(form) < 3:
            return None
        listed = self.lexicon.everyday if len(form) > 3 else self.lexicon.little
        found = {other for short in lacks(form) for other in listed.get(short, ())}
        near = [(other, slips) for other in sorted(found) if (slips := OSA.distance(form, other)) <= most]
        if len(form) == 3:
            near = [(other, slips) for other, slips in near if form[0] == other[0] and likely(form, other)]
        if not near:
            return None
        least = min(slips for _, slips in near)
        return max(
            (_Rival(other, slips, sure_of(form, other, slips)) for other, slips in near if slips == least),
            key=lambda rival: (
                rival.sure * (1.0 if rival.form in self.lexicon.light else LESS_SAID),
                self.lexicon.stem(rival.form) in self.stems,
            ),
        )

    def _slipped_stem(self, form: str) -> list[Token]:
        """As `_slipped`, in a form that the script doesn't have of a word that it has."""
        stem = self.lexicon.stem(form)
        if len(stem) < 4 or stem == form:
            return []
        near = process.extractOne(stem, self._near_stems.get(len(stem), ()), scorer=OSA.distance, score_cutoff=1)
        return [self._token(near[0], near[0], sure_of(stem, near[0], near[1]))] if near else []

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

    def _run_together_slipped(self, form: str) -> list[Token]:
        """As `_run_together`, with a slip in one of the two: workabraod."""
        if not 6 <= len(form) <= 24:
            return []
        best: list[tuple[float, list[Token]]] = []
        for at in range(2, len(form) - 2):
            head, tail = form[:at], form[at:]
            if (
                len(tail) > 3
                and self._head(head, tail)
                and (len(head) > 2 or head in self.lexicon.light or head in common_words.PARTICLES)
            ):
                best += self._pair(head, tail, tail)
            if len(head) > 3 and len(tail) > 2 and self._part(tail):
                best += self._pair(head, tail, head)
        return max(best, key=lambda found: found[0])[1] if best else []

    def _pair(self, head: str, tail: str, slipped: str) -> list[tuple[float, list[Token]]]:
        near = process.extractOne(slipped, self._near[1].get(len(slipped), ()), scorer=OSA.distance, score_cutoff=1)
        if not near or near[0][0] != slipped[0] or not likely(slipped, near[0]):
            return []
        sure = JOINED * sure_of(slipped, near[0], near[1])
        put = self._token(near[0], self._forms[near[0]], sure)
        whole = head if slipped is tail else tail
        other = self._token(whole, self.lexicon.stem(whole), JOINED)
        return [(len(near[0]) + sure, [other, put] if slipped is tail else [put, other])]

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
        if len(form) < 6:
            return ()
        if shorter := tuple(
            (other, COMPOUND * ONE_SLIP_LONG)
            for start, others in self._starts.items()
            if start[0] == form[0]
            for other in others
            if len(form) <= len(other) <= len(form) + 3
            and any(OSA.distance(form, other[:size]) <= 1 for size in (len(form) + 1, len(form), len(form) - 1))
        ):
            return shorter
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
