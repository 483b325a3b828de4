"""What a member does about a mail to a visitor who had left."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from deployments import conversations, reply_mails
from workspaces import refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page


@form_of("conversation")
@workspace_page("conversations.write")
def conversation_mail_again(request: WorkspaceRequest, conversation_id: UUID, mail_id: UUID) -> HttpResponse:
    """Send it once more."""
    with refusals.said_as_message(request):
        row = conversations.lock(conversation_id)
        mail = reply_mails.send_again(request.actor, row, mail_id)
        messages.success(request, f"It is mailed to {mail.shown_address} in a moment.")
    return redirect("conversation", conversation_id)
