"""Calls as the rooms below show them (`deployments.calls`): on the page of their conversation, in lists, in the API."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from channels_app import accounts
from channels_app.models import Call, CallRecording, CallSpeech, CallStep, CallTransfer, CallTurn, Connection
from channels_app.models.call import (
    CallDirection,
    CallMode,
    CallOutcome,
    CallState,
    RecordingKind,
    SpeechState,
    StepKind,
)
from channels_app.providers.base import Capability
from channels_app.providers.twilio.voice_config import VoiceConfig
from channels_app.voice import recorded, transfer_failures
from channels_app.voice.shapes import whole_call_json
from deployments import calls
from deployments.calls import AfterNobody, Heard, Mark, Repair, Stage, Step, Told, TurnTold
from deployments.models import Conversation

# Nobody on our side spoke with who called, and they may want to be called back.
UNHEARD_CALLER = (CallOutcome.VOICEMAIL, CallOutcome.NO_ANSWER, CallOutcome.BUSY, CallOutcome.CANCELED)
BROKEN = (CallOutcome.FAILED, CallOutcome.LOST)
MOST_STEPS = 500

_LOOKS: Mapping[str, tuple[str, str]] = {
    StepKind.RINGING: ("", "phone-incoming"),
    StepKind.ANSWERED: ("good", "phone"),
    StepKind.MODE: ("", "ear"),
    StepKind.DTMF: ("", "grid-3x3"),
    StepKind.LANGUAGE: ("", "languages"),
    StepKind.HOLD: ("", "hourglass"),
    StepKind.SILENCE: ("warn", "volume-x"),
    StepKind.INTERRUPTED: ("", "hand"),
    StepKind.RELAY_CONNECTED: ("accent", "plug"),
    StepKind.RELAY_LOST: ("warn", "unplug"),
    StepKind.FALLBACK: ("warn", "corner-down-right"),
    StepKind.TRANSFER: ("accent", "phone-forwarded"),
    StepKind.TRANSFER_FAILED: ("bad", "phone-missed"),
    StepKind.BRIDGED: ("good", "users"),
    StepKind.VOICEMAIL: ("accent", "voicemail"),
    StepKind.RECORDING: ("", "audio-lines"),
    StepKind.ERROR: ("bad", "circle-x"),
    StepKind.ENDED: ("", "phone-off"),
}
# One kind of step is told of several things, which have titles of their own; `of` says which, where nothing else does.
_TITLES: Mapping[tuple[str, str], str] = {
    (StepKind.RELAY_CONNECTED, "sound"): "Listening by its sound",
    (StepKind.TRANSFER, "ring"): "Ringing",
    (StepKind.TRANSFER, "seconds"): "Talk over",
    (StepKind.VOICEMAIL, "asked"): "Asked for a message",
    (StepKind.VOICEMAIL, "none"): "No message left",
    (StepKind.VOICEMAIL, "unwritten"): "Message not written down",
}
# As people read them, who need not know what a socket is.
_NAMES: Mapping[str, str] = {
    StepKind.RELAY_CONNECTED: "Listening word by word",
    StepKind.RELAY_LOST: "Connection lost",
    StepKind.FALLBACK: "Went on another way",
}
# A loss of the connection is told by the step that says how the call went on.
_GOES_ON_WITHIN = dt.timedelta(seconds=60)
SOMETHING_TO_SAY = "Until there was something to say"
UNKNOWN_END = "How much of the last answer was heard is not known: Twilio does not say it sentence by sentence."


class Keeper:
    """The keeper of calls that connections are."""

    def told(self, conversation: Conversation) -> Told | None:
        """The call and all that is told of it."""
        rows = with_messages(Call.objects.filter(conversation=conversation))
        call = rows.select_related("connection").first()
        if call is None:
            return None
        return Told(
            mark=mark_of(call, left_message=call.left_message, has_talked=call.has_talked),
            is_live=call.goes_on,
            facts=_facts(call),
            began_at=call.began_at,
            answered_at=call.answered_at,
            length=lasted(call),
            reason=_reason(call, has_talked=call.has_talked),
            notice=UNKNOWN_END if _is_end_unknown(call) else "",
            remedy=call.remedy,
            repair=_repair(call),
            consent=recorded.consent_words(call),
            recordings=recorded.shown(call),
            steps=_steps(call),
            turns=_turns(call),
            heard={row.message_id: _heard(row) for row in call.speeches.all()},
            said_at=_said_at(call),
        )

    def marks_of(self, conversations: Sequence[Conversation]) -> Mapping[UUID, Mark]:
        """One query, however long the list is."""
        rows = with_messages(Call.objects.filter(conversation__in=[row.id for row in conversations]))
        return {
            call.conversation_id: mark_of(call, left_message=call.left_message, has_talked=call.has_talked)
            for call in rows
        }

    def as_json(self, conversation: Conversation) -> dict[str, Any] | None:
        """The call with its turns, steps, transfers and recordings."""
        call = Call.objects.select_related("connection").filter(conversation=conversation).first()
        return whole_call_json(call) if call is not None else None

    def after_nobody(self, conversation: Conversation) -> AfterNobody | None:
        """As the connection's settings say; a message is taken only where messages are."""
        call = Call.objects.select_related("connection").filter(conversation=conversation).first()
        if call is None:
            return None
        config = VoiceConfig.of(call.connection.config)
        return "goodbye" if config.transfer_then == "voicemail" and not config.voicemail else config.transfer_then


