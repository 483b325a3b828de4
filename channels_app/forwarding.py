"""A connection's events on a developer's own machine: each is sent a second time, to a local address, signed the same.

Nothing of the delivery changes by it: whether the real address took it is shown as before.
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
from collections.abc import Callable
from uuid import UUID

from django.utils import timezone

from channels_app import accounts, doors
from channels_app.in_hand import outgoing_of
from channels_app.models import Connection, Delivery
from channels_app.providers.base import Capability, Outgoing, Provider, ProviderError
from convoship.lib.tenancy import in_tenant
from convoship.lib.threads import in_thread

LOOK_EVERY_SECONDS = 1.0
# What was stored by a transaction that took so long is still found.
WINDOW = dt.timedelta(minutes=2)


class NotForwarded(Exception):
    """The connection's events can't be forwarded; the words say why."""


class Forwarder:
    """Follows one connection from now on."""

    def __init__(self, connection_id: UUID, url: str) -> None:
        self.connection_id, self.url = connection_id, url
        self.since = timezone.now()
        self.seen: dict[UUID, dt.datetime] = {}

    async def run(self, tell: Callable[[str], None]) -> None:
        """Forward until it is stopped; `tell` is given a line for each event."""
        while True:
            for line in await self.look():
                tell(line)
            await _pause()

    async def look(self) -> list[str]:
        """Forward what is new; a line for each: when, which, and what the local address answered."""
        owner = await in_thread(doors.resolve_connection, self.connection_id)
        if owner is None:
            raise NotForwarded(f"There is no connection {self.connection_id}. Its id stands in its page's address.")
        provider, new = await in_tenant(self._new)(owner.workspace_id)
        return [await _forwarded(provider, what, outgoing) for what, outgoing in new]

    def _new(self) -> tuple[Provider, list[tuple[str, Outgoing]]]:
        connection = Connection.objects.get(id=self.connection_id)
        kind = accounts.kind_of(connection)
        if not kind.can(Capability.EVENTS):
            raise NotForwarded(f"{kind.label} sends no events: only those of a custom webhook can be forwarded.")
        made = accounts.to_send(connection)
        provider = kind(dataclasses.replace(made.account, base_url=self.url))
        from_when = max(self.since, timezone.now() - WINDOW)
        self.seen = {row: at for row, at in self.seen.items() if at >= from_when}
        rows = Delivery.objects.filter(connection=connection, created_at__gte=from_when).exclude(id__in=self.seen)
        found = list(rows.select_related("conversation").order_by("created_at", "position"))
        self.seen |= {row.id: row.created_at for row in found}
        return provider, [(row.what, outgoing_of(row)) for row in found]


async def _forwarded(provider: Provider, what: str, outgoing: Outgoing) -> str:
    try:
        receipt = await provider.send(outgoing)
        answer = str(receipt.http_status)
    except ProviderError as error:
        answer = f"{error.http_status or '---'}  {error.words}"
    return f"{timezone.localtime():%H:%M:%S}  {what:<22} {answer}"


async def _pause() -> None:
    await asyncio.sleep(LOOK_EVERY_SECONDS)
