"""`manage.py answers`: gives the answers that wait for a model or a bot, until it is told to end."""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
from argparse import ArgumentParser
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from convoship.lib import collecting
from convoship.machine.roles import refuse_unsafe
from deployments.answerer import Answerer

# Three for answers to be given back, and as much again for a slow machine; a supervisor waits ten and more.
ENDS_WITHIN_SECONDS = 8.0
# Whoever waits for a scripted answer waits for the processor alone, and so gets it first.
NICE = 10


class Command(BaseCommand):
    """One of the processes that `ANSWER_PROCESSES` says there are."""

    help = "Give the answers that wait for a model or a bot, beside the web processes (ANSWER_PROCESSES)."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How much it yields to others."""
        parser.add_argument("--nice", type=int, default=NICE, help=f"added to its niceness, {NICE} by default")

    def handle(self, *args: Any, nice: int, **options: Any) -> None:
        """Answer until SIGTERM or Ctrl-C; what is under way then is given back."""
        refuse_unsafe(os.environ["DATABASE_URL"])
        _yield_to_others(nice)
        asyncio.run(_answer())


def _yield_to_others(nice: int) -> None:
    os.nice(nice)
    # Where Linux shares the processor among sessions first (`sched_autogroup_enabled`), niceness counts within one
    # alone. `make run` starts this in a session of its own; one that others share is left as it is.
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(nice), encoding="ascii")


def _end(answerer: Answerer) -> None:
    answerer.end()
    # One that hangs leaves its place to no other: it is ended after a while, and says where it was.
    faulthandler.dump_traceback_later(ENDS_WITHIN_SECONDS, exit=True)


async def _answer() -> None:
    answerer = Answerer()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _end, answerer)
    collecting.settle()
    await answerer.run()
