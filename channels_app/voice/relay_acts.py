"""What a relay session writes down and looks up: synchronous, each inside `tenant()` and in one transaction."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from channels_app import calls
from channels_app.models import Call, CallSpeech, CallStep, CallTurn, ConversationLink
from channels_app.models.call import CallMode, CallOutcome, CallState, SpeechState, StepKind
from channels_app.providers.twilio.voice_config import VoiceConfig
from channels_app.voice import hearing, record, relay_tickets, taking
from channels_app.voice.relay_frames import Setup
from channels_app.voice.relay_ledger import Heard
from channels_app.voice.speaking import spoken
from convoship.lib import language_tags, rows
from deployments import conversations, turns
from deployments.models import Conversation, Message
from deployments.models.conversation import AuthorKind, Control, MessageStatus

if TYPE_CHECKING:
    from channels_app.voice.relay_voice import Stamps

# A message that was begun before keeps how it was to be said.
_HEARD_SO_FAR = (
    "ON CONFLICT (message_id) DO UPDATE SET state = excluded.state, heard = excluded.heard,"
    " whole = coalesce(nullif(channels_app_callspeech.whole, ''), excluded.whole)"
)

NOT_HEARD = "The caller never heard it."
SPOKEN_OVER = "The caller spoke before its end: they heard this much of it."
KEY_OVER = "The caller pressed a key before its end: they heard this much of it."
HUNG_UP = "They hung up before its end: they heard this much of it."
BROKEN_OFF = "The voice stopped before its end: they heard this much of it."


@dataclass(frozen=True)
class Admitted:
    """A session that was let in."""

    workspace_id: UUID
    call_id: UUID
    conversation_id: UUID
    session: str
    language: str
    turn: int
    ends_by: dt.datetime
    config: VoiceConfig
    # Of the ticket that let it in (`relay_tickets.digest_of`).
    ticket: bytes = b""


@dataclass(frozen=True)
class Told:
    """A message that is about to be said, in these words."""

    message_id: UUID
    words: str


@dataclass(frozen=True)
class Standing:
    """How a call stands. `then`: what it goes on with once what was said is heard; "" while it goes on as it is.

    `told`: what others have said, which counts as said with this. `is_spent`: the day has no more minutes.
    """

    is_ended: bool
    control: str
    language: str
    then: str = ""
    reason: str = ""
    told: Sequence[Told] = ()
    is_spent: bool = False


@dataclass(frozen=True)
class Asked:
    """A turn that was taken: the right to answer it, or its answer."""

    claim: turns.Claim | None
    standing: Standing


@dataclass(frozen=True)
class Said:
    """A message, as it was to be said and as far as it was heard."""

    message_id: UUID
    whole: str
    heard: str

    @classmethod
    def of(cls, heard: Heard) -> Said:
        """Of an utterance that is a message's."""
        assert heard.utterance.message_id is not None  # noqa: S101 (who asks has looked)
        whole = heard.utterance.whole or heard.utterance.sent
        return cls(heard.utterance.message_id, whole, whole if heard.is_whole else heard.heard)

    @property
    def state(self) -> SpeechState:
        """In one word. What has no words was not withheld from anybody."""
        if len(self.heard.strip()) >= len(self.whole.strip()):
            return SpeechState.SPOKEN
        return SpeechState.CUT if self.heard.strip() else SpeechState.UNHEARD


# --- The beginning ----------------------------------------------------------------------------------------------------


def admit(connection_id: UUID, setup: Setup) -> Admitted | None:
    """Let in who shows a good ticket for the call that they say this is; None where it is none."""
    call = relay_tickets.spend(
        connection_id, setup.call, setup.parameters.get(relay_tickets.PARAMETER, ""), setup.session
    )
    if call is None:
        return None
    call = record.lock(call.id)
    account = call.connection.config.get("account_sid", "")
    if not call.goes_on or (setup.account and account and setup.account != account):
        return None
    return _let_in(call, CallMode.RELAY, setup.session, "Twilio listens and speaks word by word.")


