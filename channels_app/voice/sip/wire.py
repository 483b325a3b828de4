"""SIP over UDP: what aiosipua's own transport leaves open on the open internet, and on this Python.

* `asyncio.DatagramTransport` is no base of what the event loop of CPython 3.11 gives, which the library asserts.
* Answers go back to where a request came from, whatever its Via says of that (RFC 3581): else a stranger could have
  us send to others, or look up names.
* Answers to an INVITE carry its Record-Route (RFC 3261 12.1.1), or a proxy in between would be left out afterwards.
* What is no SIP is dropped without a word in the log: every such port is scanned.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from aiosipua.headers import parse_via, stringify_via
from aiosipua.message import SipMessage, SipRequest, SipResponse
from aiosipua.transport import UdpSipTransport

logger = logging.getLogger(__name__)

# RFC 3261 18.1.1 has larger ones sent over TCP; fragments come whole.
LARGEST = 16 * 1024


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.wire.opened(cast(asyncio.DatagramTransport, transport))

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.wire.take(data, (addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        # Nobody listens there any more (ICMP): timers tell.
        logger.debug("a SIP packet was not delivered: %s", exc)


@dataclass
class Wire(UdpSipTransport):
    """One socket."""

    # By Call-ID: what the INVITE's answer has to repeat.
    record_routes: dict[str, Sequence[str]] = field(default_factory=dict)

    async def start(self) -> None:
        """Bind it. `local_addr` is the bound one from then on."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: _Protocol(self), local_addr=self.local_addr)

    def opened(self, transport: asyncio.DatagramTransport) -> None:
        self._udp_transport = transport
        name = transport.get_extra_info("sockname")
        self.local_addr = (name[0], name[1])

    def take(self, data: bytes, addr: tuple[str, int]) -> None:
        """A packet. Empty lines keep a way through a firewall open (RFC 5626 4.4.1)."""
        if len(data) > LARGEST or not data.strip():
            return
        try:
            message = SipMessage.parse(data)
            if isinstance(message, SipRequest):
                _check(message)
                _stamp(message, addr)
        except Exception as error:  # noqa: BLE001 (whatever strangers send)
            logger.debug("what came from %s is no SIP: %s", addr, error)
            return
        if self.on_message is None:
            return
        try:
            self.on_message(message, addr)
        except Exception:
            logger.exception("a SIP message from %s could not be handled", addr)

    def send_reply(self, response: SipResponse) -> None:
        """To where the request came from."""
        cseq = response.cseq
        is_answer = cseq is not None and cseq.method == "INVITE" and 100 < response.status_code < 300
        if is_answer and not response.headers.get("record-route"):
            for route in self.record_routes.get(response.call_id or "", ()):
                response.headers.append("Record-Route", route)
        super().send_reply(response)


def _check(request: SipRequest) -> None:
    """`ValueError`, or another, where it can't be answered, or what everybody reads of it later can't be read."""
    if not request.via:
        raise ValueError("It has no Via.")
    for _ in (request.cseq, request.from_addr, request.to_addr, request.contact):
        pass


def _stamp(request: SipRequest, addr: tuple[str, int]) -> None:
    first, *rest = request.headers.get("via") or [""]
    if not first:
        return
    via = parse_via(first)
    via.params["received"], via.params["rport"] = addr[0], str(addr[1])
    request.headers.remove("Via")
    for value in (stringify_via(via), *rest):
        request.headers.append("Via", value)
