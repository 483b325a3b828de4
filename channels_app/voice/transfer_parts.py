"""What the addresses of putting through answer: waiting, ringing, whether somebody takes it, and what came of it.

Each request names its attempt and ring, or its round, in the address that it was given: a late one, or the same again,
changes nothing. The same request gets the same answer (`_once`), so that words are not lost with a response.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from twilio.twiml.voice_response import VoiceResponse

from channels_app.models import Call, CallStep, CallTransfer
from channels_app.models.call import StepKind, TransferState
from channels_app.models.transfer import CoursePlace
from channels_app.providers.twilio import transfer_twiml, twiml
from channels_app.voice import (
    courses,
    ending,
    handing_over,
    in_line,
    record,
    taking,
    transfer_failures,
    transfers,
    waiting_words,
    ways_out,
    whispering,
)
from channels_app.voice.asked import Asked, Handler
from convoship.lib.tenancy import in_tenant
from deployments import handoff, handoff_form, turns
from deployments.conversations import NewMessage
from deployments.models.conversation import AuthorKind, MessageStatus
from deployments.words import say as house_says

# The key that goes back to the assistant, and the one that takes a call.
BACK_KEY, TAKE_KEY = "*", "1"
# A round of waiting, and until who picked up is taken for a voicemail box.
ROUND_SECONDS, DECIDE_SECONDS = 10, 8
# So often a member's silence is bridged with words.
TYPING_EVERY = 7

Answers = Callable[[Asked, Call], VoiceResponse | None]


def _part(answers: Answers) -> Handler:
    """A part that a call asks at: `None` where the call goes on as its conversation wants it."""

    async def handler(asked: Asked) -> HttpResponse:
        answer, mode = await in_tenant(_once)(asked.workspace_id, asked, answers)
        if answer is not None:
            return twiml.answered(answer)
        return await _at_assistant(asked, mode)

    return handler


def _once(asked: Asked, answers: Answers) -> tuple[str | None, UUID | None]:
    """(TwiML) or (None, the call that its assistant goes on with)."""
    known = record.find(asked.connection_id, asked.sid)
    if known is None:
        response = VoiceResponse()
        ways_out.say_goodbye(asked, response, asked.config.language)
        return str(response), None
    call = record.lock(known.id)
    if not call.goes_on:
        response = VoiceResponse()
        ways_out.say_goodbye(asked, response, call.language)
        return str(response), None
    course, digest = courses.course_of(call), _digest(asked)
    if course.asked == digest and course.answer:
        return course.answer, None
    record.sign(call)
    response = answers(asked, call)
    if response is None:
        response = go_on(asked, call)
    if response is None:
        return None, call.id
    course = courses.course_of(call)
    course.asked, course.answer = digest, str(response)
    course.save(update_fields=["asked", "answer"])
    return str(response), None


def _digest(asked: Asked) -> str:
    query = {name: value for name, value in asked.query.items() if name != "again"}
    told = repr((asked.part, sorted(query.items()), sorted(asked.form.items())))
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def go_on(asked: Asked, call: Call) -> VoiceResponse | None:
    """Where a held call goes now; None: its assistant goes on with it."""
    response = VoiceResponse()
    if handing_over.add_to(response, call):
        return response
    call = record.lock(call.id)
    return response if ways_out.after_vain(asked, call, response) else None


async def _at_assistant(asked: Asked, call_id: UUID | None) -> HttpResponse:
    """The assistant goes on: it says what was not said yet, and listens in the call's own mode."""
    from channels_app.voice import answering

    if call_id is None:
        return twiml.nothing()
    call = await in_tenant(record.lock)(asked.workspace_id, call_id)
    start = answering.STARTS.get(call.mode)
    if call.mode != "gather" and start is not None:
        return await start(asked, call_id)
    return twiml.answered(await in_tenant(_listen)(asked.workspace_id, asked, call_id))


