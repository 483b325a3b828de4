"""A conversation as a file to keep."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from convoship.lib.problems import Problem
from deployments import exporting
from deployments.pages.conversation import found
from workspaces import refusals
from workspaces.access import WorkspaceRequest, workspace_page


@require_safe
@workspace_page("conversations.read")
def conversation_export(request: WorkspaceRequest, conversation_id: UUID, form: str) -> HttpResponse:
    """As JSON, text or PDF; `?notes=1` with the members' notes, `?zone=` in that time zone."""
    row = found(conversation_id)
    zone, with_notes = request.GET.get("zone", ""), request.GET.get("notes") == "1"
    try:
        with transaction.atomic():
            content = exporting.export(request.actor, row, form, zone=zone, with_notes=with_notes)
    except Problem as problem:
        messages.error(request, refusals.words_of(problem))
        return redirect("conversation", conversation_id)
    return HttpResponse(
        content,
        content_type=exporting.CONTENT_TYPES[form],
        headers={"Content-Disposition": exporting.disposition(row, form), "Cache-Control": "no-store"},
    )
