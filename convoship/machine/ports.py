"""Ports on this machine."""

from __future__ import annotations

import random
import socket
import sys
from pathlib import Path

# What this process told somebody is free, held until it ends: see _claim.
_claims: list[socket.socket] = []


def is_free(host: str, port: int) -> bool:
    """Whether we could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Servers set it too: without it a port they left a minute ago would look busy.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def _lowest_ephemeral() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 32768


def _claim(*ports: int) -> bool:
    """Whether nobody else on this machine was told that these are free, here or in another process that still runs.

    A port that is told is often listened to much later, so that a look alone would tell it twice. The claim is a name
    among the abstract sockets of Linux, which end with their process; elsewhere only chance keeps two apart.
    """
    if sys.platform != "linux":
        return True
    mine = []
    for port in ports:
        mine.append(socket.socket(socket.AF_UNIX))
        try:
            mine[-1].bind(f"\0convoship-port-{port}")
        except OSError:
            for claim in mine:
                claim.close()
            return False
    _claims.extend(mine)
    return True


def free(host: str = "127.0.0.1") -> int:
    """A free port below the ephemeral range: no outgoing connection takes it between our look and the server."""
    top = min(_lowest_ephemeral(), 60000)
    for _attempt in range(50):
        port = random.randrange(max(1024, top - 16000), top)  # noqa: S311  (no secret)
        # A product beside its port takes the next one too, for the stranger's site.
        if is_free(host, port) and _claim(port, port + 1):
            return port
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def next_free(host: str, port: int) -> int:
    """The first free port from `port` upwards."""
    for candidate in range(port, min(port + 200, 65536)):
        if is_free(host, candidate):
            return candidate
    return free(host)
