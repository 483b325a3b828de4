"""The secret that an assistant's webhook is signed with."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.times import maybe_moment, moment
from deployments import webhook_secrets
from deployments.api.admin.assistants import assistant_of
from deployments.api.admin.schema import OVERLAP
from workspaces.api.base import WorkspaceView
from workspaces.api.bodies import Body
from workspaces.api.replays import Answer, idempotent
from workspaces.api.schema import TEXT, TIME, body, component, fields, or_null

SECRETS = component(
    "WebhookSecrets",
    fields(
        optional=("replayed",),
        signing_secret={**or_null(TEXT), "description": "Shown this once; null in a replay."},
        secrets={
            "type": "array",
            "description": "Those that sign now, the newest first.",
            "items": fields(
                hint={**TEXT, "description": "Its last four characters."}, created_at=TIME, expires_at=or_null(TIME)
            ),
        },
        replayed={"const": True},
    ),
)
_ROTATE = Body(
    body({"overlap_seconds": {**OVERLAP, "description": "How long the earlier secrets sign beside the new one."}})
)


class RotateView(WorkspaceView):
    """Making a new secret."""

    permissions = {"POST": "assistants.write"}

    @extend_schema(operation_id="assistants_webhook_rotate", request=_ROTATE.documented, responses={201: SECRETS})
    @idempotent
    def post(self, request: Request, assistant_id: UUID) -> Response:
        """Make a secret, in this answer and nowhere else; earlier ones sign beside it for `overlap_seconds`."""
        assistant = assistant_of(assistant_id, lock=True)
        overlap = int(_ROTATE.read(request).get("overlap_seconds", 0))
        made = webhook_secrets.rotate(self.actor, assistant, overlap_seconds=overlap)
        shown = {
            "secrets": [
                {"hint": row.hint, "created_at": moment(row.created_at), "expires_at": maybe_moment(row.expires_at)}
                for row in webhook_secrets.live(assistant)
            ]
        }
        return Answer({"signing_secret": made.value, **shown}, kept={"signing_secret": None, **shown})
