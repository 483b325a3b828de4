"""`POST /sessions/{id}/files`: one file, taken up for a message to come."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib import client_ip
from convoship.lib.threads import in_thread
from deployments import attachments, checking, files, scanning
from deployments.api import one_file
from deployments.api.bearer import caller_of
from deployments.api.runtime import schema
from deployments.api.runtime.views import VisitView


class FilesView(VisitView):
    """Files for a session's conversation."""

    @extend_schema(request=schema.FILE_REQUEST, responses={201: schema.FILE}, operation_id="runtime_file_upload")
    async def post(self, request: Request, session_id: UUID) -> Response:
        """Send a file up. It is seen by nobody until a message names it, and deleted after two hours without one."""
        caller = caller_of(request)
        visit, allowed = await self.visit(request, session_id, files.may_upload, caller)
        name, content = await in_thread(one_file.read, request._request, allowed.max_bytes)
        try:
            checked = await checking.check(client_ip.bucket(caller.ip), name, content, allowed)
        except scanning.Infected as found:
            await in_thread(scanning.note, visit.workspace_id, visit.conversation_id, found)
            raise
        row = await in_thread(files.upload, visit, caller, checked)
        return Response({"file": attachments.file_json(row)}, status=201, headers={"Cache-Control": "no-store"})
