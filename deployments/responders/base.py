"""The responder port: what every kind of assistant (script, LLM, webhook) looks like to a turn.

A responder is asked twice: `welcome` when a conversation opens, `answer` for each thing the visitor says. `answer`
streams: it yields `Reply` values as they come into being, and the turn stores, sends and remembers them. It never
touches the database, holds no lock, and keeps nothing between turns but caches; whatever must last goes through
`Remember`.

The order of a turn is the order of what was yielded. Consecutive `Token`s make one message, which is finished by
`EndOfText` (with its blocks), by the next `Say`, `HandOver` or `End`, or by the end of the turn. `Trace` may come
anywhere and is never shown to visitors. A turn that yields no text is legal (a hand-over without words, say).

A responder that can't answer raises `ResponderError`: plain words, the remedy, and whether trying again can help.
Anything else it raises is a bug of ours and ends the turn as `failed` with a general reason.

What it needs from the database it asks the turn for (`Reach`), a value at a time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, runtime_checkable

Author: TypeAlias = Literal["visitor", "assistant", "agent", "system"]
Block: TypeAlias = Mapping[str, Any]  # CONTRACT 4: buttons, card, carousel, list
# Why the other side (a model, somebody's bot) gave no answer. `budget`: it was not asked, as that would cost too much.
Code: TypeAlias = Literal[
    "", "key", "model", "quota", "busy", "filter", "context", "timeout", "unreachable", "broken", "budget"
]


@dataclass(frozen=True, slots=True)
class Line:
    """One earlier message of the conversation."""

    author: Author
    text: str
    payload: str | None  # the value of the button that the visitor tapped, if it was a tap
    at: datetime


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of what the assistant has read. `url` is "" where it has none; a higher `score` fits better."""

    id: str
    title: str
    url: str
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call of a model took. Tokens as the model's provider counts them."""

    model: str = ""
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True, slots=True)
class Callback:
    """Where a turn's answer may be posted, once. `answer`: what was posted to an earlier try's address already."""

    id: str
    url: str
    answer: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the first call of an answer needs: passages for `text` (at most `limit`, 0 for none) and a secret.

    `secret` is (key, address); `most` says what the call may take, once its passages are known.
    """

    text: str
    limit: int
    secret: tuple[str, str] | None
    most: Callable[[Sequence[Passage]], Usage]


@dataclass(frozen=True, slots=True)
class Opening:
    """What there is of it; `spent` is the id under which the call was set aside."""

    passages: Sequence[Passage]
    secret: str
    spent: str


class Reach(Protocol):
    """What a responder may ask for while it answers. Each call crosses the database briefly and holds nothing."""

    async def secret(self, key: str, url: str) -> str:
        """The workspace's secret by this key, to be sent to this address.

        ResponderError, with what to do, where there is none or where it may not go there.
        """
        ...

    async def passages(self, text: str, limit: int) -> Sequence[Passage]:
        """What the assistant has read that fits this text best, at most so many."""
        ...

    async def opening(self, wanted: Wanted) -> Opening:
        """`passages`, `secret` and `spend` of an answer's first call, at one crossing where they can be."""
        ...

    async def spend(self, most: Usage) -> str:
        """Set aside what a call may take at most, under the id that is answered.

        ResponderError of the code `budget` where that is more than is left: nothing may be called then.
        """
        ...

    async def settle(self, spent: str, usage: Usage) -> int | None:
        """What the call took in the end; the rest of what was set aside is free again.

        Answers what it cost in billionths of a US dollar, None where nobody knows.
        """
        ...

    async def signing_secrets(self) -> Sequence[str]:
        """What the assistant's webhook is signed with, the newest first; several while they overlap.

        ResponderError, with what to do, where there is none.
        """
        ...

    async def bot_stand_in(self, name: str) -> str:
        """The address of this server at which the rehearsal's bot of this name is asked (`stand_in_bot.BOTS`)."""
        ...

    async def open_callback(self, turn_id: str, seconds: float) -> Callback:
        """An address that takes this turn's answer for so long; one that nobody knows yet."""
        ...

    async def called_back(self, callback: Callback) -> Mapping[str, Any] | None:
        """The answer that was posted there, good in itself (`webhook_answer`); None where there is none yet."""
        ...

    async def close(self) -> None:
        """The answer is over: what was set aside for it ahead, and never asked for, is given back."""
        ...


