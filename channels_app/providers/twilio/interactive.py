"""Buttons and lists as WhatsApp has them (twilio.com/docs/content/twilio-quick-reply, twilio-list-picker).

Twilio sends them as contents that have to be made once; within the window they need no approval. What doesn't fit goes
out as numbered words, and both are understood when they come back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

from channels_app import replies
from deployments.models import Message

MOST_BUTTONS, LONGEST_BUTTON = 3, 20
MOST_ITEMS, LONGEST_ITEM = 10, 24
LONGEST_BODY, LONGEST_ID = 1024, 200
CHOOSE = "Choose"
# What the names of our own contents begin with at Twilio: they are no templates.
OURS = "convoship_"


def types_of(message: Message, words: Callable[[str], str]) -> dict[str, Any] | None:
    """The content of a message with options, as the Content API names its types; None where words have to do.

    Only a message whose blocks are options alone has a shape of WhatsApp's: cards, lists of texts and links have not.
    """
    if not message.blocks or any(block["type"] != "buttons" for block in message.blocks):
        return None
    options = replies.options_of(message.blocks)
    body = words(message.text)
    if len(options) != sum(len(block["buttons"]) for block in message.blocks) or not _fits(body, options):
        return None
    if len(options) <= MOST_BUTTONS and all(len(label) <= LONGEST_BUTTON for label, _ in options):
        actions = [{"type": "QUICK_REPLY", "title": label, "id": payload} for label, payload in options]
        return {"twilio/quick-reply": {"body": body, "actions": actions}}
    items = [{"item": label, "id": payload} for label, payload in options]
    return {"twilio/list-picker": {"body": body, "button": CHOOSE, "items": items}}


def _fits(body: str, options: Sequence[tuple[str, str]]) -> bool:
    labels, ids = [label for label, _ in options], [payload for _, payload in options]
    # Variables have this form in a content, and would be taken for some.
    is_plain = not any("{{" in text for text in (body, *labels, *ids))
    are_distinct = len(set(labels)) == len(labels) and len(set(ids)) == len(ids)
    return (
        0 < len(options) <= MOST_ITEMS
        and 0 < len(body) <= LONGEST_BODY
        and all(0 < len(label) <= LONGEST_ITEM for label in labels)
        and all(0 < len(payload) <= LONGEST_ID for payload in ids)
        and is_plain
        and are_distinct
    )


def digest_of(types: object) -> str:
    """What is the same again has the same."""
    return hashlib.sha256(json.dumps(types, sort_keys=True).encode()).hexdigest()