def with_messages(rows: QuerySet[Call]) -> Any:
    """With `left_message`: whether the caller left one; `has_talked`: whether they said or pressed anything before."""
    left = CallRecording.objects.filter(call=OuterRef("pk"), kind=RecordingKind.VOICEMAIL)
    # (A silence is a turn as well.)
    talked = CallTurn.objects.filter(~Q(message=None) | ~Q(keys=""), call=OuterRef("pk"))
    return rows.annotate(left_message=Exists(left), has_talked=Exists(talked))


def mark_of(call: Call, *, left_message: bool, has_talked: bool) -> Mark:
    """How it goes or went, in a few words."""
    is_ours = call.direction == CallDirection.OUTBOUND
    words, tone, icon = _mark(call, is_ours=is_ours, left_message=left_message, has_talked=has_talked)
    return Mark(words, tone, icon, call.called if is_ours else call.caller)


def _mark(call: Call, *, is_ours: bool, left_message: bool, has_talked: bool) -> tuple[str, str, str]:
    if call.goes_on:
        words = {CallState.RINGING: "Ringing", CallState.VOICEMAIL: "Asked for a message"}
        return words.get(CallState(call.state), "On the phone"), "accent", "phone-call"
    outcome = CallOutcome(call.outcome)
    if outcome in BROKEN:
        return "Call lost" if outcome == CallOutcome.LOST else "Call failed", "bad", "phone-off"
    if is_ours and outcome in UNHEARD_CALLER:
        return "Not reached", "warn", "phone-off"
    if outcome in UNHEARD_CALLER:
        if left_message:
            return "Missed: left a message", "warn", "voicemail"
        # Who talked to the assistant was answered, if by no person.
        return "Nobody came" if has_talked else "Missed call", "warn", "phone-missed"
    if outcome == CallOutcome.TRANSFERRED:
        return "Call put through", "", "phone-forwarded"
    return "Call ended", "", "phone"


def lasted(call: Call) -> str:
    """How long, in words: as it is billed, or as we saw it; empty where nobody answered, or it goes on."""
    if call.seconds is not None:
        return calls.lasting(call.seconds)
    if call.answered_at is None or call.ended_at is None:
        return ""
    return calls.lasting((call.ended_at - call.answered_at).total_seconds())


def _facts(call: Call) -> list[tuple[str, str]]:
    found = [
        ("Caller", call.caller or "not known"),
        ("Called", call.called or "not known"),
        ("Direction", call.get_direction_display()),
        ("Listens", call.get_mode_display()),
    ]
    if call.goes_on:
        # How it ended stands beside its name, and why below.
        found.append(("State", _state(call)))
    if call.language:
        found.append(("Language", call.language))
    if call.seconds is not None:
        found.append(("Billed by the provider", calls.lasting(call.seconds)))
    return found


