"""Assistants: the draft, and publishing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.problems import not_found
from deployments import publishing, testing, thinking, webhook_secrets
from deployments.api.admin import schema, schema_testing
from deployments.api.admin.shapes import assistant_json
from deployments.models import Assistant
from workspaces.api import queries
from workspaces.api.base import WorkspaceView
from workspaces.api.bodies import Body
from workspaces.api.pages import PARAMETERS, Order, page
from workspaces.api.replays import Answer, idempotent
from workspaces.api.schema import PAGE_PARAMETERS

ORDER = Order("created_at")

_NEW = Body(schema.NEW_ASSISTANT)
_CHANGES = Body(schema.ASSISTANT_CHANGES)
_PUBLISH = Body(schema_testing.PUBLISH)


def assistant_of(assistant_id: UUID, *, lock: bool = False) -> Assistant:
    """The workspace's assistant, held until the transaction ends where it is going to be changed; else 404."""
    rows = Assistant.objects.select_related("published", "health")
    if lock:
        rows = rows.select_for_update(of=("self",), no_key=True)
    try:
        return rows.get(id=assistant_id)
    except Assistant.DoesNotExist:
        raise not_found() from None


def _changes(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What a body changes of a draft, beside its name."""
    return {
        "scripted": wanted.get("scripted"),
        "handoff": wanted.get("handoff"),
        "responder": wanted.get("responder"),
        "parts": {name: wanted[name] for name in thinking.PARTS if name in wanted},
        "secret_values": wanted.get("secret_values", {}),
    }


class AssistantsView(WorkspaceView):
    """All assistants of the workspace."""

    permissions = {"GET": "assistants.read", "POST": "assistants.write"}

    @extend_schema(operation_id="assistants_list", responses={200: schema.ASSISTANTS}, parameters=PAGE_PARAMETERS)
    def get(self, request: Request) -> Response:
        """The assistants, the newest first."""
        queries.only(request, *PARAMETERS)
        return page(request, Assistant.objects.select_related("published", "health"), ORDER, assistant_json)

    @extend_schema(operation_id="assistants_create", request=_NEW.documented, responses={201: schema.ASSISTANT})
    @idempotent
    def post(self, request: Request) -> Response:
        """Make an assistant. Nobody meets it before it is published and deployed."""
        wanted = _NEW.read(request)
        made = publishing.create_assistant(self.actor, name=wanted["name"], template=wanted.get("template"))
        if wanted.keys() - {"name", "template"}:
            publishing.change_draft(self.actor, made, **_changes(wanted))
        shown, secret = assistant_json(made), webhook_secrets.first(self.actor, made)
        if secret is None:
            return Answer(shown)
        return Answer({**shown, "signing_secret": secret.value}, kept={**shown, "signing_secret": None})


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
        """Change the draft; visitors meet the change once it is published.

        `scripted`, `llm`, `webhook`, `on_failure` and `handoff` are taken as a whole each. With the first `webhook`
        comes its `signing_secret`, in this answer and nowhere else.
        """
        assistant = assistant_of(assistant_id, lock=True)
        changes = _CHANGES.read(request)
        publishing.change_draft(self.actor, assistant, name=changes.get("name"), **_changes(changes))
        secret = webhook_secrets.first(self.actor, assistant)
        return Response({**assistant_json(assistant), **({"signing_secret": secret.value} if secret else {})})

    @extend_schema(operation_id="assistants_delete", responses={204: None})
    def delete(self, request: Request, assistant_id: UUID) -> Response:
        """Delete the assistant with its deployments and conversations."""
        publishing.delete_assistant(self.actor, assistant_of(assistant_id))
        return Response(status=204)


class PublishView(WorkspaceView):
    """Publishing."""

    permissions = {"POST": "assistants.write"}

    def before(self, request: Request, **ids: UUID) -> None:
        """The test cases are run before the transaction that publishes."""
        testing.rehearse(self.workspace_id, ids["assistant_id"])

    @extend_schema(operation_id="assistants_publish", request=_PUBLISH.documented, responses={200: schema.ASSISTANT})
    @idempotent
    def post(self, request: Request, assistant_id: UUID) -> Response:
        """Make the draft what new conversations meet; running ones keep the version they began with.

        Where the draft is what visitors meet already nothing is done: no further version, `published_version` stays.
        409 with `test_report` where fewer test cases pass than the assistant's threshold says.
        """
        assistant_of(assistant_id, lock=True)
        wanted = _PUBLISH.read(request)
        note, despite_tests = wanted.get("note", ""), wanted.get("despite_tests", False)
        publishing.publish(self.actor, assistant_id, note=note, despite_tests=despite_tests)
        return Answer(assistant_json(assistant_of(assistant_id)), status=200)