def _listen(asked: Asked, call_id: UUID) -> str:
    call, response = record.lock(call_id), VoiceResponse()
    words = handing_over.tell(call)
    action = asked.url("turn", turn=call.turn + 1)
    twiml.gathered(response, words, asked.config, action=action, language=call.language)
    return str(response)


# --- Waiting ----------------------------------------------------------------------------------------------------------


def _queue(asked: Asked, call: Call) -> VoiceResponse | None:
    """A round of waiting. Out of the queue it goes when there is something else for the call to do."""
    number, key = asked.number("round"), asked.form.get("Digits", "")
    if key == BACK_KEY:
        _go_back(call, number)
    elif key and "key" in asked.query:
        record.note(call, StepKind.DTMF, f"They pressed {key[:8]}.", keys=key[:8])
    call = record.lock(call.id)
    way = courses.way_of(call.conversation, call)
    is_in_line = way.place == CoursePlace.HOLD and way.transfer is not None and transfers.is_number(way.transfer.to)
    if is_in_line and way.transfer is not None and in_line.takes_turn(way.transfer):
        transfers.ring(way.transfer)
        way = courses.way_of(call.conversation, call)
    course = courses.course_of(call)
    if way.place != CoursePlace.HOLD:
        # Where the order to leave is lost, it is given again.
        course.due_at = timezone.now() + courses.NOT_RUNG
        course.save(update_fields=["due_at"])
        return None if "bare" in asked.query else transfer_twiml.leave()
    course.rounds = number + 1
    courses.heard_of(course)
    return _round(asked, call, number)


def _round(asked: Asked, call: Call, number: int) -> VoiceResponse:
    case = handoff.current(call.conversation)
    place = in_line.place_of(case) if case is not None else 1
    said = [*handing_over.tell(call)]
    said.append(waiting_words.of_round(number, place, call.language))
    bare = {"bare": 1} if "bare" in asked.query else {}
    return transfer_twiml.hold_round(
        handing_over.speaks_as(call),
        " ".join(said),
        again=asked.url("queue", round=number + 1, **bare),
        key=asked.url("queue", round=number + 1, key=1, **bare),
        seconds=ROUND_SECONDS,
    )


def _go_back(call: Call, number: int) -> None:
    """The star key is the button below the last words: back to the assistant."""
    new = NewMessage(
        author_kind=AuthorKind.VISITOR,
        text=house_says("back_button", call.conversation.locale),
        payload=handoff_form.BACK,
        client_id=f"call:{call.sid}:back:{number}"[:64],
        status=MessageStatus.RECEIVED,
    )
    # First what they did, then what came of it, as the page tells it in this order.
    record.note(call, StepKind.DTMF, "They pressed * to go back to the assistant.", keys=BACK_KEY)
    turns.take_message(call.conversation, new, queue=False)


def _queue_left(asked: Asked, call: Call) -> VoiceResponse | None:
    """The call is out of the queue: led out of it, bridged by who took it from there, or as the queue failed."""
    result = asked.form.get("QueueResult", "")
    transfer = transfers.open_of(call)
    if result in ("bridged", "redirected-from-bridged") and transfer is not None:
        transfers.bridged(call.conversation, transfer)
        return _finish(asked, record.lock(call.id), transfer, None)
    if result == "hangup":
        ending.over(call.id)
        return transfer_twiml.put_through()
    why = transfer_failures.of_queue(result)
    if why is None:
        return None
    record.note(call, StepKind.ERROR, why.words, why.remedy, result=result)
    if transfer is not None:
        transfers.failed(call.conversation, transfer, why)
        return None
    # Who waits for a member waits without the queue.
    way = courses.way_of(call.conversation, call)
    if way.place != CoursePlace.HOLD:
        return None
    response = VoiceResponse()
    response.redirect(asked.url("queue", round=0, bare=1), method="POST")
    courses.placed(courses.course_of(call), way)
    return response


