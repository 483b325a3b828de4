"""What was given to Twilio to say, of which message, and how much of it the caller heard. Pure.

Twilio tells nothing of a voice that came to its end. It tells what had been heard when somebody spoke over it
(`utteranceUntilInterrupt`), in words that may differ from ours in marks, spaces and numbers. Where it tells nothing, as
when a socket breaks, how long a voice takes for so many characters has to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

# How fast a voice speaks, and how long it takes to begin. 15 characters a second are about 170 words of English a
# minute; scripts that write a syllable with one character are spoken at a third of that.
CHARACTERS_PER_SECOND = 15.0
BEGINS_AFTER_SECONDS = 0.4
# How much of what was heard has to be found in what was said, for it to be believed.
ALIKE = 0.5
# Letters that are compared one with the other: it costs their square, on the loop that all calls share. Of more than
# that only the end is looked for, in pieces of so many letters.
MOST_COMPARED, TAIL = 160, 12
# What was heard begins as a piece does, by so many letters; where none does, it may be one of the first few.
BEGINS_ALIKE, MOST_STARTS = 5, 3


@dataclass
class Piece:
    """Words that were sent in one frame, of one message (None: words of the call itself, as while it thinks)."""

    text: str
    at: float
    key: int


@dataclass
class Utterance:
    """One message, or words of the call itself: `key` counts up; `message_id` is known once it is stored."""

    key: int
    turn: int
    # Whether a message stands behind it.
    is_message: bool = True
    message_id: UUID | None = None
    # All that belongs to it, sent or not.
    whole: str = ""
    sent: str = ""
    is_whole: bool = False


@dataclass(frozen=True)
class Heard:
    """How far an utterance was heard, of what it was meant to be."""

    utterance: Utterance
    heard: str

    @property
    def is_whole(self) -> bool:
        """Whether nothing of it is missing."""
        return len(self.heard.strip()) >= len(self.utterance.whole.strip())


@dataclass
class Ledger:
    """Of one session. What was surely heard, as somebody answered to it, is forgotten (`settle`)."""

    utterances: list[Utterance] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    made: int = 0
    # When the voice is done with all that was sent, by a clock that only goes forward.
    done_at: float = 0.0

    def begin(self, turn: int, *, is_message: bool = True, message_id: UUID | None = None) -> Utterance:
        """The next utterance."""
        self.made += 1
        made = Utterance(self.made, turn, is_message=is_message, message_id=message_id)
        self.utterances.append(made)
        return made

    def sent(self, utterance: Utterance, text: str, now: float) -> None:
        """These words of it were given to Twilio."""
        utterance.sent += text
        self.pieces.append(Piece(text, now, utterance.key))
        begins = self.done_at if self.done_at > now else now + BEGINS_AFTER_SECONDS
        self.done_at = begins + seconds_of(text)

    def is_speaking(self, now: float) -> bool:
        """Whether the voice is still at it, as far as we can tell."""
        return now < self.done_at

    def interrupted(self, heard: str, after_ms: int | None, now: float) -> list[Heard]:
        """How far each utterance was heard, where somebody spoke over them; afterwards nothing is being said."""
        at = _end_of(heard, self.pieces, after_ms)
        if at is None:
            at = self._by_time(now) if after_ms is None else _characters_in(after_ms / 1000, self._spoken())
        return self._cut(at)

    def broke(self, now: float) -> list[Heard]:
        """The same where the voice was cut off without a word: by how long it takes to say so much."""
        return self._cut(self._by_time(now))

    def settle(self) -> list[Heard]:
        """All that was sent was heard: somebody answers to it, or the voice had the time. Forgets it."""
        return self._cut(len(self._spoken()))

    def _spoken(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    def _by_time(self, now: float) -> int:
        """How many characters a voice has said by now of what was sent, piece by piece as it came."""
        said, free_at = 0, 0.0
        for piece in self.pieces:
            begins = free_at if free_at > piece.at else piece.at + BEGINS_AFTER_SECONDS
            ends = begins + seconds_of(piece.text)
            if now < ends:
                return said + (_characters_in(now - begins, piece.text) if now > begins else 0)
            said, free_at = said + len(piece.text), ends
        return said

    def _cut(self, at: int) -> list[Heard]:
        lengths: dict[int, int] = {}
        for piece in self.pieces:
            take = max(0, min(len(piece.text), at))
            lengths[piece.key] = lengths.get(piece.key, 0) + take
            at -= len(piece.text)
        found = [Heard(one, one.sent[: lengths.get(one.key, 0)]) for one in self.utterances]
        self.utterances, self.pieces, self.done_at = [], [], 0.0
        return found


def seconds_of(text: str) -> float:
    """How long a voice needs for it."""
    return sum(3.0 if _is_syllable(character) else 1.0 for character in text) / CHARACTERS_PER_SECOND


def _characters_in(seconds: float, text: str) -> int:
    """How many characters of the text are said in so long; whole words, as nobody knows half of one."""
    budget = seconds * CHARACTERS_PER_SECOND
    for place, character in enumerate(text):
        budget -= 3.0 if _is_syllable(character) else 1.0
        if budget < 0:
            return _word_before(text, place)
    return len(text)


def _is_syllable(character: str) -> bool:
    return "\u3040" <= character <= "\u9fff" or "\uac00" <= character <= "\ud7a3"


def _word_before(text: str, place: int) -> int:
    while place > 0 and text[place - 1].isalnum() and place < len(text) and text[place].isalnum():
        if _is_syllable(text[place]) or _is_syllable(text[place - 1]):
            return place
        place -= 1
    return place


# --- Where what was heard ends in what was said -----------------------------------------------------------------------


def _folded(text: str) -> tuple[str, list[int]]:
    """Letters and digits alone, in one case, each with its place in the text."""
    letters, places = [], []
    for place, character in enumerate(text):
        if character.isalnum():
            for one in character.casefold():
                letters.append(one)
                places.append(place)
    return "".join(letters), places


def _end_of(heard: str, pieces: Sequence[Piece], after_ms: int | None) -> int | None:
    """Up to which character of the pieces was heard; None where what was heard is nowhere in them.

    What was heard begins where a piece begins: the first, or one after which Twilio took the voice for a new one.
    """
    wanted, _ = _folded(heard)
    if not wanted:
        # Told outright that nothing was heard.
        return 0 if not after_ms else None
    spoken = "".join(piece.text for piece in pieces)
    folded, places = _folded(spoken)
    starts = list(_starts(pieces, places))
    exact = [start + len(wanted) for start in starts if folded.startswith(wanted, start)]
    if exact:
        return _after(spoken, places, _nearest(exact, places, spoken, after_ms))
    if wanted.endswith(folded) or (folded and wanted.startswith(folded)):
        # They heard all of this, and something of before or beside.
        return len(spoken)
    starts = [one for one in starts if folded.startswith(wanted[:BEGINS_ALIKE], one)] or starts[:MOST_STARTS]
    if len(wanted) > MOST_COMPARED:
        end = _by_tail(wanted, folded, starts)
        return None if end is None else _after(spoken, places, end)
    best: tuple[float, int] | None = None
    for start in starts[:MOST_STARTS]:
        rest = folded[start : start + 2 * len(wanted) + 40]
        blocks = difflib.SequenceMatcher(None, rest, wanted, autojunk=False).get_matching_blocks()
        alike = sum(block.size for block in blocks) / len(wanted)
        ends = [block for block in blocks if block.size >= 2 or block.size == len(wanted)]
        if ends and (best is None or alike > best[0]):
            # What of the heard came after the last that was found is as long here as there.
            last = ends[-1]
            best = alike, min(len(folded), start + last.a + last.size + len(wanted) - last.b - last.size)
    if best is None or best[0] < ALIKE:
        return None
    return _after(spoken, places, best[1])


def _by_tail(wanted: str, folded: str, starts: Sequence[int]) -> int | None:
    """Where a long text ends that differs from ours here and there: by the last letters of it that are in ours.

    They are looked for near where they would be if nothing differed, so that a phrase said twice is no riddle.
    """
    slack = max(80, len(wanted) // 6)
    for start in starts:
        for left in range(0, len(wanted) // 2, 4):
            needle = wanted[len(wanted) - left - TAIL : len(wanted) - left]
            there = start + len(wanted) - left - TAIL
            after = folded.find(needle, max(start, there), there + TAIL + slack)
            before = folded.rfind(needle, max(start, there - slack), max(start, there) + TAIL)
            found = [place for place in (before, after) if place >= 0]
            if found:
                _, nearest = min((abs(place - there), place) for place in found)
                return min(len(folded), nearest + TAIL + left)
    return None


def _starts(pieces: Sequence[Piece], places: Sequence[int]) -> Iterable[int]:
    """Where the pieces begin, among the folded letters."""
    at = index = 0
    last = -1
    for piece in pieces:
        while index < len(places) and places[index] < at:
            index += 1
        if index != last and index < len(places):
            last = index
            yield index
        at += len(piece.text)


def _nearest(ends: Sequence[int], places: Sequence[int], spoken: str, after_ms: int | None) -> int:
    """Of several places where it may end: the one that fits how long they listened, else the first."""
    if len(ends) == 1 or after_ms is None:
        return ends[0]

    def off(end: int) -> float:
        return abs(seconds_of(spoken[: places[end - 1] + 1]) - after_ms / 1000)

    return min(ends, key=off)


def _after(spoken: str, places: Sequence[int], letters: int) -> int:
    """The place in the text after so many letters, with the marks that close a word."""
    if letters <= 0:
        return 0
    at = places[letters - 1] + 1
    while at < len(spoken) and not spoken[at].isalnum() and not spoken[at].isspace():
        at += 1
    return at
