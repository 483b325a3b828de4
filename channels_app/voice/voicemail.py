"""Messages that callers leave: taken by `<Record>`, kept as the caller's own message, and then waiting for people.

The message is there as soon as the caller is done, with its audio being fetched (`audio`). Where Twilio writes it down
its words come later, and take the place that was empty; where it can't, the audio itself is the message.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from uuid import UUID

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from twilio.twiml.voice_response import VoiceResponse

from channels_app import accounts, bell
from channels_app.models import Call, CallRecording
from channels_app.models.call import CallOutcome, CallState, RecordingKind, RecordingState, StepKind
from channels_app.providers.twilio import recordings, twiml
from channels_app.voice import audio, ending, record
from channels_app.voice.asked import Asked
from channels_app.voice.words import say
from convoship.lib.tenancy import in_tenant
from deployments import conversations, handoff, live
from deployments.conversations import NewMessage
from deployments.models import Conversation, Message
from deployments.models.conversation import AuthorKind, MessageStatus
from deployments.safe_text import LONGEST_TEXT

# Twilio writes down English of 2 to 120 seconds (twilio.com/docs/voice/twiml/record#transcribe).
LONGEST_WRITTEN_SECONDS = 120
LONGEST_SECONDS = 180
# Seconds of silence that end a message.
QUIET_SECONDS = 5
# Where the report that a recording is complete doesn't come, its audio is asked for all the same.
REPORT_WITHIN = dt.timedelta(seconds=30)
_LISTEN = "Listen to it on this page."
_MISSED = "They left a message, and nobody has spoken with them."


def can_be_written(language: str) -> bool:
    """Whether Twilio writes messages of this language down."""
    return language.partition("-")[0].lower() == "en"


def begin(asked: Asked, call: Call, response: VoiceResponse, why: str) -> None:
    """Ask a held call for a message, and record it: `why` is for its page. Nothing is to follow in the response."""
    if call.state != CallState.VOICEMAIL:
        call.state = CallState.VOICEMAIL
        call.save(update_fields=["state"])
        record.note(call, StepKind.VOICEMAIL, f"{why} They were asked for a message.", of="asked")
    config, language = asked.config, call.language or asked.config.language
    twiml.said(response, config.voicemail_words or say("voicemail", language), config, language)
    is_written = can_be_written(language)
    more = {"transcribe": True, "transcribe_callback": asked.url("transcript")} if is_written else {}
    response.record(
        action=asked.url("voicemail"),
        method="POST",
        max_length=LONGEST_WRITTEN_SECONDS if is_written else LONGEST_SECONDS,
        timeout=QUIET_SECONDS,
        finish_on_key="#",
        play_beep=True,
        trim="trim-silence",
        recording_status_callback=asked.url("recording"),
        recording_status_callback_event="completed absent",
        recording_status_callback_method="POST",
        **more,
    )
    # Of a message without a sound Twilio tells nothing, and goes on here.
    response.redirect(asked.url("voicemail", empty=1), method="POST")


# --- What its addresses answer ----------------------------------------------------------------------------------------


async def done(asked: Asked) -> HttpResponse:
    """They are done, or hung up while they spoke."""
    return twiml.answered(await in_tenant(_done)(asked.workspace_id, asked))


def _done(asked: Asked) -> str:
    call = record.find(asked.connection_id, asked.sid)
    if call is not None:
        left(call.id, asked.form, is_empty="empty" in asked.query)
    return str(_goodbye(call, asked))


async def recording(asked: Asked) -> HttpResponse:
    """What became of a recording."""
    await in_tenant(_told_of)(asked.workspace_id, asked, reported)
    return twiml.nothing()


async def transcript(asked: Asked) -> HttpResponse:
    """A message was written down, or could not be."""
    await in_tenant(_told_of)(asked.workspace_id, asked, written)
    return twiml.nothing()


def _told_of(asked: Asked, act: Callable[[UUID, Mapping[str, str]], None]) -> None:
    call = record.find(asked.connection_id, asked.sid)
    if call is not None:
        act(call.id, asked.form)


# --- What becomes of it -----------------------------------------------------------------------------------------------


def left(call_id: UUID, form: Mapping[str, str], *, is_empty: bool) -> Call:
    """They are done, or hung up while they spoke. The same report again changes nothing. In a transaction."""
    call = record.lock(call_id)
    sid = form.get("RecordingSid", "")
    if is_empty or not recordings.is_sid(sid):
        _nothing_said(call)
        return call
    row, _ = kept_row(call, sid, RecordingKind.VOICEMAIL)
    seconds = _whole(form.get("RecordingDuration", ""))
    if row.seconds is None and seconds is not None:
        row.seconds = seconds
        row.save(update_fields=["seconds"])
    _keep(call, row)
    return call


def _keep(call: Call, row: CallRecording) -> None:
    """A message was left: the caller's own, once, whichever report of it comes first, and whatever was told before."""
    if Message.objects.filter(conversation=call.conversation, client_id=audio.client_id_of(row.sid)).exists():
        return
    _post(call, row)
    ending.end(call.id, CallOutcome.VOICEMAIL, "They left a message.", ending.call_back(call))
    ending.correct(call.id, CallOutcome.VOICEMAIL, "They left a message.")


