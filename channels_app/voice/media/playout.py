"""What of our voice was sent, what of it was played, and which words the caller heard of it. Pure: times are given.

The far side plays what it is sent at its own pace, from a buffer. A mark behind each passage comes back once it was
played; by that the clock is set right. Where no mark comes back in time, the clock alone has to do.

At most `AHEAD` seconds lie in that buffer, so that a far side that does not throw them away falls silent soon as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from channels_app.voice.media.events import RATE
from channels_app.voice.relay_ledger import seconds_of

AHEAD = 1.0
# In one frame: a fifth of a second.
LARGEST = RATE // 5
# The far side begins to play so long after it was sent something, where nothing was playing.
BEGINS_AFTER = 0.06
# No voice needs so much longer for words than was reckoned: so many times as long, and so many seconds.
SLOWEST, SLOWEST_SECONDS = 4.0, 20.0
# A mark that is later than this was lost.
MARK_PATIENCE = 2.0


@dataclass(eq=False)
class Passage:
    """The sound of some words: a clause, or a sentence."""

    words: str
    key: int
    waiting: deque[bytes] = field(default_factory=deque)
    made: int = 0
    sent: int = 0
    # Its sound is all there.
    is_whole: bool = False
    # Its mark is on its way.
    is_marked: bool = False
    # By the clock of the far side, as far as we know it: when it begins to be played.
    begins_at: float | None = None

    @property
    def seconds(self) -> float:
        """How long it is; a guess where its sound is not all there."""
        known = self.made / RATE
        return known if self.is_whole else max(known, seconds_of(self.words))

    @property
    def is_endless(self) -> bool:
        """Whether its sound can't be that of its words."""
        return self.made / RATE > SLOWEST * seconds_of(self.words) + SLOWEST_SECONDS

    @property
    def is_sent(self) -> bool:
        """Whether all of it was sent."""
        return self.is_whole and self.sent >= self.made


@dataclass(frozen=True)
class Cut:
    """Where our voice was stopped: what was heard, and for how long it had been speaking."""

    heard: str
    after_ms: int


