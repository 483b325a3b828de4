"""A deployment's tokens: which work now, who uses them, and ending an old one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.problems import not_found
from convoship.lib.times import maybe_moment, moment
from deployments import deploying, token_uses
from deployments.api.admin.deployments import deployment_of
from deployments.models import Deployment, DeploymentToken
from deployments.token_uses import MOST_TOKENS, TokenInUse
from workspaces.api import queries
from workspaces.api.base import WorkspaceView
from workspaces.api.schema import TEXT, TIME, WHOLE, YES_NO, component, fields, or_null
from workspaces.api.schema import UUID as UUID_SHAPE

_USE = fields(
    origin={**TEXT, "description": "Empty for programs that send none; `*` for others, counted together."},
    loads={**WHOLE, "description": "Pages that loaded the chat with it."},
    sessions={**WHOLE, "description": "Conversations that were begun or resumed with it."},
    first_used_at=TIME,
    last_used_at=TIME,
)
TOKEN = component(
    "DeploymentToken",
    fields(
        id=UUID_SHAPE,
        prefix={**TEXT, "description": "Its first characters; the whole token was shown once."},
        is_current={**YES_NO, "description": "Whether it is the newest, which pages should carry."},
        created_at=TIME,
        expires_at={**or_null(TIME), "description": "When it ends; null for the current one."},
        last_used_at=or_null(TIME),
        uses={"type": "array", "items": _USE, "description": "By origin, the last one first."},
    ),
)
TOKENS = component(
    "DeploymentTokens",
    fields(
        tokens={
            "type": "array",
            "items": TOKEN,
            "description": f"Those that work now, the newest first, at most {MOST_TOKENS}.",
        }
    ),
)


def tokens_json(deployment: Deployment) -> dict[str, Any]:
    """The tokens that work now."""
    return {"tokens": [_token_json(item) for item in token_uses.in_use(deployment)]}


def _token_json(item: TokenInUse) -> dict[str, Any]:
    return {
        "id": str(item.token.id),
        "prefix": item.token.prefix,
        "is_current": item.is_current,
        "created_at": moment(item.token.created_at),
        "expires_at": maybe_moment(item.token.expires_at),
        "last_used_at": moment(item.last.last_used_at) if item.last else None,
        "uses": [
            {
                "origin": use.origin,
                "loads": use.loads,
                "sessions": use.sessions,
                "first_used_at": moment(use.first_used_at),
                "last_used_at": moment(use.last_used_at),
            }
            for use in item.uses
        ],
    }


class TokensView(WorkspaceView):
    """The tokens of a deployment."""

    permissions = {"GET": "deployments.read"}

    @extend_schema(operation_id="deployment_tokens_list", responses={200: TOKENS})
    def get(self, request: Request, deployment_id: UUID) -> Response:
        """The tokens that work now, and from where each is used. Counts are written within seconds."""
        queries.only(request)
        return Response(tokens_json(deployment_of(deployment_id)))


class TokenEndView(WorkspaceView):
    """Ending tokens."""

    permissions = {"POST": "deployments.write"}

    @extend_schema(operation_id="deployment_tokens_end", request=None, responses={200: TOKENS})
    def post(self, request: Request, deployment_id: UUID, token_id: UUID) -> Response:
        """End an older token that a rotation lets go on. Chats that are under way go on; 409 for the current one."""
        deployment = deployment_of(deployment_id, lock=True)
        token = DeploymentToken.objects.filter(deployment=deployment, id=token_id).first()
        if token is None:
            raise not_found()
        deploying.end_token(self.actor, deployment, token)
        return Response(tokens_json(deployment))
