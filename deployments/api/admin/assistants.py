"""Assistants: the draft, publishing it, trying it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from adrf.views import APIView as AsyncAPIView
from channels.db import database_sync_to_async
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.problems import not_found
from convoship.lib.tenancy import in_tenant
from deployments import publishing, trying
from deployments.api.admin import schema
from deployments.api.admin.bodies import Body, said
from deployments.api.admin.shapes import assistant_json
from deployments.models import Assistant
from workspaces.api import queries
from workspaces.api.base import WorkspaceView, ids_of
from workspaces.api.pages import PARAMETERS, Order, page
from workspaces.api.replays import Answer, idempotent
from workspaces.api.schema import PAGE_PARAMETERS

ORDER = Order("created_at")

_NEW = Body(schema.NEW_ASSISTANT)
_CHANGES = Body(schema.ASSISTANT_CHANGES)
_PUBLISH = Body(schema.PUBLISH)
_TRY = Body(schema.TRY)


def assistant_of(assistant_id: UUID, *, lock: bool = False) -> Assistant:
    """The workspace's assistant, held until the transaction ends where it is going to be changed; else 404."""
    rows = Assistant.objects.select_related("published")
    if lock:
        rows = rows.select_for_update(of=("self",))
    try:
        return rows.get(id=assistant_id)
    except Assistant.DoesNotExist:
        raise not_found() from None


class AssistantsView(WorkspaceView):
    """All assistants of the workspace."""

    permissions = {"GET": "assistants.read", "POST": "assistants.write"}

    @extend_schema(operation_id="assistants_list", responses={200: schema.ASSISTANTS}, parameters=PAGE_PARAMETERS)
    def get(self, request: Request) -> Response:
        """The assistants, the newest first."""
        queries.only(request, *PARAMETERS)
        return page(request, Assistant.objects.select_related("published"), ORDER, assistant_json)

    @extend_schema(operation_id="assistants_create", request=_NEW.documented, responses={201: schema.ASSISTANT})
    @idempotent
    def post(self, request: Request) -> Response:
        """Make an assistant. Nobody meets it before it is published and deployed."""
        wanted = _NEW.read(request)
        made = publishing.create_assistant(self.actor, name=wanted["name"], template=wanted.get("template"))
        if "scripted" in wanted:
            publishing.change_draft(self.actor, made, scripted=wanted["scripted"])
        return Answer(assistant_json(made))


class AssistantView(WorkspaceView):
    """One assistant."""

    permissions = {"GET": "assistants.read", "PATCH": "assistants.write", "DELETE": "assistants.write"}

    @extend_schema(operation_id="assistants_read", responses={200: schema.ASSISTANT})
    def get(self, request: Request, assistant_id: UUID) -> Response:
        """The assistant's draft."""
        queries.only(request)
        return Response(assistant_json(assistant_of(assistant_id)))

    @extend_schema(operation_id="assistants_change", request=_CHANGES.documented, responses={200: schema.ASSISTANT})
    def patch(self, request: Request, assistant_id: UUID) -> Response:
        """Change the draft; visitors meet the change once it is published. `scripted` is taken as a whole."""
        assistant = assistant_of(assistant_id, lock=True)
        changes = _CHANGES.read(request)
        publishing.change_draft(self.actor, assistant, name=changes.get("name"), scripted=changes.get("scripted"))
        return Response(assistant_json(assistant))

    @extend_schema(operation_id="assistants_delete", responses={204: None})
    def delete(self, request: Request, assistant_id: UUID) -> Response:
        """Delete the assistant with its deployments and conversations."""
        publishing.delete_assistant(self.actor, assistant_of(assistant_id))
        return Response(status=204)


class PublishView(WorkspaceView):
    """Publishing."""

    permissions = {"POST": "assistants.write"}

    @extend_schema(operation_id="assistants_publish", request=_PUBLISH.documented, responses={200: schema.ASSISTANT})
    @idempotent
    def post(self, request: Request, assistant_id: UUID) -> Response:
        """Make the draft what new conversations meet; running ones keep the version they began with."""
        assistant_of(assistant_id, lock=True)
        publishing.publish(self.actor, assistant_id, note=_PUBLISH.read(request).get("note", ""))
        return Answer(assistant_json(assistant_of(assistant_id)), status=200)


class TryView(AsyncAPIView, WorkspaceView):
    """Trying a draft. Asynchronous, so that no thread and no transaction waits for a slow responder."""

    permissions = {"POST": "assistants.write"}
    view_is_async = True

    async def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """`WorkspaceView`'s order, with the handler outside of `tenant()`."""
        self.args, self.kwargs = args, kwargs
        self.request = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        try:
            self.initial(self.request, *args, **kwargs)
            handler = self.handler(self.request)
            await database_sync_to_async(self.admit, thread_sensitive=False)(self.request)
            response = await handler(self.request, **ids_of(kwargs))
        except Exception as error:  # noqa: BLE001 (as in WorkspaceView)
            response = self.handle_exception(error)
        self.response = self.finalize_response(self.request, response, *args, **kwargs)
        return self.response

    @extend_schema(operation_id="assistants_try", request=_TRY.documented, responses={200: schema.TRIED})
    async def post(self, request: Request, assistant_id: UUID) -> Response:
        """Let the draft answer one message, as the first of a conversation. Nothing is stored."""
        assistant = await in_tenant(assistant_of)(self.workspace_id, assistant_id)
        wanted = _TRY.read(request)
        tried = await trying.try_once(
            assistant.responder,
            assistant.draft[assistant.responder],
            said(wanted["text"]),
            payload=wanted.get("payload"),
            locale=wanted.get("locale"),
        )
        body: dict[str, Any] = {
            "replies": [{"text": reply.text, "blocks": list(reply.blocks)} for reply in tried.replies],
            "trace": tried.trace,
        }
        seen = {"state": tried.state, "hand_over": tried.hand_over, "end": tried.end}
        return Response(body | {name: value for name, value in seen.items() if value is not None})
