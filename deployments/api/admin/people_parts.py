"""Notes about people, and the fields that a workspace keeps of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.times import moment
from deployments import person_changes, person_fields
from deployments.api.admin import schema_people
from deployments.models import PersonField, PersonNote
from workspaces.api import queries
from workspaces.api.base import WorkspaceView
from workspaces.api.bodies import Body
from workspaces.api.pages import PARAMETERS, Order, page
from workspaces.api.replays import Answer, idempotent
from workspaces.api.schema import PAGE_PARAMETERS

NEWEST_FIRST, OLDEST_FIRST = Order("created_at"), Order("created_at", descending=False)

_NOTE = Body(schema_people.NEW_PERSON_NOTE)
_FIELD = Body(schema_people.NEW_PERSON_FIELD)
_FIELD_CHANGES = Body(schema_people.PERSON_FIELD_CHANGES)


def note_json(note: PersonNote) -> dict[str, Any]:
    """A note about a person."""
    return {
        "id": str(note.id),
        "author": {"id": str(note.author_id) if note.author_id else None, "name": note.author_name},
        "text": note.text,
        "created_at": moment(note.created_at),
    }


def field_json(row: PersonField) -> dict[str, Any]:
    """A field."""
    return {
        "id": str(row.id),
        "key": row.key,
        "label": row.label,
        "kind": row.kind,
        "choices": row.choices,
        "created_at": moment(row.created_at),
    }


class PersonNotesView(WorkspaceView):
    """What members noted about a person."""

    permissions = {"GET": "people.read", "POST": "people.write"}

    @extend_schema(
        operation_id="person_notes_list", responses={200: schema_people.PERSON_NOTES}, parameters=PAGE_PARAMETERS
    )
    def get(self, request: Request, person_id: UUID) -> Response:
        """The notes, the newest first. Those of a single conversation are with that."""
        person = person_changes.get(person_id)
        queries.only(request, *PARAMETERS)
        return page(request, PersonNote.objects.filter(person=person), NEWEST_FIRST, note_json)

    @extend_schema(
        operation_id="person_notes_add", request=_NOTE.documented, responses={201: schema_people.PERSON_NOTE}
    )
    @idempotent
    def post(self, request: Request, person_id: UUID) -> Response:
        """Note something."""
        person = person_changes.get(person_id)
        return Answer(note_json(person_changes.add_note(self.actor, person, _NOTE.read(request)["text"])))


class PersonNoteView(WorkspaceView):
    """One note about a person."""

    permissions = {"DELETE": "people.write"}

    @extend_schema(operation_id="person_notes_delete", responses={204: None})
    def delete(self, request: Request, person_id: UUID, note_id: UUID) -> Response:
        """Delete it."""
        person_changes.delete_note(self.actor, person_changes.get(person_id), note_id)
        return Response(status=204)


class PersonFieldsView(WorkspaceView):
    """What the workspace keeps of people beside their names."""

    permissions = {"GET": "people.read", "POST": "people.manage"}

    @extend_schema(
        operation_id="person_fields_list", responses={200: schema_people.PERSON_FIELDS}, parameters=PAGE_PARAMETERS
    )
    def get(self, request: Request) -> Response:
        """The fields, the oldest first."""
        queries.only(request, *PARAMETERS)
        return page(request, PersonField.objects.all(), OLDEST_FIRST, field_json)

    @extend_schema(
        operation_id="person_fields_create", request=_FIELD.documented, responses={201: schema_people.PERSON_FIELD}
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Add one."""
        return Answer(field_json(person_fields.create(self.actor, **_FIELD.read(request))))


class PersonFieldView(WorkspaceView):
    """One field."""

    permissions = {"GET": "people.read", "PATCH": "people.manage", "DELETE": "people.manage"}

    @extend_schema(operation_id="person_fields_read", responses={200: schema_people.PERSON_FIELD})
    def get(self, request: Request, field_id: UUID) -> Response:
        """It."""
        queries.only(request)
        return Response(field_json(person_fields.get(field_id)))

    @extend_schema(
        operation_id="person_fields_change",
        request=_FIELD_CHANGES.documented,
        responses={200: schema_people.PERSON_FIELD},
    )
    def patch(self, request: Request, field_id: UUID) -> Response:
        """Change what it is called, or what can be chosen; its key and kind stay."""
        row = person_fields.get(field_id)
        now = {"label": row.label, "choices": row.choices}
        person_fields.change(self.actor, row, **{**now, **_FIELD_CHANGES.read(request)})
        return Response(field_json(row))

    @extend_schema(operation_id="person_fields_delete", responses={204: None})
    def delete(self, request: Request, field_id: UUID) -> Response:
        """Delete it, and what is kept in it of anybody."""
        person_fields.delete(self.actor, person_fields.get(field_id))
        return Response(status=204)
