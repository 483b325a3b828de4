"""*Call me* on a connection's page: the assistant calls the member who tries it."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from channels_app.pages import queries
from channels_app.pages.connection import page
from channels_app.voice import calling
from convoship.lib.problems import Problem
from workspaces.access import entered, form_of, waiting_page


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
            shown = {"connection": row, "call": made, "call_errors": errors, "is_of_countries": is_of_countries}
            return render(inside, "channels_app/call_me_result.html", shown)
        if errors:
            return page(inside, row, status=422, to=to, call_errors=errors, is_of_countries=is_of_countries)
        messages.success(request, "Your phone rings in a moment.")
        return redirect("connection", row.id)
