"""What an assistant does when whatever answers for it, a model or somebody's bot, can't.

`on_failure` in the draft and in each version (CONTRACT section 7):

    scripted   "first": the script is asked before anything else, and only what it doesn't know goes on;
               "after": it is asked when the other has failed (the default); "never"
    text       {text, also?}: what is said where nothing else answers; left out: the product's words, in their language
    person     whether a person is asked for then (false)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from convoship.lib.plain_errors import PlainValidator, failures
from deployments.responders.content import ContentRefused
from deployments.responders.placeholders import names_in
from deployments.responders.schema import PLAIN_WORDS

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "On failure",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "scripted": {"enum": ["first", "after", "never"]},
        "text": PLAIN_WORDS,
        "person": {"type": "boolean"},
    },
}
DEFAULTS: Mapping[str, Any] = {"scripted": "after", "person": False}
_validator = PlainValidator(SCHEMA)


def validate(content: object) -> dict[str, Any]:
    """The rules in normal form, without what holds anyway; ContentRefused with every fault found, by path."""
    errors = failures(_validator, content)
    if errors:
        raise ContentRefused(errors)
    rules = {**cast("dict[str, Any]", content)}
    texts = rules.get("text", {})
    for place, words in [("text", texts), *((f"also[{row}]", one) for row, one in enumerate(texts.get("also", ())))]:
        if any(names_in(words.get("text", ""))):
            path = "text.text" if place == "text" else f"text.{place}.text"
            errors[path] = ["Nothing in double braces has a value here. Write the words out."]
    if errors:
        raise ContentRefused(errors)
    return {key: value for key, value in rules.items() if DEFAULTS.get(key) != value}


def whole(content: Mapping[str, Any]) -> dict[str, Any]:
    """The rules with what holds where nothing is said."""
    return {**DEFAULTS, **content}
