"""A message as it is spoken: no marks, addresses and numbers as people say them, buttons as what can be said. Pure."""

from __future__ import annotations

import re

from channels_app import replies
from channels_app.voice.words import say
from deployments.channel_forms import said, said_address
from deployments.models import Message

_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
# With a plus, or so many digits in a row that nobody means a quantity: read out one by one.
_NUMBER = re.compile(r"\+\d[\d /()-]{5,20}\d|\b\d{7,20}\b", re.ASCII)


def spoken(message: Message, language: str) -> str:
    """All that the message says."""
    blocks = message.blocks
    message_without = Message(text=message.text, blocks=[block for block in blocks if block["type"] != "buttons"])
    words = replies.as_text(message_without, lambda text: said(text), bullet="", address=said_address)
    words = _without_numbering(words, message_without)
    options = [label for label, _ in replies.options_of(blocks)]
    parts = [words, offered(options, language)]
    return readable("\n".join(filter(None, parts)), language)


def _without_numbering(words: str, message: Message) -> str:
    """Options of cards are offered once, with the others, and not as a numbered list."""
    options = replies.options_of(message.blocks)
    if not options:
        return words
    listed = "\n".join(f"{number}. {label}" for number, (label, _) in enumerate(options, start=1))
    return words.replace(listed, "").strip()


def offered(options: list[str], language: str) -> str:
    """What can be chosen, as a sentence: You can say Yes, or No."""
    if not options:
        return ""
    *first, last = options
    listed = f"{', '.join(first)}, {say('or', language)} {last}" if first else last
    return say("you_can_say", language, options=listed)


def readable(text: str, language: str) -> str:
    """Mail addresses letter by sign, and long numbers digit by digit, as a voice has to be told."""
    text = _MAIL.sub(lambda found: _mail(found[0], language), text)
    return _NUMBER.sub(lambda found: _digits(found[0]), text)


def _mail(address: str, language: str) -> str:
    for sign, key in ((".", "dot"), ("@", "at"), ("-", "dash"), ("_", "underscore")):
        address = address.replace(sign, f" {say(key, language)} ")
    return re.sub(r" {2,}", " ", address).strip()


def _digits(number: str) -> str:
    groups = [group for group in re.split(r"[ /()-]+", number) if group]
    return ", ".join(" ".join(group) for group in groups)
