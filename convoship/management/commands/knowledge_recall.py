"""`manage.py knowledge_recall`: how well passages are found, on questions that nothing was tuned to."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from convoship.lib.tenancy import tenant
from deployments.knowledge import recall
from deployments.models import Assistant
from workspaces.models import Workspace

GOAL = 0.85


class Command(BaseCommand):
    """Makes a workspace, lets two assistants read, asks, and takes all of it back: nothing stays in the database."""

    help = "Print recall@5 on the committed questions; ends with 1 where it is below the goal of 0.85."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """--set, --verbose."""
        parser.add_argument("--set", choices=recall.SETS, default=recall.SETS[0], help="which questions (held_out)")
        parser.add_argument("--misses", action="store_true", help="list the questions whose answer was not found")

    def handle(self, *args: Any, **options: Any) -> None:
        """A line for each body, and one for all."""
        with transaction.atomic():
            asked, quoted, answered_wrongly = measured(options["set"])
            transaction.set_rollback(True)
        for body in recall.BODIES:
            own = [one for one in asked if one.question.body == body]
            self.stdout.write(f"{body:<12} {_line(own)}")
        self.stdout.write(f"{'all':<12} {_line(asked)}")
        self.stdout.write(
            f"A script would quote the best passage for {quoted.count(True) + quoted.count(False)} of {len(asked)}: "
            f"{quoted.count(True)} of them answer. Of {len(recall.outside())} questions that nothing answers it would "
            f"quote something for {answered_wrongly}."
        )
        if options["misses"]:
            for one in asked:
                if one.place is None:
                    self.stdout.write(f"  not found: {one.question.asked}  ({one.question.document})")
        if (found := recall.recall(asked)) < GOAL:
            raise CommandError(f"recall@{recall.AT} is {found:.2f}, below {GOAL}.")


def measured(name: str) -> tuple[list[recall.Asked], list[bool], int]:
    """The questions, whether each that a script would quote for is answered so, and what is quoted for nothing.

    In a transaction of the caller's, who takes it back.
    """
    workspace = Workspace(name="Recall")
    with tenant(workspace.id):
        workspace.save()
        ids: dict[str, UUID] = {}
        for body in recall.BODIES:
            assistant = Assistant.objects.create(name=body)
            recall.know(assistant, body)
            ids[body] = assistant.id
        asked = recall.ask(ids, name)
        return asked, recall.quotes(asked), recall.quoted_for_nothing(ids)


def _line(asked: list[recall.Asked]) -> str:
    shares = "  ".join(f"recall@{at} {recall.recall(asked, at):.2f}" for at in (1, 3, recall.AT))
    return f"{len(asked)} questions  {shares}"