def admit_sound(connection_id: UUID, ticket: str, call_sid: str | None, session: str, words: str) -> Admitted | None:
    """The same of a socket that carries the call's sound; `words` say what hears and what speaks."""
    call = relay_tickets.spend(connection_id, call_sid, ticket, session)
    if call is None:
        return None
    call = record.lock(call.id)
    if not call.goes_on:
        return None
    admitted = _let_in(call, CallMode.STREAM, session, words)
    return dataclasses.replace(admitted, ticket=relay_tickets.digest_of(ticket))


def _let_in(call: Call, mode: CallMode, session: str, words: str) -> Admitted:
    record.answered(call)
    call.mode = mode
    call.save(update_fields=["mode"])
    record.sign(call)
    of = {"of": "sound"} if mode == CallMode.STREAM else {}
    record.note(call, StepKind.RELAY_CONNECTED, words, session=session, **of)
    return Admitted(
        workspace_id=call.workspace_id,
        call_id=call.id,
        conversation_id=call.conversation_id,
        session=session,
        language=call.language,
        turn=call.turn,
        ends_by=call.ends_by,
        config=VoiceConfig.of(call.connection.config),
    )


# --- How it stands ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Glance:
    """What of a call others may change while its session goes on; `has_unsaid`: somebody has said something."""

    state: str
    status: str
    control: str
    language: str
    has_unsaid: bool


def glance(call_ids: Sequence[UUID]) -> list[Glance | None]:
    """At many calls of a workspace at once, each in its place: sessions look every second or two, and change seldom."""
    found = {
        call_id: Glance(*values)
        for call_id, *values in rows.every(
            "SELECT c.id, c.state, v.status, v.control, v.locale, EXISTS ("
            "  SELECT FROM deployments_message AS m WHERE m.conversation_id = v.id AND m.seq > l.told_seq"
            "  AND m.status = 'queued' AND m.author_kind <> 'visitor')"
            " FROM channels_app_call AS c JOIN deployments_conversation AS v ON v.id = c.conversation_id"
            " JOIN channels_app_conversationlink AS l ON l.conversation_id = v.id WHERE c.id = ANY(%s::uuid[])",
            [list(call_ids)],
        )
    }
    return [found.get(call_id) for call_id in call_ids]


def look(call_id: UUID, says: bool, signs: bool) -> Standing | None:
    """How the call stands. `says`: with what others have said in it; `signs`: the provider is there. None: deleted."""
    if not Call.objects.filter(id=call_id).exists():
        return None
    if signs:
        call = record.lock(call_id)
        is_spent = call.goes_on and not record.sign(call)
    else:
        call = Call.objects.select_related("conversation", "connection").get(id=call_id)
        is_spent = False
        link = ConversationLink.objects.get(conversation=call.conversation_id)
        if says and call.goes_on and calls.unsaid(link, call.conversation).exists():
            call = record.lock(call_id)
        else:
            says = False
    told = _tell(call, None) if says and call.goes_on else []
    return _standing(call, told, is_spent=is_spent)


def _standing(call: Call, told: Sequence[Told] = (), *, is_spent: bool = False) -> Standing:
    conversation = call.conversation
    then, reason = "", ""
    # Where nobody can be put through to, a member may answer in writing, and is spoken.
    wants_person = conversation.is_active and conversation.control != Control.ASSISTANT
    can_transfer = VoiceConfig.of(call.connection.config).can_transfer
    if wants_person and (call.state == CallState.TRANSFERRING or can_transfer):
        # No way that the caller asks for: the conversation is people's, and leads the call.
        then, reason = "people", conversation.handoff_reason
    elif call.state == CallState.VOICEMAIL:
        then = "voicemail"
    elif not conversation.is_active:
        then, reason = "goodbye", conversation.ended_reason
    return Standing(
        is_ended=not call.goes_on,
        control=conversation.control,
        language=conversation.locale,
        then=then,
        reason=reason,
        told=told,
        is_spent=is_spent,
    )


