"""Whose conversation it is, chosen on its page."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from deployments import assigning, conversations
from deployments.api.runtime.bodies import parse_uuid
from workspaces import refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page
from workspaces.models import User


@form_of("conversation")
@workspace_page("conversations.write")
def conversation_assign(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """Assign it to the chosen member, to oneself (`user=me`), or to nobody (`user=`)."""
    with refusals.said_as_message(request):
        row = conversations.lock(conversation_id)
        user = _chosen(request)
        assigning.assign(request.actor, row, user)
        whose = "you" if user == request.user else user.display_name if user else "nobody"
        messages.success(request, f"Assigned to {whose}.")
        warning = assigning.warning(row, user)
        if warning:
            messages.warning(request, warning)
    return redirect("conversation", conversation_id)


def _chosen(request: WorkspaceRequest) -> User | None:
    wanted = request.POST.get("user", "")
    if wanted == "me":
        return request.user
    if not wanted:
        return None
    try:
        return User.objects.get(id=parse_uuid(wanted))
    except (ValueError, User.DoesNotExist):
        raise assigning.not_assignable() from None