async def found_in_parts(reach: Reach, wanted: Wanted) -> Opening:
    """An opening, one crossing after another."""
    passages = await reach.passages(wanted.text, wanted.limit) if wanted.limit else ()
    secret = await reach.secret(*wanted.secret) if wanted.secret else ""
    return Opening(passages, secret, await reach.spend(wanted.most(passages)))


def _unheard(_data: Mapping[str, Any]) -> None:
    """Of a turn whose record nobody keeps."""


def _no_rest() -> float:
    return 0.0


class NoReach:
    """For what is tried without a workspace: nothing is there, and nothing is counted."""

    async def secret(self, key: str, url: str) -> str:
        """There is none."""
        raise ResponderError(f"There is no secret {key!r} here.", "Add it on the page Secrets.", code="key")

    async def passages(self, text: str, limit: int) -> Sequence[Passage]:
        """There are none."""
        return ()

    async def opening(self, wanted: Wanted) -> Opening:
        """Whatever the others say."""
        return await found_in_parts(self, wanted)

    async def spend(self, most: Usage) -> str:
        """Whatever it takes."""
        return ""

    async def settle(self, spent: str, usage: Usage) -> None:
        """Nobody counts."""

    async def signing_secrets(self) -> Sequence[str]:
        """There are none."""
        raise ResponderError("There is no signing secret here.", "Make one on the assistant's page.", code="key")

    async def bot_stand_in(self, name: str) -> str:
        """There is none: it knows who asks by the assistant's secret."""
        raise ResponderError("There is no bot to rehearse with here.", "Try it on the assistant's page.")

    async def open_callback(self, turn_id: str, seconds: float) -> Callback:
        """One that nothing comes to."""
        return Callback("", "")

    async def called_back(self, callback: Callback) -> Mapping[str, Any] | None:
        """Nobody calls."""
        return None

    async def close(self) -> None:
        """Nothing was set aside."""


@dataclass(frozen=True, slots=True)
class TurnInput:
    """All that a responder may know. `history` is oldest first, without the message that is being answered."""

    text: str
    payload: str | None
    locale: str | None  # as the visitor's side gave it: "de", "de-AT", "en_GB"
    channel: str
    history: Sequence[Line]
    state: Mapping[str, Any]  # what the last `Remember` of this conversation held; {} at first
    content: Mapping[str, Any]  # the published version's part for this kind of responder, as validated on publishing
    # What is known of the conversation: {"visitor": {...}, "page": {"url", "title"}, "assistant": {"name"}}. What it
    # says of the visitor is the page's word, or the visitor's own.
    about: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    at: datetime | None = None  # when this was said; None: now
    # What was found for words that the responder did not understand (`Missed`): it is asked again with these, the best
    # first.
    passages: Sequence[Passage] = ()
    reach: Reach = field(default_factory=NoReach)
    # What the other side may tell this turn by, the same however often it is tried: "" in a try without a trace.
    conversation_id: str = ""
    turn_id: str = ""
    # The customer's own id of who talks, where the customer's server proved it; "" else.
    user_id: str = ""
    # Takes what a `Trace` would say from an answer that is closed before its end, and can't yield it any more.
    at_close: Callable[[Mapping[str, Any]], None] = _unheard
    # Seconds to rest between two reads of a stream, where many answers are written at once; 0 else.
    rest: Callable[[], float] = _no_rest


@dataclass(frozen=True, slots=True)
class Say:
    """A whole message."""

    text: str
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a message that is still being written."""

    text: str


@dataclass(frozen=True, slots=True)
class EndOfText:
    """The message made of the tokens so far is finished, and carries these blocks.

    `is_cut`: it broke off, and something else is said in place of its rest. Who reads it sees that.
    """

    blocks: tuple[Block, ...] = ()
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Remember:
    """Replaces the conversation's state as a whole. JSON values only."""

    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HandOver:
    """A person is wanted. Nothing that is yielded afterwards is text."""

    reason: str


