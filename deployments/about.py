"""What a responder may know of a conversation, in the shape of `TurnInput.about`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


def about(
    visitor: Mapping[str, Any],
    *,
    page_url: str,
    page_title: str,
    assistant: str,
    handoff: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Mapping[str, Any]]:
    """`{"visitor": {...}, "page": {url, title}, "assistant": {name}, "handoff": {summary, outcome}}`.

    `handoff` is of the last one that is over, and empty without one.
    """
    return {
        "visitor": visitor,
        "page": {"url": page_url, "title": page_title},
        "assistant": {"name": assistant},
        "handoff": handoff,
    }
