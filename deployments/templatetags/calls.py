"""How long the stages of a call took, for templates."""

from __future__ import annotations

from django import template

from deployments import calls

register = template.Library()


@register.filter
def milliseconds(value: float | None) -> str:
    """`620 ms`, `1.2 s`; in words where nothing was measured."""
    return "not measured" if value is None else calls.short(value)


@register.filter
def lasting(seconds: float | None) -> str:
    """`8 s`, `1 min 20 s`; empty where it is not known."""
    return "" if seconds is None else calls.lasting(seconds)
