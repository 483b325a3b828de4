"""`take_turn`: the one place where a message gets its answer, whichever door the message came through.

A turn is a row. Posting the message makes it, claimed at once by the process that took the message (`Claim`); the
answer is written under that claim and finishes the row in the same transaction. A process that dies leaves a claim
whose lease runs out; the sweeper claims it anew. Whatever the responder does, a turn ends `done` or `failed`, and a
failed one says so in the conversation.

Nothing here holds a database connection while a responder waits for anything. One that never waits (`AnswersAtOnce`)
is asked within the transaction that takes the message: message, answer and finished turn are stored together.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import Any, cast
from uuid import UUID

from django.db import DatabaseError, transaction
from django.utils import timezone

from convoship.lib import rows
from convoship.lib.tenancy import in_tenant
from deployments import (
    conversations,
    failure_notices,
    handoff,
    handoff_form,
    handoff_history,
    handoff_rules,
    live,
    publishing,
    reaching,
    responder_health,
    writing,
)
from deployments.about import about
from deployments.budgets import Who
from deployments.conversations import NewMessage
from deployments.knowledge import searching
from deployments.models import AssistantVersion, Conversation, Message, Turn
from deployments.models.conversation import Channel, Control, Status, Stop, TurnStatus
from deployments.models.handoff import HandoffCause
from deployments.reaching import WorkspaceReach
from deployments.responders import answering, scripted
from deployments.responders.base import (
    AnswersAtOnce,
    End,
    HandOver,
    IfSilent,
    Line,
    Missed,
    Passage,
    Remember,
    Reply,
    Responder,
    ResponderError,
    Say,
    Trace,
    TurnInput,
    closing,
    responder_for,
)
from deployments.words import say
from deployments.writing import LEASE, ClaimLost, Ear, Ending, Writer

logger = logging.getLogger(__name__)

LET_GO_SECONDS = 3.0
TYPING_AFTER_SECONDS = 0.4
MOST_ATTEMPTS = 3
HISTORY_LINES = 50
BROKE = "The assistant broke while answering. The error has been logged."


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
    # Of the message that is answered.
    client_id: str | None = None
    # The visitor's session, where it was looked up with the claim.
    session_id: UUID | None = None


@dataclass
class Answer:
    """What a responder has said so far and not yet stored, and what it wants done at the end."""

    said: list[Say] = field(default_factory=list)
    state: Mapping[str, Any] | None = None
    hand_over: str | None = None
    end: str | None = None
    if_silent: IfSilent | None = None
    trace: dict[str, Any] = field(default_factory=dict)
    failure: str = ""
    missed: bool = False
    # A `Stop`: it was stopped, and what nobody had seen by then is not said any more.
    stop: str = ""

    def add(self, reply: Reply) -> None:
        """One more thing that was said or wanted; pieces of text are the writer's."""
        match reply:
            case Say():
                self.said.append(reply)
            case Trace():
                self.trace.update(reply.data)
            case Remember():
                self.state = reply.state
            case HandOver():
                self.hand_over = reply.reason
            case Missed():
                self.missed = True
            case End():
                self.end = reply.reason
            case IfSilent():
                self.if_silent = reply


# --- The database's side: synchronous, inside `tenant()` ------------------------------------------------------------


def take_message(
    conversation: Conversation, new: NewMessage, *, queue: bool, leave: Callable[[], None] | None = None
) -> tuple[Message, list[Message], Claim | None]:
    """Post what a visitor says to a locked conversation, and see to its answer: (message, answer, claim).

    A responder that answers at once has done so when this returns. For any other the turn is claimed, unless `queue`
    says that an earlier one is unfinished: whoever finishes that one goes on with this. Or it is left to a process of
    its own: `leave` is called, and whoever called this rings after COMMIT. Where a person answers, there is no turn.
    """
    conversation.if_silent, conversation.silent_at = None, None
    if conversation.control != Control.ASSISTANT:
        message = conversations.post_message(conversation, new)
        return message, handoff.heard(conversation, message), None
    if handoff_form.is_button(new.payload):
        message, told = handoff.pressed_without_need(conversation, new)
        _note_done(conversation, message, {"spent": new.payload})
        return message, told, None
    version = publishing.version(conversation.workspace_id, conversation.version_id)
    rules = handoff_rules.of_version(version)
    if new.payload == handoff_form.PERSON and rules.on_request:
        return *_hand_over_at_button(conversation, new), None
    if word := rules.asks_for_person(new.text):
        return *_hand_over_at(conversation, new, word), None
    if new.attachments and not new.text and not queue:
        return *_answer_to_files(conversation, new, version), None
    responder = None if queue else _responder_of(version)
    if isinstance(responder, AnswersAtOnce):
        message, *replies = _answer_at_once(conversation, new, version, responder)
        return message, replies, None
    message = conversations.post_message(conversation, new)
    turn = _turn(conversation, message)
    if queue or leave is not None:
        rows.insert([turn])
        if leave is not None and not queue:
            leave()
        return message, [], None
    _take(turn)
    rows.insert([turn])
    return message, [], _claim(turn, conversation)


