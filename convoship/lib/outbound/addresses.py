"""Which addresses an outbound call may reach: global unicast, and what the machine's owner opened by name.

Refused are loopback, private and shared ranges, link-local (the clouds' metadata), multicast, reserved and unspecified
ones, and the same in disguise: IPv4 inside of IPv6 (mapped, NAT64, 6to4, Teredo). RELIABILITY R43.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

PORTS = frozenset({80, 443, 8080, 8443})
_LOCAL_ENDINGS = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
_COMPATIBLE = ipaddress.ip_network("::/96")


def is_public(address: Address) -> bool:
    """Whether the address is one of the open internet, whatever it is wrapped in."""
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast and not address.is_reserved
    inner = _wrapped(address)
    if inner is not None:
        return is_public(inner)
    if address in _NAT64_LOCAL or address in _COMPATIBLE or address.teredo is not None or address.scope_id:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved and not address.is_site_local


def _wrapped(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to this one end at, if there is one."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def literal(host: str) -> Address | None:
    """The address that a host is, if it is written as one in the usual form."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def is_disguised(host: str) -> bool:
    """Whether a host is a number that resolvers read as an IPv4 address (`2130706433`, `0x7f.1`, `017700000001`).

    No name of a site ends in a label that begins with a digit: top-level domains are letters (RFC 3696, 2).
    """
    last = host.rstrip(".").rpartition(".")[2]
    return literal(host) is None and last[:1].isdigit()


def is_local_name(host: str) -> bool:
    """Whether a host is this machine's, or one of a private network, by its name alone: nothing is looked up.

    Names of one label are a container's or a neighbour's; the endings are set aside for it (RFC 6761, 6762, 8375, and
    ICANN's .internal).
    """
    name = host.rstrip(".").lower()
    return literal(name) is None and ("." not in name or name.endswith(_LOCAL_ENDINGS))


def allowlist(entries: Iterable[str]) -> frozenset[tuple[str, int]]:
    """`host:port` entries, parsed; ValueError names the one that can't be read."""
    found = set()
    for entry in entries:
        host, _, port = entry.strip().rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ValueError(f"{entry!r} is not host:port, such as 127.0.0.1:11434")
        found.add((host.strip("[]").lower(), int(port)))
    return frozenset(found)
