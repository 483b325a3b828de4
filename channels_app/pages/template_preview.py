"""A template as its reader will see it: words, with what is put into them marked, and buttons and media below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from channels_app import template_choice
from channels_app.models import MessageTemplate
from channels_app.template_choice import Piece

_MOST = 10


@dataclass(frozen=True)
class Preview:
    """What is shown. `more`: what beside words it holds that is not drawn, in words."""

    pieces: Sequence[Piece]
    buttons: Sequence[str] = ()
    more: Sequence[str] = ()


def of(template: MessageTemplate, values: Mapping[str, str] | None = None) -> Preview:
    """With these values, or its samples."""
    extras = template.extras
    shown = values if values is not None else {str(name): str(value) for name, value in template.variables.items()}
    listed = [*_rows(extras.get("actions")), *_rows(extras.get("items"))]
    buttons = [words for row in listed if (words := _words_of(row))][:_MOST]
    return Preview(template_choice.pieces(template.body, shown), buttons, list(_more(extras)))


def _rows(value: object) -> Iterable[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def _words_of(row: Mapping[str, Any]) -> str:
    title = str(row.get("title") or row.get("item") or "")[:60]
    url = str(row.get("url") or row.get("phone") or "")[:100]
    return f"{title} ({url})" if url else title


def _more(extras: Mapping[str, Any]) -> Iterator[str]:
    media = extras.get("media")
    for address in media if isinstance(media, list) else [media] if media else []:
        yield f"A file: {str(address)[:200]}"
    for name, words in (("header_text", "Above it"), ("footer", "Below it"), ("subtitle", "Below it")):
        if extras.get(name):
            yield f"{words}: {str(extras[name])[:200]}"
    if extras.get("cards"):
        yield "Cards to leaf through, which are not shown here."
