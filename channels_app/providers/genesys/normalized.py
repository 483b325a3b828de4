"""Genesys' normalized messages in words: what an agent wrote, sent along, or let a visitor choose from.

developer.genesys.cloud/commdigital/digital/openmessaging/outboundMessages (`text`, `content[]` with `contentType`), and
the SDKs' `ConversationMessageContent`. Visitors get it as plain text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from channels_app.providers import transcripts
from channels_app.providers.events import DeskSaid, NotUsed, ProviderEvent

_BODIES = ("text", "title", "description", "body", "url")


def key_of(message_id: str) -> str:
    """The key of what an agent said, by whichever way it is learnt."""
    return f"message:{message_id}"


def id_of(key: str) -> str:
    """The message's id of such a key."""
    return key.removeprefix("message:")


def event_of(message_id: str, address: str, message: Mapping[str, Any], *, name: str = "") -> ProviderEvent:
    """What an agent's message is: words, or the return of the conversation."""
    key, words = key_of(message_id), words_of(message)
    back = transcripts.way_back(words)
    if back is not None:
        return DeskSaid(key=key, address=address, says="returned", name=name, text=back)
    if not words:
        return NotUsed(key=key, address=address, what="a message that can't be shown as words")
    return DeskSaid(key=key, address=address, says="message", name=name, text=words)


def words_of(message: Mapping[str, Any]) -> str:
    """The text, then each piece of content, line by line."""
    text = str(message.get("text") or "").strip()
    content = message.get("content")
    lines = [line for one in (content if isinstance(content, list) else []) for line in _lines(one)]
    # Some structured messages say their text again among their content.
    return "\n".join(filter(None, (text, *(line for line in lines if line != text))))


def _lines(item: object) -> Iterable[str]:
    if not isinstance(item, Mapping):
        return
    attachment = item.get("attachment")
    if isinstance(attachment, Mapping):
        yield _file(attachment)
    for name in (
        "text",
        "card",
        "quickReply",
        "quickReplyV2",
        "buttonResponse",
        "template",
        "listPicker",
        "datePicker",
    ):
        part = item.get(name)
        if isinstance(part, Mapping):
            yield from _part(part, is_choice=name == "quickReply")
    carousel = item.get("carousel")
    for card in (carousel.get("cards") or ()) if isinstance(carousel, Mapping) else ():
        if isinstance(card, Mapping):
            yield from _part(card, is_choice=False)


def _part(part: Mapping[str, Any], *, is_choice: bool) -> Iterable[str]:
    bodies = [str(part[name]).strip() for name in _BODIES if isinstance(part.get(name), str) and part[name].strip()]
    body = part.get("body")
    if isinstance(body, Mapping) and isinstance(body.get("text"), str):
        bodies.append(body["text"].strip())
    yield from [f"• {bodies[0]}"] if is_choice and bodies else bodies
    for name in ("actions", "replies"):
        for action in part.get(name) or () if isinstance(part.get(name), list) else ():
            if isinstance(action, Mapping) and action.get("text"):
                link = str(action.get("url") or "")
                yield f"• {action['text']}{f': {link}' if link.startswith('https://') else ''}"


def _file(attachment: Mapping[str, Any]) -> str:
    name = str(attachment.get("filename") or attachment.get("name") or attachment.get("text") or "File").strip()[:200]
    url = str(attachment.get("url") or "")
    # Other addresses than https are nobody's to open.
    return f"{name}: {url}" if url.startswith("https://") else f"[file: {name}]"
