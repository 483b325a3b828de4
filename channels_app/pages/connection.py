"""A connection's page: how it stands, where its provider calls us, and whether it works."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from channels_app import accounts, connections, examples, health
from channels_app.models import Connection
from channels_app.pages import queries
from channels_app.pages.new_connection import addresses
from channels_app.providers.base import Finding, Health
from convoship.lib import limiting
from convoship.lib.problems import Problem
from workspaces import refusals
from workspaces.access import WorkspaceRequest, entered, waiting_page, workspace_page

# Where buttons that stand on several pages lead back to.
BACK = {"overview": "connection", "settings": "connection_settings", "deliveries": "connection_deliveries"}


def head(request: WorkspaceRequest, row: Connection, tab: str) -> dict[str, Any]:
    """What the head of each of its pages shows; `row` is one of `queries.connections`."""
    return {
        "connection": row,
        "kind": accounts.kind_of(row),
        "standing": health.standing(row),
        "failed_events": queries.failed_events(row),
        "tab": tab,
        "may_write": request.actor.may("connections.write"),
    }


@require_safe
@workspace_page("connections.read")
def connection(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """The overview."""
    return _page(request, queries.connection(connection_id))


def _page(request: WorkspaceRequest, row: Connection, *, status: int = 200, **more: Any) -> HttpResponse:
    context = {
        **head(request, row, "overview"),
        "addresses": addresses(row),
        "examples": examples.types_of(row),
        **more,
    }
    return render(request, "channels_app/connection.html", context, status=status)


@require_POST
@never_cache
@waiting_page("connections.write")
def connection_test(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """Ask the provider whether everything is as it should be. No transaction waits for it."""
    with entered(request, "connections.write") as inside:
        provider = connections.provider_to_check(queries.connection(connection_id))
        workspace_id = inside.workspace.id
    status = 200
    if isinstance(provider, Health):
        found = provider
    else:
        try:
            limiting.hit("connection_tests", str(workspace_id), words="Too many tests")
        except Problem as problem:
            found, status = Health([Finding(False, problem.detail, problem.hint or "Try again in a minute.")]), 429
        else:
            found = async_to_sync(provider.check)()
    if request.headers.get("HX-Request"):
        # htmx puts only what was answered with success where it belongs.
        return render(request, "channels_app/test_result.html", {"found": found})
    with entered(request, "connections.write") as inside:
        return _page(inside, queries.connection(connection_id), found=found, status=status)


@require_POST
@workspace_page("connections.write")
def connection_try(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """Send a test event of the chosen type, or of every type."""
    row = queries.connection(connection_id)
    sent = 0
    with refusals.said_as_message(request):
        sent = len(examples.send(request.actor, row, request.POST.get("what", "")))
    if request.headers.get("HX-Request"):
        return render(request, "channels_app/try_result.html", {"connection": row, "sent": sent})
    if sent:
        messages.success(request, f"{_events(sent)} on the way. What became of them stands here in a moment.")
    return redirect("connection_deliveries", row.id)


def _events(count: int) -> str:
    return "A test event is" if count == 1 else f"{count} test events are"


@require_POST
@workspace_page("connections.write")
def connection_pause(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """Send and answer nothing until it is enabled."""
    with refusals.said_as_message(request):
        row = connections.pause(request.actor, connections.held(connection_id))
        messages.success(request, f"{row.name} is paused. What comes in and what has to go out is kept.")
    return back(request, connection_id)


@require_POST
@workspace_page("connections.write")
def connection_enable(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """Send and answer again, beginning with what was kept."""
    with refusals.said_as_message(request):
        row = connections.enable(request.actor, connections.held(connection_id))
        messages.success(request, f"{row.name} is enabled. What waited goes out now.")
    return back(request, connection_id)


def back(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """To the page that the button stood on."""
    return redirect(BACK.get(request.POST.get("from", ""), "connection"), connection_id)
