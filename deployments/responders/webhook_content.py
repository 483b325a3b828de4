"""What an assistant is made of whose answers a bot of the customer's own gives: its shape, and what is wrong with it.

`webhook` in the draft and in each version (CONTRACT section 7):

    url              where each question is posted; one of `stand_in_bot.ADDRESSES` for a rehearsal
    timeout_seconds  how long the bot may take until its answer begins, and until one in JSON is whole (1 to 30; 15)
    waits_seconds    how long its call is waited for where it answers 202 (5 to 50; 45), from the question on
    history          how many earlier messages it is told (0 to 50; 20)
    headers          what each question carries beside its signature: [{name, value | secret}]

The secret that signs is no part of it: it stays the same from version to version (`webhook_secrets`).

`validate` gives the normal form, without what holds anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from convoship.lib.outbound import Refused, checked
from convoship.lib.plain_errors import PlainValidator, failures
from deployments.responders import own_headers
from deployments.responders.content import ContentRefused
from deployments.responders.stand_in_bot import faults as faults_of_stand_in

LONGEST_URL = 500
TIMEOUT_SECONDS, LONGEST_TIMEOUT = 15, 30
WAITS_SECONDS, SHORTEST_WAIT, LONGEST_WAIT = 45, 5, 50
HISTORY, MOST_HISTORY = 20, 50

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Webhook",
    "type": "object",
    "required": ["url"],
    "additionalProperties": False,
    "properties": {
        "url": {
            "type": "string",
            "maxLength": LONGEST_URL,
            "pattern": r"^\s*https?://[^\s]+\s*$",
            "x-words": {"pattern": "Use an address such as https://bot.example.com/turns."},
        },
        "timeout_seconds": {"type": "integer", "minimum": 1, "maximum": LONGEST_TIMEOUT},
        "waits_seconds": {"type": "integer", "minimum": SHORTEST_WAIT, "maximum": LONGEST_WAIT},
        "history": {"type": "integer", "minimum": 0, "maximum": MOST_HISTORY},
        "headers": own_headers.SCHEMA,
    },
}
DEFAULTS: Mapping[str, Any] = {
    "timeout_seconds": TIMEOUT_SECONDS,
    "waits_seconds": WAITS_SECONDS,
    "history": HISTORY,
    "headers": [],
}
_validator = PlainValidator(SCHEMA)


def validate(content: object) -> dict[str, Any]:
    """The content in normal form, without what holds anyway; ContentRefused with every fault found, by path."""
    errors = failures(_validator, content)
    if isinstance(content, Mapping) and not any(path.startswith("headers") for path in errors):
        errors |= own_headers.faults(content.get("headers", ()))
    if "url" not in errors and isinstance(content, Mapping) and "url" in content:
        errors |= _faults_of_address(content["url"])
    if errors:
        raise ContentRefused(errors)
    made = {**cast("dict[str, Any]", content)}
    made["url"] = made["url"].strip()
    return {key: value for key, value in made.items() if DEFAULTS.get(key) != value}


def secrets_of(content: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Each secret that it names: (path, key, the address that it is sent to)."""
    for path, key in own_headers.secrets_of(content.get("headers", ())):
        yield path, key, content["url"]


def whole(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content with what holds where nothing is said."""
    return {**DEFAULTS, **content}


def _faults_of_address(url: str) -> dict[str, list[str]]:
    try:
        checked(url.strip())
    except Refused as refused:
        return {"url": [refused.words]}
    return faults_of_stand_in(url)