# --- A member types ---------------------------------------------------------------------------------------------------


def _talk(asked: Asked, call: Call) -> VoiceResponse | None:
    """What the caller said to a member who types, or nothing; what was typed meanwhile is spoken."""
    number, turn = asked.number("round"), asked.number("turn")
    spoken, keys = asked.form.get("SpeechResult", "").strip(), asked.form.get("Digits", "").strip()
    said = spoken or keys
    if said and turn:
        taking.take(call.id, turn, said, keys="" if spoken else keys)
        call = record.lock(call.id)
    way = courses.way_of(call.conversation, call)
    if way.place != CoursePlace.TALK:
        return None
    response, course = VoiceResponse(), courses.course_of(call)
    words = handing_over.tell(call)
    if not words and not said and number % TYPING_EVERY == TYPING_EVERY - 1:
        words = [waiting_words.while_typing(call.language)]
    for one in words:
        twiml.said(response, one, asked.config, call.language)
    course.rounds = number + 1
    courses.heard_of(course)
    handing_over.listen(response, call, number + 1)
    return response


def _lead(asked: Asked, call: Call) -> VoiceResponse | None:
    """The worker led the call here: it goes where it belongs."""
    return None


# --- Ringing ----------------------------------------------------------------------------------------------------------


def _transfer_of(asked: Asked, call: Call) -> CallTransfer | None:
    """The attempt of the address, unless it has been rung again since."""
    try:
        wanted = UUID(asked.query.get("transfer", ""))
    except ValueError:
        return None
    found = CallTransfer.objects.filter(call=call, id=wanted).select_related("handoff", "member", "call").first()
    return found if found is not None and asked.number("ring") == found.rings else None


def _transfer_done(asked: Asked, call: Call) -> VoiceResponse | None:
    """The ringing is over: they talked, or nobody took it."""
    transfer = _transfer_of(asked, call)
    if transfer is None or transfer.ended_at is not None:
        return None
    status, form = asked.form.get("DialCallStatus", ""), asked.form
    transfer.child_sid = form.get("DialCallSid", "")[:64] or transfer.child_sid
    transfer.save(update_fields=["child_sid"])
    manner = handing_over.manner_of(transfer, handing_over.config_of(transfer, call))
    was_answered = status in ("completed", "answered") and form.get("DialBridged", "true") != "false"
    if was_answered and not manner.is_asked:
        transfers.bridged(call.conversation, transfer)
    if transfer.state == TransferState.BRIDGED:
        return _finish(asked, record.lock(call.id), transfer, _seconds(form.get("DialCallDuration", "")))
    if form.get("CallStatus") in ("completed", "canceled"):
        ending.over(call.id)
        return transfer_twiml.put_through()
    code = form.get("ErrorCode", "") or _code_since(transfer)
    transfers.failed(call.conversation, transfer, transfer_failures.of_dial(status, code))
    return None


def _code_since(transfer: CallTransfer) -> str:
    """The error that the provider reported of this ringing, if it did: it says more than `failed`."""
    steps = CallStep.objects.filter(call=transfer.call_id, kind=StepKind.ERROR, at__gte=transfer.dialled_at)
    return next((str(step.data["code"]) for step in steps.order_by("-at") if step.data.get("code")), "")


def _finish(asked: Asked, call: Call, transfer: CallTransfer, seconds: int | None) -> VoiceResponse | None:
    """They talked, and it is over: the call ends, or its assistant has it back with how long they talked."""
    response = VoiceResponse()
    has_hung_up = asked.form.get("CallStatus") == "completed"
    return response if handing_over.finish(response, call, transfer, seconds, has_hung_up=has_hung_up) else None


