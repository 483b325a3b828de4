"""The notes in which the member who looks is mentioned."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from deployments import notes
from workspaces.access import WorkspaceRequest, workspace_page

MOST = 100


@require_safe
@workspace_page("conversations.read")
def mentions(request: WorkspaceRequest) -> HttpResponse:
    """The newest first; each leads to its note's place in the conversation."""
    rows = list(notes.mentioning(request.user)[: MOST + 1])
    context = {"mentions": rows[:MOST], "is_cut": len(rows) > MOST, "most": MOST}
    return render(request, "deployments/mentions.html", context)
