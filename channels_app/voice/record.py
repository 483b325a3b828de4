"""A call's row: opened with its conversation, held, and the lines of its story. All inside `tenant()`."""

from __future__ import annotations

import datetime as dt
import re
from functools import cache
from typing import Any
from uuid import UUID

from django.utils import timezone

from channels_app import accounts, incoming_messages
from channels_app.models import Call, CallStep, CallTurn, Connection, ConversationLink
from channels_app.models.call import CallDirection, CallState, StepKind
from channels_app.providers.twilio.voice_config import VoiceConfig
from channels_app.voice import minutes
from convoship.lib import language_tags, rows, same_number
from convoship.lib.problems import Problem, not_found
from deployments import blocking, conversations, live, people, welcoming
from deployments.conversations import NewMessage
from deployments.models import Conversation
from deployments.models.conversation import AuthorKind
from deployments.models.person import IdentityKind
from deployments.variants import Met

# So long nothing has to be heard of a call before the provider is asked how it stands.
LOOK_AFTER = dt.timedelta(seconds=90)
# One that has reached its longest time says goodbye by itself, in its session or with its next request. After so long
# it is ended by the provider's API.
ENDS_BY_ITSELF = dt.timedelta(seconds=10)
_E164 = re.compile(r"\+[1-9][0-9]{4,14}")
# What Twilio gives for numbers that are withheld: words, and telephone keys that spell them
# (help.twilio.com, "Anonymous inbound calls").
_WITHHELD = {
    *("", "anonymous", "restricted", "unavailable", "unknown", "private", "blocked"),
    *("+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"),
}


class Blocked(Exception):
    """Whoever calls is blocked, or the day has no minutes left until then; the words are for the workspace."""

    def __init__(self, words: str, remedy: str, *, spent_until: dt.datetime | None = None) -> None:
        super().__init__(words)
        self.words, self.remedy, self.spent_until = words, remedy, spent_until


def open_call(connection: Connection, sid: str, caller: str, called: str, direction: str) -> Call:
    """The call of this id with its conversation, opened where there is none yet; its first minute is counted.

    `Blocked` where it may not be taken, a `Problem` where nobody can answer: then nothing is left of it once the
    transaction goes back.
    """
    incoming_messages.one_at_a_time(connection, sid)
    known = Call.objects.filter(connection=connection, sid=sid).first()
    if known is not None:
        return lock(known.id)
    known_by = _known_by(connection, sid, called if direction == CallDirection.OUTBOUND else caller, direction)
    if blocking.is_blocked_at(known_by):
        raise Blocked("They are blocked, so their call was not taken.", blocking.REMEDY)
    # A call of ours was counted when it was asked for.
    refusal = minutes.let_in(connection) if direction == CallDirection.INBOUND else None
    if refusal is not None:
        remedy = "Raise the day's minutes in the connection's settings; after midnight UTC calls are taken again."
        raise Blocked(refusal.words, remedy, spent_until=refusal.until)
    config = VoiceConfig.of(connection.config)
    is_test = connection.is_rehearsal or direction == CallDirection.OUTBOUND
    conversation = _conversation(connection, config, known_by, is_test=is_test)
    ConversationLink.objects.create(connection=connection, conversation=conversation, address=sid)
    now = timezone.now()
    call = Call.objects.create(
        connection=connection,
        conversation=conversation,
        sid=sid,
        direction=direction,
        caller=caller[:64],
        called=called[:64],
        mode=config.mode,
        last_sign_at=now,
        ends_by=now + dt.timedelta(minutes=config.longest_call),
        due_at=now + LOOK_AFTER,
        language=config.language,
        minutes=1,
    )
    note(call, StepKind.RINGING, "They called." if direction == CallDirection.INBOUND else "Convoship called them.")
    return call


def is_withheld(number: str) -> bool:
    """Whether the caller's number is kept back."""
    return number.strip().lower() in _WITHHELD