def _tell(call: Call, turn: CallTurn | None) -> list[Told]:
    """What waits in a held call to be said; it counts as said with this, in the turn that the call is in."""
    messages = hearing.unheard(call)
    if not messages:
        return []
    turn = turn or record.turn_of(call.id, call.turn)
    speeches = hearing.give(call, turn, messages)
    if turn is not None:
        taking.first_given(turn)
    if not call.conversation.is_active:
        hearing.last_words(call, [one.whole for one in speeches])
    return [Told(one.message_id, one.whole) for one in speeches]


# --- What is said -----------------------------------------------------------------------------------------------------


def take(call_id: UUID, number: int, text: str, keys: str) -> Asked:
    """Take a turn; where nothing has to be waited for, with its answer."""
    taken = taking.take(call_id, number, text, keys=keys)
    told = _tell(taken.call, taken.turn) if taken.claim is None else []
    return Asked(taken.claim, _standing(taken.call, told))


def said(
    call_id: UUID, number: int, messages: Sequence[Said], stamps: Stamps, interruption: UUID | None = None
) -> Standing:
    """These messages were said in this turn, as far as they were heard; with how the call stands now.

    `interruption`: the step that tells what cut them off.
    """
    call = record.lock(call_id)
    turn = record.turn_of(call.id, number)
    if turn is not None:
        _stamp(turn, stamps)
    cut_off = _cut_of(messages)
    _note(
        call,
        turn,
        messages,
        (_over_by(interruption, cut_off) if cut_off else "") if call.goes_on else _why_no_more(call),
    )
    told = _tell(call, turn) if call.goes_on else []
    if call.goes_on and not call.conversation.is_active:
        # It is not hung up before they are heard.
        hearing.last_words(call, [one.whole for one in messages] + [one.words for one in told])
    return _standing(call, told)


def stamp(call_id: UUID, number: int, stamps: Stamps) -> None:
    """When what happened in a turn whose answer was there at once."""
    turn = record.turn_of(call_id, number)
    if turn is not None:
        _stamp(turn, stamps)


def _note(call: Call, turn: CallTurn | None, messages: Sequence[Said], why: str) -> None:
    """How much of these was heard, of a held call: their rows, and their text cut to it; `why` no more was."""
    conversation = call.conversation
    ids = [one.message_id for one in messages]
    found = {message.id: message for message in rows.where(Message, "t.id = ANY(%s::uuid[])", [ids])} if ids else {}
    whole = []
    for one in messages:
        message = found.get(one.message_id)
        if message is None:
            continue
        state = one.state
        speech = CallSpeech(call=call, turn=turn, message=message, state=state, whole=one.whole, heard=one.heard)
        rows.insert([speech], otherwise=_HEARD_SO_FAR)
        if state != SpeechState.SPOKEN:
            cut(conversation, message, one.heard.strip(), why)
        elif message.status == MessageStatus.QUEUED:
            whole.append((conversation, message, MessageStatus.DELIVERED))
    conversations.tell_statuses(whole)
    if found:
        last = max(message.seq for message in found.values())
        told = "UPDATE channels_app_conversationlink SET told_seq = %s WHERE conversation_id = %s AND told_seq < %s"
        rows.run(told, [last, conversation.id, last])


def cut(conversation: Conversation, message: Message, heard: str, why: str) -> None:
    """A message of a locked conversation is only what was heard of it: so what follows it is answered rightly."""
    if heard:
        changes: dict[str, Any] = {"text": heard, "status": MessageStatus.DELIVERED, "reason": why}
    else:
        changes = {"text": "", "blocks": [], "status": MessageStatus.SUPPRESSED, "reason": NOT_HEARD}
    if message.seq == conversation.head_seq:
        conversation.last_text = heard[: conversations.PREVIEW_LENGTH]
    conversations.change_message(conversation, message, **changes)