def _post(call: Call, row: CallRecording) -> None:
    language = call.language
    is_written = can_be_written(language) and (row.seconds or 0) >= 2
    words = "They left a message. Twilio is writing it down." if is_written else "They left a message."
    remedy = "" if is_written else f"Twilio does not write this one down. {_LISTEN}"
    record.note(call, StepKind.VOICEMAIL, words, remedy, recording=row.sid)
    new = NewMessage(
        author_kind=AuthorKind.VISITOR,
        text=row.transcript[:LONGEST_TEXT],
        attachments=[audio.waiting_item(row)],
        client_id=audio.client_id_of(row.sid),
        status=MessageStatus.RECEIVED,
    )
    conversations.post_message(call.conversation, new)
    handoff.missed(call.conversation, _MISSED)


def _nothing_said(call: Call) -> None:
    if call.recordings.filter(kind=RecordingKind.VOICEMAIL).exists() or not call.goes_on:
        return
    record.note(call, StepKind.VOICEMAIL, "They left no message: nothing was heard.", "Call them back.", of="none")
    handoff.missed(call.conversation, "They called, spoke with nobody, and left no message.")
    words = "Nobody took the call, and no message was left."
    ending.end(call.id, CallOutcome.NO_ANSWER, words, ending.call_back(call))


def _goodbye(call: Call | None, asked: Asked) -> VoiceResponse:
    """What is said after a message, or where none was left."""
    response = VoiceResponse()
    language = call.language if call else asked.config.language
    was_left = call is not None and call.recordings.filter(kind=RecordingKind.VOICEMAIL).exists()
    words = say("voicemail_done", language) if was_left else asked.config.goodbye_words or say("goodbye", language)
    twiml.said(response, words, asked.config, language)
    response.hangup()
    return response


def kept_row(call: Call, sid: str, kind: str) -> tuple[CallRecording, bool]:
    """The row of a recording of a held call, made where there is none yet; and whether it is new."""
    return CallRecording.objects.get_or_create(
        connection=call.connection,
        sid=sid,
        defaults={
            "call": call,
            "kind": kind,
            "url": accounts.to_plan(call.connection).recording_url(sid),
            "due_at": timezone.now() + REPORT_WITHIN,
        },
    )


def reported(call_id: UUID, form: Mapping[str, str]) -> None:
    """Twilio says what became of a recording, of a message or of a whole call. In a transaction."""
    call = record.lock(call_id)
    sid, status = form.get("RecordingSid", ""), form.get("RecordingStatus", "")
    if not recordings.is_sid(sid):
        return
    known = CallRecording.objects.filter(connection=call.connection, sid=sid).first()
    if known is None:
        # The report came before the answer that names it: by its source it is told what was recorded.
        kind = RecordingKind.VOICEMAIL if form.get("RecordingSource") == "RecordVerb" else RecordingKind.RECORDING
        known, _ = kept_row(call, sid, kind)
    row = CallRecording.objects.select_for_update(of=("self",)).get(id=known.id)
    row.call = call
    is_left = False
    seconds = _whole(form.get("RecordingDuration", ""))
    row.seconds = seconds if seconds is not None else row.seconds
    if status == "completed" and row.state == RecordingState.MADE:
        row.due_at = timezone.now()
        transaction.on_commit(bell.ring)
        is_left = row.kind == RecordingKind.VOICEMAIL and row.seconds != 0
    elif status in {"absent", "failed"} and row.state in (RecordingState.MADE, RecordingState.FETCHING):
        row.state, row.claim, row.leased_until = RecordingState.FAILED, None, None
        row.reason = "Twilio recorded no sound." if status == "absent" else "The recording failed at Twilio."
        row.remedy = "There is nothing to be fetched."
        record.note(call, StepKind.RECORDING, row.reason, recording=sid)
    row.save(update_fields=["seconds", "due_at", "state", "claim", "leased_until", "reason", "remedy"])
    if is_left:
        # What the verb's own address was to be told may be lost, as where it broke.
        _keep(call, row)
    live.tell_team(call.conversation, "call")


def written(call_id: UUID, form: Mapping[str, str]) -> None:
    """Twilio wrote a message down, or could not. In a transaction."""
    call = record.lock(call_id)
    sid, words = form.get("RecordingSid", ""), form.get("TranscriptionText", "").replace("\x00", "").strip()
    if not recordings.is_sid(sid):
        return
    row, _ = kept_row(call, sid, RecordingKind.VOICEMAIL)
    if row.state == RecordingState.DELETED or row.transcript:
        return
    if form.get("TranscriptionStatus") != "completed" or not words:
        words = "Twilio could not write the message down."
        record.note(call, StepKind.VOICEMAIL, words, _LISTEN, recording=sid, of="unwritten")
        return
    row.transcript = words
    row.save(update_fields=["transcript"])
    message = Message.objects.filter(conversation=call.conversation, client_id=audio.client_id_of(sid)).first()
    if message is not None:
        _fill(call.conversation, message, words)


def _fill(conversation: Conversation, message: Message, words: str) -> None:
    if message.seq == conversation.head_seq:
        conversation.last_text = words[: conversations.PREVIEW_LENGTH]
    conversations.change_message(conversation, message, text=words[:LONGEST_TEXT])


def _whole(value: str) -> int | None:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 6 else None
