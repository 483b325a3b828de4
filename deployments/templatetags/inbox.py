"""What the inbox's list shows of what was found."""

from __future__ import annotations

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString

from deployments.searching import MARK_CLOSE, MARK_OPEN

register = template.Library()


@register.filter
def marked(sentence: str) -> SafeString:
    """A sentence that a search found: all of it escaped, its words in `<mark>`."""
    return SafeString(str(escape(sentence)).replace(MARK_OPEN, "<mark>").replace(MARK_CLOSE, "</mark>"))
