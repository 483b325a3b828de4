"""What came in over a connection and what goes out: looked at, retried, replayed."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app import dismissing, replaying
from channels_app.api import schema
from channels_app.api.connections import connection_of
from channels_app.api.shapes import attempt_json, delivery_json, event_json, refused_json
from channels_app.models import Delivery, InboundEvent, RefusedRequest
from channels_app.models.inbound import EventState
from channels_app.models.outbound import DeliveryStatus
from convoship.lib.problems import not_found
from workspaces.api import queries
from workspaces.api.base import WorkspaceView
from workspaces.api.pages import PARAMETERS, Order, page
from workspaces.api.schema import PAGE_PARAMETERS

REFUSED_SHOWN = dt.timedelta(days=7)


class EventsView(WorkspaceView):
    """A connection's events."""

    permissions = {"GET": "connections.read"}

    @extend_schema(
        operation_id="connections_events",
        responses={200: schema.EVENTS},
        parameters=[*PAGE_PARAMETERS, OpenApiParameter("state", {"enum": EventState.values})],
    )
    def get(self, request: Request, connection_id: UUID) -> Response:
        """What the provider told us, the newest first, and how often it was refused."""
        connection = connection_of(connection_id)
        queries.only(request, *PARAMETERS, "state")
        state = queries.choice(request, "state", EventState.values)
        rows = InboundEvent.objects.filter(connection=connection)
        answer = page(request, rows.filter(state=state) if state else rows, Order("received_at"), event_json)
        refused = RefusedRequest.objects.filter(connection=connection, hour__gt=timezone.now() - REFUSED_SHOWN)
        answer.data["refused"] = [refused_json(row) for row in refused.order_by("-hour", "reason")]
        return answer


class DeliveriesView(WorkspaceView):
    """A connection's deliveries."""

    permissions = {"GET": "connections.read"}

    @extend_schema(
        operation_id="connections_deliveries",
        responses={200: schema.DELIVERIES},
        parameters=[*PAGE_PARAMETERS, OpenApiParameter("status", {"enum": DeliveryStatus.values})],
    )
    def get(self, request: Request, connection_id: UUID) -> Response:
        """What was sent and has to be, the newest first."""
        connection = connection_of(connection_id)
        queries.only(request, *PARAMETERS, "status")
        status = queries.choice(request, "status", DeliveryStatus.values)
        rows = Delivery.objects.filter(connection=connection)
        return page(request, rows.filter(_stands(status)) if status else rows, Order("created_at"), delivery_json)


def _stands(status: str) -> Q:
    """Deliveries that others see as this (`Delivery.standing`)."""
    if status == DeliveryStatus.PARKED:
        return Q(status=status) | Q(is_parked=True)
    return Q(status=status, is_parked=False)


def delivery_of(delivery_id: UUID) -> Delivery:
    """The workspace's delivery; 404 where it has none by that id."""
    found = Delivery.objects.filter(id=delivery_id).first()
    if found is None:
        raise not_found()
    return found


def whole_json(delivery: Delivery) -> dict[str, Any]:
    """A delivery with every attempt, and what the provider reported of it."""
    return {
        **delivery_json(delivery),
        "tried": [attempt_json(attempt) for attempt in delivery.tried.order_by("number")],
        "reported": [event_json(event) for event in delivery.events.order_by("received_at")],
    }


class DeliveryView(WorkspaceView):
    """One delivery."""

    permissions = {"GET": "connections.read"}

    @extend_schema(operation_id="deliveries_read", responses={200: schema.DELIVERY_WITH_ATTEMPTS})
    def get(self, request: Request, delivery_id: UUID) -> Response:
        """The delivery, every attempt at it, and what the provider reported."""
        queries.only(request)
        return Response(whole_json(delivery_of(delivery_id)))


class ReplayView(WorkspaceView):
    """Replaying."""

    permissions = {"POST": "connections.write"}

    @extend_schema(operation_id="deliveries_replay", request=None, responses={202: schema.DELIVERY_WITH_ATTEMPTS})
    def post(self, request: Request, delivery_id: UUID) -> Response:
        """Send it again, under the same key. One that waits for its next try is tried at once."""
        delivery = replaying.replay(self.actor, delivery_of(delivery_id).id)
        return Response(whole_json(delivery), status=202)


class DismissView(WorkspaceView):
    """Dismissing."""

    permissions = {"POST": "connections.write"}

    @extend_schema(operation_id="deliveries_dismiss", request=None, responses={200: schema.DELIVERY_WITH_ATTEMPTS})
    def post(self, request: Request, delivery_id: UUID) -> Response:
        """Put a dead letter (`failed` or `unknown`) aside: it counts no more, and can still be replayed."""
        delivery = dismissing.dismiss(self.actor, delivery_of(delivery_id).id)
        return Response(whole_json(delivery))
