"""The inbox: the list of conversations, and what moves one of them on; what is said in one is `composing`'s."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from deployments import conversations as acts
from deployments import handoff
from deployments.pages import queries
from workspaces import refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page

FILTER_LABELS = {"all": "All", "waiting": "Waiting", "mine": "Mine", "active": "Active", "ended": "Ended"}
LONGEST_SEARCH = 100


# --- The list ---------------------------------------------------------------------------------------------------------


@require_safe
@workspace_page("conversations.read")
def conversations(request: WorkspaceRequest) -> HttpResponse:
    """The list."""
    return render(request, "deployments/conversations.html", _listing(request))


@require_safe
@workspace_page("conversations.read")
def conversations_rows(request: WorkspaceRequest) -> HttpResponse:
    """The list's rows alone, fetched again when something changed."""
    return render(request, "deployments/conversations_live.html", _listing(request))


def _listing(request: WorkspaceRequest) -> dict[str, Any]:
    chosen = request.GET.get("show", "all")
    chosen = chosen if chosen in FILTER_LABELS else "all"
    text = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH]
    cursor = request.GET.get("after", "")
    page = queries.conversations_page(filter_name=chosen, user=request.user, text=text, cursor=cursor)
    return {
        "conversations": page.conversations,
        "next": _query(chosen, text, page.next) if page.next else "",
        "query": _query(chosen, text, cursor),
        "filters": [(key, label, _query(key, text)) for key, label in FILTER_LABELS.items()],
        "chosen": chosen,
        "text": text,
        "is_first_page": not cursor,
    }


def _query(chosen: str, text: str, cursor: str = "") -> str:
    parts = {"show": chosen if chosen != "all" else "", "q": text, "after": cursor}
    return "?" + urlencode({name: value for name, value in parts.items() if value})


# --- What is done to one ----------------------------------------------------------------------------------------------


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
