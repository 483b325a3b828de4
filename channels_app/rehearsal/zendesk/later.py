"""A change can set off several triggers, and each of them is a call of its own."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal.base import StandIn


def post(stand_in: StandIn, body: str, address: str, *, wrongly: bool) -> None:
    """Have a body posted to our inbound address a little after the first one."""
    # These two know all stand-ins, this one too.
    from channels_app.rehearsal import calling, rehearsing

    rehearsing.note(
        stand_in.connection,
        kind=LineKind.REPORT,
        address=address,
        status="trigger",
        url=stand_in.account.inbound_url,
        body=body,
        is_signed_wrongly=wrongly,
        due_at=timezone.now() + rehearsing.STEP,
    )
    workspace_id, connection_id = stand_in.connection.workspace_id, stand_in.connection.id
    transaction.on_commit(lambda: calling.ring(workspace_id, connection_id))
