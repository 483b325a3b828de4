"""What a delivery is called and where it went, for people: of what a helpdesk is told, the case and not our keys."""

from __future__ import annotations

from django import template

from channels_app.models import Delivery
from channels_app.providers.desk_port import CLOSED, MESSAGE, OPENED, RECEIPT, TRANSCRIPT, UNDELIVERED

register = template.Library()

_CALLED = {
    OPENED: "A case is opened",
    TRANSCRIPT: "The transcript",
    MESSAGE: "What the visitor says",
    CLOSED: "The end",
    UNDELIVERED: "That a reply reached nobody",
    RECEIPT: "That a reply has come",
}


@register.filter
def called(delivery: Delivery) -> str:
    """What is sent. Of a case that has a number at its desk in words; a program's events keep their own names."""
    return _CALLED.get(delivery.what, delivery.what) if _case_of(delivery) else delivery.what


@register.filter
def place(delivery: Delivery) -> str:
    """Where it goes: the case's number at the desk, or the address."""
    return _case_of(delivery) or delivery.address


def _case_of(delivery: Delivery) -> str:
    """As `queries.deliveries` and `queries.delivery` note it."""
    return str(getattr(delivery, "case_number", "") or "")
