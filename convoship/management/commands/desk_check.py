"""`manage.py desk_check`: the desk suite on a connection to a helpdesk or contact centre, step by step."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from channels_app import desk_check, doors
from channels_app.models import Connection
from channels_app.rehearsal import calling, rehearsing
from channels_app.rehearsal.desk import DeskStandIn
from convoship.lib.actors import SYSTEM
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread


class Command(BaseCommand):
    """Says of each step what was seen; ends with 1 where one failed."""

    help = (
        "Hand a test conversation over to a desk, have it answered and given back, and say what was seen. On a real "
        "account (--live) it opens a real case, and somebody has to answer it meanwhile; a rehearsal answers by itself."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which connection, and whether a real case may be opened."""
        parser.add_argument("connection", type=UUID, help="the connection's id, as its page's address has it")
        parser.add_argument("--live", action="store_true", help="open a real case at the provider")
        parser.add_argument("--patience", type=float, default=300.0, help="seconds to wait for the agent; 300")

    def handle(self, *args: Any, connection: UUID, live: bool, patience: float, **options: Any) -> None:
        """One line for each step."""
        owner = doors.resolve_connection(connection)
        if owner is None:
            raise CommandError("There is no connection by that id.")
        try:
            with tenant(owner.workspace_id):
                row = desk_check.found(connection)
        except ValueError as error:
            raise CommandError(str(error)) from None
        if not row.is_rehearsal and not live:
            raise CommandError(f"{row.name} is a real account, where this opens a real case: say --live if it may.")
        if not asyncio.run(self._run(owner.workspace_id, row, patience)):
            raise CommandError("Not every step was good.")
        self.stdout.write("Every step was good.")

    async def _run(self, workspace_id: UUID, row: Connection, patience: float) -> bool:
        async def play(what: str) -> None:
            await in_thread(_play, workspace_id, row.id, what)

        is_good = True
        check = desk_check.DeskCheck(workspace_id, row, patience, play if row.is_rehearsal else None)
        async for step in check.run():
            if step.waits_for:
                self.stdout.write(f"now     {step.what}: {step.waits_for}")
                continue
            is_good = is_good and step.is_good
            self.stdout.write(
                f"{'ok' if step.is_good else 'FAILED':7} {step.what}{f': {step.seen}' if step.seen else ''}"
            )
        return is_good


def _play(workspace_id: UUID, connection_id: UUID, what: str) -> None:
    """What the agent of a rehearsal does, over the network as from its screen."""
    with tenant(workspace_id):
        stand_in = rehearsing.held(connection_id)
        if not isinstance(stand_in, DeskStandIn):
            raise CommandError("This rehearsal has no agent.")
        case = stand_in.cases()[0]
        does, text = ("reply", "We are on it.") if what == "reply" else stand_in.way_back()
        acts = [(does, text)]
        if what == "reply" and does not in {one.word for one in case.writes}:
            # Who has not joined yet can't write.
            acts = [("accept", ""), *acts]
        typed = [{"address": case.ref, "does": does, "text": text, "name": "Olga"} for does, text in acts]
        said = [line_id for one in typed for line_id in rehearsing.say(SYSTEM, stand_in, one).line_ids]
    for line_id in said:
        calling.call_one(workspace_id, connection_id, line_id)
