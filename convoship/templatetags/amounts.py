"""Filters of numbers: `whole`, `percent` and `money`."""

from __future__ import annotations

from django import template

from convoship.lib import amounts

register = template.Library()
register.filter("whole", amounts.whole)
register.filter("percent", amounts.percent)
register.filter("money", amounts.money)
