"""`manage.py forward`: a custom webhook's events on this machine, beside a running `make run`."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from channels_app.forwarding import Forwarder, NotForwarded
from convoship.lib.outbound import OutboundError, checked

LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})


class Command(BaseCommand):
    """Follows a connection until it is stopped with Ctrl+C."""

    help = "Send each new event of a custom webhook connection to an address on this machine as well, signed the same."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which connection, and where to."""
        parser.add_argument("connection", type=UUID, help="the connection's id, as its page's address has it")
        parser.add_argument("url", help="where your program listens, such as http://127.0.0.1:9000/hook")

    def handle(self, *args: Any, connection: UUID, url: str, **options: Any) -> None:
        """One line for each event."""
        try:
            target = checked(url)
        except OutboundError as error:
            raise CommandError(error.words) from None
        host = target.host.strip("[]")
        if host not in LOCAL:
            raise CommandError(f"{host} is not this machine: give an address at 127.0.0.1 or localhost.")
        # In this process alone, and for this one address.
        settings.OUTBOUND_ALLOWLIST = frozenset({(host, target.port or (443 if target.scheme == "https" else 80))})
        self.stdout.write(f"New events of connection {connection} go to {target} as well. Ctrl+C stops this.")
        try:
            asyncio.run(Forwarder(connection, str(target)).run(self.stdout.write))
        except NotForwarded as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")
