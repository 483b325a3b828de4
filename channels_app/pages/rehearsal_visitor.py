"""The visitor's side of a desk's rehearsal: they write, ask for a person, leave."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from channels_app.models import Rehearsal
from channels_app.pages import queries
from channels_app.pages.rehearsal import page
from channels_app.rehearsal import rehearsing, visitors
from channels_app.rehearsal.desk import DeskStandIn
from convoship.lib import limiting
from convoship.lib.outbound import sending
from convoship.lib.problems import Problem
from deployments import turns
from workspaces.access import WorkspaceRequest, entered, form_of, waiting_page


@form_of("rehearsal")
@waiting_page("connections.write")
def rehearsal_visitor(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """What the visitor does; an answer of the assistant's that takes time is waited for outside of any transaction."""
    try:
        with entered(request, "connections.write") as inside:
            claim = _done(inside, _held(connection_id))
    except Problem as problem:
        with entered(request, "connections.write") as inside:
            errors = dict(problem.errors) or {"visitor_text": [problem.detail]}
            typed = {"visitor_text": request.POST.get("visitor_text", "")[:8000]}
            return page(inside, connection_id, typed=typed, errors=errors)
    if claim is not None:
        sending.to_its_end(turns.take_turn(claim))
    return redirect("rehearsal", connection_id)


def _held(connection_id: UUID) -> Rehearsal:
    queries.rehearsal(queries.connection(connection_id))
    stand_in = rehearsing.held(connection_id)
    if not isinstance(stand_in, DeskStandIn):
        raise Http404
    return stand_in.rehearsal


def _done(request: WorkspaceRequest, rehearsal: Rehearsal) -> turns.Claim | None:
    limiting.hit("rehearsals", str(request.workspace.id), words="Too much was said at once")
    name = request.POST.get("visitor_name", "").replace("\x00", "")
    match request.POST.get("does", "say"):
        case "ask":
            visitors.ask(request.actor, rehearsal, name)
        case "leave":
            visitors.leave(rehearsal)
        case "begin":
            visitors.leave(rehearsal)
            visitors.begin(request.actor, rehearsal, name)
        case _:
            text, payload = request.POST.get("visitor_text", ""), request.POST.get("payload", "")
            return visitors.say(request.actor, rehearsal, text, payload, name)
    return None
