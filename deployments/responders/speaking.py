"""Which words are said to whom: a text, or its other words for a language or a channel, with its values put in.

Of the entries of `also` that fit, the language decides first, since a visitor has to understand; then the channel:
language (the very one, then the same without region) and channel, language alone, channel alone, the text itself. An
entry stands for the whole: buttons and blocks that it leaves out are not said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.responders.base import Block, Say
from deployments.responders.placeholders import Values, filled, filled_address, filled_plain, shown

LONGEST_LABEL, LONGEST_TITLE, LONGEST_SAID = 80, 200, 8000


def chosen(spoken: Mapping[str, Any], locale: str | None, channel: str) -> Mapping[str, Any]:
    """The entry of `also` that fits best, or the text itself."""
    tag = (locale or "").replace("_", "-").lower()
    best, rank = spoken, (0, 0)
    for entry in spoken.get("also", ()):
        language = _fit(entry.get("language", ""), tag)
        on_channel = _matches(entry.get("channel", ""), channel)
        if language is None or on_channel is None:
            continue
        if (language, on_channel) > rank:
            best, rank = entry, (language, on_channel)
    return best


def _fit(language: str, tag: str) -> int | None:
    """3: the very language, 2: without its region, 1: another region of it, 0: for every language, None: no."""
    wanted = language.lower()
    if not wanted:
        return 0
    if wanted == tag:
        return 3
    if wanted == tag.split("-")[0]:
        return 2
    return 1 if wanted.split("-")[0] == tag.split("-")[0] and "-" not in tag else None


def _matches(wanted: str, channel: str) -> int | None:
    if not wanted:
        return 0
    return 1 if wanted == channel else None


def say(spoken: Mapping[str, Any], values: Values, locale: str | None, channel: str) -> Say:
    """The message: text, blocks, buttons."""
    words = chosen(spoken, locale, channel)
    blocks = [_block(block, values) for block in words.get("blocks", ())]
    if words.get("buttons"):
        blocks.append(_block({"type": "buttons", "buttons": words["buttons"]}, values))
    return Say(filled(words["text"], values)[:LONGEST_SAID], tuple(blocks))


def _block(block: Block, values: Values) -> Block:
    if not values:
        return block
    return {key: _part(key, part, values) for key, part in block.items()}


def _part(key: str, part: Any, values: Values) -> Any:
    if isinstance(part, list):
        return [_block(item, values) for item in part]
    if not isinstance(part, str) or "{{" not in part:
        return part
    match key:
        case "label":
            return shown(filled_plain(part, values))[:LONGEST_LABEL] or "…"
        case "title":
            return shown(filled_plain(part, values))[:LONGEST_TITLE] or "…"
        case "url" | "image_url":
            return filled_address(part, values)
        case "text":  # beside a title: Markdown, as the message's own text is
            return filled(part, values)
    return part
