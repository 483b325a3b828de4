"""What a call hears while people have its conversation: waiting, being put through, or a member's typed words.

`add_to` is asked by every request of a call before the assistant's own TwiML is made, and by the worker's redirect;
so whatever a call does next, it goes where the hand-over's state machine wants it, and is told once.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.utils import timezone
from twilio.twiml.voice_response import Gather, VoiceResponse

from channels_app import accounts
from channels_app.models import Call, CallCourse, CallTransfer
from channels_app.models.call import CallOutcome, CallState, StepKind, TransferManner, TransferState
from channels_app.models.transfer import CoursePlace
from channels_app.providers.twilio import transfer_twiml, twiml
from channels_app.providers.twilio.transfer_twiml import Ringing, Speaks
from channels_app.providers.twilio.voice_config import VoiceConfig
from channels_app.voice import courses, ending, hearing, phone_desk, record, transfers
from channels_app.voice.courses import Way
from channels_app.voice.words import say
from deployments import handoff
from deployments.models import Handoff

# Longest that a telephone rings at once, and what is left of the desk's time for deciding.
RING_SECONDS, DECIDE_SECONDS = 30, 20
# How long the caller may say nothing, and a member type, until what was typed meanwhile is spoken.
TALK_SECONDS = 3


def add_to(response: VoiceResponse, call: Call) -> bool:
    """What the call hears now, with all that was not said yet, behind what is being said already.

    False where the assistant has it, and nothing was added. Inside `tenant()`; what it answers counts as told.
    """
    held = record.lock(call.id)
    way = courses.way_of(held.conversation, held)
    if way.place == CoursePlace.ASSISTANT:
        course = CallCourse.objects.filter(call=held).select_for_update().first()
        if course is not None and course.place != CoursePlace.ASSISTANT:
            courses.placed(course, way)
        elif course is not None and course.due_at is not None:
            course.due_at = None
            course.save(update_fields=["due_at"])
        # A person was asked for, and nobody is waited for any more before the call got there.
        Call.objects.filter(id=held.id, state=CallState.TRANSFERRING).update(state=CallState.ACTIVE)
        return False
    course = courses.course_of(held)
    _tell(response, held)
    if way.place == CoursePlace.DIAL and way.transfer is not None and way.transfer.state == TransferState.BRIDGED:
        # They have talked, and what was told of its end is lost: who is rung again would know nothing of it.
        return finish(response, held, way.transfer, None) or add_to(response, held)
    if way.place == CoursePlace.DIAL and way.transfer is not None:
        _dial(response, held, way.transfer, handoff.current(held.conversation))
    elif way.place == CoursePlace.HOLD:
        _hold(response, held, course, way)
    else:
        _talk(response, held, course)
    courses.placed(course, way)
    return True


def finish(
    response: VoiceResponse, call: Call, transfer: CallTransfer, seconds: int | None, *, has_hung_up: bool = False
) -> bool:
    """They talked, and the person hung up: True where the call ends with it, False where its assistant has it back."""
    words = transfers.talked(call.conversation, transfer, seconds)
    case = handoff.current(call.conversation)
    if config_of(transfer, call).transfer_after == "assistant" and not has_hung_up and case is not None:
        if transfer.member is not None:
            handoff.give_back(transfers.actor_of(transfer.member), call.conversation, words)
        else:
            # The assistant reads it, and is not told a telephone of the team's.
            told = transfers.talk_words(call.conversation, transfer, "a person by telephone")
            handoff.returned_by_desk(call.conversation, case, told)
        return False
    if not has_hung_up:
        config = VoiceConfig.of(call.connection.config)
        twiml.said(response, config.goodbye_words or say("goodbye", call.language), config, call.language)
        response.hangup()
    handoff.talk_over(call.conversation, words)
    ending.end(call.id, CallOutcome.TRANSFERRED, words)
    return True


def address(call: Call, part: str, **query: object) -> str:
    """One of our addresses for this call."""
    url = accounts.inbound_url(call.connection, part)
    return f"{url}?{urlencode(query)}" if query else url


def speaks_as(call: Call) -> Speaks:
    """Says words in the call's voice and language."""
    config = VoiceConfig.of(call.connection.config)

    def speak(to: VoiceResponse | Gather, words: str) -> None:
        twiml.said(to, words, config, call.language)

    return speak


