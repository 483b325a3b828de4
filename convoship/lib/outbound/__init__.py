"""Calls out of the product: nothing else in it opens a connection (tests/security/test_outbound.py sees to it)."""

from convoship.lib.outbound.http import (
    Fetched,
    GuardedTransport,
    Inside,
    OutboundError,
    Refused,
    Unreachable,
    checked,
    client,
    fetch,
    foreseen,
)

__all__ = [
    "Fetched",
    "GuardedTransport",
    "Inside",
    "OutboundError",
    "Refused",
    "Unreachable",
    "checked",
    "client",
    "fetch",
    "foreseen",
]
