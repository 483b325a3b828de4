"""What Twilio posts of a call (twilio.com/docs/voice/twiml#request-parameters, /docs/voice/api/call-resource)."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import format_datetime
from typing import Literal

from django.utils import timezone

API_VERSION = "2010-04-01"
# Who has a telephone at the other end, unless somebody else is named.
PERSON = "+14155550123"
Direction = Literal["inbound", "outbound-api", "outbound-dial"]
# Over, and never anything else again.
FINAL = frozenset({"completed", "busy", "failed", "no-answer", "canceled"})
# What an event of `StatusCallbackEvent` is as a status.
EVENTS: Mapping[str, str] = {
    "queued": "initiated",
    "initiated": "initiated",
    "ringing": "ringing",
    "in-progress": "answered",
}


def sid(prefix: str) -> str:
    """A made-up id as Twilio writes them."""
    return f"{prefix}{secrets.token_hex(16)}"


@dataclass(frozen=True)
class Facts:
    """A call as every request names it; `status` as it is now."""

    sid: str
    account: str
    caller: str
    called: str
    direction: Direction
    status: str
    parent: str = ""

    def at(self, status: str) -> Facts:
        """The same call, further along."""
        return replace(self, status=status)

    def form(self) -> dict[str, str]:
        """The fields that stand in every request of the call."""
        found = {
            "CallSid": self.sid,
            "AccountSid": self.account,
            "From": self.caller,
            "To": self.called,
            "Caller": self.caller,
            "Called": self.called,
            "CallStatus": self.status,
            "Direction": self.direction,
            "ApiVersion": API_VERSION,
        }
        return found | ({"ParentCallSid": self.parent} if self.parent else {})


def spoken(words: str, confidence: float) -> dict[str, str]:
    """What `Gather` has heard."""
    return {"SpeechResult": words, "Confidence": f"{confidence:.8g}" if words else "0.0", "msg": "Gather"}


def pressed(keys: str, finished_on: str = "") -> dict[str, str]:
    """Which keys `Gather` was given."""
    return {"Digits": keys, "FinishedOnKey": finished_on, "msg": "Gather"}


def nothing() -> dict[str, str]:
    """`Gather` had nothing, and says so (`actionOnEmptyResult`)."""
    return {"SpeechResult": "", "Digits": "", "Confidence": "0.0", "msg": "Gather Timeout"}


def dialled(status: str, child: str, seconds: int, *, bridged: bool) -> dict[str, str]:
    """How `Dial` ended."""
    form = {"DialCallStatus": status, "DialBridged": "true" if bridged else "false"}
    if child:
        form["DialCallSid"] = child
    if bridged:
        form["DialCallDuration"] = str(seconds)
    return form


def queued(result: str, queue: str, seconds: int) -> dict[str, str]:
    """How a wait in a queue ended."""
    return {"QueueResult": result, "QueueSid": queue, "QueueTime": str(seconds)}


def waiting(queue: str, position: int, seconds: int, size: int) -> dict[str, str]:
    """For `waitUrl`: where in the queue they are."""
    return {
        "QueueSid": queue,
        "QueuePosition": str(position),
        "QueueTime": str(seconds),
        "AvgQueueTime": str(seconds),
        "CurrentQueueSize": str(size),
    }


def recorded(recording: str, url: str, seconds: int, ended_by: str) -> dict[str, str]:
    """For `Record`'s action."""
    return {
        "RecordingSid": recording,
        "RecordingUrl": url,
        "RecordingDuration": str(seconds),
        "Digits": ended_by,
    }


def recording_done(
    recording: str, url: str, seconds: int, source: str, channels: int, began: dt.datetime
) -> dict[str, str]:
    """For `recordingStatusCallback`."""
    return {
        "RecordingSid": recording,
        "RecordingUrl": url,
        "RecordingStatus": "completed",
        "RecordingDuration": str(seconds),
        "RecordingChannels": str(channels),
        "RecordingSource": source,
        "RecordingStartTime": stamp(began),
        "RecordingTrack": "both",
        "ErrorCode": "0",
    }


def transcribed(recording: str, url: str, words: str) -> dict[str, str]:
    """For `transcribeCallback`."""
    return {
        "TranscriptionSid": sid("TR"),
        "TranscriptionText": words,
        "TranscriptionStatus": "completed" if words else "failed",
        "TranscriptionType": "fast",
        "RecordingSid": recording,
        "RecordingUrl": url,
    }


def relay_done(session: str, status: str, seconds: int, handoff: str | None, code: int, words: str) -> dict[str, str]:
    """For the `action` of `Connect`, once a relay is over: `completed` by them, `ended` by us, or `failed`."""
    form = {"SessionId": session, "SessionStatus": status, "SessionDuration": str(seconds)}
    if handoff is not None:
        form["HandoffData"] = handoff
    if code:
        form |= {"ErrorCode": str(code), "ErrorMessage": words}
    return form


def status_of(number: int, at: dt.datetime, seconds: int | None) -> dict[str, str]:
    """For a status callback; `seconds` of a call that is over."""
    form = {"Timestamp": stamp(at), "CallbackSource": "call-progress-events", "SequenceNumber": str(number)}
    if seconds is not None:
        form |= {"CallDuration": str(seconds), "Duration": str(-(-seconds // 60))}
    return form


def stamp(at: dt.datetime) -> str:
    """A moment as Twilio writes it (RFC 2822)."""
    return format_datetime(at)


def now() -> dt.datetime:
    """The time."""
    return timezone.now()


def moment(text: str) -> dt.datetime:
    """A moment that was kept (ISO 8601)."""
    return dt.datetime.fromisoformat(text)
