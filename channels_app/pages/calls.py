"""The Calls tab of a connection: who called and how it went, and how fast it answers; and audio fetched anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from channels_app import accounts
from channels_app.models import Call, Connection
from channels_app.models.call import CallDirection, CallOutcome, CallState
from channels_app.pages import queries
from channels_app.pages.connection import head
from channels_app.voice import audio, latency, told
from deployments.calls import Mark
from workspaces import refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page

LONGEST_SEARCH = 40
SHOWN: Mapping[str, Q] = {
    "all": Q(),
    "going-on": ~Q(state=CallState.ENDED),
    "missed": Q(direction=CallDirection.INBOUND, outcome__in=told.UNHEARD_CALLER),
    "ended": Q(state=CallState.ENDED),
    "failed": Q(outcome__in=told.BROKEN),
}
LABELS: Mapping[str, str] = {
    "all": "All",
    "going-on": "Going on",
    "missed": "Missed",
    "ended": "Ended",
    "failed": "Failed",
}


@dataclass(frozen=True)
class Listed:
    """A call as the list shows it."""

    call: Call
    mark: Mark
    # How long, in words; empty where nobody answered.
    lasted: str


@dataclass(frozen=True)
class Shown:
    """Which of them are looked at: a filter, an outcome, a part of a number."""

    show: str
    outcome: str
    number: str
    cursor: str = ""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Shown:
        """What an address says; what makes no sense counts as nothing."""
        show, outcome = str(data.get("show", "all")), str(data.get("outcome", ""))
        number = str(data.get("q", "")).replace("\x00", "").strip()[:LONGEST_SEARCH]
        return cls(
            show if show in SHOWN else "all",
            outcome if outcome in CallOutcome.values else "",
            number,
            str(data.get("after", ""))[:200],
        )

    def query(self, **instead: str) -> str:
        """The address' query for this, with other values where they are given."""
        said = {"show": self.show, "outcome": self.outcome, "q": self.number, "after": self.cursor, **instead}
        said["show"] = "" if said["show"] == "all" else said["show"]
        return "?" + urlencode({name: value for name, value in said.items() if value})

    @property
    def is_narrowed(self) -> bool:
        """Whether not all are shown."""
        return self.show != "all" or bool(self.outcome or self.number)


def rows_of(connection: Connection, shown: Shown) -> Any:
    """The calls that are looked at, with what the list tells of them."""
    rows = told.with_messages(Call.objects.filter(SHOWN[shown.show], connection=connection))
    if shown.outcome:
        rows = rows.filter(outcome=shown.outcome)
    if shown.number:
        rows = rows.filter(Q(caller__contains=shown.number) | Q(called__contains=shown.number))
    return rows


def _listing(request: WorkspaceRequest, connection_id: UUID) -> dict[str, Any]:
    connection, shown = queries.connection(connection_id), Shown.of(request.GET)
    if not accounts.is_spoken(connection):
        raise Http404
    page = queries.calls_page(rows_of(connection, shown), shown.cursor)
    return {
        **head(request, connection, "calls"),
        "rows": [_listed(call) for call in page.rows],
        "measured": latency.of(connection),
        "shown": shown,
        "query": shown.query(),
        "filters": [(key, label, shown.query(show=key, after="")) for key, label in LABELS.items()],
        "outcomes": CallOutcome.choices,
        "next": shown.query(after=page.next) if page.next else "",
        "latest": shown.query(after=""),
        "may_read": request.actor.may("conversations.read"),
    }


def _listed(call: Any) -> Listed:
    mark = told.mark_of(call, left_message=call.left_message, has_talked=call.has_talked)
    return Listed(call, mark, told.lasted(call))


@require_safe
@workspace_page("connections.read")
def connection_calls(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """The list, and above it how fast it answers."""
    return render(request, "channels_app/connection_calls.html", _listing(request, connection_id))


@require_safe
@workspace_page("connections.read")
def connection_calls_rows(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """The part that changes, fetched again every few seconds."""
    return render(request, "channels_app/calls_live.html", _listing(request, connection_id))


@form_of("conversation")
@workspace_page("conversations.write")
def call_recording_again(request: WorkspaceRequest, conversation_id: UUID, recording_id: UUID) -> HttpResponse:
    """The button beside audio that could not be fetched, or stored."""
    with refusals.missing_is_404():
        if row := audio.fetch_again(request.actor, conversation_id, recording_id):
            messages.success(request, f"The recording is being {'stored' if row.is_own else 'fetched'}.")
    return redirect("conversation", conversation_id)
