"""A connection's calls, and how fast it answers in them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app.api import schema_calls as schema
from channels_app.api.connections import connection_of
from channels_app.models import Call
from channels_app.models.call import CallOutcome, CallState
from channels_app.voice import latency
from channels_app.voice.latency import Measured, Spread
from channels_app.voice.shapes import call_json
from workspaces.api import queries
from workspaces.api.base import WorkspaceView
from workspaces.api.pages import PARAMETERS, Order, page
from workspaces.api.schema import PAGE_PARAMETERS


class CallsView(WorkspaceView):
    """A connection's calls."""

    permissions = {"GET": "connections.read"}

    @extend_schema(
        operation_id="connections_calls",
        responses={200: schema.CALLS},
        parameters=[
            *PAGE_PARAMETERS,
            OpenApiParameter("state", {"enum": CallState.values}),
            OpenApiParameter("outcome", {"enum": CallOutcome.values}),
            OpenApiParameter(
                "number", str, description="A part of the caller's number, or of the one that was called."
            ),
        ],
    )
    def get(self, request: Request, connection_id: UUID) -> Response:
        """The calls, the newest first; what was said in one is in its conversation."""
        connection = connection_of(connection_id)
        queries.only(request, *PARAMETERS, "state", "outcome", "number")
        rows = Call.objects.filter(connection=connection)
        wanted = {
            "state": queries.choice(request, "state", CallState.values),
            "outcome": queries.choice(request, "outcome", CallOutcome.values),
        }
        rows = rows.filter(**{name: value for name, value in wanted.items() if value})
        number = queries.words(request, "number", longest=40)
        if number:
            rows = rows.filter(Q(caller__contains=number) | Q(called__contains=number))
        return page(request, rows, Order("began_at"), call_json)


class LatencyView(WorkspaceView):
    """How fast a connection answers in calls."""

    permissions = {"GET": "connections.read"}

    @extend_schema(operation_id="connections_latency", responses={200: schema.LATENCY})
    def get(self, request: Request, connection_id: UUID) -> Response:
        """The latency of its answers over the last 24 hours and seven days, and how its calls ended."""
        connection = connection_of(connection_id)
        queries.only(request)
        return Response({"spans": [_span_json(one) for one in latency.of(connection)]})


def _span_json(one: Measured) -> dict[str, Any]:
    return {
        "span": one.span,
        "turns": one.turns,
        "first_word_ms": _spread_json(one.first_word),
        "platform_ms": _spread_json(one.platform),
        "responder_ms": _spread_json(one.responder),
        "calls": one.calls,
        "going_on": one.going_on,
        "outcomes": {value: one.outcomes.get(value, 0) for value in CallOutcome.values},
    }


def _spread_json(spread: Spread) -> dict[str, int | None]:
    return {"p50": spread.p50, "p95": spread.p95}
