"""`POST /v1/conversations/{id}/files`: one file, taken up for an answer to come."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from deployments import attachments, member_files
from deployments.api import one_file
from deployments.api.runtime.schema import FILE, FILE_REQUEST
from workspaces.api.base import WorkspaceView, ids_of


class ConversationFilesView(WorkspaceView):
    """Files for a conversation. No transaction waits for a file, its check or the storage."""

    permissions = {"POST": "conversations.write"}

    def run(self, request: Request, **kwargs: str) -> Response:
        """`WorkspaceView`'s, with the handler outside of `tenant()`."""
        handler = self.handler(request)
        self.admit(request)
        return cast(Response, handler(request, **ids_of(kwargs)))

    @extend_schema(operation_id="conversation_files_add", request=FILE_REQUEST, responses={201: FILE})
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """Send a file up. It goes out with the message that names it, and is deleted after two hours without one."""
        taken = member_files.may_upload(self.workspace_id, self.actor, conversation_id)
        name, content = one_file.read(request._request, taken.max_bytes)
        row = member_files.upload(self.workspace_id, self.actor, conversation_id, name, content, taken)
        how = taken.how(row.content_type, row.size)
        return Response({"file": {**attachments.file_json(row), **({"how": how} if how else {})}}, status=201)
