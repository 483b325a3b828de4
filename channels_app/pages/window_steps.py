"""What the 24-hour window and templates had to do with a delivery, in plain words."""

from __future__ import annotations

from collections.abc import Iterator

from channels_app import template_faults
from channels_app.models import Connection, Delivery, InboundEvent
from channels_app.pages.steps import Step
from channels_app.providers.events import MessageReceived
from convoship.lib import same_number
from workspaces.models import AuditEvent


def template(connection: Connection, delivery: Delivery) -> Iterator[Step]:
    """That a template carries it, and why it is one."""
    found = delivery.content.get("template")
    if not isinstance(found, dict):
        return
    name, is_own = str(found.get("name", "")), template_faults.CARRIES in delivery.content
    words = "A template may go whether or not the 24-hour window is open."
    if is_own and delivery.message is not None:
        words = f"The window was closed, so the connection's own template carries what was written. {words}"
    at = delivery.first_tried_at or delivery.created_at
    yield Step(at, f"Put in the template {name}"[:120], "accent", "layout-template", words=words, rank=0)


def window(connection: Connection, delivery: Delivery) -> Iterator[Step]:
    """That it waited for the window, since when, and what opened it again."""
    since = delivery.awaits_since
    if since is None:
        return
    yield from _passed(connection, delivery)
    yield Step(
        since,
        "Parked: the 24-hour window is closed",
        "warn",
        "clock",
        words="WhatsApp takes free words only for 24 hours after their last message. This came later, so it waits.",
        remedy="It goes by itself when they write. A template may go at once." if delivery.awaits_window else "",
        rank=2,
    )
    forms = same_number.forms(delivery.address)
    events = InboundEvent.objects.filter(connection=connection, lane__in=forms, kind=MessageReceived.kind)
    wrote = events.filter(received_at__gt=since).order_by("received_at").first()
    if wrote is not None and not delivery.awaits_window:
        words = "Their message opened it for another 24 hours, and what waited goes by itself."
        yield Step(wrote.received_at, "They wrote: the window is open again", "good", "lock-open", words=words)


def _passed(connection: Connection, delivery: Delivery) -> Iterator[Step]:
    """In a rehearsal a day passes when somebody says so."""
    if not connection.is_rehearsal:
        return
    acts = AuditEvent.objects.filter(
        action="rehearsal.day_passed",
        target_type=connection._meta.label_lower,
        target_id=str(connection.id),
        data__address__in=same_number.forms(delivery.address),
        created_at__lte=delivery.awaits_since,
    )
    act = acts.order_by("-created_at").first()
    if act is not None:
        words = "In this rehearsal only: both sides count 24 hours more since they wrote."
        yield Step(act.created_at, f"24 hours were let pass by {act.actor_label}", "", "fast-forward", words=words)
