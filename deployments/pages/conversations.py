"""What moves a conversation of the inbox on; what is said in it is `composing`'s."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from deployments import conversations as acts
from deployments import handoff
from deployments.handoff_history import LONGEST_SUMMARY
from deployments.pages import conversation as page
from deployments.safe_text import TextRefused, clean_text
from workspaces import refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page


@form_of("conversation")
@workspace_page("conversations.write")
def conversation_take(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """Take the conversation over; from another member only where the page said that they have it (`from`)."""
    with refusals.said_as_message(request):
        row = acts.lock(conversation_id)
        other = handoff.taken_by_other(row, request.user, request.POST.get("from", ""))
        if other:
            messages.warning(request, f"{other} took it over meanwhile. Press Take over again to take it from them.")
        else:
            handoff.join(request.actor, request.user, row)
    return redirect("conversation", conversation_id)


@form_of("conversation")
@workspace_page("conversations.write")
def conversation_return(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """Hand it back to the assistant, with what was done. What was typed comes back where it can't be kept."""
    typed = request.POST.get("summary", "")
    try:
        summary = clean_text(typed).strip()
        if len(summary) > LONGEST_SUMMARY:
            raise TextRefused("invalid", f"At most {LONGEST_SUMMARY:,} characters are possible.")
    except TextRefused as refused:
        more = {"summary": typed, "summary_errors": [refused.message]}
        context = page.page_context(request, page.found(conversation_id), **more)
        return render(request, "deployments/conversation.html", context, status=422)
    with refusals.said_as_message(request):
        handoff.give_back(request.actor, acts.lock(conversation_id), summary)
    return redirect("conversation", conversation_id)


@form_of("conversation")
@workspace_page("conversations.write")
def conversation_resolve(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """End it."""
    with refusals.said_as_message(request):
        handoff.resolve(request.actor, request.user.public_name, acts.lock(conversation_id))
        messages.success(request, "Resolved. If the visitor writes again, a new conversation begins.")
    return redirect("conversation", conversation_id)
