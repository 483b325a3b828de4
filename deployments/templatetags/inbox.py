"""What the inbox shows of what was found, and of how it is kept in order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django import template
from django.template import Context
from django.utils.html import escape
from django.utils.safestring import SafeString

from deployments import snoozing, tagging
from deployments.handoff_outline import FORM_NAMES, duration
from deployments.models import Conversation, Tag
from deployments.searching import MARK_CLOSE, MARK_OPEN

register = template.Library()


@register.filter
def marked(sentence: str) -> SafeString:
    """A sentence that a search found: all of it escaped, its words in `<mark>`."""
    return SafeString(str(escape(sentence)).replace(MARK_OPEN, "<mark>").replace(MARK_CLOSE, "</mark>"))


@register.filter
def lasting(length: dt.timedelta) -> str:
    """`1 hour 30 minutes`."""
    return duration(int(length.total_seconds()))


@register.filter
def asked(fields: Sequence[str]) -> str:
    """What a visitor is asked for, in words: `name, e-mail address`."""
    return ", ".join(FORM_NAMES.get(field, field).lower() for field in fields)


@register.inclusion_tag("deployments/conversation_tags.html", takes_context=True)
def conversation_order(context: Context, conversation: Conversation) -> dict[str, Any]:
    """A conversation's tags, and whether it is put away, with the forms to change that."""
    request = context["request"]
    tags = list(tagging.of(conversation))
    has = {tag.id for tag in tags}
    return {
        "request": request,
        "csrf_token": context.get("csrf_token"),
        "conversation": conversation,
        "tags": tags,
        "others": [tag for tag in Tag.objects.order_by("name", "id") if tag.id not in has],
        "presets": snoozing.PRESETS.items(),
        "may_write": request.actor.may("conversations.write"),
        "is_snoozed": conversation.snoozed_until is not None,
        **{name: context.get(name, "") for name in ("tags_error", "tags_typed", "snooze_error", "snooze_typed")},
    }