def _turn(conversation: Conversation, message: Message) -> Turn:
    return Turn(conversation=conversation, message=message, seq=message.seq, workspace_id=conversation.workspace_id)


def _responder_of(version: AssistantVersion) -> Responder | None:
    try:
        return responder_for(version.responder)
    except ResponderError:
        return None  # the turn says so when it asks for the responder itself


def _answer_at_once(
    conversation: Conversation, new: NewMessage, version: AssistantVersion, responder: AnswersAtOnce
) -> list[Message]:
    """The visitor's message, its answer and its finished turn, in the transaction that takes the message."""
    answer = Answer()
    try:
        turn_input = _input(conversation, version, new.text, new.payload, [])
        replies = responder.replies(turn_input)
        if scripted.wants_knowledge(replies, turn_input):
            replies = scripted.searched(responder, replies, turn_input, _known(version, turn_input.text))
        for reply in replies:
            answer.add(reply)
    except ResponderError as error:
        answer.failure = f"{error.reason} {error.remedy}"
    except Exception:
        logger.exception("responder %s broke in conversation %s", version.responder, conversation.id)
        answer.failure = BROKE
    posted = _post_answer(conversation, version, answer, before=[new])
    turn = _turn(conversation, posted[0])
    turn.status, turn.attempts, turn.finished_at = _ended(answer), 1, timezone.now()
    turn.reason, turn.trace = answer.failure[:300], answer.trace
    rows.insert([turn])
    return posted


def _known(version: AssistantVersion, text: str) -> list[Passage]:
    """What the assistant has read of this: the database is at hand, and only what wasn't understood is looked for."""
    try:
        with transaction.atomic():
            return searching.find(version.assistant_id, text, scripted.MOST_PASSAGES)
    except DatabaseError:
        # The visitor's message is being taken, which counts for more.
        logger.exception("the knowledge of assistant %s could not be searched", version.assistant_id)
        return []


def _answer_to_files(
    conversation: Conversation, new: NewMessage, version: AssistantVersion
) -> tuple[Message, list[Message]]:
    """To files without a word: that they are kept, and that words are needed. What the script asked stays asked."""
    answer = _files_kept(conversation, len(new.attachments))
    message, *replies = _post_answer(conversation, version, answer, before=[new])
    _note_done(conversation, message, answer.trace)
    return message, replies


def _hand_over_at(conversation: Conversation, new: NewMessage, word: str) -> tuple[Message, list[Message]]:
    """To a word that asks for a person: the hand-over, and nothing of the responder's."""
    message = conversations.post_message(conversation, new)
    replies = handoff.request(conversation, f"The visitor wrote “{word}”.", HandoffCause.KEYWORD)
    _note_done(conversation, message, {"keyword": word})
    return message, replies


def _hand_over_at_button(conversation: Conversation, new: NewMessage) -> tuple[Message, list[Message]]:
    """To the button below a failure's notice: the hand-over, and no question for who could not answer."""
    message = conversations.post_message(conversation, new)
    replies = handoff.request(conversation, "The visitor asked for a person where no answer came.")
    _note_done(conversation, message, {"asked_person": True})
    return message, replies


def _note_done(conversation: Conversation, message: Message, trace: dict[str, Any]) -> None:
    """A turn that no responder had part in."""
    turn = _turn(conversation, message)
    turn.status, turn.attempts, turn.finished_at = TurnStatus.DONE, 1, timezone.now()
    turn.trace = trace
    rows.insert([turn])


