"""The Events tab: what the provider told us, what came of it, and what was refused at the door."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from channels_app import event_words, inbound, incoming_messages
from channels_app.models import Connection, InboundEvent
from channels_app.pages import queries
from channels_app.pages.connection import head
from channels_app.providers.events import MessageReceived, event_of
from deployments import blocking
from deployments.models import Person
from workspaces.access import WorkspaceRequest, form_of, workspace_page

FILTER_LABELS = {
    "all": "All",
    "waiting": "Waiting",
    "handled": "Handled",
    "ignored": "Kept, not used",
    "failed": "Failed",
}


@require_safe
@workspace_page("connections.read")
def connection_events(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """The list."""
    return render(request, "channels_app/connection_events.html", _listing(request, connection_id))


@require_safe
@workspace_page("connections.read")
def connection_events_rows(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """The part that changes, fetched again every few seconds."""
    return render(request, "channels_app/events_live.html", _listing(request, connection_id))


def _listing(request: WorkspaceRequest, connection_id: UUID) -> dict[str, Any]:
    row = queries.connection(connection_id)
    chosen = request.GET.get("show", "all")
    chosen = chosen if chosen in FILTER_LABELS else "all"
    cursor = request.GET.get("after", "")
    page = queries.events_page(row, chosen, cursor)
    numbers = queries.case_numbers(row, [event.lane for event in page.rows])
    files = queries.files_not_here([event.message_id for event in page.rows if event.message_id])
    return {
        **head(request, row, "events"),
        "rows": [
            (
                event,
                event_words.words_of(read := event_of(event.kind, event.content)),
                event_words.excerpt_of(read, event.content),
                numbers.get(event.lane, event.lane),
                _blocked(row, event),
                files.get(event.message_id, ()) if event.message_id else (),
            )
            for event in page.rows
        ],
        "may_unblock": request.actor.may("people.write"),
        "refused": queries.refused(row),
        "filters": [(key, label, query(key)) for key, label in FILTER_LABELS.items()],
        "chosen": chosen,
        "query": query(chosen, cursor),
        "next": query(chosen, page.next) if page.next else "",
        "is_first_page": not cursor,
    }


def _blocked(connection: Connection, row: InboundEvent) -> Person | None:
    """Who wrote what nothing answered because they are blocked, while they are."""
    event = event_of(row.kind, row.content) if row.reason.startswith(blocking.UNANSWERED) else None
    if not isinstance(event, MessageReceived):
        return None
    return blocking.blocked_at(incoming_messages.identities_of(connection, event))


def query(show: str, cursor: str = "") -> str:
    """The address' query for a filter and a place in the list."""
    parts = {"show": show if show != "all" else "", "after": cursor}
    return "?" + urlencode({name: value for name, value in parts.items() if value})


@form_of("connection_events")
@workspace_page("connections.write")
def connection_event_retry(request: WorkspaceRequest, connection_id: UUID, event_id: UUID) -> HttpResponse:
    """Handle a failed event again."""
    row = queries.connection(connection_id)
    if inbound.retry(request.actor, queries.event(row, event_id)):
        messages.success(request, "It is handled again now.")
    else:
        messages.info(request, "It isn't failed any more, so there was nothing to retry.")
    return redirect("connection_events", row.id)
