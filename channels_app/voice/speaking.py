"""A message as it is spoken: no marks, addresses and numbers as people say them, buttons as what can be said. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from channels_app import replies
from channels_app.voice.words import say
from deployments import handoff_form
from deployments.channel_forms import in_sentences
from deployments.models import Message

_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
# With a plus, or so many digits in a row that nobody means a quantity: read out one by one.
_NUMBER = re.compile(r"\+\d[\d /()-]{5,20}\d|\b\d{7,20}\b", re.ASCII)


def spoken(message: Message, language: str) -> str:
    """All that the message says."""
    blocks = message.blocks
    # Who waits for a person is led back by a key, and told so where they wait.
    options = [label for label, payload in replies.options_of(blocks) if payload != handoff_form.BACK]
    said = Message(
        text=message.text, blocks=[_without_options(block) for block in blocks if block["type"] != "buttons"]
    )
    parts = [replies.as_speech([said]), offered(options, language)]
    return readable(in_sentences("\n".join(filter(None, parts))), language)


def _without_options(block: Mapping[str, Any]) -> dict[str, Any]:
    """Options are offered once, all of them in one sentence."""
    kept = dict(block)
    if "cards" in block:
        kept["cards"] = [_without_options(card) for card in block["cards"]]
    if "buttons" in block:
        kept["buttons"] = [button for button in block["buttons"] if "payload" not in button]
    return kept


def offered(options: list[str], language: str) -> str:
    """What can be chosen, as a sentence, without the marks that end an option: You can say: Yes, or No."""
    if not options:
        return ""
    *first, last = [option.rstrip(" .!?\u2026\u3002\uff01\uff1f") or option for option in options]
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
