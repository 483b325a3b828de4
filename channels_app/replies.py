"""Buttons where there are none: options are written as numbered lines, and a number that comes back is a tap."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from convoship.lib import rows
from deployments.channel_forms import in_sentences, said, said_address, written
from deployments.models import Conversation, Message

# The house offers options as the assistant does: to skip a question, to go back. What a person asks is answered in
# words, whatever was offered before.
_OFFERED_LAST = """
    SELECT m.blocks::text FROM deployments_message AS m
     WHERE m.conversation_id = %s AND m.author_kind IN ('assistant', 'system') AND m.blocks <> '[]'::jsonb
       AND NOT EXISTS (SELECT FROM deployments_message AS later WHERE later.conversation_id = m.conversation_id
                          AND later.seq > m.seq AND later.author_kind IN ('visitor', 'agent'))
     ORDER BY m.seq DESC LIMIT 1"""


def as_text(
    message: Message,
    words: Callable[[str], str] = written,
    *,
    bullet: str = "- ",
    between: str = " ",
    address: Callable[[str], str] = str,
) -> str:
    """The whole message in words: its text, what its cards and lists say, and its options numbered.

    `words` gives Markdown the channel's own form (`channel_forms`), `address` a link's address; before each line of a
    list stands `bullet`, and between the parts of a line `between`.
    """

    def line_of(item: Mapping[str, Any]) -> str:
        led_to = address(item["url"]) if item.get("url") else ""
        return between.join(filter(None, (f"{bullet}{item['title']}", words(item.get("text") or ""), led_to)))

    def block_text(block: Mapping[str, Any]) -> str:
        if block["type"] == "carousel":
            return "\n\n".join(_card_text(card, words) for card in block["cards"])
        if block["type"] == "list":
            return "\n".join(map(line_of, block["items"]))
        return _card_text(block, words)

    parts = [words(message.text)]
    parts += [block_text(block) for block in message.blocks if block["type"] != "buttons"]
    options = [f"{number}. {label}" for number, (label, _) in enumerate(options_of(message.blocks), start=1)]
    links = [f"{one['label']}: {address(one['url'])}" for one in _buttons(message.blocks) if one.get("url")]
    if options:
        parts.append("\n".join(options))
    if links:
        parts.append("\n".join(links))
    return "\n\n".join(part for part in parts if part)


def as_speech(messages: Iterable[Message]) -> str:
    """Whole messages as a voice says them: each title, text and option is a sentence."""
    words = (as_text(one, said, bullet="", between="\n", address=said_address) for one in messages)
    return in_sentences("\n".join(words))


def options_of(blocks: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The buttons that answer something: (label, payload), in the order of their numbers."""
    return [(button["label"], button["payload"]) for button in _buttons(blocks) if "payload" in button]


def _buttons(blocks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for block in blocks:
        cards = block["cards"] if block["type"] == "carousel" else [block]
        for card in cards:
            found += card.get("buttons", [])
    return found


def _card_text(card: Mapping[str, Any], words: Callable[[str], str]) -> str:
    return "\n".join(filter(None, (card.get("title"), words(card.get("text") or ""))))


def payload_of(conversation: Conversation, text: str) -> str:
    """The payload of the option that this text chooses among those offered last: by its number, or by its words."""
    chosen = _bare(text)
    if not chosen or len(chosen) > 80:
        return ""
    found = rows.one(_OFFERED_LAST, [conversation.id])
    if found is None:
        return ""
    for number, (label, payload) in enumerate(options_of(json.loads(found[0])), start=1):
        if chosen in {str(number), _bare(label)}:
            return payload
    return ""


def _bare(words: str) -> str:
    """Words as they are compared: what is chosen by voice comes without the option's question mark."""
    return words.strip().rstrip(".)!?\u2026").strip().casefold()
