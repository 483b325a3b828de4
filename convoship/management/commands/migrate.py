"""`manage.py migrate`: as the role that owns the tables, and with the application's rights granted afterwards."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import connections

from convoship.lib.database import MIGRATING_ALIAS
from convoship.machine.roles import Grants


class Command(migrate.Command):
    """Django's own command on the `owner` alias, between the two halves of the grants."""

    def add_arguments(self, parser: CommandParser) -> None:
        """The same options; another default."""
        super().add_arguments(parser)
        parser.set_defaults(database=MIGRATING_ALIAS)

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, and let the application role use the result."""
        if options["database"] != MIGRATING_ALIAS:
            raise CommandError(
                f"Migrations run as the owner of the tables: leave --database out, or say --database {MIGRATING_ALIAS}."
            )
        grants = Grants(connections[MIGRATING_ALIAS], settings.DATABASES["default"]["USER"])
        if options.get("plan") or options.get("check_unapplied") or not grants.needed():
            super().handle(*args, **options)
            return
        everything = grants.before()
        super().handle(*args, **options)
        grants.after(everything=everything)
