"""What moves a conversation of the inbox on; what is said in it is `composing`'s."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from deployments import conversations as acts
from deployments import handoff
from workspaces import refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page


@form_of("conversation")
@workspace_page("conversations.write")
def conversation_take(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """Take the conversation over."""
    with refusals.said_as_message(request):
        handoff.join(request.actor, request.user, acts.lock(conversation_id))
    return redirect("conversation", conversation_id)


@form_of("conversation")
@workspace_page("conversations.write")
def conversation_return(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """Hand it back to the assistant."""
    with refusals.said_as_message(request):
        handoff.give_back(request.actor, acts.lock(conversation_id))
    return redirect("conversation", conversation_id)


@form_of("conversation")
@workspace_page("conversations.write")
def conversation_resolve(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """End it."""
    with refusals.said_as_message(request):
        handoff.resolve(request.actor, request.user.public_name, acts.lock(conversation_id))
        messages.success(request, "Resolved. If the visitor writes again, a new conversation begins.")
    return redirect("conversation", conversation_id)
