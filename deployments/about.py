"""What a responder may know of a conversation, in the shape of `TurnInput.about`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def about(
    visitor: Mapping[str, Any], *, page_url: str, page_title: str, assistant: str
) -> dict[str, Mapping[str, Any]]:
    """`{"visitor": {...}, "page": {url, title}, "assistant": {name}}`."""
    return {"visitor": visitor, "page": {"url": page_url, "title": page_title}, "assistant": {"name": assistant}}
