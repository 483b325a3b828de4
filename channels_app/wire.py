"""How messages look to other programs."""

from __future__ import annotations

from typing import Any

from deployments.models import Message
from deployments.wire import message_json

# A message is on its way while this is written, so where it stands says nothing.
_LEFT_OUT = frozenset({"status", "reason", "rev", "client_id", "attachments"})


def message_data(message: Message) -> dict[str, Any]:
    """A message in an event: as visitors see it, without what changes later."""
    return {name: value for name, value in message_json(message).items() if name not in _LEFT_OUT}
