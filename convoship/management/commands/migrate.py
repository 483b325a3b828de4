"""`manage.py migrate`: as the role that owns the tables, and with the application's rights granted afterwards."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import connections

from convoship.lib.database import MIGRATING_ALIAS
from convoship.machine import schema
from convoship.machine.roles import Grants

# Who asks for one of these wants less than all migrations, or something else than running them.
OTHERWISE = ("app_label", "fake", "fake_initial", "prune")


class Command(migrate.Command):
    """Django's own command on the `owner` alias, between the two halves of the grants."""

    def add_arguments(self, parser: CommandParser) -> None:
        """The same options; another default."""
        super().add_arguments(parser)
        parser.set_defaults(database=MIGRATING_ALIAS)
        parser.add_argument(
            "--one-by-one",
            action="store_true",
            help="Run every migration in an empty database too, where convoship/machine/schema.sql has what they make.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, and let the application role use the result."""
        if options["database"] != MIGRATING_ALIAS:
            raise CommandError(
                f"Migrations run as the owner of the tables: leave --database out, or say --database {MIGRATING_ALIAS}."
            )
        if options.get("plan") or options.get("check_unapplied"):
            super().handle(*args, **options)
            return
        grants = Grants(connections[MIGRATING_ALIAS], settings.DATABASES["default"]["USER"])
        everything = grants.needed() and grants.before()
        # With the default privileges in place, as a migration would find them.
        if not any(options.get(name) for name in ("one_by_one", *OTHERWISE)):
            schema.load_where_empty(connections[MIGRATING_ALIAS])
        super().handle(*args, **options)
        if grants.needed():
            grants.after(everything=everything)
