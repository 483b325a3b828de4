"""The voice of one relay session: words in, frames out in order, and nothing of an answer that is over.

All of it runs on the session's event loop and waits for nothing: a clause is on its way to Twilio at the moment at
which the responder has written it. What was sent is in the ledger, so that an interruption finds what was heard.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from channels_app.voice import relay_frames
from channels_app.voice.relay_clauses import Clauses
from channels_app.voice.relay_ledger import Heard, Ledger, Utterance
from deployments.channel_forms import ended
from deployments.models import Message
from deployments.pieces import Pieces
from deployments.responders.base import End, EndOfText, HandOver, Reply, Say, Token
from deployments.turns import Claim

logger = logging.getLogger(__name__)

# A message's words, of its text and its blocks; and a clause's, of one without marks.
Speak = Callable[[str, Sequence[Any]], str]
Readable = Callable[[str], str]


class Voice:
    """What one session says. `put` takes a frame and never waits."""

    def __init__(
        self,
        put: Callable[[str], None],
        spoken: Speak,
        readable: Readable,
        done_at: Callable[[], float] | None = None,
    ) -> None:
        self._put, self.spoken, self.readable = put, spoken, readable
        self.ledger = Ledger()
        # Who plays the voice knows when it is done; else it is reckoned.
        self._done_at = done_at

    @property
    def is_speaking(self) -> bool:
        """Whether the caller still hears something, as far as we can tell."""
        return time.monotonic() < self.done_at

    @property
    def done_at(self) -> float:
        """When it is done with all that was sent, by the monotonic clock; 0 where nothing was."""
        return self.ledger.done_at if self._done_at is None else self._done_at()

    def say(self, turn: int, words: str, message_id: UUID | None = None) -> Utterance:
        """Something whole: a message, or (without its id) words of the call itself."""
        utterance = self.ledger.begin(turn, is_message=message_id is not None, message_id=message_id)
        self.send(utterance, words)
        self.close(utterance)
        return utterance

    def send(self, utterance: Utterance, words: str) -> None:
        """A piece of it."""
        words = relay_frames.clean(words)
        now = time.monotonic()
        while words.strip():
            piece, words = _cut(words)
            self._put(relay_frames.text(piece, last=False))
            self.ledger.sent(utterance, piece, now)

    def close(self, utterance: Utterance) -> None:
        """It is whole."""
        if not utterance.is_whole:
            utterance.is_whole, utterance.whole = True, utterance.sent
            if utterance.sent:
                self._put(relay_frames.text("", last=True))

    def interrupted(self, heard: str, after_ms: int | None) -> list[Heard]:
        """The caller spoke over it."""
        return self.ledger.interrupted(heard, after_ms, time.monotonic())

    def broke(self) -> list[Heard]:
        """The socket is gone."""
        return self.ledger.broke(time.monotonic())

    def settle(self) -> list[Heard]:
        """The caller answers: what was said was heard."""
        return self.ledger.settle()


def _cut(words: str) -> tuple[str, str]:
    """A first piece that fits into a token, and the rest."""
    if len(words) <= relay_frames.LONGEST_TOKEN:
        return words, ""
    at = words.rfind(" ", 0, relay_frames.LONGEST_TOKEN)
    at = at + 1 if at > 0 else relay_frames.LONGEST_TOKEN
    return words[:at], words[at:]


@dataclass
class Stamps:
    """When what happened in a turn; `responder_ms` up to the piece that made the first clause whole."""

    heard_at: datetime
    asked_at: datetime | None = None
    first_word_at: datetime | None = None
    spoken_at: datetime | None = None
    finished_at: datetime | None = None
    responder_ms: int | None = None
    platform_ms: int | None = None
    # From the caller's last sound until they were taken to be done, where we listen ourselves.
    endpoint_ms: int | None = None


@dataclass
class Answering:
    """The ear of one turn (`deployments.writing.Ear`): says what it hears, until it is muted."""

    voice: Voice
    turn: int
    stamps: Stamps
    # By the monotonic clock, as the stamps are for people: when the caller's words came in.
    heard: float
    first_word: Callable[[Answering], None]
    spoke: Callable[[Answering], None]
    done: Callable[[Answering], None]
    utterances: list[Utterance] = field(default_factory=list)
    posted: Sequence[Message] = ()
    is_muted: bool = False
    is_over: bool = False
    # Another process answers this turn: what it says is found in the database.
    is_lost: bool = False
    # How far it was heard, by the key of its utterances, where the caller spoke over it.
    cut: dict[int, Heard] | None = None
    # What was written down of that.
    interruption: UUID | None = None
    _asked: float = 0.0
    _stop: Callable[[str], None] | None = None
    _wish: str = ""
    _current: Utterance | None = None
    _clauses: Clauses = field(default_factory=Clauses)
    _pieces: Pieces = field(default_factory=Pieces)

    # --- What the session wants ---

    def stop(self, why: str) -> None:
        """Be silent at once, and have the answer end."""
        self.is_muted = True
        self._wish = self._wish or why
        if self._stop is not None:
            self._stop(why)

    # --- The ear ---

    def begins(self, claim: Claim, stop: Callable[[str], None]) -> None:
        """The responder is asked."""
        if self._asked:
            # The answer to something that was queued behind it: said once it is stored.
            self.is_muted = True
            return
        self._asked, self.stamps.asked_at = time.monotonic(), timezone.now()
        self._stop = stop
        if self._wish:
            stop(self._wish)

    def hears(self, reply: Reply) -> None:
        """One reply."""
        try:
            self._hear(reply)
        except Exception:
            # What can't be said is in the transcript all the same.
            logger.exception("a reply in turn %s of a call was not said", self.turn)

    def ends(self, claim: Claim, posted: Sequence[Message] | None) -> None:
        """The answer is stored. (Of answers that follow it in the same task each is told so.)"""
        if self.is_over:
            return
        self.is_lost = posted is None
        # Whoever answers in its place says the rest: of what was not said yet nothing is said here.
        self.is_muted = self.is_muted or self.is_lost
        self._end_text(())
        self.posted = [*self.posted, *(posted or ())]
        if not self.is_lost:
            self.stamps.finished_at = timezone.now()
        self.is_over = True
        self.done(self)

    def _hear(self, reply: Reply) -> None:
        now = time.monotonic()
        match reply:
            case Token():
                self._note_word()
                if piece := self._pieces.take(reply.text):
                    current = self._open()
                    for clause in self._clauses.take(piece):
                        self._say(current, self.voice.readable(clause), now)
            case EndOfText():
                self._end_text(reply.blocks)
            case Say():
                self._note_word()
                self._end_text(())
                current = self._open()
                self._say(current, self.voice.spoken(reply.text, reply.blocks), now)
                self._end_text(())
            case HandOver() | End():
                self._end_text(())

    def _open(self) -> Utterance:
        if self._current is None:
            self._current = self.voice.ledger.begin(self.turn)
            self.utterances.append(self._current)
            self._clauses = Clauses()
        return self._current

    def _say(self, utterance: Utterance, words: str, asked: float) -> None:
        if self.is_muted:
            utterance.whole += words
            return
        self.voice.send(utterance, words)
        if self.stamps.spoken_at is None and words.strip():
            self.stamps.spoken_at = timezone.now()
            self.stamps.responder_ms = max(0, round((asked - self._asked) * 1000)) if self._asked else 0
            whole = round((time.monotonic() - self.heard) * 1000)
            self.stamps.platform_ms = max(0, whole - self.stamps.responder_ms)
            self.spoke(self)

    def _end_text(self, blocks: Sequence[Any]) -> None:
        utterance, self._current = self._current, None
        if utterance is None:
            return
        rest = [*self._clauses.take(self._pieces.rest()), self._clauses.rest()]
        shown = self.voice.spoken("", blocks) if blocks else ""
        if shown.strip() and rest[-1].strip():
            # What follows is a sentence of its own.
            rest[-1] = f"{ended(rest[-1])} "
        said = [self.voice.readable(words) for words in rest]
        for words in (*said, shown):
            if words.strip():
                self._say(utterance, words, time.monotonic())
        if self.is_muted:
            utterance.whole = utterance.sent + utterance.whole
            utterance.is_whole = True
        else:
            self.voice.close(utterance)

    def _note_word(self) -> None:
        if self.stamps.first_word_at is None:
            self.stamps.first_word_at = timezone.now()
            self.first_word(self)

    @property
    def heard_of_it(self) -> str:
        """What the caller heard of it, as far as can be told by now."""
        cut = self.cut
        if cut is None:
            return "".join(one.sent for one in self.utterances)
        return "".join(cut[one.key].heard for one in self.utterances if one.key in cut)

    def match(self) -> None:
        """Tell which stored message each utterance is: the responder's texts come first, and in their order.

        What the house adds after them (a notice of a failure, words of a hand-over) was not said yet.
        """
        for utterance, message in zip(self.utterances, self.posted, strict=False):
            utterance.message_id = message.id
