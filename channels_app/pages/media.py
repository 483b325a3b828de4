"""Files that came over a connection: one that could not be fetched is fetched anew."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from channels_app import inbound_media
from workspaces import refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page


@form_of("conversation")
@workspace_page("conversations.write")
def conversation_file_again(request: WorkspaceRequest, conversation_id: UUID, media_id: UUID) -> HttpResponse:
    """The button beside a file that could not be fetched."""
    with refusals.missing_is_404():
        if inbound_media.fetch_again(request.actor, conversation_id, media_id):
            messages.success(request, "The file is being fetched.")
    return redirect("conversation", conversation_id)
