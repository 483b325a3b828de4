"""`manage.py sip_edge`: calls by SIP, in a process of its own (docs/voice-streams.md, SIP)."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from argparse import ArgumentParser
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from channels_app.voice.engines import installed, registry
from channels_app.voice.engines.base import EngineFailed
from channels_app.voice.media import beats
from convoship.lib import collecting
from convoship.machine.roles import refuse_unsafe
from deployments import turns

if TYPE_CHECKING:
    from channels_app.voice.sip.edge import Edge


class Command(BaseCommand):
    """Runs until SIGTERM or Ctrl+C; each call hears the end of it."""

    help = "Take calls by SIP over UDP (experimental): no TLS, no SRTP, so put a session border controller in front."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to listen, instead of what the environment says."""
        parser.add_argument("--host", default=settings.SIP_HOST, help="the IPv4 address to listen at")
        parser.add_argument("--port", type=int, default=settings.SIP_PORT, help="the UDP port of SIP")
        parser.add_argument("--public-host", default=settings.SIP_PUBLIC_HOST, help="our address as callers reach it")
        parser.add_argument("--rtp-ports", default=settings.SIP_RTP_PORTS, help="the UDP ports of sound: 20000-20199")

    def handle(self, *args: Any, host: str, port: int, public_host: str, rtp_ports: str, **options: Any) -> None:
        """Listen, say so in a line, and serve."""
        ports = _ports(rtp_ports)
        try:
            installed.require(installed.SIP, "What takes calls by SIP")
        except EngineFailed as absent:
            raise CommandError(f"{absent.words} {absent.remedy}") from None
        refuse_unsafe(os.environ["DATABASE_URL"])
        # They tell every call, with numbers, and warn of each packet that strangers write wrongly.
        for library in ("aiosipua", "aiortp"):
            logging.getLogger(library).setLevel(logging.ERROR)
        # Not before it is known to be there.
        from channels_app.voice.sip.digest import ALGORITHMS
        from channels_app.voice.sip.edge import Edge

        algorithms = [name.strip().upper() for name in settings.SIP_DIGEST]
        if not algorithms or not set(algorithms) <= set(ALGORITHMS):
            raise CommandError(f"SIP_DIGEST takes {' and '.join(ALGORITHMS)}, with a comma between.")
        try:
            asyncio.run(self._serve(Edge(host, port, ports, public_host, algorithms)))
        except OSError as error:
            words = f"UDP {host}:{port} can't be listened at: {error.strerror or error}. Choose another with --port."
            raise CommandError(words) from None

    async def _serve(self, edge: Edge) -> None:
        ends = asyncio.Event()
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, ends.set)
        # What the first call would wait seconds for.
        await registry.load()
        await edge.start()
        heart = beats.Heart(loop, lambda: len(edge.calls), beats.SIP)
        heart.start()
        collecting.settle()
        self.stdout.write(f"Calls by SIP are taken at UDP {edge.host}:{edge.port}.")
        self.stdout.flush()
        await ends.wait()
        await asyncio.gather(edge.stop(), heart.stop())
        await turns.let_go_all()


def _ports(written: str) -> tuple[int, int]:
    """The first and the last."""
    first, _, last = written.partition("-")
    try:
        found = int(first), int(last)
    except ValueError:
        found = 0, 0
    if not 1024 <= found[0] < found[1] <= 65535:
        raise CommandError(f"The ports of sound are {written!r}: write the first and the last, such as 20000-20199.")
    return found
