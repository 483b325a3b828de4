"""A conversation as a file."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from convoship.lib.problems import not_found
from deployments import exporting
from deployments.exporting import Export
from deployments.models import Conversation
from workspaces.api import queries
from workspaces.api.base import WorkspaceView
from workspaces.api.schema import TEXT

_FILE = {"type": "string", "format": "binary"}
_PARAMETERS = [
    OpenApiParameter("format", {"enum": list(exporting.FORMATS), "default": "json"}),
    OpenApiParameter("notes", {"enum": ["1"]}, description="With what members noted, which the visitor never saw."),
    OpenApiParameter("zone", TEXT, description="The time zone of its times, by its IANA name; UTC by default."),
]


class ConversationExportView(WorkspaceView):
    """A conversation as a file."""

    permissions = {"GET": "conversations.read"}

    export: Export

    def run(self, request: Request, **kwargs: str) -> Any:
        """`WorkspaceView`'s, and the file is written down after the transaction."""
        response = super().run(request, **kwargs)
        response.content = self.export.written()
        return response

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """What comes is chosen by `format`; refusals are JSON whatever is accepted."""
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(
        operation_id="conversations_export",
        parameters=_PARAMETERS,
        responses={
            (200, "application/json"): {"type": "object"},
            (200, "text/plain"): TEXT,
            (200, "application/pdf"): _FILE,
        },
    )
    def get(self, request: Request, conversation_id: UUID) -> HttpResponse:
        """As JSON, text or PDF; each export is in the audit log."""
        rows = Conversation.objects.select_related("person", "assistant", "version")
        row = rows.filter(id=conversation_id).first()
        if row is None:
            raise not_found()
        queries.only(request, "format", "notes", "zone")
        form = queries.choice(request, "format", list(exporting.FORMATS)) or "json"
        with_notes = queries.choice(request, "notes", ["1"]) == "1"
        zone = queries.words(request, "zone") or ""
        self.export = exporting.export(self.actor, row, form, zone=zone, with_notes=with_notes)
        headers = {"Content-Disposition": exporting.disposition(row, form)}
        return HttpResponse(content_type=exporting.CONTENT_TYPES[form], headers=headers)
