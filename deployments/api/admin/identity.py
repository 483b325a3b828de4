"""Verified identity of a deployment: its secrets, and whether a `user_token` is good."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.problems import Problem, not_found
from convoship.lib.times import maybe_moment, moment
from deployments import identity
from deployments.api.admin.deployments import deployment_of
from deployments.api.admin.schema import OVERLAP
from deployments.models import Deployment, IdentitySecret
from workspaces.api import queries
from workspaces.api.base import WorkspaceView
from workspaces.api.bodies import Body
from workspaces.api.replays import Answer, idempotent
from workspaces.api.schema import TEXT, TIME, YES_NO, body, component, fields, or_null
from workspaces.api.schema import UUID as UUID_SHAPE

SECRET = component(
    "IdentitySecret",
    fields(
        id=UUID_SHAPE,
        hint={**TEXT, "description": "Its last four characters."},
        created_at=TIME,
        expires_at=or_null(TIME),
        last_used_at=or_null(TIME),
    ),
)
IDENTITY = component(
    "Identity",
    fields(
        required={**YES_NO, "description": "Whether a page that names its user must prove it."},
        secrets={"type": "array", "items": SECRET, "description": "Those whose tokens are taken now, newest first."},
    ),
)
NEW_SECRET = component(
    "NewIdentitySecret",
    fields(
        optional=("replayed",),
        secret={**or_null(TEXT), "description": "Shown this once; null in a replay."},
        identity_secret=SECRET,
        replayed={"const": True},
    ),
)
CHECKED = component(
    "CheckedUserToken",
    fields(
        optional=("user", "reason", "detail", "hint"),
        good=YES_NO,
        user=fields(id=TEXT, name=TEXT, email=TEXT),
        reason={**TEXT, "description": "One word for why it was refused, e.g. `expired` or `signature`."},
        detail=TEXT,
        hint=TEXT,
    ),
)
_ROTATE = Body(body({"overlap_seconds": OVERLAP}))
_CHECK = Body(body({"user_token": {"type": "string", "maxLength": identity.LONGEST_TOKEN}}, required=("user_token",)))


def secret_json(row: IdentitySecret) -> dict[str, Any]:
    """A secret; never its value."""
    return {
        "id": str(row.id),
        "hint": row.hint,
        "created_at": moment(row.created_at),
        "expires_at": maybe_moment(row.expires_at),
        "last_used_at": maybe_moment(row.last_used_at),
    }


def _identity_json(deployment: Deployment) -> dict[str, Any]:
    secrets = [secret_json(row) for row in identity.live_secrets(deployment)]
    return {"required": deployment.identity_required, "secrets": secrets}


class IdentityView(WorkspaceView):
    """How visitors of a deployment are verified."""

    permissions = {"GET": "deployments.read"}

    @extend_schema(operation_id="identity_read", responses={200: IDENTITY})
    def get(self, request: Request, deployment_id: UUID) -> Response:
        """Whether identity is required, and the secrets in use. Requiring it is a setting of the deployment."""
        queries.only(request)
        return Response(_identity_json(deployment_of(deployment_id)))


class SecretsView(WorkspaceView):
    """Making secrets."""

    permissions = {"POST": "deployments.write"}

    @extend_schema(operation_id="identity_secrets_create", request=_ROTATE.documented, responses={201: NEW_SECRET})
    @idempotent
    def post(self, request: Request, deployment_id: UUID) -> Response:
        """Make a secret, in this answer and nowhere else; an earlier one goes on for `overlap_seconds`."""
        deployment = deployment_of(deployment_id)
        overlap = int(_ROTATE.read(request).get("overlap_seconds", 0))
        made = identity.make_secret(self.actor, deployment, overlap_seconds=overlap)
        shown = {"identity_secret": secret_json(made.row)}
        return Answer({"secret": made.value, **shown}, kept={"secret": None, **shown})


class SecretEndView(WorkspaceView):
    """Ending secrets."""

    permissions = {"POST": "deployments.write"}

    @extend_schema(operation_id="identity_secrets_end", request=None, responses={200: IDENTITY})
    def post(self, request: Request, deployment_id: UUID, secret_id: UUID) -> Response:
        """Take no more tokens of this secret, from now on."""
        deployment = deployment_of(deployment_id, lock=True)
        row = IdentitySecret.objects.filter(deployment=deployment, id=secret_id).first()
        if row is None:
            raise not_found()
        identity.end_secret(self.actor, deployment, row)
        return Response(_identity_json(deployment))


class CheckTokenView(WorkspaceView):
    """Trying a token."""

    permissions = {"POST": "deployments.read"}

    @extend_schema(operation_id="identity_check", request=_CHECK.documented, responses={200: CHECKED})
    def post(self, request: Request, deployment_id: UUID) -> Response:
        """Whether a `user_token` is good, and whom it names or what is wrong with it."""
        deployment = deployment_of(deployment_id)
        try:
            found = identity.verify(deployment, _CHECK.read(request)["user_token"], in_use=False)
        except Problem as problem:
            if problem.code != "identity_required":
                raise
            said = {"reason": problem.extra["reason"], "detail": problem.detail, "hint": problem.hint}
            return Response({"good": False, **said})
        return Response({"good": True, "user": {"id": found.external_id, "name": found.name, "email": found.email}})
