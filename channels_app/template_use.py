"""Templates in conversations: which may be sent, with what in them, and in whose place. Inside `tenant()`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.urls import reverse

from channels_app import accounts, consents, dismissing, settling, template_faults, windows
from channels_app.message_templates import as_template
from channels_app.models import Connection, ConversationLink, Delivery, MessageTemplate
from channels_app.models.outbound import DeliveryStatus
from channels_app.models.template import Approval
from channels_app.providers.base import BadVariables
from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid
from deployments.carriers import Filled
from deployments.models import Conversation, Message
from workspaces import audit

DROPPED = "A template was sent instead."


def usable(connection: Connection) -> QuerySet[MessageTemplate]:
    """Those that WhatsApp lets through, by name."""
    rows = MessageTemplate.objects.filter(connection=connection, approval=Approval.APPROVED, is_gone=False)
    return rows.order_by("name", "language", "sid")


def stands(connection: Connection) -> list[tuple[str, int]]:
    """How the templates that are there stand, and how many each: `("paused", 3)`."""
    rows = MessageTemplate.objects.filter(connection=connection, is_gone=False).order_by("approval")
    found = rows.values_list("approval").annotate(many=Count("id"))
    return [(str(Approval(approval).label).lower(), many) for approval, many in found]


def link_of(conversation: Conversation) -> ConversationLink | None:
    """Where a conversation takes place, if that has templates."""
    link = ConversationLink.objects.select_related("connection").filter(conversation=conversation).first()
    return link if link is not None and windows.has_one(link.connection) else None


def fill(link: ConversationLink, sid: str, values: Mapping[str, str]) -> Filled:
    """A template of the connection's with these values; 422 with what is wrong, 409 where they have opted out."""
    connection = link.connection
    found = consents.withdrawal(connection, link.address)
    if found is not None:
        words, remedy = consents.words_of(found, connection)
        raise Problem("conflict", words, hint=remedy)
    template = MessageTemplate.objects.filter(connection=connection, sid=sid).first()
    if template is None:
        raise invalid({"template": ["The connection has no such template. Its templates are listed on its page."]})
    if not template.is_usable:
        stands = "no longer at Twilio" if template.is_gone else template.get_approval_display().lower()
        raise invalid({"template": [f"WhatsApp takes approved templates only, and {template.name} is {stands}."]})
    kind = accounts.kind_of(connection)
    try:
        planned = kind.fill(as_template(template), values)
    except BadVariables as bad:
        known = set(kind.variables_of(as_template(template)))
        # A name that is none is not repeated: it may be anything.
        raise invalid(
            {f"variables.{name}" if name in known else "variables": list(said) for name, said in bad.errors.items()}
        ) from None
    content = planned.content
    # Of one without words its name stands in the transcript.
    return Filled(str(content["text"]) or f"[{template.name}]", content["template"], _blocks(template))


def _blocks(template: MessageTemplate) -> list[dict[str, object]]:
    """Its quick replies, as a transcript shows buttons."""
    buttons = [
        {"label": str(action.get("title", "")), "payload": str(action.get("id") or action.get("title", ""))}
        for action in template.extras.get("actions", [])
        if isinstance(action, Mapping) and action.get("type", "QUICK_REPLY") == "QUICK_REPLY" and action.get("title")
    ]
    return [{"type": "buttons", "buttons": buttons}] if buttons else []


# --- What waits for the window ---------------------------------------------------------------------------------------


def parked(conversation: Conversation, seq: int) -> Message | None:
    """The message of this number, if something of it waits for the window."""
    rows = Message.objects.filter(conversation=conversation, seq=seq)
    return rows.filter(deliveries__awaits_window=True).distinct().first()


def refused(conversation: Conversation, seq: int) -> Message | None:
    """The message of this number, if WhatsApp takes the template no more that it went in."""
    rows = Delivery.objects.filter(conversation=conversation, message__seq=seq, status=DeliveryStatus.FAILED)
    failed = rows.filter(dismissed_at=None).select_related("connection", "message")
    return next((one.message for one in failed if template_faults.is_of_template(one, one.code)), None)


def text_of(message: Message) -> str:
    """What a message that went in a template says: the text in its variables, if one is in them; or all of it."""
    values = [str(value) for value in (message.template or {}).get("variables", {}).values()]
    longest = max(values, key=len, default="")
    return longest if len(longest.split()) > 2 else message.text


def put_aside(actor: Actor, conversation: Conversation, seq: int) -> None:
    """Another template was sent in the place of one that WhatsApp refused: that is no dead letter any more."""
    rows = Delivery.objects.filter(conversation=conversation, message__seq=seq, status=DeliveryStatus.FAILED)
    for delivery in rows.filter(dismissed_at=None).select_related("connection"):
        if template_faults.is_of_template(delivery, delivery.code):
            dismissing.dismiss(actor, delivery.id)


def path_for(conversation_id: UUID, seq: int | None = None) -> str:
    """The page on which a template is chosen, in the place of a message if there is one."""
    path = reverse("conversation_template", args=[conversation_id])
    return f"{path}?message={seq}" if seq is not None else path


def needs_one(delivery: Delivery) -> bool:
    """Whether a template is what a delivery needs: it waits for the window, or came back as its own was refused."""
    has_failed = delivery.status == DeliveryStatus.FAILED and delivery.dismissed_at is None
    return delivery.awaits_window or (has_failed and template_faults.is_of_template(delivery, delivery.code))


def repairs_of(messages: Sequence[Message]) -> dict[UUID, str]:
    """The paths to there for those of these messages that wait for a window, or failed because of their template."""
    has_failed = Q(status=DeliveryStatus.FAILED, dismissed_at=None)
    rows = Delivery.objects.filter(Q(awaits_window=True) | has_failed, message__in=[one.id for one in messages])
    found = {one.message_id for one in rows.select_related("connection") if needs_one(one)}
    return {one.id: path_for(one.conversation_id, one.seq) for one in messages if one.id in found}


def drop(actor: Actor, conversation: Conversation, seq: int) -> None:
    """End what is parked of a message of a locked conversation; 409 where nothing is, any more."""
    rows = Delivery.objects.select_for_update(of=("self",)).select_related("connection", "message")
    found = list(
        rows.filter(
            conversation=conversation,
            message__seq=seq,
            awaits_window=True,
            status=DeliveryStatus.QUEUED,
            claim=None,
        ).order_by("position")
    )
    if not found:
        raise Problem(
            "conflict",
            "The message is no longer parked: they wrote, or somebody was quicker.",
            hint="Look at the conversation, and send the template if it is still needed.",
        )
    for delivery in found:
        settling.end(delivery, DeliveryStatus.SUPPRESSED, reason=DROPPED)
        audit.record(actor, "delivery.dropped", delivery)