def _files_kept(conversation: Conversation, count: int) -> Answer:
    words = say("files_kept" if count == 1 else "files_kept_many", conversation.locale)
    return Answer(said=[Say(words)], trace={"files": count})


def _ended(answer: Answer) -> TurnStatus:
    return TurnStatus.FAILED if answer.failure else TurnStatus.DONE


def _why(answer: Answer) -> str:
    return Stop(answer.stop).label if answer.stop else answer.failure[:300]


def claim_due(conversation_id: UUID) -> Claim | None:
    """Claim the conversation's earliest unfinished turn, unless its owner's lease still runs. Used by the sweeper."""
    return _claim_next(conversations.lock(conversation_id))


def _claim_next(conversation: Conversation) -> Claim | None:
    row = rows.one(_next_turn_sql(), [conversation.id])
    if row is None:
        return None
    turn, message = rows.read_each(row[:-1], Turn, Message)
    turn.message, turn.conversation = message, conversation
    if turn.leased_until is not None and turn.leased_until > timezone.now():
        return None
    if turn.stop:
        _stop(conversation, turn)
        return _claim_next(conversation)
    if turn.attempts:
        # Who wrote is dead: the visitor need not wait for the next words to see that these ended.
        writing.cut_streaming(conversation)
    if turn.attempts >= MOST_ATTEMPTS:
        _fail(conversation, turn, f"No answer after {turn.attempts} attempts: the process was stopped each time.")
        return _claim_next(conversation)
    if turn.message.attachments and not turn.message.text:
        _answer_later_to_files(conversation, turn)
        return _claim_next(conversation)
    _take(turn)
    rows.update(turn, ("status", "attempts", "claim", "leased_until"))
    return replace(_claim(turn, conversation), session_id=row[-1])


@cache
def _next_turn_sql() -> str:
    return f"""
        SELECT {rows.columns(Turn, "t")}, {rows.columns(Message, "m")},
               (SELECT s.id FROM deployments_visitorsession s WHERE s.conversation_id = t.conversation_id LIMIT 1)
          FROM deployments_turn t JOIN deployments_message m ON m.id = t.message_id
         WHERE t.conversation_id = %s AND t.status IN ('queued', 'running')
         ORDER BY t.seq LIMIT 1"""  # noqa: S608  (names of columns)


def _stop(conversation: Conversation, turn: Turn) -> None:
    """Of a locked conversation: a turn that was to stop, and that nobody answers (any more)."""
    turn.status, turn.finished_at = TurnStatus.DONE, timezone.now()
    turn.reason, turn.trace = Stop(turn.stop).label, {"stopped": turn.stop}
    turn.save(update_fields=["status", "finished_at", "reason", "trace"])
    with conversations.one_answer(conversation, turn.message.client_id):
        writing.cut_streaming(conversation, turn.stop)


def _answer_later_to_files(conversation: Conversation, turn: Turn) -> None:
    """Of a locked conversation: files without a word that came while an earlier message had no answer yet."""
    answer = _files_kept(conversation, len(turn.message.attachments))
    turn.status, turn.finished_at, turn.trace = TurnStatus.DONE, timezone.now(), answer.trace
    turn.attempts += 1
    turn.save(update_fields=["status", "finished_at", "trace", "attempts"])
    with conversations.one_answer(conversation, turn.message.client_id):
        if conversation.is_active and conversation.control == Control.ASSISTANT:
            _post_answer(conversation, publishing.version(conversation.workspace_id, conversation.version_id), answer)


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
        earlier = rows.every(
            "SELECT author_kind, text, payload, created_at FROM deployments_message"
            " WHERE conversation_id = %s AND seq < %s ORDER BY seq DESC LIMIT %s",
            [conversation.id, turn.seq, HISTORY_LINES],
        )
        lines = [Line(author, text, payload or None, at) for author, text, payload, at in reversed(earlier)]
    asked = replace(
        _input(conversation, version, message.text, message.payload, lines),
        conversation_id=str(conversation.id),
        turn_id=str(turn.id),
        user_id=conversation.proved_as,
    )
    who = _who(conversation, turn)
    prepared = _prepared(version, asked, who)
    return Claim(
        workspace_id=conversation.workspace_id,
        turn_id=turn.id,
        token=cast(UUID, turn.claim),
        conversation_id=conversation.id,
        version=version,
        locale=conversation.locale,
        client_id=message.client_id,
        input=replace(asked, reach=WorkspaceReach(conversation.workspace_id, version.assistant_id, who, prepared)),
    )


