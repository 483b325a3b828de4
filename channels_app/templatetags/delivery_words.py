"""What a delivery is called and where it went, for people: of what a helpdesk is told, the case and not our keys."""

from __future__ import annotations

from django import template

from channels_app import accounts, case_words, desk_cases
from channels_app.models import Delivery
from channels_app.providers.base import Capability
from channels_app.providers.code_words import in_words
from channels_app.providers.desk_port import CLOSED, MESSAGE, OPENED, RECEIPT, TRANSCRIPT, UNDELIVERED

register = template.Library()

_CALLED = {
    OPENED: "A case is opened",
    TRANSCRIPT: "The transcript",
    MESSAGE: "What the visitor says",
    CLOSED: "The end",
    UNDELIVERED: "That a reply reached nobody",
    RECEIPT: "That a reply has come",
    "message": "What the assistant says",
}


@register.filter
def called(delivery: Delivery) -> str:
    """What is sent. Of a helpdesk in words; a program's events keep their own names."""
    is_plain = _case_of(delivery) or _is_helpdesk(delivery)
    return _CALLED.get(delivery.what, in_words(delivery.what).capitalize()) if is_plain else delivery.what


@register.filter
def place(delivery: Delivery) -> str:
    """Where it goes: the case's number at the desk, or the address."""
    is_new = _is_helpdesk(delivery) and desk_cases.is_key(delivery.address)
    return _case_of(delivery) or ("a case that has no number yet" if is_new else delivery.address)


@register.filter
def told(delivery: Delivery) -> list[case_words.Told]:
    """What it tells a desk: who said what, and when."""
    return case_words.of(delivery)


@register.filter
def told_line(delivery: Delivery) -> str:
    """The same in one line; "" where no words go along."""
    return " ".join(one.line for one in case_words.of(delivery))


def _is_helpdesk(delivery: Delivery) -> bool:
    return accounts.kind_of(delivery.connection).can(Capability.DESK_LOOKS)


def _case_of(delivery: Delivery) -> str:
    """As `queries.deliveries` and `queries.delivery` note it."""
    return str(getattr(delivery, "case_number", "") or "")
