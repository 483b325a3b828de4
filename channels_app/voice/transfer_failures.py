"""Why a call was not put through, in words with what to do. Pure.

Twilio says it with `DialCallStatus` (twilio.com/docs/voice/twiml/dial) and, where the number is at fault, with the code
of an error (twilio.com/docs/api/errors); a queue says it with `QueueResult` (twilio.com/docs/voice/twiml/enqueue).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Why:
    """A failure: a short stable word, what happened, and what a member does about it."""

    code: str
    words: str
    remedy: str = ""


_TRY_LATER = "Call them back, or add another desk behind this one on the assistant's Hand-over tab."
_NUMBER = "Correct the transfer number in the connection's settings."
_MAYBE_NUMBER = f"{_NUMBER} If it is right, look at the call in Twilio's console."
_MEMBERS_NUMBER = "Correct the number under Your telephone, and take the call again."
_REACH = "Look at the call in Twilio's console, then call the number yourself."
_GEO = (
    "Allow that country in Twilio's console under Voice, Settings, Geo permissions, or use a number of an allowed one."
)

BUSY = Why("busy", "The line was busy.", _TRY_LATER)
NO_ANSWER = Why("no-answer", "Nobody picked up.", _TRY_LATER)
# Twilio says of a number that nobody has no more than that it failed.
FAILED = Why("failed", "There is no such number, or nothing can be put through to it.", _MAYBE_NUMBER)
CANCELED = Why("canceled", "The call to them was given up before anybody picked up.")
REFUSED = Why("refused", "Somebody, or a voicemail box, picked up and did not press 1.", _TRY_LATER)
OVERTAKEN = Why("overtaken", "The call went elsewhere before anybody took it.")
HUNG_UP = Why("hung-up", "The caller hung up before anybody took the call.", "Call them back.")
LATE = Why("time-out", "Nothing was heard of the call to them for too long.", _REACH)
NOT_LED = Why("not-led", "Twilio did not take the order to put the call through.", "Look at the connection's health.")

_DIAL: Mapping[str, Why] = {
    "busy": BUSY,
    "no-answer": NO_ANSWER,
    "failed": FAILED,
    "canceled": CANCELED,
    # Answered, and never put through: whoever answered did not take it.
    "completed": REFUSED,
    "answered": REFUSED,
}
_WRONG_NUMBER = Why("wrong-number", "There is no such number.", _NUMBER)
_WRONG_CALLER = Why(
    "wrong-caller-id",
    "Twilio does not let the connection's own number call.",
    "Check the connection's number: it has to be one of the account's that can call.",
)
_NOT_ALLOWED = Why("geo-permissions", "The Twilio account may not call the country of this number.", _GEO)
_CODES: Mapping[int, Why] = {
    13223: _WRONG_NUMBER,
    13224: _WRONG_NUMBER,
    13214: _WRONG_CALLER,
    13225: Why("forbidden-number", "Twilio calls no number of this kind.", _NUMBER),
    13226: Why("forbidden-number", "Twilio calls no number of this kind.", _NUMBER),
    13227: _NOT_ALLOWED,
    21210: _WRONG_CALLER,
    21211: _WRONG_NUMBER,
    21214: Why("unreachable", "Twilio can't reach this number.", _NUMBER),
    21215: _NOT_ALLOWED,
    21216: Why("forbidden-number", "The Twilio account may not call this number.", _GEO),
    32205: _NOT_ALLOWED,
}
_QUEUE: Mapping[str, Why] = {
    "queue-full": Why(
        "queue-full", "The queue is full.", "Raise the queue's length in Twilio's console, or add a desk behind it."
    ),
    "error": Why("queue-error", "Twilio could not keep the call in the queue.", "See the call's log at Twilio."),
    "system-error": Why("queue-error", "Twilio's queue broke.", "It mends itself; see status.twilio.com."),
    "hangup": HUNG_UP,
}


def of_dial(status: str, code: str = "") -> Why:
    """Why a dialled number was not put through; the error's code says more where there is one."""
    known = _CODES.get(int(code)) if code.isascii() and code.isdecimal() and len(code) < 9 else None
    if known is not None and status != "completed":
        return known
    return _DIAL.get(status, FAILED)


def is_of_number(remedy: str) -> bool:
    """Whether the number of the connection's settings is to be corrected."""
    return remedy in (_NUMBER, _MAYBE_NUMBER)


def for_member(why: Why) -> Why:
    """The same of a member's own telephone, which is in no settings."""
    return replace(why, remedy=_MEMBERS_NUMBER) if is_of_number(why.remedy) else why


def of_queue(result: str) -> Why | None:
    """Why a call left the queue; None where it was led out of it, which is no failure."""
    return _QUEUE.get(result)
