"""A text while it is being written: begun, told piece by piece, kept in the database every second, and ended once.

What the visitors see is what is stored. A piece is told by a live event, which may be lost; the text so far is in the
database a second later at most, whether or not another piece comes; and the finished text is a change like any other.
So whoever misses a piece asks for the text so far, and has it.

Saving is also how a writer keeps its claim and looks whether somebody wants it to stop (`stopping`), so that this works
while Valkey is away.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import random
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol
from uuid import UUID

from django.utils import timezone

from convoship.lib import rows
from convoship.lib.tenancy import in_tenant
from convoship.lib.together import Together
from deployments import conversations, live
from deployments.conversations import NewMessage
from deployments.models import AssistantVersion, Conversation, Message, Turn
from deployments.models.conversation import AuthorKind, Channel, MessageStatus, Stop, TurnStatus
from deployments.pieces import Pieces
from deployments.responders.base import End, EndOfText, HandOver, Reply, Say, Token
from deployments.responders.llm_stream import AWAKE_SECONDS
from deployments.stopping import Doorbell, Presence

if TYPE_CHECKING:
    from deployments.turns import Answer, Claim

logger = logging.getLogger(__name__)

# A writer renews its lease every second or two, so a third of a minute without a sign of it is its death.
LEASE = dt.timedelta(seconds=20)
# Pieces that come faster than anybody reads are told together: an eye sees twenty pictures a second.
TELL_EVERY_SECONDS = 0.05
# Of all answers that a process writes at once: above that each is told more rarely, so that they leave room for others.
# With two hundred that is twice a second, which reads as a text that is being written still.
MOST_PIECES_A_SECOND = 400
# Where many are written, what is kept of those of a workspace is kept together, this often.
KEEP_TOGETHER_SECONDS = 0.4
SAVE_EVERY_SECONDS = 1.0
LOOK_EVERY_SECONDS = 2.0
# What only an ear hears is stored before its end once it has taken so long: a short answer is stored as a whole.
EAR_STORES_AFTER_SECONDS = 0.7
MOST_WAITING = 1000
CUT = "The answer was cut off while being written."


class ClaimLost(Exception):
    """Another process has claimed the turn, or it has ended: what was answered here must not be written."""


class Ear(Protocol):
    """Who hears an answer in the process that takes the turn, each reply at once and before it is stored.

    For a voice: it can't wait for the database, nor for the channel layer. Nothing here may block or raise.
    """

    def begins(self, claim: Claim, stop: Callable[[str], None]) -> None:
        """An answer begins; `stop` ends it for a `Stop`, at any time until its end."""
        ...

    def hears(self, reply: Reply) -> None:
        """One reply, in order."""
        ...

    def ends(self, claim: Claim, posted: Sequence[Message] | None) -> None:
        """It is over: what was stored of it, in order, and what stands with it (None: another process answers)."""
        ...


# --- The database's side: synchronous, inside `tenant()` ------------------------------------------------------------


def new(
    version: AssistantVersion, text: str, blocks: tuple[Mapping[str, Any], ...] = (), status: str = MessageStatus.SENT
) -> NewMessage:
    """What the assistant says, about to be posted."""
    return NewMessage(
        author_kind=AuthorKind.ASSISTANT,
        author_name=version.content["name"],
        text=text,
        blocks=blocks,
        status=status,
    )


def hold(claim: Claim) -> Conversation:
    """The locked conversation, if the claim still stands."""
    return _held(claim)[0]


def _held(claim: Claim) -> tuple[Conversation, bool]:
    """The same, and whether there is a text that is being written."""
    conversation = conversations.lock(claim.conversation_id)
    # After the lock: what others changed while it was waited for is seen.
    row = rows.one(
        "SELECT EXISTS (SELECT FROM deployments_turn WHERE id = %s AND claim = %s AND status = 'running'),"
        " EXISTS (SELECT FROM deployments_message WHERE conversation_id = %s AND status = 'streaming')",
        [claim.turn_id, claim.token, claim.conversation_id],
    )
    is_ours, is_streaming = row or (False, False)
    if not is_ours:
        raise ClaimLost
    return conversation, is_streaming


def cut_streaming(conversation: Conversation, stop: str = "") -> None:
    """A text whose writer died stays: marked as cut, or as stopped where somebody had wanted that."""
    for message in Message.objects.filter(conversation=conversation, status=MessageStatus.STREAMING):
        status = conversations.outgoing_status(conversation) if stop else MessageStatus.FAILED
        conversations.change_message(
            conversation, message, is_posting=bool(stop), status=status, reason=Stop(stop).label if stop else CUT
        )


def begin_text(claim: Claim, before: list[Say], text: str) -> tuple[Conversation, Message]:
    """Store what was said before, and the beginning of a text that is still being written."""
    conversation, is_streaming = _held(claim)
    if is_streaming:
        cut_streaming(conversation)
    news = [new(claim.version, item.text, item.blocks) for item in before]
    news.append(new(claim.version, text, status=MessageStatus.STREAMING))
    posted = conversations.post_messages(conversation, news)
    return conversation, posted[-1]


@dataclass(frozen=True)
class Kept:
    """A claim to be kept alive, and the text so far, if there is one."""

    turn_id: UUID
    token: UUID
    message_id: UUID | None
    text: str


def keep(kept: Sequence[Kept]) -> list[str | None]:
    """Keep these claims of one workspace alive, and their texts so far; for each whether its turn is to stop.

    That is a `Stop`, or ""; None where the claim is lost. Not a change that counts (CONTRACT section 1, `rev`).
    """
    in_order = sorted(kept, key=lambda one: one.turn_id)
    held: dict[UUID, str] = dict(
        rows.every(
            "UPDATE deployments_turn AS turn SET leased_until = %s"
            " FROM unnest(%s::uuid[], %s::uuid[]) AS kept (id, claim)"
            " WHERE turn.id = kept.id AND turn.claim = kept.claim AND turn.status = 'running'"
            " RETURNING kept.claim, turn.stop",
            [timezone.now() + LEASE, [one.turn_id for one in in_order], [one.token for one in in_order]],
        )
    )
    texts = [(one.message_id, one.text) for one in in_order if one.message_id is not None and one.token in held]
    if texts:
        rows.every(
            "UPDATE deployments_message AS message SET text = kept.text"
            " FROM unnest(%s::uuid[], %s::text[]) AS kept (id, text)"
            " WHERE message.id = kept.id AND message.status = 'streaming' RETURNING message.id",
            [[message_id for message_id, _ in texts], [text for _, text in texts]],
        )
    return [held.get(one.token) for one in kept]


@dataclass(frozen=True)
class Ending:
    """How a text ends: whole, stopped (a `Stop`), or cut off by a failure."""

    message: Message
    text: str
    blocks: tuple[Mapping[str, Any], ...] = ()
    stop: str = ""
    failure: str = ""


def end_text(conversation: Conversation, ending: Ending) -> Message:
    """The text is finished; of a conversation that is held for its claim."""
    message, text, stop, failure = ending.message, ending.text, ending.stop, ending.failure
    if message.seq == conversation.head_seq:
        # It was the first piece of it alone so far.
        conversation.last_text = text[: conversations.PREVIEW_LENGTH]
    return conversations.change_message(
        conversation,
        message,
        is_posting=not failure,
        text=text,
        blocks=list(ending.blocks),
        status=MessageStatus.FAILED if failure else conversations.outgoing_status(conversation),
        reason=CUT if failure else Stop(stop).label if stop else "",
    )


def _end_text(claim: Claim, ending: Ending) -> Message:
    return end_text(hold(claim), ending)


def post(claim: Claim, said: list[Say]) -> list[Message]:
    """Whole messages that need not wait for what the responder still has to say."""
    return conversations.post_messages(hold(claim), [new(claim.version, item.text, item.blocks) for item in said])


def let_go(claim: Claim, ending: Ending | None) -> None:
    """End the text that is under way, and give the turn back, for whoever sweeps next."""
    conversation = hold(claim) if ending is not None else None
    # By a claim that nobody has: what is being kept of it meanwhile (`keep`) must not lease it again. The turn goes
    # before its message, as everywhere.
    Turn.objects.filter(id=claim.turn_id, claim=claim.token, status=TurnStatus.RUNNING).update(
        leased_until=timezone.now(), claim=uuid.uuid4()
    )
    if conversation is not None and ending is not None:
        end_text(conversation, ending)


# --- The responder's side: asynchronous, no connection held ----------------------------------------------------------


def pause() -> float:
    """Seconds between two pieces of an answer, as many as this process writes now.

    More or less: where all of them paused equally long, one moment that keeps the loop busy would bring them together
    for good, and from then on whatever else is due would wait for two hundred at a time.
    """
    seconds = len(Writer.live) / MOST_PIECES_A_SECOND
    if seconds <= TELL_EVERY_SECONDS:
        return TELL_EVERY_SECONDS
    return max(TELL_EVERY_SECONDS, seconds * random.uniform(0.6, 1.4))  # noqa: S311 (nothing to guess)


def rest() -> float:
    """Seconds for which who reads a stream of pieces rests, so that it reads several in one go: none among few."""
    seconds = pause()
    return seconds if seconds > TELL_EVERY_SECONDS else 0.0


def _gather() -> float:
    """Seconds in which what several answers want of one place is gathered: none, as long as there are few."""
    return rest() / 4


async def _keep(workspace_id: UUID, kept: Sequence[Kept]) -> list[str | None]:
    return await in_tenant(keep)(workspace_id, kept)


def _keep_gather() -> float:
    return KEEP_TOGETHER_SECONDS if _gather() else 0.0


_keeping: Together[UUID, Kept, str | None] = Together(_keep, _keep_gather)


class Writer:
    """Stores and tells a responder's replies: whole messages at the end, streamed text as it comes.

    Whoever reads the responder hands over (`take`) and never waits for the database, so it can be interrupted at any
    moment without harm; the writing is a task of its own, which is not.
    """

    live: ClassVar[set[Writer]] = set()

    def __init__(self, claim: Claim, answer: Answer, *, is_watched: bool = False, ear: Ear | None = None) -> None:
        self.claim = claim
        self.answer = answer
        self.ear = ear
        self.posted: list[Message] = []
        # The text that was under way at the end: it ends with the turn, in one transaction.
        self.ending: Ending | None = None
        # What the responder ended by itself, and nothing has come after yet.
        self._ends_with: EndOfText | None = None
        # Why the reader is to stop, if so; `is_let_go`: this process ends, and another one answers anew.
        self.stop: str = ""
        self.is_let_go = False
        self._patience: asyncio.Timeout | None = None
        self._waiting: deque[Reply] = deque()
        self._said, self._taken, self._ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._message: Message | None = None
        self._conversation: Conversation | None = None
        self._pieces = Pieces()
        self._text = ""
        self._told = 0  # of the text, in code points
        self._kept = 0
        self._kept_at = self._rested_at = self._began_at = time.monotonic()
        self._keeping: asyncio.Task[None] | None = None
        self._presence = Presence(claim, is_watched=is_watched)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Writer:
        self.live.add(self)
        self._doorbell = Doorbell(self.claim, self.stop_for)
        if self.ear is not None:
            self.ear.begins(self.claim, self.stop_for)
        self._task = asyncio.get_running_loop().create_task(self._write())
        self._task.add_done_callback(self._done)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._doorbell.close()
        self.live.discard(self)
        if self._task is not None and not self._task.done():
            self._task.cancel()

    # --- Whoever reads the responder ---

    def interrupts(self, patience: asyncio.Timeout | None) -> None:
        """From now on this time-out expires at once when the answer is to stop."""
        self._patience = patience
        if self.is_interrupted:
            self._interrupt()

    async def take(self, reply: Reply) -> None:
        """One reply of the responder, in order.

        Where many answers are written, the reader rests after a piece: what comes meanwhile is read in one go.
        """
        if self.ear is not None:
            self.ear.hears(reply)
        self._waiting.append(reply)
        self._said.set()
        seconds = rest() if isinstance(reply, Token) else 0.0
        since = time.monotonic() - self._rested_at
        if seconds and since > AWAKE_SECONDS:
            # Who rests by itself (`llm_stream`) need not here.
            await asyncio.sleep(max(0.0, seconds - since))
            self._rested_at = time.monotonic()
        while len(self._waiting) > MOST_WAITING and self._task is not None and not self._task.done():
            self._taken.clear()
            await self._taken.wait()

    async def finish(self) -> None:
        """Wait until all that was taken is stored, but for the text that is under way. Raises what kept it off."""
        self._patience = None
        self._ended.set()
        self._said.set()
        if self._task is not None:
            await self._task

    def stop_for(self, why: str) -> None:
        """Stop, at the next opportunity; the first reason stands."""
        if not self._ended.is_set():
            self.stop = self.stop or why
            self._interrupt()

    def let_go(self) -> None:
        """This process ends: store what there is, and leave the turn to another."""
        self.is_let_go = True
        self._interrupt()

    @property
    def is_interrupted(self) -> bool:
        """Whether it is we who stopped the reader: the answer is unwanted, or can't be written any more."""
        return bool(self.stop) or self.is_let_go or (self._task is not None and self._task.done())

    def _interrupt(self) -> None:
        patience, self._patience = self._patience, None
        if patience is not None and not patience.expired():
            patience.reschedule(0)

    def _done(self, _: asyncio.Task[None]) -> None:
        # Only where it failed is somebody still reading or waiting for room.
        self._taken.set()
        self._interrupt()

    # --- The writing ---

    async def _write(self) -> None:
        try:
            await self._write_all()
        finally:
            if self._keeping is not None:
                # What it would have kept is stored with the end; one that was sent finds nothing to change after that.
                self._keeping.cancel()

    async def _write_all(self) -> None:
        while not (self._ended.is_set() and not self._waiting):
            await _either(self._said, SAVE_EVERY_SECONDS)
            self._said.clear()
            await self._store_what_was_said()
            await self._keep_if_due()
            if not self._ended.is_set():
                await _either(self._ended, pause())
            if self._ends_with is not None and not self._ended.is_set() and not self._waiting:
                # The responder has ended its text, and goes on: there may be a while until it has ended itself.
                await self._end_text()
        failure = self.answer.failure or (CUT if self.is_let_go else "")
        await self._end_text(is_last=True, failure=failure)

    async def _store_what_was_said(self) -> None:
        while self._waiting:
            match reply := self._waiting.popleft():
                case Token():
                    if self._ends_with is not None:
                        await self._end_text()
                    self._began_at = self._began_at if self._text else time.monotonic()
                    self._text += self._pieces.take(reply.text)
                case EndOfText():
                    if self._ends_with is not None:
                        await self._end_text()
                    self._ends_with = reply
                case Say() if self.ear is not None:
                    # It has been heard, whatever else comes of the answer.
                    await self._end_text()
                    self.posted += await in_tenant(post)(self.claim.workspace_id, self.claim, [reply])
                case Say() | HandOver() | End():
                    await self._end_text()
                    self.answer.add(reply)
                case _:
                    self.answer.add(reply)
        self._taken.set()
        await self._show()

    def _is_shown(self, is_cut: bool) -> bool:
        """Whether a text is stored while it is written: on the web, and where somebody hears it for some time.

        Elsewhere it is told as a whole. What was heard of one that is cut is stored in any case.
        """
        if self.claim.input.channel == Channel.WEB or self._message is not None:
            return True
        is_long = time.monotonic() - self._began_at >= EAR_STORES_AFTER_SECONDS
        return self.ear is not None and (is_long or is_cut)

    async def _show(self, *, is_cut: bool = False) -> None:
        """Begin the text, or tell the piece of it that is new."""
        if len(self._text) == self._told or not self._is_shown(is_cut):
            return
        if self._message is None or self._conversation is None:
            before, self.answer.said = self.answer.said, []
            self._conversation, self._message = await in_tenant(begin_text)(
                self.claim.workspace_id, self.claim, before, self._text
            )
            self._kept, self._kept_at = len(self._text), time.monotonic()
        else:
            piece = self._text[self._told :]
            live.tell_piece(self._conversation, self._message.id, self._told, piece, _gather())
        self._told = len(self._text)

    async def _keep_if_due(self) -> None:
        """Beside the writing: pieces are told, and the text is ended, while it is kept."""
        if self._keeping is not None:
            if not self._keeping.done():
                return
            ended, self._keeping = self._keeping, None
            await ended
        has_more = self._message is not None and len(self._text) > self._kept
        every = SAVE_EVERY_SECONDS if has_more else LOOK_EVERY_SECONDS
        # What is kept late for others' sake is begun sooner.
        if time.monotonic() - self._kept_at < every - (pause() - TELL_EVERY_SECONDS) - _keep_gather():
            return
        if self._ended.is_set():
            return
        message_id = self._message.id if self._message is not None and has_more else None
        kept = Kept(self.claim.turn_id, self.claim.token, message_id, self._text)
        self._keeping = asyncio.get_running_loop().create_task(self._keep(kept))
        self._keeping.add_done_callback(self._has_kept)

    def _has_kept(self, keeping: asyncio.Task[None]) -> None:
        if not keeping.cancelled():
            keeping.exception()  # where the text ends meanwhile, nobody else looks at it
        self._said.set()

    async def _keep(self, kept: Kept) -> None:
        try:
            stop = await _keeping.answer(self.claim.workspace_id, kept)
            if stop is None:
                raise ClaimLost
            if self._message is not None and self._message.id == kept.message_id:
                self._kept = len(kept.text)
            if stop or await self._presence.is_over():
                self.stop_for(stop or Stop.LEFT)
        except ClaimLost:
            raise
        except Exception:
            # The lease outlasts a database that is away for a moment.
            logger.exception("the text so far of turn %s was not kept, it is tried again", self.claim.turn_id)
        self._kept_at = time.monotonic()

    async def _end_text(self, *, is_last: bool = False, failure: str = "") -> None:
        """End the text that is under way, as the responder wants it ended; the last one is left to the turn's end."""
        end, self._ends_with = self._ends_with or EndOfText(), None
        failure = CUT if end.is_cut else failure
        self._text += self._pieces.rest()
        await self._show(is_cut=bool(failure or self.stop))
        if self._message is None:
            if self._text and not failure and not self.stop:
                self.answer.said.append(Say(self._text, end.blocks))
            if self._text and self.answer.said and not is_last:
                said, self.answer.said = self.answer.said, []
                self.posted += await in_tenant(post)(self.claim.workspace_id, self.claim, said)
            self._text = ""
            return
        stop = self.stop if self._ended.is_set() else ""
        ending = Ending(self._message, self._text, end.blocks, stop, failure)
        self._message, self._conversation, self._text, self._told, self._kept = None, None, "", 0, 0
        if is_last:
            self.ending = ending
        else:
            self.posted.append(await in_tenant(_end_text)(self.claim.workspace_id, self.claim, ending))


async def _either(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set, or so long."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
