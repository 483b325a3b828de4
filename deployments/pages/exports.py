"""A conversation as a file to keep."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from convoship.lib.problems import Problem
from deployments import exporting
from deployments.pages.conversation import found
from workspaces import refusals
from workspaces.access import entered, waiting_page


@require_safe
@waiting_page("conversations.read")
def conversation_export(request: HttpRequest, conversation_id: UUID, form: str) -> HttpResponse:
    """As JSON, text or PDF; `?notes=1` with the members' notes, `?zone=` in that time zone.

    It is read in a transaction, and written down after it.
    """
    zone, with_notes = request.GET.get("zone", ""), request.GET.get("notes") == "1"
    try:
        with entered(request, "conversations.read") as inside:
            row = found(conversation_id)
            export = exporting.export(inside.actor, row, form, zone=zone, with_notes=with_notes)
    except Problem as problem:
        messages.error(request, refusals.words_of(problem))
        return redirect("conversation", conversation_id)
    return HttpResponse(
        export.written(),
        content_type=exporting.CONTENT_TYPES[form],
        headers={"Content-Disposition": exporting.disposition(row, form), "Cache-Control": "no-store"},
    )
