"""Where a call belongs while people have its conversation, and the moment by which it is led there. Rows alone.

The hand-over's state says where a call belongs (`way_of`); `CallCourse` says where the provider was told to take it.
Each request of the call is answered by the first; where the two differ and no request is to be expected, or nothing is
heard of what was told, the course is due, and a worker leads the call by the provider's API (`leading`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from channels_app import accounts, bell
from channels_app.models import Call, CallCourse, CallTransfer
from channels_app.models.call import CallMode, CallState, TransferManner
from channels_app.models.transfer import CoursePlace
from channels_app.providers.base import Capability
from channels_app.providers.twilio.voice_config import VoiceConfig
from channels_app.voice import transfers
from deployments.models import Conversation, Handoff
from deployments.models.conversation import Control
from deployments.models.handoff import HandoffOutcome

# How long a call at the assistant may take to get there by itself: what the caller's own words changed is answered in
# the call, and a relay says what it has to say before it ends its session (`relay_session.LONGEST_LAST_WORDS`), or its
# end is told by the provider at once. Then a worker leads it.
BY_ITSELF = {
    (CallMode.GATHER, True): dt.timedelta(seconds=8),
    (CallMode.GATHER, False): dt.timedelta(),
    (CallMode.RELAY, True): dt.timedelta(seconds=70),
    (CallMode.RELAY, False): dt.timedelta(seconds=70),
    (CallMode.STREAM, True): dt.timedelta(seconds=70),
    (CallMode.STREAM, False): dt.timedelta(seconds=70),
}
FROM_VOICEMAIL = dt.timedelta(seconds=5)
# So long nothing may be heard of a place until the call is led there again.
SILENT_FOR = {CoursePlace.HOLD: dt.timedelta(seconds=60), CoursePlace.TALK: dt.timedelta(seconds=90)}
# Of a telephone that was to be rung: until it rings, and until somebody has decided.
NOT_RUNG, RINGS_FOR = dt.timedelta(seconds=25), dt.timedelta(seconds=150)
IN_VAIN = (HandoffOutcome.NOBODY_CAME, HandoffOutcome.NOBODY_THERE)


@dataclass(frozen=True)
class Way:
    """Where a call belongs; `transfer` is the attempt that it waits for, if there is one."""

    place: CoursePlace
    transfer: CallTransfer | None = None


def way_of(conversation: Conversation, call: Call) -> Way:
    """Where the call of this (locked) conversation belongs now."""
    if not conversation.is_active or conversation.control == Control.ASSISTANT:
        return Way(CoursePlace.ASSISTANT)
    transfer = transfers.going_on(conversation, call)
    if transfer is not None:
        waits = transfer.manner == TransferManner.QUEUE and transfer.dialled_at is None
        return Way(CoursePlace.HOLD if waits else CoursePlace.DIAL, transfer)
    return Way(CoursePlace.TALK if conversation.control == Control.HUMAN else CoursePlace.HOLD)


def course_of(call: Call) -> CallCourse:
    """The call's course, held; made where there is none yet."""
    CallCourse.objects.get_or_create(call=call)
    return CallCourse.objects.select_for_update().get(call=call)


def is_there(course: CallCourse, way: Way) -> bool:
    """Whether the provider was told to take the call where it belongs."""
    wanted = way.transfer.id if way.transfer is not None and way.place == CoursePlace.DIAL else None
    return course.place == way.place and course.transfer_id == wanted


def vain_end(call: Call, course: CallCourse | None) -> Handoff | None:
    """The last hand-over, where it ended in vain and nothing was done about that yet."""
    last = Handoff.objects.filter(conversation=call.conversation_id).order_by("-requested_at").first()
    if last is None or last.outcome not in IN_VAIN or (course is not None and course.ended_handoff == last.id):
        return None
    return last


def note_vain(call: Call) -> bool:
    """Whether the last hand-over of a held call ended in vain, and nothing was done about that until now."""
    found = CallCourse.objects.filter(call=call).select_for_update().first()
    ended = vain_end(call, found)
    if ended is None:
        return False
    course = found or course_of(call)
    course.ended_handoff, course.due_at = ended.id, None
    course.save(update_fields=["ended_handoff", "due_at"])
    return True


