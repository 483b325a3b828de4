"""`manage.py demo`: beside a running `make run`, another workspace to try things in."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from convoship import demo
from convoship.lib import prepared


class Command(BaseCommand):
    """Makes a demo workspace each time."""

    help = "Make a demo workspace with a published assistant, a deployment and an API key, and print what opens it."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """--json, --model, --wait."""
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
        parser.add_argument(
            "--model",
            action="store_true",
            help="have a model answer: that of `manage.py model` where it is served, else the rehearsal's stand-in",
        )
        parser.add_argument(
            "--wait", type=float, default=60, metavar="SECONDS", help="how long to wait for the database (60)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Only the answer goes to stdout. While the database is being prepared it waits, and gives up with words."""
        if lacking := prepared.wait(options["wait"]):
            raise CommandError(
                f"No demo workspace yet: {lacking}. Wait until `up` says that Convoship runs, then run this again; "
                "where nothing prepares it, run `manage.py migrate` first."
            )
        made = demo.make_demo(by_model=options["model"])
        if options["json"]:
            self.stdout.write(json.dumps(made))
            return
        width = max(len(name) for name in made)
        for name, value in made.items():
            shown = ", ".join(value) if isinstance(value, list) else value
            self.stdout.write(f"{name:<{width}}  {shown or '-'}")