def _seconds(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else None


# --- The leg to the person: its requests name their attempt, as their call is another one -----------------------------


async def whisper(asked: Asked) -> HttpResponse:
    """Who picked up hears what it is about, and takes it or not."""
    return twiml.answered(await in_tenant(_whisper)(asked.workspace_id, asked))


def _held(asked: Asked) -> tuple[Call, CallTransfer] | None:
    try:
        wanted = UUID(asked.query.get("transfer", ""))
    except ValueError:
        return None
    found = CallTransfer.objects.filter(id=wanted, call__connection=asked.connection_id).first()
    if found is None:
        return None
    call = record.lock(found.call_id)
    transfer = _transfer_of(asked, call)
    return (call, transfer) if transfer is not None else None


def _whisper(asked: Asked) -> str:
    held = _held(asked)
    if held is None or not held[0].goes_on or held[1].ended_at is not None:
        language = held[0].language if held else asked.config.language
        response = VoiceResponse()
        twiml.said(response, whispering.words("gone", language), asked.config, language)
        response.hangup()
        return str(response)
    call, transfer = held
    speaks, key = handing_over.speaks_as(call), asked.form.get("Digits", "")
    manner = handing_over.manner_of(transfer, handing_over.config_of(transfer, call))
    if transfer.state == TransferState.BRIDGED and transfer.child_sid == asked.sid:
        return str(transfer_twiml.put_through())
    if "taken" in asked.query:
        if key != TAKE_KEY:
            return str(transfer_twiml.turn_away(speaks, whispering.words("refused", call.language)))
        transfers.bridged(call.conversation, transfer)
        if transfer.state != TransferState.BRIDGED:
            return str(transfer_twiml.turn_away(speaks, whispering.words("gone", call.language)))
        courses.heard_of(courses.course_of(call), is_bridged=True)
        return str(transfer_twiml.put_through())
    transfers.picked_up(transfer, asked.sid)
    courses.heard_of(courses.course_of(call), is_ringing=True)
    summary = whispering.summary(call.conversation, handoff.current(call.conversation))
    if not manner.is_asked:
        response = VoiceResponse()
        speaks(response, summary)
        return str(response)
    return str(
        transfer_twiml.whisper(
            speaks,
            summary,
            whispering.words("press", call.language),
            whispering.words("refused", call.language),
            taken=asked.url("whisper", transfer=str(transfer.id), ring=transfer.rings, taken=1),
            seconds=DECIDE_SECONDS,
        )
    )


async def transfer_status(asked: Asked) -> HttpResponse:
    """How the leg to the person stands."""
    await in_tenant(_reported)(asked.workspace_id, asked)
    return twiml.nothing()


def _reported(asked: Asked) -> None:
    held = _held(asked)
    if held is None or not held[0].goes_on or held[1].ended_at is not None:
        return
    call, transfer = held
    status, course = asked.form.get("CallStatus", ""), courses.course_of(call)
    if asked.sid and transfer.child_sid != asked.sid:
        transfer.child_sid = asked.sid[:64]
        transfer.save(update_fields=["child_sid"])
    manner = handing_over.manner_of(transfer, handing_over.config_of(transfer, call))
    if status == "in-progress" and not manner.is_asked:
        transfers.bridged(call.conversation, transfer)
    is_bridged = transfer.state == TransferState.BRIDGED
    is_over = status in ("completed", "busy", "no-answer", "failed", "canceled")
    if is_over and course.place == CoursePlace.DIAL:
        # What comes of it is told by the call's own request; where that doesn't come, a worker sees to it.
        course.due_at = timezone.now() + courses.NOT_RUNG
        course.save(update_fields=["due_at"])
    elif not is_over:
        courses.heard_of(course, is_ringing=not is_bridged, is_bridged=is_bridged)


PARTS: Mapping[str, Handler] = {
    "queue": _part(_queue),
    "queue-left": _part(_queue_left),
    "talk": _part(_talk),
    "lead": _part(_lead),
    "transfer-done": _part(_transfer_done),
    "whisper": whisper,
    "transfer-status": transfer_status,
}
