"""The stand-in's own address: what we send to a provider arrives here when it is rehearsed."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Sequence
from urllib.parse import unquote, urlsplit
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from channels_app import doors
from channels_app.models import Delivery, RehearsalLine
from channels_app.models.rehearsal import LineKind, Reports
from channels_app.rehearsal import calling, rehearsing
from channels_app.rehearsal.base import Answer, Call, Report, StandIn
from convoship.lib.problems import Problem, as_json_response, not_found
from convoship.lib.tenancy import in_tenant
from convoship.lib.threads import in_thread

LARGEST_BODY = 256 * 1024
# Longer than any of our calls waits.
SILENCE_SECONDS = 25.0
# Headers that are worth seeing; credentials are not shown.
_SHOWN = ("content-type", "webhook-id", "webhook-timestamp", "webhook-signature", "x-convoship-timestamp")
_SHOWN_TOO = ("x-convoship-signature", "user-agent")


@csrf_exempt
async def stand_in(request: HttpRequest, connection_id: UUID, path: str = "") -> HttpResponseBase:
    """Answer a call of ours as the provider would."""
    try:
        answer = await _answered(request, connection_id, f"/{path}" if path else "")
    except Problem as problem:
        return as_json_response(problem)
    if answer.hangs:
        return StreamingHttpResponse(_nothing(), status=answer.status, content_type=answer.content_type)
    made = HttpResponse(
        answer.body, status=answer.status, content_type=answer.content_type or None, headers=dict(answer.headers)
    )
    # A 500 on purpose is no error of ours, and Django would log it as one.
    made._has_been_logged = True  # type: ignore[attr-defined]
    return made


async def _nothing() -> AsyncIterator[bytes]:
    """An answer that never ends, and brings nothing."""
    await asyncio.sleep(SILENCE_SECONDS)
    yield b""


async def _answered(request: HttpRequest, connection_id: UUID, path: str) -> Answer:
    owner = await in_thread(doors.resolve_connection, connection_id)
    if owner is None:
        raise not_found()
    length = request.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > LARGEST_BODY:
        raise Problem("payload_too_large", f"The body is larger than {LARGEST_BODY} bytes.")
    call = Call(
        method=str(request.method),
        path=unquote(path),
        query={name: str(value) for name, value in request.GET.items()},
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.body,
    )
    return await in_tenant(answer)(owner.workspace_id, connection_id, call, request.get_full_path())


def answer(connection_id: UUID, call: Call, shown_path: str) -> Answer:
    """Answer a call, note it, and line up the reports that follow. Inside `tenant()`."""
    player = rehearsing.held(connection_id)
    refused = player.refuse(call)
    fault = rehearsing.next_fault(player.rehearsal) if refused is None and player.is_sent(call) else ""
    given = refused or player.answer(call, fault)
    rehearsing.note(
        player.connection,
        kind=given.kind,
        address=given.address[:255],
        text=given.text,
        provider_id=given.provider_id[:255],
        delivery=_delivery(player, given.delivery_id),
        method=call.method[:10],
        url=shown_path[:1000],
        headers={name: call.headers[name][:500] for name in (*_SHOWN, *_SHOWN_TOO) if name in call.headers},
        body=_readable(call.body),
        answer_status=given.status,
        answer=given.body[: rehearsing.SHOWN_BODY],
        note=given.note[:300],
    )
    _line_up(player, given)
    return given


def _delivery(player: StandIn, delivery_id: str) -> Delivery | None:
    try:
        return Delivery.objects.filter(connection=player.connection, id=UUID(delivery_id)).first()
    except ValueError:
        return None


def _readable(body: bytes) -> str:
    return body.decode("utf-8", "replace").replace("\x00", "")[: rehearsing.SHOWN_BODY]


def _line_up(player: StandIn, given: Answer) -> None:
    reports = ordered(given.reports, player.rehearsal.reports)
    if not reports or not _is_ours(given.reports_to):
        return
    at = timezone.now()
    for report in reports:
        at += rehearsing.STEP
        _report(player, given, report, at)
    workspace_id, connection_id = player.connection.workspace_id, player.connection.id
    transaction.on_commit(lambda: calling.ring(workspace_id, connection_id, len(reports)))


def _is_ours(url: str) -> bool:
    """Reports go to our own webhook and nowhere else, whatever the call said."""
    ours = urlsplit(settings.PUBLIC_BASE_URL)
    asked = urlsplit(url)
    return (asked.scheme, asked.netloc) == (ours.scheme, ours.netloc)


def _report(player: StandIn, given: Answer, report: Report, at: dt.datetime) -> RehearsalLine:
    return rehearsing.note(
        player.connection,
        kind=LineKind.REPORT,
        address=given.address[:255],
        provider_id=given.provider_id,
        status=report.status,
        url=given.reports_to[:1000],
        body=report.body,
        due_at=at,
    )


def ordered(reports: Sequence[Report], how: str) -> list[Report]:
    """The reports in the order, and as often, as they are sent."""
    match how:
        case Reports.NEVER:
            return []
        case Reports.TWICE:
            return [report for report in reports for _ in range(2)]
        case Reports.SHUFFLED:
            return list(reversed(reports))
    return list(reports)