def note_wanted(conversation: Conversation) -> None:
    """Have the call of a locked conversation led where it belongs now."""
    call = Call.objects.filter(conversation=conversation).select_related("connection", "course").first()
    if call is not None:
        lead(conversation, call, getattr(call, "course", None), is_answered=False)


def lead(conversation: Conversation, call: Call, course: CallCourse | None, *, is_answered: bool) -> None:
    """`note_wanted` of these, as they were read. `is_answered`: a request of the call waits for what was posted."""
    if not conversation.is_active or call.state == CallState.ENDED:
        return
    if not accounts.kind_of(call.connection).can(Capability.SPOKEN):
        # A gateway can't be told to take a call elsewhere: who takes it over writes, and is spoken.
        return
    way = way_of(conversation, call)
    # Most calls have none, as nobody ever led them anywhere; one that is made is made under the conversation's lock.
    if course is not None:
        course = CallCourse.objects.filter(call=call).select_for_update().first()
    is_vain = way.place == CoursePlace.ASSISTANT and _ends_elsewhere(call, course)
    if course is None and way.place == CoursePlace.ASSISTANT and not is_vain:
        return
    course = course or course_of(call)
    if is_there(course, way) and not is_vain:
        return
    is_with_assistant = course.place == CoursePlace.ASSISTANT
    if is_with_assistant and call.state in (CallState.RINGING, CallState.ACTIVE):
        # The relay ends its session by this; sentence by sentence the next answer leads on.
        Call.objects.filter(id=call.id).update(state=CallState.TRANSFERRING)
    wait = BY_ITSELF[CallMode(call.mode), is_answered] if is_with_assistant else dt.timedelta()
    if call.state == CallState.VOICEMAIL:
        # No session is there to end by itself, and the message is over before long.
        wait = min(wait, FROM_VOICEMAIL)
    hasten(course, wait)


def _ends_elsewhere(call: Call, course: CallCourse | None) -> bool:
    """Whether nobody came and the connection says that the assistant does not go on then."""
    if VoiceConfig.of(call.connection.config).transfer_then == "assistant":
        return False
    return vain_end(call, course) is not None


def hasten(course: CallCourse, wait: dt.timedelta) -> None:
    """The worker leads the call after so long, unless it got there by itself."""
    due_at = timezone.now() + wait
    if course.due_at is not None and course.due_at <= due_at and course.leased_until is None:
        return
    course.due_at, course.attempts, course.claim, course.leased_until = due_at, 0, None, None
    course.save(update_fields=["due_at", "attempts", "claim", "leased_until"])
    if not wait:
        transaction.on_commit(bell.ring)


def placed(course: CallCourse, way: Way) -> None:
    """The provider is told now to take the call there; when nothing is heard of that, it is told again."""
    now = timezone.now()
    if not is_there(course, way):
        course.rounds, course.placed_at = 0, now
    course.place = way.place
    course.transfer = way.transfer if way.place == CoursePlace.DIAL else None
    course.due_at = now + NOT_RUNG if way.place == CoursePlace.DIAL else _silent_at(way.place, now)
    course.attempts, course.claim, course.leased_until, course.reason, course.remedy = 0, None, None, "", ""
    course.save()
    state = {
        CoursePlace.ASSISTANT: CallState.ACTIVE,
        CoursePlace.TALK: CallState.WITH_PERSON,
    }.get(way.place, CallState.TRANSFERRING)
    going_on = Call.objects.filter(id=course.call_id).exclude(state=CallState.ENDED)
    going_on.exclude(state=CallState.VOICEMAIL).update(state=state)


def _silent_at(place: CoursePlace, now: dt.datetime) -> dt.datetime | None:
    silence = SILENT_FOR.get(place)
    return now + silence if silence else None


def heard_of(course: CallCourse, *, is_ringing: bool = False, is_bridged: bool = False) -> None:
    """The provider was heard of where it was told to take the call."""
    now = timezone.now()
    if is_bridged:
        course.due_at = None  # the call's own sweeper looks after it from here
    elif is_ringing:
        course.due_at = now + RINGS_FOR
    else:
        course.due_at = _silent_at(CoursePlace(course.place), now)
    course.claim, course.leased_until, course.attempts = None, None, 0
    course.save(update_fields=["due_at", "claim", "leased_until", "attempts", "rounds"])