# --- What is said -----------------------------------------------------------------------------------------------------


def _tell(to: VoiceResponse | Gather, call: Call) -> None:
    speak = speaks_as(call)
    for words in tell(call):
        speak(to, words)


def tell(call: Call) -> list[str]:
    """What was not said yet in a held call, which counts as spoken with this."""
    speeches = hearing.give(call, None, hearing.unheard(call))
    return [one.whole for one in speeches if one.whole.strip()]


# --- Where it goes ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Manner:
    """How a telephone is rung: whether who picks up hears what it is about, and has to press a key."""

    is_announced: bool
    is_asked: bool


def manner_of(transfer: CallTransfer, config: VoiceConfig) -> _Manner:
    """A member, a warm transfer and a queue ask before they put through; a cold one may tell what it is about."""
    is_asked = transfer.member_id is not None or transfer.manner != TransferManner.COLD
    return _Manner(is_announced=is_asked or config.whisper, is_asked=is_asked)


def _dial(response: VoiceResponse, call: Call, transfer: CallTransfer, case: Handoff | None) -> None:
    if transfer.dialled_at is None:
        transfers.ring(transfer)
    left = RING_SECONDS
    if case is not None and case.due_at is not None:
        left = int((case.due_at - timezone.now()).total_seconds()) - DECIDE_SECONDS
    is_announced = manner_of(transfer, config_of(transfer, call)).is_announced
    about = {"transfer": transfer.id, "ring": transfer.rings}
    ringing = Ringing(
        to=transfer.to,
        caller_id=VoiceConfig.of(call.connection.config).number,
        seconds=min(RING_SECONDS, left),
        action=address(call, "transfer-done", **about),
        status=address(call, "transfer-status", **about),
        whisper=address(call, "whisper", **about) if is_announced else "",
        most_seconds=phone_desk.seconds_left(call),
    )
    transfer_twiml.dial(response, ringing)


def config_of(transfer: CallTransfer, call: Call) -> VoiceConfig:
    """The settings of the desk that is rung; those of the call's own connection where it is none."""
    ref = transfer.handoff.desk if transfer.handoff is not None else ""
    found = phone_desk.PhoneDesks().desk_of(ref) if transfer.key else None
    if isinstance(found, phone_desk.PhoneDesk):
        return found.config
    return VoiceConfig.of(call.connection.config)


def queue_of(call: Call, way: Way) -> str:
    """The queue that a call waits in: the desk's, or the house's for who waits for a member."""
    transfer = way.transfer
    if transfer is not None and not transfers.is_number(transfer.to):
        return transfer.to
    return f"convoship-{call.connection_id}"


def _hold(response: VoiceResponse, call: Call, course: CallCourse, way: Way) -> None:
    if course.place != CoursePlace.HOLD:
        record.note(call, StepKind.HOLD, "They wait for a person.")
    stay = course.rounds if course.place == CoursePlace.HOLD else 0
    transfer_twiml.enqueue(
        response,
        queue_of(call, way),
        wait=address(call, "queue", round=stay),
        action=address(call, "queue-left", round=stay),
    )


def _talk(response: VoiceResponse, call: Call, course: CallCourse) -> None:
    stay = course.rounds if course.place == CoursePlace.TALK else 0
    listen(response, call, stay)


def listen(response: VoiceResponse, call: Call, number: int) -> None:
    """Listen for what the caller says to a member who types."""
    config = VoiceConfig.of(call.connection.config)
    action = address(call, "talk", turn=call.turn + 1, round=number)
    response.gather(
        input="speech dtmf",
        action=action,
        method="POST",
        timeout=TALK_SECONDS,
        speech_timeout="auto",
        language=call.language or config.language,
        action_on_empty_result=True,
        finish_on_key="#",
    )
    response.redirect(action, method="POST")
