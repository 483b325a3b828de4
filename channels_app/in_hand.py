"""A delivery in hand: claimed by this process, under a token that its end is written with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from channels_app.models import Delivery
from channels_app.providers.base import Outgoing, Provider, ProviderError
from channels_app.providers.desk_port import KnownCase
from convoship.lib.problems import Problem
from convoship.lib.threads import in_thread
from deployments import files


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


def outgoing_of(
    delivery: Delivery, *, others: frozenset[str] = frozenset(), made: str = "", case: KnownCase | None = None
) -> Outgoing:
    """A delivery as its provider sends it now; its conversation is loaded.

    `others`, `made`, `case`: as `Outgoing` has them.
    """
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
        case=case,
        read_file=partial(_read_file, delivery.workspace_id) if case is not None else None,
    )


def token_of(delivery: Delivery) -> UUID:
    """The fencing token of a claimed delivery."""
    if delivery.claim is None:
        raise AssertionError("a claimed delivery has a token")
    return delivery.claim


async def _read_file(workspace_id: UUID, file_id: str) -> bytes:
    """The bytes of a stored file; `ProviderError` where there is no such file, or none can be read now."""

    def read() -> bytes:
        _, content = files.opened(workspace_id, UUID(file_id))
        with content:
            return content.read()

    try:
        return await in_thread(read)
    except Problem as problem:
        gone = problem.status == 404
        words = "A file of the message is not there any more." if gone else f"A file can't be read: {problem.detail}"
        raise ProviderError(words, problem.hint or "", permanent=gone, blame="message") from None
