"""The doors that providers call: verified over the raw bytes, stored, answered after COMMIT."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from channels_app import accounts, doors, health, inbound, inline
from channels_app.models import Connection
from channels_app.providers.base import BadEvent, Capability, InboundRequest, Provider, SignatureInvalid, Stored
from channels_app.providers.events import ProviderEvent
from channels_app.providers.registry import PROVIDERS
from channels_app.voice import answering
from channels_app.voice.asked import Asked, asked
from channels_app.voice.media import gateway_tickets
from convoship.lib.database import drop_broken_connections
from convoship.lib.deadlocks import is_deadlock, once_more
from convoship.lib.failpoints import failpoint
from convoship.lib.problems import Problem, as_json_response, invalid, not_found
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread

logger = logging.getLogger(__name__)

LARGEST_BODY = 1024 * 1024
METHODS = ("POST",)
# Seconds until a request that couldn't be checked is worth sending again: a person has to act first.
RETRY_AFTER = 60


@dataclass(frozen=True)
class Taken:
    """A genuine request whose events are stored; `response` is its answer unless that is wanted `is_inline`."""

    workspace_id: UUID
    provider: Provider
    stored: Sequence[Stored]
    response: HttpResponse
    is_inline: bool
    # Of a call, which is answered while it waits: nothing was stored.
    asked: Asked | None = None


@csrf_exempt
async def receive(request: HttpRequest, kind: str, connection_id: str, part: str = "") -> HttpResponse:
    """One request of a provider's: 2xx once its events are stored, 403 where it isn't genuine."""
    arrived_at = timezone.now()
    try:
        taken = await in_thread(take, request, kind, connection_id, part, arrived_at)
        if taken.asked is not None:
            return await answering.answer(taken.asked)
        if not taken.is_inline:
            return taken.response
        answer = await inline.answer(taken.workspace_id, [one.event_id for one in taken.stored])
        return taken.provider.build_inline(answer)
    except Problem as problem:
        # Whoever calls hears what is answered: what could not be checked for want of a key is no error to them.
        return answering.speechless() if _is_call(kind) and problem.status >= 500 else as_json_response(problem)
    except (OperationalError, InterfaceError) as error:
        if _is_call(kind):
            logger.warning("a caller was told to call again, the database does not answer: %s", error)
            await in_thread(drop_broken_connections)
            return answering.speechless()
        if is_deadlock(error):
            logger.error("a provider was told to come again, as two deadlocks in a row ended its request: %s", error)
            return as_json_response(Problem("unavailable", "Nothing was stored. Send it again.", retry_after=1))
        logger.warning("a provider was told to come again, the database does not answer: %s", error)
        # So that the next one does not get a connection that died with this one's.
        await in_thread(drop_broken_connections)
        return as_json_response(Problem("unavailable", "Nothing was stored, or nobody knows. Send it again."))


def _is_call(kind: str) -> bool:
    return kind in PROVIDERS and PROVIDERS[kind].can(Capability.SPOKEN)


@once_more
def take(request: HttpRequest, kind: str, connection_id: str, part: str, arrived_at: dt.datetime) -> Taken:
    """Check a request and store its events; a `Problem` where it isn't genuine or can't be read."""
    owner = doors.resolve_connection(_id(connection_id))
    if owner is None or owner.kind != kind or part not in ("", *PROVIDERS[kind].parts):
        raise not_found()
    if request.method not in METHODS:
        raise Problem("method_not_allowed", "Providers call this address by POST.")
    call = _call(request, part, arrived_at)
    refused: Problem | None = None
    taken: Taken | None = None
    with tenant(owner.workspace_id):
        connection = Connection.objects.get(id=connection_id)
        provider = accounts.to_receive(connection)
        try:
            provider.validate_request(call)
        except SignatureInvalid as problem:
            refused = _refuse(connection, provider, call, problem)
        else:
            health.note_readable(connection)
            if provider.can(Capability.SPOKEN):
                inbound.note_came(connection)
                nothing = HttpResponse(status=204)
                return Taken(owner.workspace_id, provider, [], nothing, False, asked(connection, provider, call))
            if part == gateway_tickets.PART and provider.can(Capability.STREAMED):
                inbound.note_came(connection)
                answer = gateway_tickets.give(connection, provider, call)
                return Taken(owner.workspace_id, provider, [], answer, False)
            events = _events(provider, call)
            stored = inbound.record(connection, events, call)
            is_inline = any(event.is_inline for event in events)
            taken = Taken(owner.workspace_id, provider, stored, provider.build_response(call, stored), is_inline)
    if refused is not None or taken is None:
        raise refused or Problem("internal", "The request was not answered.")
    failpoint("F7")
    return taken


def _refuse(connection: Connection, provider: Provider, call: InboundRequest, why: SignatureInvalid) -> Problem:
    """Note why the request is not taken; the answer is what its sender is told."""
    if provider.account.unreadable:
        # It may be genuine: its sender has to come again, and must not take this for an answer (RELIABILITY R14).
        health.note_unreadable(connection, provider.account.unreadable[0])
        return Problem("unavailable", "The request can't be checked at the moment.", retry_after=RETRY_AFTER)
    inbound.refuse(connection, call, why)
    # Why is the owner's to know, and stands on the connection's page.
    return Problem("signature_invalid", "The request is not signed as this connection wants it.")


def _events(provider: Provider, call: InboundRequest) -> list[ProviderEvent]:
    try:
        return provider.parse_events(call)
    except BadEvent as bad:
        raise invalid(bad.errors) from None


def _id(value: str) -> UUID:
    try:
        parsed = UUID(value)
    except ValueError:
        raise not_found() from None
    if str(parsed) != value:
        raise not_found()
    return parsed


def _call(request: HttpRequest, part: str, arrived_at: dt.datetime) -> InboundRequest:
    length = request.headers.get("Content-Length", "")
    too_large = Problem("payload_too_large", f"The body is larger than {LARGEST_BODY} bytes.")
    if length.isdigit() and int(length) > LARGEST_BODY:
        raise too_large
    try:
        body = request.body
    except RequestDataTooBig:
        raise too_large from None
    if len(body) > LARGEST_BODY:
        raise too_large
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name.lower()] = value
    query = request.META.get("QUERY_STRING", "")
    return InboundRequest(
        method=str(request.method),
        # What was signed is the outside address; `Host` may say anything.
        url=f"{settings.PUBLIC_BASE_URL}{request.get_full_path()}"
        if query
        else f"{settings.PUBLIC_BASE_URL}{request.path}",
        part=part,
        query={name: str(value) for name, value in request.GET.items()},
        headers=headers,
        content_type=request.content_type or "",
        body=body,
        arrived_at=arrived_at,
    )
