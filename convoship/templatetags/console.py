"""Tags of the console's templates: an icon, a form field, a time, a person's initials."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from django import template
from django.forms import BoundField, CheckboxInput
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from convoship.pages import icons

register = template.Library()

# (What joins two letters is part of a word, such as too_many.)
_MARKS = re.compile(r"[*`~#]|(?<![^\W_])_+|_+(?![^\W_])|^\s*[-+>] ", re.MULTILINE)


@register.simple_tag
def icon(name: str, size: int = 18) -> SafeString:
    """A Lucide icon that stands beside words, and so is hidden from screen readers."""
    return SafeString(icons.drawn(str(name), size))


@register.inclusion_tag("components/field.html")
def field(
    bound: BoundField,
    label: str = "",
    hint: str | None = None,
    placeholder: str = "",
    kind: str = "",
    optional: bool = False,
) -> dict[str, Any]:
    """A labelled form field with its hint and errors, tied together for screen readers."""
    attrs: dict[str, Any] = dict(bound.field.widget.attrs)
    attrs.pop("placeholder", None)
    if placeholder:
        attrs["placeholder"] = placeholder
    if kind:
        attrs["class"] = kind
    hint = str(bound.help_text or "") if hint is None else hint
    described = [f"{bound.auto_id}_hint"] if hint else []
    if bound.errors:
        described.append(f"{bound.auto_id}_error")
    attrs["aria-describedby"] = " ".join(described) or False
    widget = bound.field.widget
    kept, widget.attrs = widget.attrs, {}
    try:
        rendered = bound.as_widget(attrs=attrs)
    finally:
        widget.attrs = kept
    return {
        "id": bound.auto_id,
        "label": label or bound.label,
        "hint": hint,
        "errors": bound.errors,
        "widget": rendered,
        "optional": optional,
        "is_check": isinstance(bound.field.widget, CheckboxInput),
    }


@register.filter
def without_marks(text: str) -> str:
    """A text's words in one line, without Markdown's signs: for previews."""
    return " ".join(_MARKS.sub("", text).split())


@register.simple_tag
def when(moment: dt.datetime | None, never: str = "never") -> SafeString | str:
    """A time as people say it, with the whole of it in the title."""
    if moment is None:
        return never
    whole = moment.astimezone(dt.UTC)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', whole.isoformat(), f"{whole:%-d %B %Y, %H:%M} UTC", spoken(moment)
    )


@register.simple_tag
def how_long(since: dt.datetime) -> SafeString:
    """How long something has lasted, kept up to date by `waits.js`."""
    seconds = max(0.0, (timezone.now() - since).total_seconds())
    whole = since.astimezone(dt.UTC)
    return format_html(
        '<time datetime="{}" title="{}" data-how-long>{}</time>',
        whole.isoformat(),
        f"since {whole:%-d %B %Y, %H:%M} UTC",
        lasted(seconds),
    )


def lasted(seconds: float) -> str:
    """`less than a minute`, `5 min`, `2 h 10 min`, `3 days`."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
    days = minutes // (24 * 60)
    return f"{days} day{'s' if days > 1 else ''}"


def spoken(moment: dt.datetime) -> str:
    """`just now`, `5 min ago`, `in 3 h`, `yesterday`, `12 Nov`, `12 Nov 2025`."""
    now = timezone.now()
    seconds = (now - moment).total_seconds()
    ahead, seconds = seconds < 0, abs(seconds)
    if seconds < 45:
        return "in a moment" if ahead else "just now"
    for limit, size, unit in ((3600, 60, "min"), (86400, 3600, "h")):
        if seconds < limit:
            count = max(1, round(seconds / size))
            return f"in {count} {unit}" if ahead else f"{count} {unit} ago"
    days = abs((now.date() - moment.date()).days)
    if days == 1:
        return "tomorrow" if ahead else "yesterday"
    if days < 7:
        return f"in {days} days" if ahead else f"{days} days ago"
    return f"{moment:%-d %b}" if moment.year == now.year else f"{moment:%-d %b %Y}"
