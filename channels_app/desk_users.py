"""Which assistants hand over to a connection. Inside `tenant()`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from channels_app import accounts
from channels_app.models import Connection
from deployments.models import Assistant


@dataclass(frozen=True)
class DeskUsers:
    """The assistants whose visitors meet this desk (`live`), and those that have it in their draft alone.

    `is_own`: it takes who writes over it, before any other desk, and nobody else: no assistant has to name it.
    """

    live: Sequence[Assistant]
    drafted: Sequence[Assistant]
    is_own: bool


def of(connection: Connection) -> DeskUsers:
    """Those of the workspace, by name."""
    ref = [str(connection.id)]
    live = list(Assistant.objects.filter(published__content__handoff__desks__contains=ref).order_by("name"))
    drafted = Assistant.objects.filter(draft__handoff__desks__contains=ref).order_by("name")
    known = {one.id for one in live}
    is_own = accounts.kind_of(connection).takes_own_alone(connection.config)
    return DeskUsers(live, [one for one in drafted if one.id not in known], is_own)
