"""What Twilio reports as wrong in calls, on the connection's health line and in the call's own story."""

from __future__ import annotations

from uuid import UUID

from channels_app.models import Call, CallStep, Connection
from channels_app.models.call import StepKind
from channels_app.providers.twilio.voice_codes import fault_of
from channels_app.voice import record

# What begins a fault's words here, so that a good call takes back its own and nobody else's.
MARK = "In a call:"
_WRONG = (StepKind.ERROR, StepKind.FALLBACK, StepKind.RELAY_LOST)


def note(connection_id: UUID, code: int | str, call: Call | None = None, *, detail: str = "") -> None:
    """Twilio reports this code: the connection says so until a call has gone well. Inside `tenant()`."""
    fault, words = fault_of(code), words_of(code)
    rows = Connection.objects.filter(id=connection_id)
    rows.update(fault=f"{MARK} {words}"[:300], fault_remedy=fault.remedy[:300])
    if call is not None:
        record.note(call, StepKind.ERROR, words, fault.remedy, code=str(code)[:10], detail=detail[:300])


def words_of(code: int | str) -> str:
    """What a code means, with the code, by which more is found at Twilio."""
    return f"{fault_of(code).words} (Twilio's error {str(code)[:10]})"


def note_success(call: Call) -> None:
    """A call is over: where nothing in it went wrong, what was wrong with earlier ones is mended."""
    if call.answered_at is None or CallStep.objects.filter(call=call, kind__in=_WRONG).exists():
        return
    clear(call.connection_id)


def clear(connection_id: UUID) -> None:
    """Take back what calls said of the connection."""
    Connection.objects.filter(id=connection_id, fault__startswith=MARK).update(fault="", fault_remedy="")
