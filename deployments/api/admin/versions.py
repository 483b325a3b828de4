"""Versions of an assistant: listed, read, compared, restored; and assistants as files."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.parsers import StrictJSONParser
from convoship.lib.problems import Problem, invalid
from convoship.lib.times import moment
from deployments import differences, interchange, publishing, versions
from deployments.api.admin import schema
from deployments.api.admin import schema_versions as shapes
from deployments.api.admin.assistants import assistant_of
from deployments.api.admin.shapes import assistant_json
from deployments.models import Assistant
from workspaces.api import queries
from workspaces.api.base import WorkspaceView
from workspaces.api.bodies import Body
from workspaces.api.pages import PARAMETERS, Order, page
from workspaces.api.replays import Answer, idempotent
from workspaces.api.schema import PAGE_PARAMETERS

ORDER = Order("number", of=int)

_RESTORE = Body(shapes.RESTORE)


def version_json(assistant: Assistant, version: Any) -> dict[str, Any]:
    """A version without its content."""
    member = version.published_by
    return {
        "number": version.number,
        "note": version.note,
        "is_live": version.id == assistant.published_id,
        "published_at": moment(version.published_at),
        "published_by": {"id": str(member.id), "name": member.display_name} if member else None,
        "running_conversations": version.running,
        "conversations": version.talks,
        "test_report": version.test_report,
    }


S = TypeVar("S", versions.Side, versions.Side | None)


def _side(request: Request, name: str, usual: S) -> versions.Side | S:
    """A version's number or the draft, as the query names it; the usual one where it doesn't."""
    value = request.query_params.get(name)
    if value is None:
        return usual
    if value == versions.DRAFT:
        return versions.DRAFT
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise invalid({name: ["A version's number, or draft."]})
    return int(value)


def _content(assistant: Assistant, side: versions.Side, name: str) -> Any:
    try:
        return versions.content_of(assistant, side)
    except Problem:
        raise invalid({name: [f"There is no version {side}."]}) from None


class VersionsView(WorkspaceView):
    """All versions of an assistant."""

    permissions = {"GET": "assistants.read"}

    @extend_schema(operation_id="versions_list", responses={200: shapes.VERSIONS}, parameters=PAGE_PARAMETERS)
    def get(self, request: Request, assistant_id: UUID) -> Response:
        """What was published, the newest first."""
        queries.only(request, *PARAMETERS)
        assistant = assistant_of(assistant_id)
        return page(request, versions.listed(assistant), ORDER, lambda row: version_json(assistant, row))


class VersionView(WorkspaceView):
    """One version."""

    permissions = {"GET": "assistants.read"}

    @extend_schema(
        operation_id="versions_read",
        responses={200: shapes.VERSION_WITH_CONTENT},
        parameters=[shapes.NUMBER_IN_PATH],
    )
    def get(self, request: Request, assistant_id: UUID, number: int) -> Response:
        """A version, with what it says."""
        queries.only(request)
        assistant = assistant_of(assistant_id)
        version = versions.one(assistant, number)
        return Response({**version_json(assistant, version), "content": version.content})


class DiffView(WorkspaceView):
    """What changed."""

    permissions = {"GET": "assistants.read"}

    @extend_schema(operation_id="assistants_diff", responses={200: shapes.DIFF}, parameters=shapes.DIFF_PARAMETERS)
    def get(self, request: Request, assistant_id: UUID) -> Response:
        """What changed between two versions, or a version and the draft. Without any: what isn't published yet."""
        queries.only(request, "from", "to")
        assistant = assistant_of(assistant_id)
        new = _side(request, "to", versions.DRAFT)
        after = _content(assistant, new, "to")
        old = _side(request, "from", versions.usual_old(assistant, new))
        if old is None:
            raise invalid({"from": ["There is no version before it. Name one, or draft."]})
        changes = differences.compare(_content(assistant, old, "from"), after)
        return Response(
            {
                "from": old,
                "to": new,
                "summary": differences.summary(changes),
                "changes": [_change_json(change) for change in changes],
            }
        )


def _change_json(change: differences.Change) -> dict[str, Any]:
    absent_old, absent_new = differences.Kind.ADDED, differences.Kind.REMOVED
    lines = [
        {
            "kind": line.kind.value,
            "label": line.label,
            "old": None if line.kind == absent_old else line.old,
            "new": None if line.kind == absent_new else line.new,
        }
        for line in change.lines
    ]
    renamed = {"old_title": change.old_title} if change.old_title else {}
    return {"part": change.part, "kind": change.kind.value, "title": change.title, **renamed, "lines": lines}


class RestoreView(WorkspaceView):
    """Going back."""

    permissions = {"POST": "assistants.write"}

    @extend_schema(operation_id="assistants_restore", request=_RESTORE.documented, responses={200: schema.ASSISTANT})
    @idempotent
    def post(self, request: Request, assistant_id: UUID) -> Response:
        """Make a version the draft again, and live at once with `publish`. Running conversations keep theirs."""
        assistant = assistant_of(assistant_id)
        wanted = _RESTORE.read(request)
        number = int(wanted["version"])
        _content(assistant, number, "version")
        restored = versions.restore(
            self.actor, assistant.id, number, publish=wanted.get("publish", False), note=wanted.get("note", "")
        )
        return Answer(assistant_json(restored.assistant), status=200)


# --- Files --------------------------------------------------------------------------------------------------------


class FileParser(StrictJSONParser):
    """A file may be larger than other bodies, and says each thing once."""

    most_bytes = interchange.LARGEST_FILE
    no_key_twice = True


class ExportView(WorkspaceView):
    """An assistant as a file."""

    permissions = {"GET": "assistants.read"}

    @extend_schema(
        operation_id="assistants_export", responses={200: shapes.EXPORT}, parameters=shapes.EXPORT_PARAMETERS
    )
    def get(self, request: Request, assistant_id: UUID) -> Response:
        """The draft or a version as a file that can be imported anywhere: no ids, no secrets."""
        queries.only(request, "version")
        assistant = assistant_of(assistant_id)
        side = _side(request, "version", versions.DRAFT)
        _content(assistant, side, "version")
        headers = {"Content-Disposition": interchange.disposition(assistant, side)}
        return Response(interchange.exported(assistant, side), headers=headers)


class ImportNewView(WorkspaceView):
    """A new assistant from a file."""

    permissions = {"POST": "assistants.write"}
    parser_classes = (FileParser,)

    @extend_schema(operation_id="assistants_import", request=shapes.IMPORT, responses={201: schema.ASSISTANT})
    @idempotent
    def post(self, request: Request) -> Response:
        """Make an assistant of an exported file; it has to have a name. Nobody meets it before it is published."""
        return Answer(assistant_json(interchange.create(self.actor, interchange.read(request.data))))


class ImportView(WorkspaceView):
    """A file over a draft."""

    permissions = {"POST": "assistants.write"}
    parser_classes = (FileParser,)

    @extend_schema(operation_id="assistants_import_draft", request=shapes.IMPORT, responses={200: schema.ASSISTANT})
    @idempotent
    def post(self, request: Request, assistant_id: UUID) -> Response:
        """Replace the draft by an exported file, or by what its `scripted` holds. Visitors meet it once published."""
        assistant = publishing.held(assistant_id)
        interchange.replace(self.actor, assistant, interchange.read(request.data))
        return Answer(assistant_json(assistant), status=200)