def _reason(call: Call, *, has_talked: bool) -> str:
    """Why it ended; of who spoke with the assistant, and no person came, that they did."""
    if call.outcome in UNHEARD_CALLER and has_talked and call.direction == CallDirection.INBOUND:
        return f"{call.reason} Before that they talked to the assistant."
    return call.reason


def _is_end_unknown(call: Call) -> bool:
    """Whether they hung up sentence by sentence, maybe in the middle of what was being said."""
    return call.mode == CallMode.GATHER and call.outcome == CallOutcome.HUNG_UP and call.answered_at is not None


def _state(call: Call) -> str:
    # Nothing is left yet, and may never be.
    return "Asked for a message" if call.state == CallState.VOICEMAIL else str(call.get_state_display())


def _repair(call: Call) -> Repair | None:
    """Where what ended it so is mended."""
    if call.outcome in BROKEN:
        return Repair(f"Open {call.connection.name}", reverse("connection", args=[call.connection_id]))
    if call.outcome == CallOutcome.TOO_LONG:
        return Repair("Open its settings", reverse("connection_settings", args=[call.connection_id]))
    return None


def _steps(call: Call) -> list[Step]:
    """The last steps in order; of a longer call it is said first that earlier ones are left out."""
    last = list(call.steps.order_by("-at", "-id")[: MOST_STEPS + 1])
    rows = list(reversed(last[:MOST_STEPS]))
    # (A gateway's call ends with its socket: that it hung up is the end's to tell.)
    ends = (StepKind.FALLBACK,) if accounts.kind_of(call.connection).can(Capability.SPOKEN) else (StepKind.ENDED,)
    went_on = [row.at for row in rows if row.kind in ends]
    known = {row.words for row in rows if row.kind == StepKind.TRANSFER}
    repairs = _repairs_of_steps(call, rows)
    shown = [
        _step(row, repairs.get(row.id), is_known=row.kind == StepKind.ENDED and row.words in known)
        for row in rows
        if row.kind != StepKind.RELAY_LOST or not any(row.at <= at <= row.at + _GOES_ON_WITHIN for at in went_on)
    ]
    if len(last) <= MOST_STEPS:
        return shown
    words = f"Only the last {MOST_STEPS} are shown. The API has them all."
    return [Step(id="earlier", at=shown[0].at, title="Earlier steps are left out", words=words), *shown]


def _step(row: CallStep, repair: Repair | None, *, is_known: bool = False) -> Step:
    """`is_known`: its words stand in a step before."""
    tone, icon = _LOOKS.get(row.kind, ("", "circle"))
    title = _title(row)
    words = "" if is_known or row.words.rstrip(".") == title else row.words
    if row.kind == StepKind.RECORDING and row.data.get("asked"):
        words = f"They were asked: “{row.data['asked']}” {words}"
    return Step(str(row.id), row.at, title, words, row.remedy, tone, icon, repair=repair)


def _repairs_of_steps(call: Call, rows: Sequence[CallStep]) -> dict[UUID, Repair]:
    """Of numbers that can't be put through to: by their steps the settings that they stand in, the call's own first."""
    failed = {
        row.id: str(row.data["transfer"])
        for row in rows
        if row.kind == StepKind.TRANSFER_FAILED
        and transfer_failures.is_of_number(row.remedy)
        and "transfer" in row.data
    }
    if not failed:
        return {}
    # (The hand-over may be at another desk by now.)
    rung = {str(key): to for key, to in CallTransfer.objects.filter(id__in=failed.values()).values_list("id", "to")}
    found = Connection.objects.filter(config__transfer_to__in=[to for to in rung.values() if to])
    desks: dict[str, Connection] = {}
    for desk in sorted(found, key=lambda one: (one.id != call.connection_id, one.created_at)):
        desks.setdefault(desk.config["transfer_to"], desk)
    return {
        step: Repair("Open the settings", reverse("connection_settings", args=[desks[rung[transfer]].id]))
        for step, transfer in failed.items()
        if rung.get(transfer) in desks
    }


