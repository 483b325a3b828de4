"""A deployment's files: how much room they take, and deleting old ones."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.times import maybe_moment
from deployments import file_clearing
from deployments.api.admin import schema_settings
from deployments.api.admin.deployments import deployment_of
from workspaces.api.base import WorkspaceView
from workspaces.api.bodies import Body

_CLEAR = Body(schema_settings.CLEAR_FILES)


class FilesView(WorkspaceView):
    """The room that files take."""

    permissions = {"GET": "deployments.read"}

    @extend_schema(operation_id="deployments_files", responses={200: schema_settings.FILES_ROOM})
    def get(self, request: Request, deployment_id: UUID) -> Response:
        """How much room files take, the deployment's and all of the workspace's, and when one was last refused."""
        found = file_clearing.room(deployment_of(deployment_id))
        return Response(
            {
                "files": found.files,
                "bytes": found.bytes,
                "workspace_bytes": found.workspace_bytes,
                "most_workspace_bytes": found.most_bytes,
                "refused_at": maybe_moment(found.refused_at),
            }
        )


class ClearFilesView(WorkspaceView):
    """Making room."""

    permissions = {"POST": "deployments.write"}

    @extend_schema(
        operation_id="deployments_files_delete",
        request=_CLEAR.documented,
        responses={200: schema_settings.FILES_CLEARED},
    )
    def post(self, request: Request, deployment_id: UUID) -> Response:
        """Delete old files' content for good; their messages stay. Call it again while `left` is not 0."""
        days = int(_CLEAR.read(request)["older_than_days"])
        cleared = file_clearing.clear(self.actor, deployment_of(deployment_id), days)
        return Response({"files": cleared.files, "bytes": cleared.bytes, "left": cleared.left})