def _stamp(turn: CallTurn, stamps: Stamps) -> None:
    names = ("asked_at", "first_word_at", "spoken_at", "finished_at", "responder_ms", "platform_ms", "endpoint_ms")
    given = {name: value for name in names if (value := getattr(stamps, name)) is not None}
    for name, value in given.items():
        setattr(turn, name, value)
    turn.heard_at = stamps.heard_at
    rows.update(turn, ("heard_at", *given))


def speaks(call_id: UUID, number: int, spoken_at: dt.datetime) -> None:
    """The first words of a turn's answer were given to Twilio: from here on the caller hears something of it."""
    CallTurn.objects.filter(call_id=call_id, number=number).update(spoken_at=spoken_at)


def interrupted(call_id: UUID, number: int, messages: Sequence[Said], heard: str, after_ms: int | None) -> UUID:
    """The caller spoke over us: the step that tells so."""
    call = record.lock(call_id)
    _note(call, record.turn_of(call.id, number), messages, SPOKEN_OVER)
    words, cut_off = "The caller spoke over it.", _cut_of(messages)
    step = record.note(call, StepKind.INTERRUPTED, words, turn=number, heard=heard, after_ms=after_ms, cut=cut_off)
    return step.id


def interrupted_by_key(call_id: UUID, interruption: UUID) -> None:
    """What this interruption was is known now: no word was said, a key was pressed."""
    call = record.lock(call_id)
    step = call.steps.filter(id=interruption).first()
    if step is None:
        return
    step.words, step.data = "The caller pressed a key.", {**step.data, "by_key": True}
    step.save(update_fields=["words", "data"])
    texts = Message.objects.filter(conversation=call.conversation, id__in=step.data["cut"], reason=SPOKEN_OVER)
    for message in texts:
        conversations.change_message(call.conversation, message, reason=KEY_OVER)


def _over_by(interruption: UUID | None, cut_off: Sequence[str]) -> str:
    """Why these messages were cut off, which the interruption's step knows from now on as its own."""
    step = CallStep.objects.filter(id=interruption).first() if interruption is not None else None
    if step is None:
        return SPOKEN_OVER
    step.data = {**step.data, "cut": [*step.data["cut"], *cut_off]}
    step.save(update_fields=["data"])
    return KEY_OVER if step.data.get("by_key") else SPOKEN_OVER


def _cut_of(messages: Sequence[Said]) -> list[str]:
    """The ids of those that were not heard to their end."""
    return [str(one.message_id) for one in messages if one.state != SpeechState.SPOKEN]


def went_on(call_id: UUID, text: str) -> None:
    """The caller spoke on while their session was about to end: nobody answers it there, and whoever reads sees it."""
    call = record.lock(call_id)
    words = f"They went on: “{_shown(text)}” Nobody answered that: their session with the assistant was about to end."
    record.note(call, StepKind.INTERRUPTED, words, said=text)


def _note_what_ended_with_it(call: Call, number: int, heard: str) -> None:
    """A text that was stored while it was written ended with the call, unmatched: it is cut to what was heard, too."""
    turn = record.turn_of(call.id, number)
    asked = turn.message if turn is not None else None
    if asked is None:
        return
    texts = Message.objects.filter(conversation=call.conversation, author_kind=AuthorKind.ASSISTANT, seq__gt=asked.seq)
    message = texts.filter(status=MessageStatus.SUPPRESSED, speech=None).order_by("seq").first()
    if message is not None:
        _note(call, turn, [Said(message.id, spoken(message, call.language), heard)], _why_no_more(call))


def stopped(call_id: UUID, number: int, messages: Sequence[Said]) -> None:
    """The session ends while these are being said: the caller hears no more of them."""
    call = record.lock(call_id)
    _note(call, record.turn_of(call.id, number), messages, BROKEN_OFF)


def _why_no_more(call: Call) -> str:
    return HUNG_UP if call.outcome in (CallOutcome.HUNG_UP, CallOutcome.NO_ANSWER) else BROKEN_OFF


