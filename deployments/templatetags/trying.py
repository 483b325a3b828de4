"""The panel of *Try it*, for any page that includes it."""

from __future__ import annotations

from django import template
from django.template import Context

from deployments.pages import trying
from deployments.pages.try_panel import Panel

register = template.Library()


@register.simple_tag(takes_context=True)
def try_panel(context: Context) -> Panel:
    """The view's `panel`, or a new one for its `assistant`."""
    held: Panel | None = context.get("panel")
    return held or trying.new_panel(context["assistant"])
