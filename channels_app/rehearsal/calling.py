"""What the stand-in calls us with: signed at that moment, posted over the network to our real webhook."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from uuid import UUID

from django.utils import timezone

from channels_app import hiding
from channels_app.models import RehearsalLine
from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal import rehearsing
from channels_app.rehearsal.base import StandIn
from convoship.lib import outbound
from convoship.lib.tenancy import tenant

logger = logging.getLogger(__name__)

SECONDS = 30.0
# A worker has others to serve.
MOST_AT_ONCE = 20


def ring(workspace_id: UUID, connection_id: UUID, seconds: float = rehearsing.STEP.total_seconds()) -> None:
    """Have a worker make the calls that are due then. Where no broker answers they wait."""
    from channels_app.tasks import rehearse

    try:
        rehearse.apply_async((str(workspace_id), str(connection_id)), countdown=seconds, retry=False, expires=120)
    except Exception as error:  # noqa: BLE001 (the screen says what waits, and has a button)
        logger.warning("the worker was not told of a rehearsal's reports: %r", error)


def bring(workspace_id: UUID, connection_id: UUID) -> None:
    """Make the calls that are due, and have the worker come again for those that are left."""
    call_due(workspace_id, connection_id)
    with tenant(workspace_id):
        due_at = rehearsing.next_due(connection_id)
    if due_at is not None:
        ring(workspace_id, connection_id, max(0.1, (due_at - timezone.now()).total_seconds()))


def call_due(workspace_id: UUID, connection_id: UUID) -> int:
    """Make the calls that are due, so many at a time; answers how many there were."""
    made = 0
    while made < MOST_AT_ONCE and call_one(workspace_id, connection_id):
        made += 1
    return made


def call_one(workspace_id: UUID, connection_id: UUID, line_id: UUID | None = None) -> bool:
    """Make the next call that is due, or this one; False where there is none. Outside of any transaction."""
    with tenant(workspace_id):
        line = rehearsing.take_due(connection_id, line_id)
        if line is None:
            return False
        player = rehearsing.held(connection_id)
        headers = _headers(player, line)
    status, answer, words = _posted(line, headers)
    with tenant(workspace_id):
        rehearsing.finish(line, status=status, answer=answer, words=words)
        heard = player.heard(answer) if line.kind == LineKind.SAID and status == 200 else ""
        if heard:
            rehearsing.note(
                player.connection, kind=LineKind.CAUGHT, address=line.address, text=heard, note="In the answer."
            )
    return True


def _headers(player: StandIn, line: RehearsalLine) -> dict[str, str]:
    signed = player.sign(line.url, line.body, wrongly=line.is_signed_wrongly)
    headers = {"content-type": player.content_type, **signed}
    line.headers = hiding.of(player.connection).headers(headers)
    line.save(update_fields=["headers"])
    return headers


def _posted(line: RehearsalLine, headers: Mapping[str, str]) -> tuple[int | None, str, str]:
    try:
        found = outbound.fetch(line.url, method="POST", headers=headers, content=line.body.encode(), seconds=SECONDS)
    except outbound.OutboundError as error:
        words = f"Convoship could not reach its own address: {error.words} See PUBLIC_BASE_URL."
        return None, "", words
    return found.status, found.text, ""
