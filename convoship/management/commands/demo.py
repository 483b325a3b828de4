"""`manage.py demo`: beside a running `make run`, another workspace to try things in."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from convoship import demo


class Command(BaseCommand):
    """Makes a demo workspace each time."""

    help = "Make a demo workspace with a published assistant, a deployment and an API key, and print what opens it."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """--json."""
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        """Only the answer goes to stdout."""
        made = demo.make_demo()
        if options["json"]:
            self.stdout.write(json.dumps(made))
            return
        width = max(len(name) for name in made)
        for name, value in made.items():
            shown = ", ".join(value) if isinstance(value, list) else value
            self.stdout.write(f"{name:<{width}}  {shown or '-'}")
