"""*Take the call* on a conversation's page: the member's own telephone is rung, and the call put through to it."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render

from channels_app.voice import member_calls
from convoship.lib.problems import Problem
from deployments import conversations
from deployments.pages import conversation as page
from workspaces import refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page


@form_of("conversation")
@workspace_page("conversations.write")
def conversation_take_call(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """Ring the number that was typed (`number`); `from`: who has the conversation, as the page said."""
    number = request.POST.get("number", "").replace("\x00", "")[:40]
    try:
        with transaction.atomic():
            row = conversations.lock(conversation_id)
            member_calls.take(request.actor, request.user, row, number, known=request.POST.get("from", ""))
    except Problem as problem:
        if problem.code == "not_found":
            raise Http404 from None
        words = " ".join(problem.errors.get("number", [])) or refusals.words_of(problem)
        said = {"call_error": words, "call_number": number}
        context = page.page_context(request, page.found(conversation_id), **said)
        return render(request, "deployments/conversation.html", context, status=422)
    messages.success(request, "Your telephone rings in a moment. Press 1 to take the call.")
    return redirect("conversation", conversation_id)
