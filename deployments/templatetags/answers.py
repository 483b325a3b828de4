"""What the tab *Answers*, and pages that say how it goes for an assistant, need beside their context."""

from __future__ import annotations

from collections.abc import Mapping

from django import template

from deployments import responder_health
from deployments.models import Assistant, ResponderHealth

register = template.Library()


@register.filter
def digits(number: int) -> str:
    """A number as text, for names that are put together."""
    return str(number)


@register.filter
def under(errors: Mapping[str, list[str]], path: str) -> list[str]:
    """What is wrong at this path, which may be empty."""
    return list(errors.get(path, ()))


@register.simple_tag
def health_of(assistant: Assistant) -> ResponderHealth | None:
    """How it goes where it doesn't go well; None else."""
    health = responder_health.of(assistant)
    return health if health is not None and health.code else None
