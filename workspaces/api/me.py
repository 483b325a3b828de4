"""`GET /v1/me`: whose key this is, where it works and what it may do."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.times import moment
from workspaces.api import queries
from workspaces.api.base import ANYONE, WorkspaceView
from workspaces.api.schema import ME
from workspaces.models import ApiKey, Membership, Workspace
from workspaces.permissions import SCOPES


class MeView(WorkspaceView):
    """The caller."""

    permissions = {"GET": ANYONE}

    @extend_schema(operation_id="me", responses={200: ME})
    def get(self, request: Request) -> Response:
        """The key or the signed-in user, the workspace, and the scopes."""
        queries.only(request)
        workspace = Workspace.objects.get(id=self.workspace_id)
        who = self._key() if self.actor.kind == "api_key" else self._user()
        return Response({**who, "workspace": {"id": str(workspace.id), "name": workspace.name}})

    def _key(self) -> dict[str, Any]:
        key = ApiKey.objects.get(id=str(self.actor.id))
        expires_at = moment(key.expires_at) if key.expires_at else None
        shown = {"id": str(key.id), "name": key.name, "prefix": key.prefix, "expires_at": expires_at}
        return {"api_key": shown, "scopes": [scope for scope in key.scopes if scope in SCOPES]}

    def _user(self) -> dict[str, Any]:
        member = Membership.objects.select_related("user").get(user_id=str(self.actor.id))
        user = member.user
        shown = {"id": str(user.id), "email": user.email, "name": user.name, "role": member.role}
        scopes = [scope for scope, granted in SCOPES.items() if granted <= self.actor.permissions]
        return {"user": shown, "scopes": scopes}
