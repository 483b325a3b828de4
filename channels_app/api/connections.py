"""Connections: made, changed, tested, rotated, disabled, enabled, deleted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app import connections
from channels_app.api import schema
from channels_app.api.shapes import addresses, connection_json, health_json
from channels_app.models import Connection
from channels_app.providers.base import Health
from channels_app.providers.registry import PROVIDERS
from channels_app.voice import calling
from convoship.lib import limiting
from convoship.lib.outbound import sending
from convoship.lib.problems import not_found
from convoship.lib.tenancy import tenant
from workspaces.api import queries
from workspaces.api.base import WorkspaceView, ids_of
from workspaces.api.bodies import Body
from workspaces.api.ids import parsed_id
from workspaces.api.pages import PARAMETERS, Order, page
from workspaces.api.replays import Answer, idempotent
from workspaces.api.schema import PAGE_PARAMETERS

ORDER = Order("created_at")

_NEW = Body(schema.NEW_CONNECTION)
_CHANGES = Body(schema.CONNECTION_CHANGES)
_ROTATE = Body(schema.ROTATE_SECRET)
_CALL_ME = Body(schema.CALL_ME)


def rows() -> QuerySet[Connection]:
    """The workspace's connections, with their assistants."""
    return Connection.objects.select_related("assistant")


def connection_of(connection_id: UUID) -> Connection:
    """The workspace's connection; 404 where it has none by that id."""
    found = rows().filter(id=connection_id).first()
    if found is None:
        raise not_found()
    return found


