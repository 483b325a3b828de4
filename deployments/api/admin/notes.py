"""Notes in conversations."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.times import maybe_moment, moment
from deployments import conversations, notes
from deployments.api.admin import schema_talk
from deployments.api.admin.bodies import said
from deployments.api.admin.conversations import conversation_of
from deployments.models import Note
from workspaces.api import queries
from workspaces.api.base import WorkspaceView
from workspaces.api.bodies import Body
from workspaces.api.pages import PARAMETERS, Order, page
from workspaces.api.replays import Answer, idempotent
from workspaces.api.schema import PAGE_PARAMETERS

ORDER = Order("created_at", descending=False)

_NOTE = Body(schema_talk.NEW_NOTE)


def note_json(note: Note) -> dict[str, Any]:
    """A note with who is mentioned in it."""
    return {
        "id": str(note.id),
        "author": {"id": str(note.author_id) if note.author_id else None, "name": note.author_name},
        "text": note.text,
        "after_seq": note.after_seq,
        "mentions": [
            {
                "user": {"id": str(mention.user_id), "name": mention.user.display_name},
                "mailed_at": maybe_moment(mention.mailed_at),
                "trouble": mention.trouble,
            }
            for mention in note.mentions.all()
        ],
        "created_at": moment(note.created_at),
    }


class NotesView(WorkspaceView):
    """A conversation's notes."""

    permissions = {"GET": "conversations.read", "POST": "conversations.write"}

    @extend_schema(
        operation_id="conversation_notes_list", responses={200: schema_talk.NOTES}, parameters=PAGE_PARAMETERS
    )
    def get(self, request: Request, conversation_id: UUID) -> Response:
        """The notes, the oldest first."""
        conversation = conversation_of(conversation_id)
        queries.only(request, *PARAMETERS)
        return page(request, notes.of(conversation), ORDER, note_json)

    @extend_schema(
        operation_id="conversation_notes_add",
        request=_NOTE.documented,
        responses={201: schema_talk.NOTE, 200: schema_talk.NOTE},
    )
    @idempotent
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """Write a note; who is named in it as `@name` gets a mail."""
        conversation = conversations.lock(conversation_id)
        wanted = _NOTE.read(request)
        added = notes.add(self.actor, conversation, said(wanted["text"]), wanted.get("client_id"))
        note = notes.of(conversation).get(id=added.note.id)
        return Answer(note_json(note), status=201 if added.is_new else 200)