def _prepared(version: AssistantVersion, asked: TurnInput, who: Who) -> reaching.Prepared | None:
    """What the answer's first call needs, as the database is at hand."""
    try:
        wanted = answering.wanted(version.content, asked)
    except Exception:
        # The message is being taken, which counts for more; whoever answers fails alike, and says so.
        logger.exception("responder %s can't say what it needs", version.responder)
        return None
    return None if wanted is None else reaching.prepare(version.assistant_id, who, wanted)


def _who(conversation: Conversation, turn: Turn) -> Who:
    return Who(
        deployment_id=conversation.deployment_id,
        visitor_id=conversation.person_id,
        origin=conversation.origin or conversation.channel,
        turn_id=turn.id,
        locale=conversation.locale,
    )


def _input(
    conversation: Conversation, version: AssistantVersion, text: str, payload: str, history: list[Line]
) -> TurnInput:
    return TurnInput(
        text=text,
        payload=payload or None,
        locale=conversation.locale or None,
        channel=conversation.channel,
        history=history,
        state=conversation.flow_state,
        content=version.responder_content,
        about=about(
            conversation.visitor_data,
            page_url=conversation.page_url,
            page_title=conversation.page_title,
            assistant=version.content["name"],
            handoff=handoff_history.for_assistant(conversation),
        ),
    )


def _settle(claim: Claim, answer: Answer, ending: Ending | None = None) -> tuple[list[Message], Claim | None]:
    """End the text that is under way, write what was answered, finish the turn, and claim the next one.

    All of it in one transaction.
    """
    conversation = conversations.lock(claim.conversation_id)
    finished = rows.every(
        "UPDATE deployments_turn SET status = %s, reason = %s, trace = %s::jsonb, finished_at = %s"
        " WHERE id = %s AND claim = %s AND status = 'running' RETURNING id",
        [_ended(answer), _why(answer), json.dumps(answer.trace), timezone.now(), claim.turn_id, claim.token],
    )
    if not finished:
        raise ClaimLost
    posted: list[Message] = []
    if ending is not None:
        posted.append(writing.end_text(conversation, ending))
    is_well, is_streaming, is_next = _left(claim)
    if not (is_well and responder_health.is_good(claim.version.responder, answer.trace)):
        responder_health.note(claim.version.assistant_id, claim.version.responder, answer.trace)
    with conversations.one_answer(conversation, claim.client_id):
        if is_streaming:
            writing.cut_streaming(conversation)
        if conversation.is_active and conversation.control == Control.ASSISTANT and not answer.stop:
            posted += _post_answer(conversation, claim.version, answer)
    return posted, _claim_next(conversation) if is_next else None


def _left(claim: Claim) -> tuple[bool, bool, bool]:
    """Whether what answers is known to be well, a text is still being written, and a further message waits."""
    row = rows.one(
        "SELECT EXISTS (SELECT FROM deployments_responderhealth WHERE assistant_id = %s AND code = ''),"
        " EXISTS (SELECT FROM deployments_message WHERE conversation_id = %s AND status = 'streaming'),"
        " EXISTS (SELECT FROM deployments_turn WHERE conversation_id = %s AND status IN ('queued', 'running'))",
        [claim.version.assistant_id, claim.conversation_id, claim.conversation_id],
    )
    is_well, is_streaming, is_next = row or (False, False, False)
    return is_well, is_streaming, is_next


