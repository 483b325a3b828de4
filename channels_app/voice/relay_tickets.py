"""Tickets for the relay's socket: of one call, for a minute, good once (RELIABILITY R30).

A signed handshake says that Twilio knocks, not for whose call. The ticket goes to Twilio in the TwiML, comes back in
the session's first frame, and is spent by one conditional UPDATE: of two sockets that show it, one gets in.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from uuid import UUID

from django.utils import timezone

from channels_app.models import Call, RelayTicket
from channels_app.models.call import CallState
from channels_app.voice import record

# The name of the parameter that carries it.
PARAMETER = "ticket"
LIVES = dt.timedelta(seconds=60)
BYTES = 24


def issue(call: Call) -> str:
    """A new ticket of this call; inside `tenant()`."""
    value = secrets.token_urlsafe(BYTES)
    RelayTicket.objects.create(call=call, digest=_digest(value), expires_at=timezone.now() + LIVES)
    return value


def spend(connection_id: UUID, call_sid: str, value: str, session: str) -> Call | None:
    """The call that this ticket opens, which is spent with this; None where it opens none. Inside `tenant()`.

    None as well where it was spent, is too old, is another call's or another connection's, or the call is over.
    """
    call = Call.objects.filter(connection_id=connection_id, sid=call_sid).exclude(state=CallState.ENDED).first()
    if call is None or not value:
        return None
    # Before its ticket: who ends the call holds it, and writes the ticket after it.
    record.lock(call.id)
    now = timezone.now()
    # (No join: where two come at once, PostgreSQL looks again at the row alone.)
    tickets = RelayTicket.objects.filter(call_id=call.id, digest=_digest(value), spent_at=None, expires_at__gt=now)
    return call if tickets.update(spent_at=now, session=session[:64]) else None


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()