def _known_by(connection: Connection, sid: str, number: str, direction: str) -> list[tuple[IdentityKind, str]]:
    """By what the person at the other end is known. Nobody's number is believed of a test, or of a rehearsal."""
    if is_withheld(number):
        return [(IdentityKind.BRIDGE, f"{connection.id}:{sid}")]
    is_real = not connection.is_rehearsal and direction == CallDirection.INBOUND
    if is_real and _E164.fullmatch(number):
        return [(IdentityKind.PHONE, same_number.plain(number))]
    return [(IdentityKind.BRIDGE, f"{connection.id}:{number[:200]}")]


def _conversation(
    connection: Connection, config: VoiceConfig, known_by: list[tuple[IdentityKind, str]], *, is_test: bool
) -> Conversation:
    assistant = connection.assistant
    if assistant is None:
        raise Problem(
            "conflict",
            "No assistant answers on this connection: the one that did is deleted.",
            hint="Choose an assistant on the connection's page.",
        )
    met, locale = Met(assistant.published, {}), language_tags.kept(config.language)
    channel = accounts.kind_of(connection).channel
    says = welcoming.words(met, channel, locale, {})
    if config.greeting and met.version is not None:
        name = met.version.content["name"]
        says = [NewMessage(author_kind=AuthorKind.ASSISTANT, author_name=name, text=config.greeting)]
    conversation, _ = conversations.open_conversation(
        assistant,
        met,
        people.person_at(known_by, {}),
        channel=channel,
        context={"locale": locale, "visitor_data": {}, "is_test": is_test},
        says=says,
    )
    # Whether it is spoken is written where it is (`hearing`).
    return conversation


def find(connection_id: UUID, sid: str) -> Call | None:
    """The call by the provider's id; not held."""
    return Call.objects.filter(connection_id=connection_id, sid=sid).first() if sid else None


def lock(call_id: UUID) -> Call:
    """The call with its conversation, both held until the transaction ends; 404 where there is none.

    The order of everything about calls: conversation, call, its own rows, the day's counts, the connection. Whoever
    writes the connection (its health, that its minutes are used up) holds the call by then, and takes none afterwards.
    """
    # The conversation first, as everybody holds them; who waits for it then reads the call as the one before left it.
    conversation = conversations.lock_where(
        "c.id = (SELECT conversation_id FROM channels_app_call WHERE id = %s)", [call_id]
    )
    row = rows.one(_held_call_sql(), [call_id])
    if row is None:
        raise not_found()
    call: Call
    call, connection = rows.read_each(row, Call, Connection)
    call.connection = connection
    call.conversation = conversation
    return call


@cache
def _held_call_sql() -> str:
    return f"""
        SELECT {rows.columns(Call, "k")}, {rows.columns(Connection, "n")}
          FROM channels_app_call k JOIN channels_app_connection n ON n.id = k.connection_id
         WHERE k.id = %s FOR NO KEY UPDATE OF k"""  # noqa: S608  (names of columns)


def turn_of(call_id: UUID, number: int) -> CallTurn | None:
    """The call's turn of this number, where it was taken; not held by itself."""
    return rows.first(CallTurn, "t.call_id = %s AND t.number = %s", [call_id, number])


def note(call: Call, kind: str, words: str = "", remedy: str = "", **data: Any) -> CallStep:
    """One more line of the call's story, which rings on its page."""
    live.tell_team(call.conversation, "call")
    return CallStep.objects.create(
        call=call, at=timezone.now(), kind=kind, words=words[:500], remedy=remedy[:300], data=data
    )


def sign(call: Call) -> bool:
    """The provider was heard of in a held call; False where the day's minutes are used up by it."""
    now = timezone.now()
    call.last_sign_at, call.due_at = now, min(now + LOOK_AFTER, max(call.ends_by + ENDS_BY_ITSELF, now))
    call.claim, call.leased_until = None, None
    is_let = minutes.go_on(call, now)
    call.save(update_fields=["last_sign_at", "due_at", "claim", "leased_until", "minutes"])
    return is_let


def answered(call: Call) -> None:
    """A held call is talked in: the first time it says so in its story."""
    if call.state == CallState.RINGING:
        call.state, call.answered_at = CallState.ACTIVE, timezone.now()
        call.save(update_fields=["state", "answered_at"])
        note(call, StepKind.ANSWERED, "Answered.")
