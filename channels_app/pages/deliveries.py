"""The Deliveries tab: what was sent and has to be, the story of each, and sending again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from channels_app import dismissing, replaying, template_use
from channels_app.models import Connection, Delivery
from channels_app.models.connection import ConnectionState
from channels_app.pages import queries, timeline
from channels_app.pages.connection import head
from workspaces import refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page

FILTER_LABELS = {
    "all": "All",
    "waiting": "Waiting",
    "under-way": "Under way",
    "arrived": "Arrived",
    "held-back": "Held back",
    "dead": "Dead letters",
    "dismissed": "Dismissed",
}
# Of what these show, all can be sent again with one button.
REPLAYED_AS_A_WHOLE = ("dead", "dismissed", "held-back")
MOST_AT_ONCE = 500
LONGEST_SEARCH = 100


@dataclass(frozen=True)
class Listed:
    """A delivery as the list shows it."""

    delivery: Delivery
    tone: str
    is_replayable: bool
    can_be_hurried: bool
    is_dismissible: bool
    # Where a template is sent in its place.
    repair: str


@dataclass(frozen=True)
class Shown:
    """Which of them are looked at."""

    show: str
    address: str
    cursor: str = ""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Shown:
        """What an address or a form says; what makes no sense counts as nothing."""
        show = str(data.get("show", "all"))
        address = str(data.get("q", "")).replace("\x00", "").strip()[:LONGEST_SEARCH]
        return cls(show if show in FILTER_LABELS else "all", address, str(data.get("after", ""))[:200])

    def query(self, **instead: str) -> str:
        """The address' query for this, with other values where they are given."""
        said = {"show": self.show, "q": self.address, "after": self.cursor, **instead}
        said["show"] = "" if said["show"] == "all" else said["show"]
        return "?" + urlencode({name: value for name, value in said.items() if value})


def _listing(request: WorkspaceRequest, connection_id: UUID) -> dict[str, Any]:
    connection, shown = queries.connection(connection_id), Shown.of(request.GET)
    rows = queries.deliveries(connection, shown.show, shown.address)
    page = queries.deliveries_page(rows, shown.cursor)
    repairs = _repairs(request, page.rows)
    whole = rows.order_by()[: MOST_AT_ONCE + 1].count() if shown.show in REPLAYED_AS_A_WHOLE else 0
    return {
        **head(request, connection, "deliveries"),
        "rows": [
            Listed(
                row,
                timeline.tone_of(row),
                timeline.is_replayable(row),
                timeline.can_be_hurried(row),
                timeline.is_dismissible(row),
                repairs.get(row.id, ""),
            )
            for row in page.rows
        ],
        "shown": shown,
        "query": shown.query(),
        "filters": [(key, label, shown.query(show=key, after="")) for key, label in FILTER_LABELS.items()],
        "next": shown.query(after=page.next) if page.next else "",
        "latest": shown.query(after=""),
        "whole": min(whole, MOST_AT_ONCE),
        "until": queries.settled_until(rows) if shown.show == "dead" else None,
        "is_more": whole > MOST_AT_ONCE,
    }


