"""`manage.py ready`: the workspace that `make run` opens. Run by `up` at each start."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from convoship import demo


class Command(BaseCommand):
    """Makes what is missing, and a link that signs in once."""

    help = "Make the local owner's workspace ready to be tried, and print a sign-in link that works once."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """--json."""
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        """Only the answer goes to stdout."""
        ready = demo.ensure_ready()
        if options["json"]:
            self.stdout.write(json.dumps(asdict(ready), default=str))
            return
        self.stdout.write(f"Sign in (works once): {ready.sign_in_url}")
        if ready.demo_page:
            self.stdout.write(f"The widget on another site: {ready.demo_page}")
