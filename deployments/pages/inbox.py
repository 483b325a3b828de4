"""The inbox's list of conversations: filtered, searched, and fetched again when something changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from deployments import saved_views
from deployments.models import SavedView
from deployments.pages import inbox_queries, queries
from deployments.pages.inbox_filters import SHOWN, SORTS, Wanted
from workspaces.access import WorkspaceRequest, workspace_page


@dataclass(frozen=True)
class Chip:
    """One of the main filters, with how many conversations it leaves where that is counted."""

    name: str
    label: str
    query: str
    count: int | None
    is_chosen: bool


@dataclass(frozen=True)
class ViewChip:
    """A saved view, and whether the list is just what it says."""

    view: SavedView
    query: str
    is_chosen: bool
    may_change: bool


@require_safe
@workspace_page("conversations.read")
def conversations(request: WorkspaceRequest) -> HttpResponse:
    """The list."""
    wanted = Wanted.read(request.GET)
    views = _views(request, wanted)
    context = {
        **_listing(request, wanted),
        "views": views,
        "is_saved": any(chip.is_chosen for chip in views),
        "choices": inbox_queries.choices(),
        "sorts": SORTS.items(),
        "may_write": request.actor.may("conversations.write"),
    }
    return render(request, "deployments/conversations.html", context)


@require_safe
@workspace_page("conversations.read")
def conversations_rows(request: WorkspaceRequest) -> HttpResponse:
    """The list's changing part alone, fetched again when something changed."""
    return render(request, "deployments/conversations_live.html", _listing(request, Wanted.read(request.GET)))


@require_safe
@workspace_page("conversations.read")
def conversations_waiting(request: WorkspaceRequest) -> HttpResponse:
    """How many wait for a person, for the pages of others: `{"waiting": 2}`."""
    return JsonResponse({"waiting": queries.waiting_count()})


def _listing(request: WorkspaceRequest, wanted: Wanted) -> dict[str, Any]:
    counts = inbox_queries.counts(request.user)
    page = inbox_queries.page(wanted, request.user, anybody_waits=counts["waiting"] > 0)
    chips = [
        Chip(name, label, wanted.but(show=name).query, counts.get(name), name == wanted.show)
        for name, label in SHOWN.items()
    ]
    return {
        "wanted": wanted,
        "rows": page.rows,
        "next": wanted.but(after=page.next).query if page.next else "",
        "first": wanted.but().query,
        "everything": Wanted(show=wanted.show).query,
        "chips": chips,
    }


def _views(request: WorkspaceRequest, wanted: Wanted) -> list[ViewChip]:
    found = []
    for view in inbox_queries.views(request.user):
        kept = Wanted.read(view.filters)
        may_change = saved_views.may_change(request.actor, request.user, view)
        found.append(ViewChip(view, kept.query, kept == wanted.but(), may_change))
    return found