@dataclass(frozen=True, slots=True)
class Missed:
    """Nothing was understood: what was said is only that. So many in a row may hand the conversation over."""


@dataclass(frozen=True, slots=True)
class End:
    """The conversation is completed."""

    reason: str


@dataclass(frozen=True, slots=True)
class IfSilent:
    """Said once if the visitor says nothing for so long; then a person is asked for, or the conversation ended.

    Anything that the visitor says before takes it back.
    """

    after_seconds: int
    say: Say
    then: Literal["", "hand_over", "end"] = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """How the answer was found (which intent, score, runners-up): for the transcript and *Try it*. JSON values only."""

    data: Mapping[str, Any] = field(default_factory=dict)


Reply: TypeAlias = Say | Token | EndOfText | Remember | HandOver | Missed | End | IfSilent | Trace


class ResponderError(Exception):
    """The responder can't answer this turn.

    `reason`: what went wrong, in plain words, for the transcript. `remedy`: what the assistant's owner can do about it.
    `retryable`: whether the same turn may succeed when tried again. `code`: the kind of failure, one of `CODES`; ""
    where it is none of the other side's. `visitor`: words for the visitor, "" for the general ones.
    """

    def __init__(
        self, reason: str, remedy: str, *, retryable: bool = False, code: Code = "", visitor: str = ""
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy
        self.retryable = retryable
        self.code: Code = code
        self.visitor = visitor


@runtime_checkable
class Responder(Protocol):
    """One kind of assistant. Instances are shared by all turns of a process, so they hold no turn's data.

    One that doesn't look at `TurnInput.history` says so with `reads_history = False` and is spared the query for it.
    """

    kind: ClassVar[str]  # "scripted", "llm", "webhook": the assistant's `responder`

    def welcome(
        self, content: Mapping[str, Any], locale: str | None, channel: str, about: Mapping[str, Mapping[str, Any]]
    ) -> Sequence[Say]:
        """What is said first; `about` as in `TurnInput`. Quick, and without network."""
        ...

    def answer(self, turn: TurnInput) -> AsyncIterator[Reply]:
        """The reply to one message: an async generator. Closing it early stops the work."""
        ...


@runtime_checkable
class AnswersAtOnce(Protocol):
    """A responder that never waits: pure computation of a few milliseconds, without files, network or sleep.

    It is asked by `replies` inside the transaction that takes the visitor's message, which spares a turn a second one;
    `answer` says the same for a message that had to queue.
    """

    def replies(self, turn: TurnInput) -> Sequence[Reply]:
        """The whole reply to one message: no `Token`s."""
        ...


@runtime_checkable
class KnowsItsOpening(Protocol):
    """A responder that can say, before it is asked, what its answer's first call will need (`Reach.opening`).

    That is looked up and set aside in the transaction that claims the turn, which spares the answer one of its own.
    """

    def wanted(self, turn: TurnInput) -> Wanted:
        """What that is; pure computation."""
        ...


@asynccontextmanager
async def closing(replies: AsyncIterator[Reply]) -> AsyncIterator[AsyncIterator[Reply]]:
    """The replies, closed at the end of the block and in its task, however it ends: that stops the work."""
    try:
        yield replies
    finally:
        close = getattr(replies, "aclose", None)
        if close is not None:
            await close()


_responders: dict[str, Responder] = {}


def register(responder: Responder) -> None:
    """Called once per kind, in `AppConfig.ready()`. Another responder under a kind that is taken is a ValueError."""
    held = _responders.get(responder.kind)
    if held is not None and type(held) is not type(responder):
        raise ValueError(f"the responder kind {responder.kind!r} is taken by {type(held).__name__}")
    _responders[responder.kind] = responder


def responder_for(kind: str) -> Responder:
    """The responder of an assistant; ResponderError when its kind isn't built or not registered."""
    try:
        return _responders[kind]
    except KeyError:
        raise ResponderError(
            f"This assistant wants a responder of the kind {kind!r}, which this server doesn't have.",
            "Choose another responder for the assistant and publish it.",
        ) from None