def _post_answer(
    conversation: Conversation, version: AssistantVersion, answer: Answer, before: Sequence[NewMessage] = ()
) -> list[Message]:
    if answer.state is not None:
        conversation.flow_state = dict(answer.state)
    if answer.failure:
        conversation.failures += 1
    conversation.misses = conversation.misses + 1 if answer.failure or answer.missed else 0
    if answer.hand_over is None and answer.end is None:
        _wait_for_visitor(conversation, answer.if_silent)
    news = [*before, *(writing.new(version, item.text, item.blocks) for item in answer.said)]
    if answer.failure:
        news.append(_failure_notice(conversation, version, answer.trace))
    posted = conversations.post_messages(conversation, news) if news else []
    if not news and (answer.state is not None or answer.if_silent is not None):
        conversations.save(conversation, [])
    if answer.hand_over is not None:
        posted += handoff.request(conversation, answer.hand_over, HandoffCause.INTENT)
    elif answer.end is not None:
        conversations.end(conversation, Status.COMPLETED, answer.end, "")
    elif _is_too_much(conversation, version):
        posted += _give_up(conversation)
    return posted


def _is_too_much(conversation: Conversation, version: AssistantVersion) -> bool:
    """Whether the assistant has failed or missed as often in a row as its rules allow."""
    most = handoff_rules.of_version(version).after_failures
    return most is not None and conversation.misses >= most


def _give_up(conversation: Conversation) -> list[Message]:
    times = conversation.misses
    conversation.misses = 0
    reason = f"The assistant had no answer {times} times in a row." if times > 1 else "The assistant had no answer."
    return handoff.request(conversation, reason, HandoffCause.FAILURES)


def _wait_for_visitor(conversation: Conversation, quiet: IfSilent | None) -> None:
    """What is said if nothing is said; said by `sweeping`, and taken back by whatever the visitor says before."""
    if quiet is None:
        return
    blocks = [dict(block) for block in quiet.say.blocks]
    conversation.if_silent = {"text": quiet.say.text, "blocks": blocks, "then": quiet.then}
    conversation.silent_at = timezone.now() + dt.timedelta(seconds=quiet.after_seconds)


def speak_into_silence(conversation: Conversation) -> None:
    """Say what was to be said to a visitor who says nothing; of a locked conversation whose time for it has come."""
    due, words = conversation.silent_at, conversation.if_silent
    if due is None or due > timezone.now():
        return
    conversation.if_silent, conversation.silent_at = None, None
    if not words or not conversation.is_active or conversation.control != Control.ASSISTANT:
        conversations.save(conversation, [])
        return
    version = publishing.version(conversation.workspace_id, conversation.version_id)
    conversations.post_message(conversation, writing.new(version, words["text"], tuple(words["blocks"])))
    if words["then"] == "hand_over":
        handoff.request(conversation, "The visitor said nothing more.", HandoffCause.SILENCE)
    elif words["then"] == "end":
        conversations.end(conversation, Status.COMPLETED, "The visitor said nothing more.", "")


def _failure_notice(conversation: Conversation, version: AssistantVersion, trace: Mapping[str, Any]) -> NewMessage:
    """After the miss is counted: where a person is asked for anyway, there is no button for it."""
    offers = handoff_rules.of_version(version).on_request and not _is_too_much(conversation, version)
    return failure_notices.notice(conversation, trace.get("failure", {}).get("code", ""), offers_person=offers)


def _fail(conversation: Conversation, turn: Turn, reason: str) -> None:
    turn.status = TurnStatus.FAILED
    turn.reason = reason
    turn.finished_at = timezone.now()
    turn.save(update_fields=["status", "reason", "finished_at"])
    conversation.failures += 1
    logger.error("turn %s of conversation %s failed: %s", turn.id, conversation.id, reason)
    with conversations.one_answer(conversation, turn.message.client_id):
        writing.cut_streaming(conversation)
        if conversation.is_active and conversation.control == Control.ASSISTANT:
            conversation.misses += 1
            version = publishing.version(conversation.workspace_id, conversation.version_id)
            conversations.post_message(conversation, _failure_notice(conversation, version, {}))
            if _is_too_much(conversation, version):
                _give_up(conversation)


# --- The responder's side: asynchronous, no connection held ----------------------------------------------------------


async def take_turn(claim: Claim, *, is_watched: bool = False, ear: Ear | None = None) -> list[Message]:
    """Answer the claimed message, and any that came in meanwhile. Returns the messages posted for the first one.

    `is_watched` says that its visitor has a window open; one who then leaves wants no answer (`stopping.Presence`).
    `ear` hears each of these answers while it is made.
    """
    first: list[Message] | None = None
    following: Claim | None = claim
    while following is not None:
        posted, following = await _answer_one(following, is_watched, ear)
        first = posted if first is None else first
    return first or []


