"""`take_turn`: the one place where a message gets its answer, whichever door the message came through.

A turn is a row. Posting the message makes it, claimed at once by the process that took the message (`Claim`); the
answer is written under that claim and finishes the row in the same transaction. A process that dies leaves a claim
whose lease runs out; the sweeper claims it anew. Whatever the responder does, a turn ends `done` or `failed`, and a
failed one says so in the conversation.

Nothing here holds a database connection while a responder works.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from django.utils import timezone

from convoship.lib.tenancy import in_tenant
from deployments import conversations, handoff, live, publishing
from deployments.conversations import NewMessage
from deployments.models import AssistantVersion, Conversation, Message, Turn
from deployments.models.conversation import AuthorKind, Control, MessageStatus, Status, TurnStatus
from deployments.responders.base import (
    End,
    EndOfText,
    HandOver,
    Line,
    Remember,
    Reply,
    ResponderError,
    Say,
    Token,
    Trace,
    TurnInput,
    responder_for,
)
from deployments.words import say

logger = logging.getLogger(__name__)

LEASE = dt.timedelta(seconds=60)
ANSWER_TIMEOUT_SECONDS = 30.0
MOST_ATTEMPTS = 3
HISTORY_LINES = 20
SAVE_EVERY_SECONDS = 1.0

_UNFINISHED = (TurnStatus.QUEUED, TurnStatus.RUNNING)


@dataclass(frozen=True)
class Claim:
    """The right to answer one message, until the lease ends or someone else claims it."""

    workspace_id: UUID
    turn_id: UUID
    token: UUID
    conversation_id: UUID
    version: AssistantVersion
    input: TurnInput
    locale: str


@dataclass
class Answer:
    """What a responder has said so far and not yet stored, and what it wants done at the end."""

    said: list[Say] = field(default_factory=list)
    state: Mapping[str, Any] | None = None
    hand_over: str | None = None
    end: str | None = None
    trace: dict[str, Any] = field(default_factory=dict)
    failure: str = ""


class ClaimLost(Exception):
    """Another process has claimed the turn, or it has ended: what was answered here must not be written."""


# --- The database's side: synchronous, inside `tenant()` ------------------------------------------------------------


def open_turn(conversation: Conversation, message: Message) -> Claim | None:
    """Make the turn of a message just posted to a locked conversation; claimed, if no earlier one is unfinished.

    None where a person answers, or where an earlier turn is under way: whoever finishes that one goes on with this.
    """
    if conversation.control != Control.ASSISTANT:
        return None
    turn = Turn(conversation=conversation, message=message, seq=message.seq, workspace_id=conversation.workspace_id)
    if Turn.objects.filter(conversation=conversation, status__in=_UNFINISHED).exists():
        turn.save(force_insert=True)
        return None
    _take(turn)
    turn.save(force_insert=True)
    return _claim(turn, conversation)


def claim_due(conversation_id: UUID) -> Claim | None:
    """Claim the conversation's earliest unfinished turn, unless its owner's lease still runs. Used by the sweeper."""
    return _claim_next(conversations.lock(conversation_id))


def _claim_next(conversation: Conversation) -> Claim | None:
    turn = (
        Turn.objects.filter(conversation=conversation, status__in=_UNFINISHED)
        .select_related("message")
        .order_by("seq")
        .first()
    )
    if turn is None or (turn.leased_until is not None and turn.leased_until > timezone.now()):
        return None
    if turn.attempts >= MOST_ATTEMPTS:
        _fail(conversation, turn, f"No answer after {turn.attempts} attempts: the process was stopped each time.")
        return _claim_next(conversation)
    _take(turn)
    turn.save(update_fields=["status", "attempts", "claim", "leased_until"])
    return _claim(turn, conversation)


def _take(turn: Turn) -> None:
    turn.status = TurnStatus.RUNNING
    turn.attempts += 1
    turn.claim = uuid.uuid4()
    turn.leased_until = timezone.now() + LEASE


def _claim(turn: Turn, conversation: Conversation) -> Claim:
    version = publishing.version(conversation.workspace_id, conversation.version_id)
    message = turn.message
    lines: list[Line] = []
    if getattr(responder_for(version.responder), "reads_history", True):
        earlier = Message.objects.filter(conversation=conversation, seq__lt=turn.seq).order_by("-seq")[:HISTORY_LINES]
        lines = [
            Line(author=m.author_kind, text=m.text, payload=m.payload or None, at=m.created_at)  # type: ignore[arg-type]
            for m in reversed(earlier)
        ]
    return Claim(
        workspace_id=conversation.workspace_id,
        turn_id=turn.id,
        token=cast(UUID, turn.claim),
        conversation_id=conversation.id,
        version=version,
        locale=conversation.locale,
        input=TurnInput(
            text=message.text,
            payload=message.payload or None,
            locale=conversation.locale or None,
            channel=conversation.channel,
            history=lines,
            state=conversation.flow_state,
            content=version.responder_content,
        ),
    )


def _hold(claim: Claim) -> Conversation:
    """The locked conversation, if the claim still stands."""
    conversation = conversations.lock(claim.conversation_id)
    if not Turn.objects.filter(id=claim.turn_id, claim=claim.token, status=TurnStatus.RUNNING).exists():
        raise ClaimLost
    return conversation


def _settle(claim: Claim, answer: Answer) -> tuple[list[Message], Claim | None]:
    """Write what was answered, finish the turn, and claim the next one: one transaction."""
    conversation = conversations.lock(claim.conversation_id)
    finished = Turn.objects.filter(id=claim.turn_id, claim=claim.token, status=TurnStatus.RUNNING).update(
        status=TurnStatus.FAILED if answer.failure else TurnStatus.DONE,
        reason=answer.failure[:300],
        trace=answer.trace,
        finished_at=timezone.now(),
    )
    if not finished:
        raise ClaimLost
    posted: list[Message] = []
    _cut_streaming(conversation)
    if conversation.is_active and conversation.control == Control.ASSISTANT:
        posted = _post_answer(conversation, claim, answer)
    return posted, _claim_next(conversation)


def _post_answer(conversation: Conversation, claim: Claim, answer: Answer) -> list[Message]:
    if answer.state is not None:
        conversation.flow_state = dict(answer.state)
    news = [_new(claim, item.text, item.blocks) for item in answer.said]
    if answer.failure:
        news.append(_failure_notice(claim.locale, answer.failure))
    posted = conversations.post_messages(conversation, news) if news else []
    if not news and answer.state is not None:
        conversations.save(conversation, [])
    if answer.hand_over is not None:
        posted += handoff.request(conversation, answer.hand_over)
    elif answer.end is not None:
        conversations.end(conversation, Status.COMPLETED, answer.end, "")
    return posted


def _new(
    claim: Claim, text: str, blocks: tuple[Mapping[str, Any], ...] = (), status: str = MessageStatus.SENT
) -> NewMessage:
    return NewMessage(
        author_kind=AuthorKind.ASSISTANT,
        author_name=claim.version.content["name"],
        text=text,
        blocks=blocks,
        status=status,
    )


def _failure_notice(locale: str, reason: str) -> NewMessage:
    return NewMessage(
        author_kind=AuthorKind.SYSTEM, text=say("answer_failed", locale), status=MessageStatus.FAILED, reason=""
    )


def _fail(conversation: Conversation, turn: Turn, reason: str) -> None:
    turn.status = TurnStatus.FAILED
    turn.reason = reason
    turn.finished_at = timezone.now()
    turn.save(update_fields=["status", "reason", "finished_at"])
    logger.error("turn %s of conversation %s failed: %s", turn.id, conversation.id, reason)
    _cut_streaming(conversation)
    if conversation.is_active and conversation.control == Control.ASSISTANT:
        conversations.post_message(conversation, _failure_notice(conversation.locale, reason))


def _cut_streaming(conversation: Conversation) -> None:
    """A text whose writer died stays, marked as cut."""
    for message in Message.objects.filter(conversation=conversation, status=MessageStatus.STREAMING):
        conversations.change_message(
            conversation, message, status=MessageStatus.FAILED, reason="The answer was cut off while being written."
        )


def _begin_text(claim: Claim, before: list[Say], text: str) -> tuple[Conversation, Message]:
    """Store what was said before, and the beginning of a text that is still being written."""
    conversation = _hold(claim)
    _cut_streaming(conversation)
    news = [_new(claim, item.text, item.blocks) for item in before]
    posted = conversations.post_messages(conversation, [*news, _new(claim, text, status=MessageStatus.STREAMING)])
    return conversation, posted[-1]


def _save_text(claim: Claim, message_id: UUID, text: str) -> None:
    """Keep the text so far and the claim alive; not a change that counts (CONTRACT section 1, `rev`)."""
    now = timezone.now()
    if not Turn.objects.filter(id=claim.turn_id, claim=claim.token).update(leased_until=now + LEASE):
        raise ClaimLost
    Message.objects.filter(id=message_id).update(text=text)


def _end_text(
    claim: Claim, message: Message, text: str, blocks: tuple[Mapping[str, Any], ...], failure: str
) -> Message:
    conversation = _hold(claim)
    return conversations.change_message(
        conversation,
        message,
        text=text,
        blocks=list(blocks),
        status=MessageStatus.FAILED if failure else MessageStatus.SENT,
        reason="The answer was cut off while being written." if failure else "",
    )


# --- The responder's side: asynchronous, no connection held ----------------------------------------------------------


async def take_turn(claim: Claim) -> list[Message]:
    """Answer the claimed message, and any that came in meanwhile. Returns the messages posted for the first one."""
    first: list[Message] | None = None
    following: Claim | None = claim
    while following is not None:
        posted, following = await _answer_one(following)
        first = posted if first is None else first
    return first or []


_in_background: set[asyncio.Task[list[Message]]] = set()


def in_background(claim: Claim) -> asyncio.Task[list[Message]]:
    """Take the turn in a task of its own, which outlives the request or socket that asked."""
    task = asyncio.get_running_loop().create_task(take_turn(claim))
    _in_background.add(task)
    task.add_done_callback(_in_background.discard)
    return task


async def _answer_one(claim: Claim) -> tuple[list[Message], Claim | None]:
    writer = _Writer(claim)
    try:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
                async for reply in _replies(claim):
                    await writer.take(reply)
        except ResponderError as error:
            writer.answer.failure = f"{error.reason} {error.remedy}"
        except TimeoutError:
            writer.answer.failure = f"The assistant did not answer within {ANSWER_TIMEOUT_SECONDS:.0f} seconds."
        except ClaimLost:
            raise
        except Exception:
            logger.exception("responder %s broke in turn %s", claim.version.responder, claim.turn_id)
            writer.answer.failure = "The assistant broke while answering. The error has been logged."
        return await writer.finish()
    except ClaimLost:
        logger.warning("turn %s was claimed by another process, this answer is dropped", claim.turn_id)
        return [], None


def _replies(claim: Claim) -> AsyncIterator[Reply]:
    return responder_for(claim.version.responder).answer(claim.input)


class _Writer:
    """Collects a responder's replies: whole messages until the end, streamed text as it comes."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim
        self.answer = Answer()
        self.posted: list[Message] = []
        self.writing: tuple[Conversation, Message] | None = None
        self.text = ""
        self.saved_at = 0.0

    async def take(self, reply: Reply) -> None:
        """One reply of the responder, in order."""
        match reply:
            case Token():
                await self._piece(reply.text)
                return
            case EndOfText():
                await self._end_text(reply.blocks)
                return
            case Trace():
                self.answer.trace.update(reply.data)
                return
            case Remember():
                self.answer.state = reply.state
                return
        await self._end_text(())
        match reply:
            case Say():
                self.answer.said.append(reply)
            case HandOver():
                self.answer.hand_over = reply.reason
            case End():
                self.answer.end = reply.reason

    async def finish(self) -> tuple[list[Message], Claim | None]:
        """Write what is left and finish the turn."""
        await self._end_text((), failure=self.answer.failure)
        posted, following = await in_tenant(_settle)(self.claim.workspace_id, self.claim, self.answer)
        return self.posted + posted, following

    async def _piece(self, text: str) -> None:
        index = len(self.text)
        self.text += text
        if self.writing is None:
            begin = in_tenant(_begin_text)
            before, self.answer.said = self.answer.said, []
            self.writing = await begin(self.claim.workspace_id, self.claim, before, self.text)
            self.saved_at = time.monotonic()
            return
        conversation, message = self.writing
        live.tell_piece(conversation, message.id, index, text)
        if time.monotonic() - self.saved_at >= SAVE_EVERY_SECONDS:
            await in_tenant(_save_text)(self.claim.workspace_id, self.claim, message.id, self.text)
            self.saved_at = time.monotonic()

    async def _end_text(self, blocks: tuple[Mapping[str, Any], ...], failure: str = "") -> None:
        if self.writing is None:
            return
        (_, message), text = self.writing, self.text
        self.writing, self.text = None, ""
        self.posted.append(
            await in_tenant(_end_text)(self.claim.workspace_id, self.claim, message, text, blocks, failure)
        )