def _shown(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:299]}…"


def broke(call_id: UUID, session: str, number: int, messages: Sequence[Said], of_turn: str) -> None:
    """The socket is gone. What was heard by then is noted; whoever goes on with the call says the rest.

    Of a call that is over nobody says it: they hung up, and the provider's own word of that may have come first.
    `of_turn`: what was heard of this turn's answer, which may not be stored yet.
    """
    call = record.lock(call_id)
    _note(call, record.turn_of(call.id, number), messages, _why_no_more(call))
    if not call.goes_on:
        if of_turn.strip():
            words = f"The call ended in the middle of an answer, of which they heard: “{_shown(of_turn.strip())}”"
            record.note(call, StepKind.INTERRUPTED, words, turn=number, heard=of_turn)
            _note_what_ended_with_it(call, number, of_turn)
        return
    record.note(
        call,
        StepKind.RELAY_LOST,
        "It broke off while the call went on.",
        session=session,
        turn=number,
        heard=of_turn,
        cut=_cut_of(messages),
    )


# --- What else happened -----------------------------------------------------------------------------------------------


def pressed(call_id: UUID, keys: str, action: str) -> None:
    """The caller pressed these keys; `action` where the menu does something with them."""
    call = record.lock(call_id)
    record.note(call, StepKind.DTMF, f"Pressed {keys}.", keys=keys, action=action)


def held(call_id: UUID) -> None:
    """The caller was asked to wait."""
    record.note(record.lock(call_id), StepKind.HOLD, "The answer takes longer: they were asked to hold on.")


def silent(call_id: UUID, asked: str, most: int) -> int:
    """Nobody has said anything: how often that is in a row now. Below `most` they are asked in these words."""
    call = record.lock(call_id)
    call.silences += 1
    call.save(update_fields=["silences"])
    # (It is no sign of the provider's; `look` counts the minutes, and ends a call that has used them up.)
    if call.silences < most:
        words = f"Nothing was heard. They were asked: “{asked}”"
        record.note(call, StepKind.SILENCE, words, count=call.silences, asked=asked[:500])
    else:
        record.note(call, StepKind.SILENCE, "Nothing was heard.", count=call.silences)
    return call.silences


def speak(call_id: UUID, tag: str, by_caller: bool) -> None:
    """Another language is spoken from now on: the caller's, or the one that the conversation was given."""
    call = record.lock(call_id)
    call.language = tag[:35]
    call.save(update_fields=["language"])
    words = f"The caller speaks {tag}." if by_caller else f"The conversation goes on in {tag}."
    record.note(call, StepKind.LANGUAGE, words, language=tag)
    if by_caller:
        Conversation.objects.filter(id=call.conversation_id).update(locale=language_tags.kept(tag))


def sounded(call_id: UUID, number: int, milliseconds: int) -> None:
    """The first words of a turn's answer were heard, so long after they were given to the voice."""
    CallTurn.objects.filter(call_id=call_id, number=number).update(speech_ms=max(0, milliseconds))


def hand(call_id: UUID, session: str, handed: Mapping[str, Any]) -> None:
    """The session is over, and says what the call goes on with."""
    relay_tickets.hand(record.lock(call_id), session, handed)


def gave_up(call_id: UUID, words: str, remedy: str) -> None:
    """What hears or speaks in a call of ours does so no more."""
    record.note(record.lock(call_id), StepKind.ERROR, words[:500], remedy[:300])


def fault(call_id: UUID, words: str) -> None:
    """The other side could not do something that it was told, or said something that can't be read."""
    call = record.lock(call_id)
    if call.mode == CallMode.STREAM:
        record.note(call, StepKind.ERROR, words[:500], "The call goes on. Look at what the far side sends.")
        return
    record.note(
        call,
        StepKind.ERROR,
        f"Twilio says: {words}"[:500] if words else "Twilio reports an error without words.",
        "The call goes on. Where this comes again, look the words up in Twilio's error log.",
    )