def _title(row: CallStep) -> str:
    """What the step is, in two or three words."""
    parts = [row.data["of"]] if "of" in row.data else list(row.data)
    return next((_TITLES[row.kind, part] for part in parts if (row.kind, part) in _TITLES), _name(row.kind))


def _name(kind: str) -> str:
    return _NAMES.get(kind) or str(StepKind(kind).label)


def _said_at(call: Call) -> dict[UUID, dt.datetime]:
    """Of the first words, which are written as the call comes in: when they were begun to be said."""
    first = call.conversation.messages.filter(created_at__lte=call.began_at).values_list("id", flat=True)
    greeted = call.turns.filter(number=0).first()
    # Word by word it is begun once Twilio listens, which is after the turn was.
    begun = (greeted.spoken_at or greeted.heard_at) if greeted is not None else None
    at = begun or call.ended_at or timezone.now()
    return dict.fromkeys(first, at)


def _turns(call: Call) -> dict[UUID, TurnTold]:
    """By what the caller said; of the greeting, and of keys that were no message, by what was answered."""
    spoken = call.speeches.exclude(turn=None).order_by("-message__seq")
    answers = dict(spoken.values_list("turn_id", "message_id"))
    cut = set(call.speeches.exclude(state=SpeechState.SPOKEN).values_list("turn_id", flat=True))
    found = {}
    for row in call.turns.order_by("number"):
        message_id = row.message_id or answers.get(row.id)
        if message_id is not None:
            found[message_id] = turn_told(row, is_cut=row.id in cut, is_ours=call.mode == CallMode.STREAM)
    return found


def turn_told(row: CallTurn, *, is_cut: bool = False, is_ours: bool = False) -> TurnTold:
    """A turn with its stages, as far as they were measured; `is_cut`: its answer came to no end.

    `is_ours`: we hear and speak ourselves; what that took is known as well, then.
    """
    is_ours = is_ours or row.endpoint_ms is not None or row.speech_ms is not None
    stamps = [
        ("", row.heard_at),
        ("Until the assistant was asked", row.asked_at),
        ("Until its first word", row.first_word_at),
        (SOMETHING_TO_SAY if is_ours else "Until Twilio had something to say", row.spoken_at),
        (
            "Until all of it was written" if is_ours else "Until Twilio had all of it",
            None if is_cut else row.finished_at,
        ),
    ]
    known = [(name, at) for name, at in stamps if at is not None]
    stages = [
        Stage(name, max(0, round((at - before).total_seconds() * 1000))) for (_, before), (name, at) in pairwise(known)
    ]
    waited = None
    if row.endpoint_ms is not None:
        stages.insert(0, Stage("Until it was clear that they were done", row.endpoint_ms))
    if row.speech_ms is not None:
        place = next((at + 1 for at, stage in enumerate(stages) if stage.name == SOMETHING_TO_SAY), len(stages))
        stages.insert(place, Stage("Until the voice had its first sound", row.speech_ms))
        waited = sum(stage.milliseconds for stage in stages[: place + 1])
    return TurnTold(
        row.number,
        row.keys,
        row.confidence,
        stages,
        row.responder_ms,
        row.platform_ms,
        row.error,
        to_first_sound=waited,
    )


def _heard(row: CallSpeech) -> Heard:
    """What was heard of an answer, and the rest of it."""
    if row.state == SpeechState.SPOKEN:
        return Heard(row.state, row.whole)
    heard, whole = " ".join(row.heard.split()), " ".join(row.whole.split())
    if not whole.startswith(heard):
        # The provider told it in other words than it was given: both are shown as they are.
        return Heard(row.state, row.heard, row.whole, is_joined=False)
    return Heard(row.state, heard, whole[len(heard) :].strip())
