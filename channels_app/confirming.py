"""Answers to STOP and START, where nobody else gives them: the one message that goes to who has opted out."""

from __future__ import annotations

from channels_app import accounts, enqueueing
from channels_app.models import Connection, Delivery
from channels_app.providers.base import Capability
from channels_app.providers.events import Wish

_ABOUT = {"about": "consent"}


def confirm(connection: Connection, address: str, wish: Wish) -> None:
    """Tell them once that their word counts, over a connection whose provider doesn't."""
    kind = accounts.kind_of(connection)
    if kind.can(Capability.CONFIRMS_CONSENT):
        text = kind.consent_reply(connection.config, wish)
        what = f"Answer to {wish.upper()}"
        enqueueing.enqueue_alone(connection, what, {"text": text, **_ABOUT}, address, is_test=connection.is_rehearsal)


def is_confirmation(delivery: Delivery) -> bool:
    """Whether it is such an answer. Nothing that a conversation says can be one."""
    return delivery.conversation_id is None and delivery.content.get("about") == _ABOUT["about"]
