"""Tickets for the relay's socket: of one call, for a minute, good once (RELIABILITY R30).

A signed handshake says that Twilio knocks, not for whose call. The ticket goes to Twilio in the TwiML, comes back in
the session's first frame, and is spent by one conditional UPDATE: of two sockets that show it, one gets in.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils import timezone

from channels_app.models import Call, RelayTicket
from channels_app.models.call import CallState
from channels_app.providers.base import same
from channels_app.voice import record

# The name of the parameter that carries it.
PARAMETER = "ticket"
LIVES = dt.timedelta(seconds=60)
BYTES = 24


class Asked(Exception):
    """This request for a ticket was answered before."""


def issue(call: Call) -> str:
    """A new ticket of this call; inside `tenant()`."""
    return issue_for(call, "")[0]


def issue_for(call: Call, nonce: str) -> tuple[str, dt.datetime]:
    """A ticket of this held call for who asks with a nonce, and until when it is good. `Asked` for one of before."""
    value, expires_at = secrets.token_urlsafe(BYTES), timezone.now() + LIVES
    asked = digest_of(nonce) if nonce else None
    if asked is not None and RelayTicket.objects.filter(call=call, nonce_digest=asked).exists():
        raise Asked
    RelayTicket.objects.create(call=call, digest=digest_of(value), nonce_digest=asked, expires_at=expires_at)
    return value, expires_at


def spend(connection_id: UUID, call_sid: str | None, value: str, session: str) -> Call | None:
    """The call that this ticket opens, which is spent with this; None where it opens none. Inside `tenant()`.

    None as well where it was spent, is too old, is another call's or another connection's, or the call is over.
    `call_sid`: which call they say that this is; None where their dialect has no name of ours for it.
    """
    if not value:
        return None
    calls = Call.objects.filter(connection_id=connection_id).exclude(state=CallState.ENDED)
    if call_sid is None:
        call = calls.filter(tickets__digest=digest_of(value)).first()
    else:
        call = calls.filter(sid=call_sid).first()
    if call is None:
        return None
    # Before its ticket: who ends the call holds it, and writes the ticket after it.
    record.lock(call.id)
    now = timezone.now()
    # (No join: where two come at once, PostgreSQL looks again at the row alone.)
    tickets = RelayTicket.objects.filter(call_id=call.id, digest=digest_of(value), spent_at=None, expires_at__gt=now)
    return call if tickets.update(spent_at=now, session=session[:64]) else None


def is_last(call_id: UUID, digest: bytes) -> bool:
    """Whether no other ticket of this call was spent after this one: whose session ends, ends the call with it."""
    row = RelayTicket.objects.filter(call=call_id).exclude(spent_at=None).order_by("-spent_at").first()
    return row is None or same(bytes(row.digest), digest)


def why_not(connection_id: UUID, call_sid: str | None, value: str) -> tuple[str, str]:
    """Why `spend` gave nothing: a short name, and words for the connection's owner. Inside `tenant()`."""
    row = (
        RelayTicket.objects.filter(call__connection_id=connection_id, digest=digest_of(value)).first()
        if value
        else None
    )
    if row is None:
        shown = "a ticket that is none of this connection's" if value else "no ticket"
        words = f"A socket showed {shown}. Ask for one when the call begins, and send it along as it was given."
        return "ticket_unknown", words
    if row.spent_at is not None:
        return "ticket_used", "A socket showed a ticket that was used before. Ask for another one for each socket."
    if row.call.state == CallState.ENDED:
        return "ticket_call_over", "A socket showed the ticket of a call that is over. A new call takes a new ticket."
    if row.expires_at <= timezone.now():
        lives = f"{LIVES.total_seconds():.0f} seconds"
        return "ticket_old", f"A socket showed a ticket that was older than {lives}. Open the socket within them."
    words = "A socket named another call than its ticket is for. It has to name the call as the ticket's request did."
    return "ticket_of_another_call", words


def hand(call: Call, session: str, handed: Mapping[str, Any]) -> None:
    """Keep what a session over our own socket said of its end, for whoever asks what comes next."""
    RelayTicket.objects.filter(call=call, session=session[:64]).exclude(spent_at=None).update(handed=dict(handed))


def handed(call: Call) -> tuple[str, Mapping[str, Any] | None]:
    """What the last session over our own socket said of its end (None: nothing, it broke), and its id; "" for none."""
    row = RelayTicket.objects.filter(call=call).exclude(spent_at=None).order_by("-spent_at").first()
    return ("", None) if row is None else (row.session, row.handed)


def digest_of(value: str) -> bytes:
    """What is kept of a ticket."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()
