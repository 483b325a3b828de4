"""What the tab *Answers*, and pages that say how it goes for an assistant, need beside their context."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from django import template

from deployments import answering_outline, responder_health
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


@register.simple_tag
def answered_by(assistant: Assistant) -> str:
    """Who answers visitors, and where; of an assistant that nobody meets yet, who would."""
    published = assistant.published
    return answering_outline.in_short(published.content if published is not None else assistant.content_of_draft())


@register.simple_tag
def answered_last(assistant: Assistant) -> dt.datetime | None:
    """When what answers did so last, where it goes well since; None else."""
    health = responder_health.of(assistant)
    return None if health is None or health.code else health.answered_at