@require_safe
@workspace_page("connections.read")
def connection_deliveries(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """The list."""
    return render(request, "channels_app/connection_deliveries.html", _listing(request, connection_id))


@require_safe
@workspace_page("connections.read")
def connection_deliveries_rows(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """The part that changes, fetched again every few seconds."""
    return render(request, "channels_app/deliveries_live.html", _listing(request, connection_id))


@form_of("connection_deliveries")
@workspace_page("connections.write")
def connection_deliveries_replay(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """Send all that a filter shows again, the oldest first."""
    connection, shown = queries.connection(connection_id), Shown.of(request.POST)
    rows = queries.deliveries(connection, shown.show, shown.address).filter(status__in=replaying.REPLAYABLE)
    ids = _oldest(rows)
    with refusals.said_as_message(request):
        count = replaying.replay_range(request.actor, connection, ids)
        messages.success(request, f"{count} {'is' if count == 1 else 'are'} sent again{_when(connection)}.")
    path = reverse("connection_deliveries", args=[connection.id])
    return redirect(path + Shown("waiting", shown.address).query())


def _oldest(rows: QuerySet[Delivery]) -> list[UUID]:
    """As many of these as one button takes."""
    return list(rows.order_by("created_at", "position", "id").values_list("id", flat=True)[:MOST_AT_ONCE])


@form_of("connection_deliveries")
@workspace_page("connections.write")
def connection_deliveries_dismiss(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """Put all dead letters aside that the search shows."""
    connection, shown = queries.connection(connection_id), Shown.of(request.POST)
    # What has died since the page was drawn, nobody has seen.
    rows = queries.settled_by(queries.deliveries(connection, "dead", shown.address), request.POST.get("until", ""))
    ids = _oldest(rows)
    with refusals.said_as_message(request):
        count = dismissing.dismiss_range(request.actor, connection, ids)
        messages.success(request, f"{count} {'is' if count == 1 else 'are'} dismissed, and still here under Dismissed.")
    return redirect(reverse("connection_deliveries", args=[connection.id]) + Shown("dead", shown.address).query())


def _when(connection: Connection) -> str:
    return "" if connection.state == ConnectionState.ACTIVE else " once the connection is enabled"


# --- One of them ------------------------------------------------------------------------------------------------------


def _story(request: WorkspaceRequest, connection_id: UUID, delivery_id: UUID) -> dict[str, Any]:
    connection = queries.connection(connection_id)
    row = queries.delivery(connection, delivery_id)
    return {
        **head(request, connection, "deliveries"),
        "delivery": row,
        "tone": timeline.tone_of(row),
        "steps": timeline.steps(connection, row),
        "waits_for": timeline.waits_for(connection, row),
        "is_replayable": timeline.is_replayable(row),
        "can_be_hurried": timeline.can_be_hurried(row),
        "is_dismissible": timeline.is_dismissible(row),
        "repair": _repairs(request, [row]).get(row.id, ""),
    }


def _repairs(request: WorkspaceRequest, rows: Sequence[Delivery]) -> dict[UUID, str]:
    """Where a template is sent in the place of those of these that need one, by their ids."""
    if not request.actor.may("conversations.write"):
        return {}
    found = {
        row.id: row.message
        for row in rows
        if row.message is not None and row.conversation is not None and row.conversation.is_active
        if template_use.needs_one(row)
    }
    paths = template_use.repairs_of(list(found.values())) if found else {}
    return {row_id: paths[message.id] for row_id, message in found.items() if message.id in paths}


@require_safe
@workspace_page("connections.read")
def connection_delivery(request: WorkspaceRequest, connection_id: UUID, delivery_id: UUID) -> HttpResponse:
    """Its timeline."""
    return render(request, "channels_app/delivery.html", _story(request, connection_id, delivery_id))


@require_safe
@workspace_page("connections.read")
def connection_delivery_live(request: WorkspaceRequest, connection_id: UUID, delivery_id: UUID) -> HttpResponse:
    """The part that changes, fetched again every few seconds."""
    return render(request, "channels_app/delivery_live.html", _story(request, connection_id, delivery_id))


@form_of("connection_deliveries")
@workspace_page("connections.write")
def connection_delivery_replay(request: WorkspaceRequest, connection_id: UUID, delivery_id: UUID) -> HttpResponse:
    """Send it again, or try it at once where it waits."""
    connection = queries.connection(connection_id)
    row = queries.delivery(connection, delivery_id)
    with refusals.said_as_message(request):
        was_waiting = timeline.can_be_hurried(row)
        is_behind = was_waiting and timeline.waits_behind(row) > 0
        replaying.replay(request.actor, row.id)
        when = _when(connection).strip() or "now"
        if is_behind:
            messages.success(request, f"What goes before it in its conversation is tried {when}, and then it.")
        else:
            messages.success(request, f"{'It is tried' if was_waiting else 'It is sent again'} {when}.")
    return _back(request, connection, row)


@form_of("connection_deliveries")
@workspace_page("connections.write")
def connection_delivery_dismiss(request: WorkspaceRequest, connection_id: UUID, delivery_id: UUID) -> HttpResponse:
    """Put a dead letter aside."""
    connection = queries.connection(connection_id)
    row = queries.delivery(connection, delivery_id)
    with refusals.said_as_message(request):
        dismissing.dismiss(request.actor, row.id)
        messages.success(request, "It is dismissed: it counts no more among the dead letters, and can be replayed.")
    return _back(request, connection, row)


def _back(request: WorkspaceRequest, connection: Connection, row: Delivery) -> HttpResponse:
    """To the page that the button stood on."""
    if request.POST.get("from") == "list":
        return redirect(reverse("connection_deliveries", args=[connection.id]) + Shown.of(request.POST).query())
    return redirect("connection_delivery", connection.id, row.id)
