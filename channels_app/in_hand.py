"""A delivery in hand: claimed by this process, under a token that its end is written with."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from channels_app.models import Delivery
from channels_app.providers.base import Outgoing, Provider


@dataclass(frozen=True)
class Claimed:
    """A delivery in hand: who sends it, what, and whether an earlier attempt may have arrived."""

    workspace_id: UUID
    delivery_id: UUID
    token: UUID
    attempt: int
    provider: Provider
    outgoing: Outgoing
    is_in_doubt: bool
    # Workers died with it in hand before.
    is_suspect: bool = False
    # By `time.monotonic`: from then on it may be somebody else's.
    good_until: float = float("inf")
    # Seconds after which more of its connection may be due, where the sender has a rate.
    rest: float = 0.0


def outgoing_of(delivery: Delivery, *, others: frozenset[str] = frozenset(), made: str = "") -> Outgoing:
    """A delivery as its provider sends it now; its conversation is loaded. `others`, `made`: as `Outgoing` has it."""
    return Outgoing(
        key=str(delivery.id),
        address=delivery.address,
        content=delivery.content,
        position=delivery.position,
        is_over=delivery.conversation is not None and not delivery.conversation.is_active,
        is_test=delivery.is_test,
        since=delivery.created_at,
        others=others,
        made=made,
    )


def token_of(delivery: Delivery) -> UUID:
    """The fencing token of a claimed delivery."""
    if delivery.claim is None:
        raise AssertionError("a claimed delivery has a token")
    return delivery.claim
