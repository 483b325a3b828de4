"""Message templates of a WhatsApp connection: listed, fetched anew, made, handed in."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from channels_app import template_making, template_sync
from channels_app.api import schema
from channels_app.api.connections import connection_of
from channels_app.api.shapes import sync_json, template_json
from channels_app.models import Connection, MessageTemplate, TemplateSync
from channels_app.providers.base import Provider
from channels_app.template_making import Handed
from convoship.lib import limiting
from convoship.lib.problems import Problem, not_found
from convoship.lib.tenancy import tenant
from convoship.lib.times import moment
from deployments.api.admin.bodies import said
from workspaces.api import queries
from workspaces.api.base import WorkspaceView, ids_of
from workspaces.api.bodies import Body
from workspaces.api.ids import Name
from workspaces.api.pages import PARAMETERS, Order, page
from workspaces.api.replays import Answer, Waiting
from workspaces.api.schema import PAGE_PARAMETERS

_NEW = Body(schema.NEW_TEMPLATE)
_SUBMIT = Body(schema.SUBMIT_TEMPLATE)


def connection_with(connection_id: UUID) -> Connection:
    """The workspace's connection; 404 where it has none by that id, or that one has no templates."""
    connection = connection_of(connection_id)
    template_making.require_templates(connection)
    return connection


class WaitingView(WorkspaceView):
    """A call that waits for Twilio: no transaction does."""

    def run(self, request: Request, **kwargs: str) -> Response:
        """`WorkspaceView`'s, with the handler outside of `tenant()`."""
        handler = self.handler(request)
        self.admit(request)
        response: Response = handler(request, **ids_of(kwargs))
        return response

    def provider(self, connection: Connection) -> Provider:
        """Who is called, a number of times a minute at most."""
        provider = template_making.provider_of(connection)
        limiting.hit("connection_tests", str(self.workspace_id), words="Too many calls to Twilio")
        return provider

    def noted(self, connection_id: UUID, handed: Handed) -> Answer:
        """The template as it is now, and why it is not handed in where that failed. Inside `tenant()`."""
        row = template_making.note(self.actor, connection_id, handed)
        if row is None:
            raise AssertionError("a template that was handed in is kept")
        shown = template_json(row)
        if handed.error is not None:
            shown |= {"fault": handed.error.words, "remedy": handed.error.remedy}
        return Answer(shown)


class TemplatesView(WaitingView):
    """A connection's templates."""

    permissions = {"GET": "connections.read", "POST": "connections.write"}

    @extend_schema(operation_id="templates_list", responses={200: schema.TEMPLATES}, parameters=PAGE_PARAMETERS)
    def get(self, request: Request, connection_id: UUID) -> Response:
        """All that were fetched, the newest first, and when that was."""
        with tenant(self.workspace_id):
            connection = connection_with(connection_id)
            queries.only(request, *PARAMETERS)
            rows = MessageTemplate.objects.filter(connection=connection).select_related("connection")
            answer = page(request, rows, Order("created_at"), template_json)
            answer.data |= sync_json(TemplateSync.objects.filter(connection=connection).first())
            return answer

    @extend_schema(operation_id="templates_create", request=_NEW.documented, responses={201: schema.TEMPLATE})
    @Waiting.documented
    def post(self, request: Request, connection_id: UUID) -> Response:
        """Make a template at Twilio and hand it in. With a `fault` in the answer it is made, and not handed in."""
        waiting = Waiting(request)
        with tenant(self.workspace_id):
            connection = connection_with(connection_id)
            wanted = _NEW.read(request)
            if (earlier := waiting.begin()) is not None:
                return earlier
            wanted["variables"] = {
                name: said(value, f"variables.{name}") for name, value in wanted.get("variables", {}).items()
            }
            template = template_making.draft(connection, wanted | {"body": said(wanted["body"], "body")})
            provider = self.provider(connection)
        handed = template_making.hand_in(provider, template)
        with tenant(self.workspace_id):
            if handed.template.sid:
                return waiting.finish(self.noted(connection_id, handed))
            template_making.note(self.actor, connection_id, handed)
            waiting.give_up()
        if handed.error is None:
            raise AssertionError("what was made has an id")
        raise template_making.refused(handed.error)


class SyncView(WorkspaceView):
    """Fetching them."""

    permissions = {"POST": "connections.write"}

    @extend_schema(operation_id="templates_sync", request=None, responses={200: schema.SYNC})
    def post(self, request: Request, connection_id: UUID) -> Response:
        """Have them fetched at once: the worker does, within seconds where the connection is enabled."""
        connection = connection_with(connection_id)
        sync = template_sync.ask(self.actor, connection)
        return Response({**sync_json(sync), "due_at": moment(sync.due_at)})


def _template_of(connection: Connection, sid: Name) -> MessageTemplate:
    """The connection's template; 404 where it has none by that id."""
    rows = MessageTemplate.objects.filter(connection=connection).select_related("connection")
    row = rows.filter(sid=str(sid)).first() if sid.isascii() and sid.isalnum() else None
    if row is None:
        raise not_found()
    return row


class SubmitView(WaitingView):
    """Handing one in."""

    permissions = {"POST": "connections.write"}

    @extend_schema(operation_id="templates_submit", request=_SUBMIT.documented, responses={200: schema.TEMPLATE})
    def post(self, request: Request, connection_id: UUID, sid: Name) -> Response:
        """Hand in one that nobody has looked at, under its own name and category unless others are given."""
        with tenant(self.workspace_id):
            connection = connection_with(connection_id)
            row = _template_of(connection, sid)
            wanted = _SUBMIT.read(request)
            template = template_making.again(row, wanted.get("name", row.name), wanted.get("category", row.category))
            provider = self.provider(connection)
        handed = template_making.hand_in(provider, template)
        with tenant(self.workspace_id):
            answer = self.noted(connection_id, handed)
        if handed.error is not None:
            raise Problem("conflict", handed.error.words, hint=handed.error.remedy)
        return Response(answer.kept)
