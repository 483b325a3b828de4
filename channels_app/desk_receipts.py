"""What people at a desk wrote and the visitor's channel could not bring: they think that it arrived, and are told."""

from __future__ import annotations

from uuid import UUID

from channels_app import desk_cases
from channels_app.desks import SAID_AT_DESK, ConnectionDesk
from channels_app.models import Delivery, InboundEvent
from channels_app.models.outbound import DeliveryStatus
from channels_app.providers.events import DeskSaid, event_of
from deployments.desks import Case
from deployments.models import Conversation, Message
from deployments.models.conversation import AuthorKind

# Of one whose outcome is unknown nothing is said: it may be there.
_LOST = (DeliveryStatus.FAILED, DeliveryStatus.SUPPRESSED)


def on_settled(delivery: Delivery) -> None:
    """A delivery has ended, and its conversation is locked. Of a message in pieces the first that failed says so."""
    message, conversation = delivery.message, delivery.conversation
    if delivery.status not in _LOST or message is None or conversation is None:
        return
    if Delivery.objects.filter(message=message, status__in=_LOST).exclude(id=delivery.id).exists():
        return
    carried = Message.objects.filter(
        conversation=conversation,
        author_kind=AuthorKind.AGENT,
        client_id__startswith=SAID_AT_DESK,
        seq__gte=delivery.first_seq or message.seq,
        seq__lte=message.seq,
    )
    for client_id in carried.order_by("seq").values_list("client_id", flat=True):
        _tell(conversation, str(client_id).removeprefix(SAID_AT_DESK), delivery.reason)


def _tell(conversation: Conversation, event_id: str, reason: str) -> None:
    try:
        row = InboundEvent.objects.select_related("connection").filter(id=UUID(event_id)).first()
    except ValueError:
        # A program may call its own messages anything.
        return
    event = event_of(row.kind, row.content) if row is not None else None
    if row is None or not isinstance(event, DeskSaid):
        return
    offered = desk_cases.offered(desk_cases.key_of(row.connection_id, event.address))
    if offered is not None:
        case = Case(offered[0], conversation, offered[1])
        words = f"{conversation.get_channel_display()}: {reason}"
        ConnectionDesk(row.connection).undelivered(case, event, words)
