"""Deployments: made, changed, paused, rotated, revoked."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.problems import not_found
from deployments import deploying
from deployments.api.admin import schema
from deployments.api.admin.assistants import assistant_of
from deployments.api.admin.shapes import deployment_json
from deployments.deploying import NewDeployment
from deployments.models import Deployment
from workspaces.api import queries
from workspaces.api.base import WorkspaceView
from workspaces.api.bodies import Body
from workspaces.api.pages import PARAMETERS, Order, page
from workspaces.api.replays import Answer, idempotent
from workspaces.api.schema import PAGE_PARAMETERS

ORDER = Order("created_at")

_NEW = Body(schema.NEW_DEPLOYMENT)
_CHANGES = Body(schema.DEPLOYMENT_CHANGES)
_ROTATE = Body(schema.ROTATE)


def deployment_of(deployment_id: UUID, *, lock: bool = False) -> Deployment:
    """The workspace's deployment, held until the transaction ends where it is going to be changed; else 404."""
    if lock:
        return deploying.held(deployment_id)
    try:
        return Deployment.objects.get(id=deployment_id)
    except Deployment.DoesNotExist:
        raise not_found() from None


def with_token(made: NewDeployment) -> Answer:
    """The one answer that holds a token; a replay shows the snippet without it."""
    shown: dict[str, Any] = {"deployment": deployment_json(made.deployment)}
    return Answer(
        {**shown, "token": made.token, "embed_snippet": made.embed_snippet},
        kept={**shown, "token": None, "embed_snippet": deploying.placeholder_snippet(made.deployment)},
    )


class AssistantDeploymentsView(WorkspaceView):
    """An assistant's deployments."""

    permissions = {"GET": "deployments.read", "POST": "deployments.write"}

    @extend_schema(operation_id="deployments_list", responses={200: schema.DEPLOYMENTS}, parameters=PAGE_PARAMETERS)
    def get(self, request: Request, assistant_id: UUID) -> Response:
        """The assistant's deployments, the newest first."""
        assistant_of(assistant_id)
        queries.only(request, *PARAMETERS)
        rows = Deployment.objects.filter(assistant_id=assistant_id).prefetch_related("tokens")
        return page(request, rows, ORDER, deployment_json)

    @extend_schema(
        operation_id="deployments_create", request=_NEW.documented, responses={201: schema.DEPLOYMENT_WITH_TOKEN}
    )
    @idempotent
    def post(self, request: Request, assistant_id: UUID) -> Response:
        """Make a deployment. Its token is in this answer and nowhere else."""
        assistant = assistant_of(assistant_id)
        return with_token(deploying.create(self.actor, assistant, **_NEW.read(request)))


class DeploymentView(WorkspaceView):
    """One deployment."""

    permissions = {"GET": "deployments.read", "PATCH": "deployments.write"}

    @extend_schema(operation_id="deployments_read", responses={200: schema.DEPLOYMENT})
    def get(self, request: Request, deployment_id: UUID) -> Response:
        """The deployment, without its token."""
        queries.only(request)
        return Response(deployment_json(deployment_of(deployment_id)))

    @extend_schema(operation_id="deployments_change", request=_CHANGES.documented, responses={200: schema.DEPLOYMENT})
    def patch(self, request: Request, deployment_id: UUID) -> Response:
        """Change name, allowed origins, theme or settings; it counts at once, also for visitors who are connected."""
        deployment = deployment_of(deployment_id, lock=True)
        changes = _CHANGES.read(request)
        if changes:
            deploying.change(self.actor, deployment, changes)
        return Response(deployment_json(deployment))


class RevokeView(WorkspaceView):
    """Revoking."""

    permissions = {"POST": "deployments.write"}

    @extend_schema(operation_id="deployments_revoke", request=None, responses={200: schema.DEPLOYMENT})
    def post(self, request: Request, deployment_id: UUID) -> Response:
        """Refuse its tokens and close its visitors' sessions, at once and for good."""
        return Response(deployment_json(deploying.revoke(self.actor, deployment_of(deployment_id))))


class PauseView(WorkspaceView):
    """Pausing."""

    permissions = {"POST": "deployments.write"}

    @extend_schema(operation_id="deployments_pause", request=None, responses={200: schema.DEPLOYMENT})
    def post(self, request: Request, deployment_id: UUID) -> Response:
        """Let nobody in until it is resumed; open chats stop and say why. Pausing twice is pausing once."""
        return Response(deployment_json(deploying.pause(self.actor, deployment_of(deployment_id))))


class ResumeView(WorkspaceView):
    """Resuming."""

    permissions = {"POST": "deployments.write"}

    @extend_schema(operation_id="deployments_resume", request=None, responses={200: schema.DEPLOYMENT})
    def post(self, request: Request, deployment_id: UUID) -> Response:
        """Let visitors in again; chats that were open go on where they were."""
        return Response(deployment_json(deploying.resume(self.actor, deployment_of(deployment_id))))


class RotateView(WorkspaceView):
    """Rotating."""

    permissions = {"POST": "deployments.write"}

    @extend_schema(
        operation_id="deployments_rotate", request=_ROTATE.documented, responses={201: schema.DEPLOYMENT_WITH_TOKEN}
    )
    @idempotent
    def post(self, request: Request, deployment_id: UUID) -> Response:
        """Make a new token; the earlier ones go on for `overlap_seconds`."""
        deployment = deployment_of(deployment_id)
        overlap = int(_ROTATE.read(request).get("overlap_seconds", 0))
        return with_token(deploying.rotate(self.actor, deployment, overlap_seconds=overlap))
