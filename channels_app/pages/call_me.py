"""*Call me* on a connection's page: the assistant calls the member who tries it, and the page says what came of it."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from channels_app.models import Call, Connection
from channels_app.models.call import CallState
from channels_app.pages import queries
from channels_app.pages.connection import page
from channels_app.voice import calling, told
from convoship.lib.problems import Problem
from workspaces.access import WorkspaceRequest, entered, form_of, waiting_page, workspace_page

# A phone rings no longer than this: after it nobody looks again by themselves.
LOOKS_FOR = dt.timedelta(minutes=3)
# What tells htmx to look no more.
STOP_POLLING = 286


@form_of("connection")
@never_cache
@waiting_page("connections.write")
def connection_call_me(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """Call the number that was typed."""
    to = request.POST.get("to", "").replace("\x00", "")[:40]
    with entered(request, "connections.write") as inside:
        if not calling.calls_people(queries.connection(connection_id)):
            raise Http404
        actor, workspace_id = inside.actor, inside.workspace.id
    errors, made = list[str](), None
    try:
        made = calling.call(actor, workspace_id, connection_id, to)
    except Problem as problem:
        said = [words for found in problem.errors.values() for words in found]
        errors = said or [f"{problem.detail} {problem.hint or ''}".strip()]
    with entered(request, "connections.write") as inside:
        row = queries.connection(connection_id)
        is_of_countries = bool(errors) and calling.is_of_countries(row, to)
        if request.headers.get("HX-Request"):
            shown = {
                "connection": row,
                "call_errors": errors,
                "is_of_countries": is_of_countries,
                **(_result(made) if made else {}),
            }
            return render(inside, "channels_app/call_me_result.html", shown)
        if errors or made is None:
            return page(inside, row, status=422, to=to, call_errors=errors, is_of_countries=is_of_countries)
        messages.success(request, "Your phone rings in a moment.")
        return redirect("connection_called", row.id, made.conversation_id)


@require_safe
@never_cache
@workspace_page("connections.write")
def connection_called(request: WorkspaceRequest, connection_id: UUID, conversation_id: UUID) -> HttpResponse:
    """What became of the call by now; 204 to who knows that already (`?seen=` its state), 286 where it is gone."""
    try:
        row = queries.connection(connection_id)
        shown = _result(_call(row, conversation_id))
    except Http404:
        if not request.headers.get("HX-Request"):
            raise
        # htmx asks again after a 404, and would do so for as long as the page stands open.
        return render(request, "channels_app/call_me_result.html", {"is_gone": True}, status=STOP_POLLING)
    if not request.headers.get("HX-Request"):
        return page(request, row, **shown)
    if shown["is_looked_at"] and request.GET.get("seen") == shown["call"].state:
        # What is put in place again unchanged would be read out again.
        return HttpResponse(status=204)
    return render(request, "channels_app/call_me_result.html", {"connection": row, **shown})


def _call(connection: Connection, conversation_id: UUID) -> Call:
    return get_object_or_404(Call, connection=connection, conversation_id=conversation_id)


def _result(call: Call) -> dict[str, Any]:
    """For `call_me_result.html`. `is_looked_at`: it may still be answered, and the page looks again by itself."""
    rings = call.state == CallState.RINGING
    return {
        "call": call,
        "rings": rings,
        "is_looked_at": rings and timezone.now() - call.began_at < LOOKS_FOR,
        "was_reached": call.answered_at is not None,
        "mark": told.mark_of(call, left_message=False, has_talked=False),
        "lasted": told.lasted(call),
    }
