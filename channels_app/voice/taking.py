"""What a caller says becomes a message, once for each turn, and its answer is asked for until it is whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone

from channels_app import calls, replies
from channels_app.models import Call, CallTurn
from channels_app.voice import hearing, record
from convoship.lib import rows
from deployments import conversations, turns
from deployments.conversations import NewMessage
from deployments.models import Message, Turn
from deployments.models.conversation import AuthorKind, Control, MessageStatus, TurnStatus
from deployments.safe_text import LONGEST_TEXT


@dataclass(frozen=True)
class Taken:
    """A turn that was taken. `claim`: the right to answer it, where that takes time and nobody has it yet.

    `is_new` is false where the same turn was taken before: then nothing has changed.
    """

    call: Call
    turn: CallTurn
    message: Message | None
    claim: turns.Claim | None
    is_new: bool


@dataclass(frozen=True)
class Answer:
    """A whole answer: `words` as they are spoken, message by message.

    `is_over`: the conversation has ended. `wants_person`: it waits for a person, or has one.
    """

    words: Sequence[str]
    is_over: bool
    wants_person: bool


def client_id(sid: str, number: int) -> str:
    """By which the message of a turn is known, so that the same turn makes no second one."""
    return f"call:{sid}:{number}"[:64]


def take(call_id: UUID, number: int, text: str, *, keys: str = "", confidence: float | None = None) -> Taken:
    """Take a turn in one transaction with its message; neither `text` nor words behind `keys`: a silence.

    A responder that answers at once has done so when this returns.
    """
    call = record.lock(call_id)
    # `turn` is the highest number that was taken.
    earlier = record.turn_of(call.id, number) if number <= call.turn else None
    if earlier is not None:
        return Taken(call, earlier, earlier.message, None, is_new=False)
    now = timezone.now()
    turn = CallTurn(call=call, number=number, keys=keys[:64], confidence=confidence, heard_at=now)
    message: Message | None = None
    claim: turns.Claim | None = None
    if text and call.goes_on and call.conversation.is_active:
        message, claim = _post(call, number, text)
        turn.message, turn.asked_at = message, timezone.now()
    rows.insert([turn])
    call.turn = max(call.turn, number)
    call.silences = 0 if text or keys or not number else call.silences + 1
    rows.update(call, ("turn", "silences"))
    return Taken(call, turn, message, claim, is_new=True)


def _post(call: Call, number: int, text: str) -> tuple[Message, turns.Claim | None]:
    conversation, key = call.conversation, client_id(call.sid, number)
    new = NewMessage(
        author_kind=AuthorKind.VISITOR,
        text=text[:LONGEST_TEXT],
        payload=replies.payload_of(conversation, text),
        client_id=key,
        status=MessageStatus.RECEIVED,
    )
    with conversations.one_answer(conversation, key):
        _, has_unanswered = conversations.standing(conversation, key)
        message, _, claim = turns.take_message(conversation, new, queue=has_unanswered)
    return message, claim


def answer_of(call_id: UUID, number: int) -> Answer | None:
    """The whole answer to a turn, which counts as spoken with this; None while it is being made.

    The same turn asked again has the same answer, whatever was posted since.
    """
    call = record.lock(call_id)
    turn = CallTurn.objects.select_for_update(no_key=True, of=("self",)).filter(call=call, number=number).first()
    if turn is None:
        return None
    if turn.finished_at is None:
        is_open = turn.message_id and calls.has_open_turn(call.conversation, client_id(call.sid, number))
        if is_open:
            return None
        hearing.give(call, turn, hearing.unheard(call))
        finish(turn)
    conversation = call.conversation
    return Answer(
        words=hearing.given(call, turn),
        is_over=not conversation.is_active,
        wants_person=conversation.is_active and conversation.control != Control.ASSISTANT,
    )


def first_given(turn: CallTurn) -> None:
    """Something was given to the provider for this turn: words that ask to wait, or the answer itself."""
    if turn.spoken_at is None:
        turn.spoken_at = timezone.now()
        turn.save(update_fields=["spoken_at"])


def finish(turn: CallTurn) -> None:
    """The answer was given whole: what it took, by stage."""
    now = timezone.now()
    turn.spoken_at, turn.finished_at = turn.spoken_at or now, now
    asked = Turn.objects.filter(message=turn.message_id).first() if turn.message_id else None
    if asked is not None and asked.finished_at is not None and turn.heard_at is not None:
        # (A responder that answers at once did so within the turn's own transaction.)
        spent = max((asked.finished_at - asked.created_at).total_seconds(), 0.0)
        turn.first_word_at = turn.first_word_at or asked.finished_at
        turn.responder_ms = turn.responder_ms if turn.responder_ms is not None else round(spent * 1000)
        taken = (turn.spoken_at - turn.heard_at).total_seconds() * 1000
        # With words that ask to wait the first thing is given before the responder is done.
        waited = turn.responder_ms if turn.spoken_at >= asked.finished_at else taken
        turn.platform_ms = max(round(taken - waited), 0)
        turn.error = asked.reason[:300] if asked.status == TurnStatus.FAILED else ""
    turn.save(update_fields=["spoken_at", "finished_at", "first_word_at", "responder_ms", "platform_ms", "error"])
