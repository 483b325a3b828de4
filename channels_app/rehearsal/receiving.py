"""The stand-in's own address: what we send to a provider arrives here when it is rehearsed."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Sequence
from urllib.parse import unquote
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from channels_app import doors
from channels_app.models import Delivery, RehearsalLine
from channels_app.models.rehearsal import LineKind, Reports
from channels_app.rehearsal import calling, rehearsing
from channels_app.rehearsal.base import Answer, Call, Report, StandIn
from convoship.lib import limiting
from convoship.lib.problems import Problem, as_json_response, not_found
from convoship.lib.tenancy import in_tenant
from convoship.lib.threads import in_thread

LARGEST_BODY = 256 * 1024
_PIECE = 64 * 1024
# Longer than any of our calls waits.
SILENCE_SECONDS = 25.0
# Of calls that are not genuine one is shown in so much time.
REFUSED_TOLD = dt.timedelta(seconds=10)
# Headers that are worth seeing; credentials are not shown.
_SHOWN = (
    *("content-type", "user-agent", "webhook-id", "webhook-timestamp", "webhook-signature"),
    *("x-convoship-timestamp", "x-convoship-signature"),
)


@csrf_exempt
async def stand_in(request: HttpRequest, connection_id: UUID, path: str = "") -> HttpResponseBase:
    """Answer a call of ours as the provider would."""
    try:
        answer = await _answered(request, connection_id, f"/{path}" if path else "")
    except Problem as problem:
        return as_json_response(problem)
    if answer.hangs:
        return StreamingHttpResponse(_nothing(), status=answer.status, content_type=answer.content_type)
    if answer.zeros:
        headers = {**answer.headers, "Content-Length": str(answer.zeros)}
        return StreamingHttpResponse(_zeros(answer.zeros), content_type=answer.content_type, headers=headers)
    made = HttpResponse(
        answer.content or answer.body,
        status=answer.status,
        content_type=answer.content_type or None,
        headers=dict(answer.headers),
    )
    # A 500 on purpose is no error of ours, and Django would log it as one.
    made._has_been_logged = True  # type: ignore[attr-defined]
    return made


async def _nothing() -> AsyncIterator[bytes]:
    """An answer that never ends, and brings nothing."""
    await asyncio.sleep(SILENCE_SECONDS)
    yield b""


async def _zeros(size: int) -> AsyncIterator[bytes]:
    """So many bytes, of which no more than a piece is ever in memory."""
    for start in range(0, size, _PIECE):
        yield bytes(min(_PIECE, size - start))


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
    await in_thread(_limit, owner.workspace_id)
    return await in_tenant(answer)(owner.workspace_id, connection_id, call, request.get_full_path())


def _limit(workspace_id: UUID) -> None:
    limiting.hit("rehearsal_calls", str(workspace_id), words="Too many calls")


def answer(connection_id: UUID, call: Call, shown_path: str) -> Answer:
    """Answer a call, note it, and line up the reports that follow. Inside `tenant()`."""
    player = rehearsing.held(connection_id)
    refused = player.refuse(call)
    if refused is not None and _was_refused(player):
        return refused
    fault = rehearsing.next_fault(player.rehearsal) if refused is None and player.meets(call) else ""
    given = refused or player.answer(call, fault)
    if given.is_unseen:
        return given
    rehearsing.note(
        player.connection,
        kind=given.kind,
        address=_plain(given.address)[:255],
        text=_plain(given.text),
        provider_id=_plain(given.provider_id)[:255],
        delivery=_delivery(player, given.delivery_id),
        method=call.method[:10],
        url=shown_path[:1000],
        headers={name: call.headers[name][:500] for name in _SHOWN if name in call.headers},
        body="" if refused else _plain(call.body.decode("utf-8", "replace"))[: rehearsing.SHOWN_BODY],
        answer_status=given.status,
        answer=given.body[: rehearsing.SHOWN_BODY],
        note=given.note[:300],
        media=[dict(item) for item in given.media],
        extras=dict(given.extras),
    )
    _line_up(player, given)
    return given


def _delivery(player: StandIn, delivery_id: str) -> Delivery | None:
    try:
        return Delivery.objects.filter(connection=player.connection, id=UUID(delivery_id)).first()
    except ValueError:
        return None


def _was_refused(player: StandIn) -> bool:
    """Whether the screen tells already: anybody can send what is not genuine, as often as they like."""
    lately = timezone.now() - REFUSED_TOLD
    return RehearsalLine.objects.filter(
        connection=player.connection, kind=LineKind.REFUSED, created_at__gt=lately
    ).exists()


def _plain(text: str) -> str:
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _line_up(player: StandIn, given: Answer) -> None:
    reports = ordered(given.reports, player.rehearsal.reports)
    # They go to the connection's own addresses and nowhere else, whatever the call said.
    own = {player.account.status_url, player.account.inbound_url}
    if not reports or given.reports_to.partition("?")[0] not in own:
        return
    at = timezone.now()
    waiting = RehearsalLine.objects.filter(connection=player.connection, kind=LineKind.REPORT, due_at__isnull=False)
    is_told = waiting.filter(due_at__gt=at - 5 * rehearsing.STEP).exists()
    for report in reports:
        at += rehearsing.STEP
        _report(player, given, report, at + dt.timedelta(seconds=report.after))
    if not is_told:
        # Whoever brings those brings these too.
        workspace_id, connection_id = player.connection.workspace_id, player.connection.id
        transaction.on_commit(lambda: calling.ring(workspace_id, connection_id))


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
