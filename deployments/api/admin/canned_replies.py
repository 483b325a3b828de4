"""Canned replies."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.times import moment
from deployments import canned
from deployments.api.admin import schema_talk
from deployments.models import CannedReply
from workspaces.api import queries
from workspaces.api.base import WorkspaceView
from workspaces.api.bodies import Body
from workspaces.api.pages import PARAMETERS, Order, page
from workspaces.api.replays import Answer, idempotent
from workspaces.api.schema import PAGE_PARAMETERS

ORDER = Order("created_at", descending=False)

_NEW = Body(schema_talk.NEW_CANNED_REPLY)
_CHANGES = Body(schema_talk.CANNED_REPLY_CHANGES)


def canned_reply_json(reply: CannedReply) -> dict[str, Any]:
    """A canned reply, its variables not filled in."""
    return {
        "id": str(reply.id),
        "shortcut": reply.shortcut,
        "title": reply.title,
        "text": reply.text,
        "created_at": moment(reply.created_at),
        "changed_at": moment(reply.changed_at),
    }


class CannedRepliesView(WorkspaceView):
    """The workspace's canned replies."""

    permissions = {"GET": "conversations.read", "POST": "conversations.write"}

    @extend_schema(
        operation_id="canned_replies_list", responses={200: schema_talk.CANNED_REPLIES}, parameters=PAGE_PARAMETERS
    )
    def get(self, request: Request) -> Response:
        """All of them, the oldest first."""
        queries.only(request, *PARAMETERS)
        return page(request, CannedReply.objects.all(), ORDER, canned_reply_json)

    @extend_schema(
        operation_id="canned_replies_create", request=_NEW.documented, responses={201: schema_talk.CANNED_REPLY}
    )
    @idempotent
    def post(self, request: Request) -> Response:
        """Keep a new one; a variable that can never have a value is refused."""
        wanted = _NEW.read(request)
        return Answer(canned_reply_json(canned.create(self.actor, **wanted)))


class CannedReplyView(WorkspaceView):
    """One canned reply."""

    permissions = {
        "GET": "conversations.read",
        "PATCH": "conversations.write",
        "DELETE": "conversations.write",
    }

    @extend_schema(operation_id="canned_replies_read", responses={200: schema_talk.CANNED_REPLY})
    def get(self, request: Request, reply_id: UUID) -> Response:
        """It."""
        queries.only(request)
        return Response(canned_reply_json(canned.get(reply_id)))

    @extend_schema(
        operation_id="canned_replies_change", request=_CHANGES.documented, responses={200: schema_talk.CANNED_REPLY}
    )
    def patch(self, request: Request, reply_id: UUID) -> Response:
        """Change what is named."""
        reply = canned.get(reply_id)
        now = {"shortcut": reply.shortcut, "title": reply.title, "text": reply.text}
        canned.change(self.actor, reply, **{**now, **_CHANGES.read(request)})
        return Response(canned_reply_json(reply))

    @extend_schema(operation_id="canned_replies_delete", responses={204: None})
    def delete(self, request: Request, reply_id: UUID) -> Response:
        """Delete it; what was sent with it stays."""
        canned.delete(self.actor, canned.get(reply_id))
        return Response(status=204)