class ConnectionsView(WorkspaceView):
    """All connections."""

    permissions = {"GET": "connections.read", "POST": "connections.write"}

    @extend_schema(operation_id="connections_list", responses={200: schema.CONNECTIONS}, parameters=PAGE_PARAMETERS)
    def get(self, request: Request) -> Response:
        """The workspace's connections, the newest first."""
        queries.only(request, *PARAMETERS, "kind")
        kind = queries.choice(request, "kind", PROVIDERS)
        found = rows().filter(kind=kind) if kind else rows()
        return page(request, found, ORDER, connection_json)

    @extend_schema(
        operation_id="connections_create", request=_NEW.documented, responses={201: schema.CONNECTION_WITH_SECRETS}
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Make a connection. Secrets of its own are in this answer and nowhere else."""
        body = _NEW.read(request)
        made = connections.create(
            self.actor,
            kind=body["kind"],
            name=body["name"],
            assistant_id=parsed_id(body["assistant_id"]),
            config=body.get("config", {}),
            credentials=body.get("credentials", {}),
        )
        shown: dict[str, Any] = {"connection": connection_json(made.connection), **addresses(made.connection)}
        return Answer({**shown, **made.secrets}, kept={**shown, **dict.fromkeys(made.secrets)})


class ConnectionView(WorkspaceView):
    """One connection."""

    permissions = {"GET": "connections.read", "PATCH": "connections.write", "DELETE": "connections.write"}

    @extend_schema(operation_id="connections_read", responses={200: schema.CONNECTION})
    def get(self, request: Request, connection_id: UUID) -> Response:
        """The connection and how it stands."""
        queries.only(request)
        return Response(connection_json(connection_of(connection_id)))

    @extend_schema(operation_id="connections_change", request=_CHANGES.documented, responses={200: schema.CONNECTION})
    def patch(self, request: Request, connection_id: UUID) -> Response:
        """Change its name, its assistant, or config or credentials as a whole. What waited for another try goes out."""
        connection = connections.held(connection_id)
        changes = _CHANGES.read(request)
        if "assistant_id" in changes:
            changes["assistant_id"] = parsed_id(changes["assistant_id"])
        if changes:
            connections.change(self.actor, connection, changes)
        return Response(connection_json(connection_of(connection_id)))

    @extend_schema(operation_id="connections_delete", request=None, responses={204: None})
    def delete(self, request: Request, connection_id: UUID) -> Response:
        """Delete it with its events and deliveries; its conversations stay, and can't be answered over it."""
        connections.delete(self.actor, connections.held(connection_id))
        return Response(status=204)


class TestView(WorkspaceView):
    """Testing. No transaction waits for a provider."""

    permissions = {"POST": "connections.write"}

    def run(self, request: Request, **kwargs: str) -> Response:
        """`WorkspaceView`'s, with the handler outside of `tenant()`."""
        handler = self.handler(request)
        self.admit(request)
        response: Response = handler(request, **ids_of(kwargs))
        return response

    @extend_schema(operation_id="connections_test", request=None, responses={200: schema.HEALTH})
    def post(self, request: Request, connection_id: UUID) -> Response:
        """Ask the provider whether everything is as it should be, and say what isn't and what to do."""
        with tenant(self.workspace_id):
            connection = connection_of(connection_id)
            test = connections.as_tested(connection)
            provider = connections.provider_to_check(connection)
        if isinstance(provider, Health):
            found = provider
        else:
            limiting.hit("connection_tests", str(self.workspace_id), words="Too many tests")
            found = sending.to_its_end(provider.check())
        with tenant(self.workspace_id):
            connections.note_tested(test, found)
        return Response(health_json(found))


class CallMeView(WorkspaceView):
    """Test calls. No transaction waits for a provider."""

    permissions = {"POST": "connections.write"}

    def run(self, request: Request, **kwargs: str) -> Response:
        """`WorkspaceView`'s, with the handler outside of `tenant()`."""
        handler = self.handler(request)
        self.admit(request)
        response: Response = handler(request, **ids_of(kwargs))
        return response

    @extend_schema(operation_id="connections_call_me", request=_CALL_ME.documented, responses={201: schema.TEST_CALL})
    def post(self, request: Request, connection_id: UUID) -> Response:
        """Have the connection call a number of your own, and its assistant talk there. It is a real call."""
        body = _CALL_ME.read(request)
        made = calling.call(self.actor, self.workspace_id, connection_id, body["to"])
        shown = {"id": str(made.id), "conversation_id": str(made.conversation_id), "state": made.state}
        return Response(shown, status=201)


class EnableView(WorkspaceView):
    """Enabling."""

    permissions = {"POST": "connections.write"}

    @extend_schema(operation_id="connections_enable", request=None, responses={200: schema.CONNECTION})
    def post(self, request: Request, connection_id: UUID) -> Response:
        """Send and answer again, beginning with what was kept. Enabling twice is enabling once."""
        connections.enable(self.actor, connections.held(connection_id))
        return Response(connection_json(connection_of(connection_id)))


class DisableView(WorkspaceView):
    """Pausing."""

    permissions = {"POST": "connections.write"}

    @extend_schema(operation_id="connections_disable", request=None, responses={200: schema.CONNECTION})
    def post(self, request: Request, connection_id: UUID) -> Response:
        """Send and answer nothing until it is enabled; what comes in and what has to go out is kept."""
        connections.pause(self.actor, connections.held(connection_id))
        return Response(connection_json(connection_of(connection_id)))


class RotateSecretView(WorkspaceView):
    """Rotating a secret of its own."""

    permissions = {"POST": "connections.write"}

    @extend_schema(
        operation_id="connections_rotate_secret", request=_ROTATE.documented, responses={201: schema.ROTATED}
    )
    @idempotent
    def post(self, request: Request, connection_id: UUID) -> Response:
        """Make a new value; the earlier ones count for `overlap_seconds` more."""
        body = _ROTATE.read(request)
        made = connections.rotate_secret(
            self.actor,
            connections.held(connection_id),
            which=body["which"],
            overlap_seconds=int(body.get("overlap_seconds", 0)),
        )
        shown = {"which": body["which"], "last_four": made.row.hint}
        return Answer({**shown, "secret": made.value}, kept={**shown, "secret": None})