class Playout:
    """Of one call."""

    def __init__(self) -> None:
        self._passages: deque[Passage] = deque()
        self._heard: list[str] = []
        self._began_at: float | None = None
        # When the far side is done with what was sent.
        self._free_at = 0.0
        self._made = 0

    # --- What is to be said ---------------------------------------------------------------------------------------

    def begin(self, words: str) -> Passage:
        """The next words; their sound comes with `add`."""
        self._made += 1
        passage = Passage(words, self._made)
        self._passages.append(passage)
        return passage

    def add(self, passage: Passage, ulaw: bytes) -> None:
        """More of its sound."""
        for start in range(0, len(ulaw), LARGEST):
            passage.waiting.append(ulaw[start : start + LARGEST])
        passage.made += len(ulaw)

    def end(self, passage: Passage) -> None:
        """Its sound is all there."""
        passage.is_whole = True

    # --- What is sent -----------------------------------------------------------------------------------------------

    def due(self, now: float) -> Iterator[tuple[bytes, str]]:
        """What is to be sent by now, in order: sound, or (after it) the name of a mark."""
        for passage in self._passages:
            while passage.waiting and self._free_at - now < AHEAD:
                ulaw = passage.waiting.popleft()
                if passage.begins_at is None:
                    passage.begins_at = max(self._free_at, now + BEGINS_AFTER)
                    self._began_at = passage.begins_at if self._began_at is None else self._began_at
                self._free_at = max(self._free_at, now + BEGINS_AFTER) + len(ulaw) / RATE
                passage.sent += len(ulaw)
                yield ulaw, ""
            if not passage.is_sent:
                return
            if not passage.is_marked:
                passage.is_marked = True
                yield b"", _mark(passage)

    def next_at(self, now: float) -> float | None:
        """When something is to be sent next; None while there is nothing to send."""
        if not any(passage.waiting for passage in self._passages):
            return None
        return max(now, self._free_at - AHEAD)

    # --- What was played --------------------------------------------------------------------------------------------

    def marked(self, name: str, now: float) -> bool:
        """A mark came back: all up to it was played. Whether it was one that we wait for."""
        found = next((one for one in self._passages if one.is_marked and _mark(one) == name), None)
        if found is None:
            return False
        while self._passages:
            passage = self._passages.popleft()
            self._heard.append(passage.words)
            if passage is found:
                break
        # What was sent after it begins now.
        self._free_at = now
        for passage in self._passages:
            if passage.begins_at is not None:
                passage.begins_at = self._free_at
                self._free_at += passage.sent / RATE
        return True

    def forget_lost(self, now: float) -> None:
        """Passages whose marks are overdue were played, as far as we shall ever know."""
        while self._passages and (first := self._passages[0]).is_sent:
            ends_at = (first.begins_at or now) + first.seconds
            if now < ends_at + MARK_PATIENCE:
                return
            self._heard.append(first.words)
            self._passages.popleft()

    def has(self, passage: Passage) -> bool:
        """Whether it is still to be said."""
        return passage in self._passages

    @property
    def made_ahead(self) -> float:
        """How many seconds of sound were made and not yet sent."""
        return sum(passage.made - passage.sent for passage in self._passages) / RATE

    @property
    def is_speaking(self) -> bool:
        """Whether anything is said, or about to be."""
        return bool(self._passages)

    def done_at(self, now: float) -> float:
        """When the caller will have heard all of it, as far as can be told; at most `MARK_PATIENCE` after it was."""
        if not self._passages:
            return 0.0
        left = sum(passage.seconds - passage.sent / RATE for passage in self._passages)
        ends_at = max(self._free_at, now) + max(0.0, left)
        return ends_at if ends_at > now else now + MARK_PATIENCE

    # --- Who speaks over it -----------------------------------------------------------------------------------------

    def heard(self, now: float) -> Cut:
        """What was heard by now, since it was last settled."""
        words = list(self._heard)
        for passage in self._passages:
            if passage.begins_at is None or now <= passage.begins_at:
                break
            share = (now - passage.begins_at) / passage.seconds if passage.seconds else 1.0
            words.append(passage.words if share >= 1 else _words_of(passage.words, share))
            if share < 1:
                break
        after = 0.0 if self._began_at is None else max(0.0, now - self._began_at)
        return Cut("".join(words), round(after * 1000))

    def hold(self, now: float) -> list[Passage]:
        """Stop, with a `clear` to the far side: gives what was not heard yet, to be said later, or never."""
        left: list[Passage] = []
        for passage in self._passages:
            played = 0 if passage.begins_at is None else max(0, round((now - passage.begins_at) * RATE))
            left.append(self._rest_of(passage, played))
        self._passages.clear()
        self._free_at = 0.0
        return left

    def _rest_of(self, passage: Passage, played: int) -> Passage:
        # (What was sent is not kept; `Line` says the words again from where they broke off.)
        share = min(1.0, played / (passage.seconds * RATE)) if passage.seconds else 1.0
        said = passage.words if share >= 1 else _words_of(passage.words, share)
        if said:
            self._heard.append(said)
        return Passage(passage.words[len(said) :], passage.key, is_whole=True)

    def settle(self) -> None:
        """The caller answered to it: what they have heard is no matter any more. What is still said, is."""
        self._heard.clear()
        self._began_at = None if not self._passages else self._began_at


def _mark(passage: Passage) -> str:
    return f"p{passage.key}"


def _words_of(words: str, share: float) -> str:
    """So much of the words, whole ones: nobody knows half of one."""
    at = int(len(words) * max(0.0, share))
    if at >= len(words):
        return words
    while at > 0 and not words[at - 1].isspace():
        at -= 1
    return words[:at]
