"""Requests of providers as the acts are given them."""

from __future__ import annotations

from channels_app.providers.base import InboundRequest


def request_of(body: bytes = b"{}") -> InboundRequest:
    """A bare request with this body."""
    return InboundRequest("POST", "", "", {}, {}, "", body)
