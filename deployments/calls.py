"""What is told of a telephone call beside its transcript: who called, how it goes or went, and how each turn was heard.

Calls are kept in a room above this one, which registers here when its app is ready, as carriers do (`carriers`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from uuid import UUID

from deployments.models import Conversation
from deployments.models.conversation import Channel

AfterNobody = Literal["assistant", "voicemail", "goodbye"]


@dataclass(frozen=True)
class Mark:
    """What a list says of a call in a few words, with its badge's tone and icon. `number`: of who is there."""

    words: str
    tone: str = ""
    icon: str = "phone"
    number: str = ""


@dataclass(frozen=True)
class Heard:
    """How much of an answer the caller heard. `state`: spoken, cut or unheard; `heard` and `rest` are its two parts.

    `is_joined`: the two follow each other, so that together they are what was meant to be said.
    """

    state: str
    heard: str = ""
    rest: str = ""
    is_joined: bool = True


@dataclass(frozen=True)
class Stage:
    """One stage of a turn, and how long it took."""

    name: str
    milliseconds: int


@dataclass(frozen=True)
class TurnTold:
    """One turn: by which keys it was said, how sure the ear was (0 to 1), how long its stages took, what went wrong.

    `responder_ms` is what the responder itself took for its first word, `platform_ms` what everything else took.
    """

    number: int
    keys: str = ""
    confidence: float | None = None
    stages: Sequence[Stage] = ()
    responder_ms: int | None = None
    platform_ms: int | None = None
    error: str = ""
    # Where we hear and speak ourselves: from the caller's last sound to the first of the answer.
    to_first_sound: int | None = None

    @property
    def to_first_word(self) -> int | None:
        """From the last word of the caller's that was heard to the first that was given out, in milliseconds."""
        known = [one for one in (self.responder_ms, self.platform_ms) if one is not None]
        return sum(known) if known else None

    @property
    def percent_sure(self) -> int:
        """How sure the ear was, in percent."""
        return round(100 * (self.confidence or 0))


@dataclass(frozen=True)
class Repair:
    """A button that mends something: what it says, and where it leads; `is_act`: by POST."""

    label: str
    path: str
    is_act: bool = False


@dataclass(frozen=True)
class Step:
    """Something that happened in a call and was not said: a key, a silence, a transfer, a fall-back, an error.

    `repair`: where what went wrong is mended.
    """

    id: str
    at: dt.datetime
    title: str
    words: str = ""
    remedy: str = ""
    tone: str = ""
    icon: str = "circle"
    is_step: bool = True
    repair: Repair | None = None


@dataclass(frozen=True)
class Recorded:
    """A recording, or a voicemail: `url` plays it, good for an hour; while there is none, `reason` says why.

    `again`: where it is fetched anew, by POST, under a button that says `act`.
    """

    id: str
    label: str
    standing: str
    tone: str = ""
    made_at: dt.datetime | None = None
    length: str = ""
    url: str = ""
    content_type: str = ""
    transcript: str = ""
    reason: str = ""
    remedy: str = ""
    next_try_at: dt.datetime | None = None
    again: str = ""
    act: str = "Fetch again"


@dataclass(frozen=True)
class Told:
    """A call as its conversation's page tells it.

    `length`: how long they talked, in words; empty while it goes on, or where nobody answered.
    `notice`: what of it is not known, in words. `facts` are pairs of name and words;
    `consent` says how the caller stands to being recorded, where they were asked.
    `turns`, `heard` and `said_at` go by the ids of the messages that they belong to; `said_at` is of those alone that
    were said at another time than they were written.
    """

    mark: Mark
    is_live: bool
    facts: Sequence[tuple[str, str]]
    began_at: dt.datetime
    answered_at: dt.datetime | None = None
    length: str = ""
    reason: str = ""
    remedy: str = ""
    repair: Repair | None = None
    notice: str = ""
    consent: str = ""
    recordings: Sequence[Recorded] = ()
    steps: Sequence[Step] = ()
    turns: Mapping[UUID, TurnTold] = field(default_factory=dict)
    heard: Mapping[UUID, Heard] = field(default_factory=dict)
    said_at: Mapping[UUID, dt.datetime] = field(default_factory=dict)


def lasting(seconds: float) -> str:
    """A length of speech or silence: `8 s`, `1 min 20 s`, `1 h 2 min`."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{rest} s"


def short(milliseconds: float) -> str:
    """A latency: `620 ms`, `1.2 s`."""
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{round(milliseconds)} ms"


class Calls(Protocol):
    """Keeps calls. All are called inside `tenant()`."""

    def told(self, conversation: Conversation) -> Told | None:
        """The call that this conversation is; None where it is none."""

    def marks_of(self, conversations: Sequence[Conversation]) -> Mapping[UUID, Mark]:
        """What a list says of those of these conversations that are calls, by their ids."""

    def as_json(self, conversation: Conversation) -> dict[str, Any] | None:
        """The call as the admin API shows it; None where the conversation is none."""

    def after_nobody(self, conversation: Conversation) -> AfterNobody | None:
        """What the call goes on with where nobody takes it; None where the conversation is no call."""


_keepers: list[Calls] = []

# In a sentence that begins with "If nobody comes, ".
_AFTER_NOBODY: Mapping[AfterNobody, str] = {
    "assistant": "the assistant goes on",
    "voicemail": "a message is taken",
    "goodbye": "the call ends with a goodbye",
}


def register(keeper: Calls) -> None:
    """Have this keeper of calls asked."""
    _keepers.append(keeper)


def told(conversation: Conversation) -> Told | None:
    """The call that this conversation is; None where it is none."""
    return next((found for keeper in _keepers if (found := keeper.told(conversation)) is not None), None)


def marks_of(conversations: Sequence[Conversation]) -> dict[UUID, Mark]:
    """What a list says of those of these conversations that are calls, by their ids."""
    found: dict[UUID, Mark] = {}
    for keeper in _keepers:
        found.update(keeper.marks_of(conversations))
    return found


def as_json(conversation: Conversation) -> dict[str, Any] | None:
    """The call as the admin API shows it; None where the conversation is none."""
    return next((found for keeper in _keepers if (found := keeper.as_json(conversation)) is not None), None)


def after_nobody(conversation: Conversation) -> AfterNobody:
    """What a conversation goes on with where nobody takes it: one that is no call, with its assistant."""
    if conversation.channel != Channel.VOICE:
        return "assistant"
    return next((found for keeper in _keepers if (found := keeper.after_nobody(conversation))), "assistant")


def after_nobody_words(conversation: Conversation) -> str:
    """The same for members: `a message is taken`."""
    return _AFTER_NOBODY[after_nobody(conversation)]
