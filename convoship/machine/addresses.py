"""Where `make run` serves, and what it tells the world about that."""

from __future__ import annotations

import os
from dataclasses import dataclass

from convoship.machine import ports
from convoship.machine.state import MachineError

DEFAULT_PORT = 8000
EVERYWHERE = {"0.0.0.0", "::", ""}  # noqa: S104  (we don't bind to it unasked, we recognise it)


@dataclass(frozen=True)
class Address:
    """The address of the product, and of the stranger's site beside it."""

    host: str
    port: int
    public_base_url: str
    stranger_port: int
    # Of the sockets of calls' sound, and their address where nothing stands before them.
    media_port: int
    media_base_url: str
    # The port somebody would have expected, where it was busy.
    instead_of: int | None

    @property
    def stranger_url(self) -> str:
        """The stranger's site: another port is another origin."""
        return f"http://127.0.0.1:{self.stranger_port}"

    @property
    def own_sites(self) -> list[str]:
        """The sites, and where calls' sound goes, as `host:port`, by each name this machine has for itself."""
        ports = (self.port, self.stranger_port, self.media_port)
        return [f"{host}:{port}" for port in ports for host in ("127.0.0.1", "localhost")]


def choose() -> Address:
    """From HOST, PORT and PUBLIC_BASE_URL; without PORT a busy 8000 gives way to the next free one."""
    host = os.environ.get("HOST") or "127.0.0.1"
    wanted = _port_asked_for()
    port, instead_of = wanted or DEFAULT_PORT, None
    if not ports.is_free(host, port):
        if wanted:
            raise MachineError(
                f"Nothing can listen on {host}:{port}: the port is busy, or the address is not this machine's. Choose "
                "another with HOST and PORT, or leave PORT out to get the next free one."
            )
        port, instead_of = ports.next_free(host, DEFAULT_PORT + 1), DEFAULT_PORT
    seen_as = "127.0.0.1" if host in EVERYWHERE else host
    own = f"http://[{seen_as}]:{port}" if ":" in seen_as else f"http://{seen_as}:{port}"
    stranger_port = ports.next_free("127.0.0.1", port + 1)
    media_port = ports.next_free(host, stranger_port + 1)
    public_base_url = (os.environ.get("PUBLIC_BASE_URL") or own).rstrip("/")
    # Whoever set an address of their own leads the path of these sockets to their port.
    media_base_url = f"{own.rpartition(':')[0]}:{media_port}" if public_base_url == own else public_base_url
    return Address(
        host=host,
        port=port,
        public_base_url=public_base_url,
        stranger_port=stranger_port,
        media_port=media_port,
        media_base_url=(os.environ.get("MEDIA_BASE_URL") or media_base_url).rstrip("/"),
        instead_of=instead_of,
    )


def _port_asked_for() -> int | None:
    said = os.environ.get("PORT", "")
    if not said:
        return None
    if not said.isdigit() or not 0 < int(said) < 65536:
        raise MachineError(f"PORT is {said!r}: it takes a number from 1 to 65535.")
    return int(said)
