"""A rehearsed call by sound begins: the page's telephone asks for the ticket of its socket."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse

from channels_app.pages import queries
from channels_app.rehearsal import calling, rehearsing, sound
from convoship.lib import limiting
from convoship.lib.problems import Problem, as_json_response
from workspaces.access import entered, form_of, waiting_page


@form_of("rehearsal")
@waiting_page("connections.write")
def rehearsal_ticket(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """Ask for a ticket as a gateway does, over the network and signed with the rehearsal's own secret.

    200 with what that got (`sound.given`), be it a refusal; a problem where nothing could be asked.
    """
    try:
        with entered(request, "connections.write") as inside:
            workspace_id = inside.workspace.id
            limiting.hit("rehearsals", str(workspace_id), words="Too many calls at once")
            queries.rehearsal(queries.connection(connection_id))
            stand_in = rehearsing.held(connection_id)
            asked = sound.ask(inside.actor, stand_in, wrongly=bool(request.POST.get("wrongly")))
        calling.call_one(workspace_id, connection_id, asked.line_id)
        with entered(request, "connections.write"):
            given = sound.given(connection_id, asked)
    except Problem as problem:
        return as_json_response(problem)
    return JsonResponse(given, headers={"Cache-Control": "no-store"})