_in_background: set[asyncio.Task[list[Message]]] = set()


def in_background(
    claim: Claim, *, is_watched: bool = False, types: bool = False, ear: Ear | None = None
) -> asyncio.Task[list[Message]]:
    """Take the turn in a task of its own, which outlives the request or socket that asked.

    With `types` the visitor is told that the assistant types, where the answer takes a while.
    """
    if types and claim.input.channel == Channel.WEB:
        taking = _take_typing(claim, is_watched=is_watched)
    else:
        taking = take_turn(claim, is_watched=is_watched, ear=ear)
    task = asyncio.get_running_loop().create_task(taking)
    _in_background.add(task)
    task.add_done_callback(_in_background.discard)
    return task


async def _take_typing(claim: Claim, *, is_watched: bool) -> list[Message]:
    author = {"kind": "assistant", "name": claim.version.content["name"]}
    tell = partial(live.tell_typing, claim.workspace_id, claim.conversation_id, author)
    has_typed = False

    def types() -> None:
        nonlocal has_typed
        has_typed = True
        tell(on=True)

    timer = asyncio.get_running_loop().call_later(TYPING_AFTER_SECONDS, types)
    try:
        replies = await take_turn(claim, is_watched=is_watched)
    finally:
        timer.cancel()
    if has_typed and not replies:
        # It was stopped before a word, say: nothing that comes will end the typing.
        tell(on=False)
    return replies


async def let_go_all() -> None:
    """This process ends: every answer under way is cut where it is, and its turn is free for another process."""
    for writer in tuple(Writer.live):
        writer.let_go()
    if _in_background:
        await asyncio.wait(_in_background, timeout=LET_GO_SECONDS)


async def _answer_one(claim: Claim, is_watched: bool, ear: Ear | None) -> tuple[list[Message], Claim | None]:
    posted: list[Message] | None = None
    try:
        posted, following = await _answered(claim, is_watched, ear)
    except ClaimLost:
        logger.warning("turn %s was claimed by another process, this answer is dropped", claim.turn_id)
        return [], None
    finally:
        if ear is not None:
            ear.ends(claim, posted)
    return posted, following


async def _answered(claim: Claim, is_watched: bool, ear: Ear | None) -> tuple[list[Message], Claim | None]:
    answer = Answer()
    async with Writer(claim, answer, is_watched=is_watched, ear=ear) as writer:
        try:
            await _read(claim, answer, writer)
        finally:
            await claim.input.reach.close()
        await writer.finish()
    if writer.is_let_go:
        await in_tenant(writing.let_go)(claim.workspace_id, claim, writer.ending)
        return [], None
    if writer.stop:
        answer = Answer(stop=writer.stop, trace=answer.trace | {"stopped": writer.stop})
    posted, following = await in_tenant(_settle)(claim.workspace_id, claim, answer, writer.ending)
    return writer.posted + posted, following


async def _read(claim: Claim, answer: Answer, writer: Writer) -> None:
    """Hand the writer what the responder says, until it has said all, fails, or is to stop; then it is closed."""
    seconds = answering.seconds_for(claim.version.responder)
    try:
        async with asyncio.timeout(seconds) as patience, closing(_replies(claim, answer)) as replies:
            writer.interrupts(patience)
            async for reply in replies:
                await writer.take(reply)
    except ResponderError as error:
        answer.failure = f"{error.reason} {error.remedy}"
        answer.trace["failure"] = answering.failure_of(error)
    except TimeoutError:
        if not writer.is_interrupted:
            answer.failure = f"The assistant did not answer within {seconds:.0f} seconds."
            remedy = "Choose a quicker model, or have it write less."
            answer.trace["failure"] = {"code": "timeout", "reason": answer.failure, "remedy": remedy}
    except Exception:
        logger.exception("responder %s broke in turn %s", claim.version.responder, claim.turn_id)
        answer.failure = BROKE
    finally:
        writer.interrupts(None)


def _replies(claim: Claim, answer: Answer) -> AsyncIterator[Reply]:
    return answering.answer(
        claim.version.content, replace(claim.input, at_close=answer.trace.update, rest=writing.rest)
    )
