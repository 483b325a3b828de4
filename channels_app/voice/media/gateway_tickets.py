"""A gateway asks for the ticket of a call whose sound it is about to send (CONTRACT section 6, `/ticket`).

With the first one the call is opened: it stands among the connection's calls from then on, and ends in a state whatever
becomes of its socket.
"""

from __future__ import annotations

from django.db import transaction
from django.http import HttpResponse, JsonResponse

from channels_app import spending
from channels_app.models import Call, Connection
from channels_app.models.call import CallDirection
from channels_app.models.connection import ConnectionState
from channels_app.providers.base import BadEvent, InboundRequest, Provider
from channels_app.voice import record, relay_tickets, taking
from channels_app.voice.media import dialects, engines_of, speech
from convoship.lib import language_tags
from convoship.lib.problems import Problem, as_json_response, invalid

PART = "ticket"


def give(connection: Connection, provider: Provider, request: InboundRequest) -> HttpResponse:
    """201 with the ticket. A `Problem` where there is none to be had. Inside `tenant()`, in a transaction."""
    try:
        asked = provider.ticket_request(request)
    except BadEvent as bad:
        raise invalid(bad.errors) from None
    if not dialects.DIALECTS[speech.dialect_of(connection.config)].has_socket:
        raise Problem("conflict", dialects.NO_SOCKET, hint="Choose other frames in its settings to open sockets.")
    require_stream(connection)
    call = opened(connection, asked.call_id, asked.caller, asked.called)
    if isinstance(call, Problem):
        return as_json_response(call)
    if not call.goes_on:
        raise Problem("conflict", "This call has ended.", hint="A new call takes a new call_id.")
    if asked.language and call.turn == 0 and (tag := language_tags.kept(asked.language)):
        call.language = tag[:35]
        call.save(update_fields=["language"])
    try:
        ticket, expires_at = relay_tickets.issue_for(call, asked.nonce)
    except relay_tickets.Asked:
        words = "A ticket was given to this nonce before, and is given once."
        raise Problem("conflict", words, hint="Ask again with another nonce.") from None
    # What is to be said first is taken now, and said over the socket.
    taking.take(call.id, call.turn, "")
    answer = {"ticket": ticket, "expires_at": expires_at.isoformat(), "socket_url": speech.socket_url_of(connection)}
    return JsonResponse(answer, status=201, headers={"Cache-Control": "no-store"})


def require_stream(connection: Connection) -> None:
    """A `Problem` where this connection takes no calls whose sound is ours."""
    if connection.config.get("mode") != "stream":
        words = "This connection works turn by turn, so its calls have no socket."
        raise Problem("conflict", words, hint="Set its mode to Streaming in its settings.")
    if connection.state != ConnectionState.ACTIVE:
        raise Problem("conflict", "The connection is paused, so the call was not taken.", hint="Enable the connection.")
    absent = engines_of.missing(connection.config)
    if absent is not None:
        raise Problem("unavailable", absent.words, hint=absent.remedy)


def opened(connection: Connection, call_id: str, caller: str, called: str) -> Call | Problem:
    """The call; why it is not taken, which is not raised: that the day is used up is kept."""
    try:
        with transaction.atomic():
            return record.open_call(connection, call_id, caller, called, CallDirection.INBOUND)
    except record.Blocked as blocked:
        if blocked.spent_until is not None:
            spending.note_used_up(connection, blocked.spent_until)
        return Problem("conflict", blocked.words, hint=blocked.remedy)
