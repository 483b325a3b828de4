"""The form of a bot of the customer's own on the tab *Answers*: as content is shown in it, as it was typed, what was
meant. Checking is the work of `responders.webhook_content`, whose paths lead back to the fields.

What signs is no part of it: it stands beside the versions (`webhook_secrets`), and has a page of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from convoship.lib.actors import Actor
from deployments.pages.answers_typed import number, text_of
from deployments.pages.header_fields import HeaderRows
from deployments.responders.stand_in_bot import ADDRESSES, BOTS, name_of
from deployments.responders.webhook_content import (
    DEFAULTS,
    LONGEST_TIMEOUT,
    LONGEST_URL,
    LONGEST_WAIT,
    MOST_HISTORY,
    SHORTEST_WAIT,
    whole,
)

NAME = "webhook"
# The fields that hold a number, with what can be said better than by the rule alone.
_NUMBERS = {
    "timeout_seconds": f"A whole number from 1 to {LONGEST_TIMEOUT}.",
    "waits_seconds": f"A whole number from {SHORTEST_WAIT} to {LONGEST_WAIT}.",
    "history": f"A whole number from 0 to {MOST_HISTORY}.",
}


@dataclass
class WebhookFields:
    """Every field of the form, as text."""

    url: str = ""
    numbers: dict[str, str] = field(default_factory=dict)
    headers: HeaderRows = field(default_factory=HeaderRows)
    # The rehearsal's bot that is chosen instead of one's own; "" for none.
    stand_in: str = ""
    errors: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of_content(cls, content: Mapping[str, Any]) -> WebhookFields:
        """The form as this part is; {} for a new one."""
        all_of_it = whole(content)
        headers = HeaderRows.of_content(all_of_it["headers"]).named(NAME)
        url, numbers = all_of_it.get("url", ""), {name: str(all_of_it[name]) for name in _NUMBERS}
        return cls(url, numbers, headers, name_of(url) or "")

    @classmethod
    def of_post(cls, data: QueryDict) -> WebhookFields:
        """The form as it was sent; a number that is missing is what holds anyway.

        A stand-in that was chosen brings its address along, and takes it away again.
        """
        numbers = {
            name: text_of(data, f"{NAME}-{name}") if f"{NAME}-{name}" in data else str(DEFAULTS[name])
            for name in _NUMBERS
        }
        url, chosen = text_of(data, f"{NAME}-url"), text_of(data, f"{NAME}-stand_in")
        if chosen != text_of(data, f"{NAME}-stand_in_before"):
            url = ADDRESSES.get(chosen, "" if name_of(url) is not None else url)
        return cls(url, numbers, HeaderRows.of_post(data, NAME), name_of(url) or "")

    # --- What was meant -----------------------------------------------------------------------------------------------

    @property
    def is_blank(self) -> bool:
        """Whether nothing was said in it beside what a new form holds."""
        usual = all(value in {"", str(DEFAULTS[name])} for name, value in self.numbers.items())
        return usual and not self.url and all(header.is_empty for header in self.headers.rows)

    def drop_empty(self) -> None:
        """Take out headers in which nothing was typed."""
        self.headers.drop_empty()
        self.headers.named(NAME)

    def write_secrets(self, actor: Actor) -> bool:
        """Write the secrets of headers that were typed right here."""
        return self.headers.write_secrets(actor)

    def content(self) -> dict[str, Any]:
        """The part that was meant, unchecked. A number that was emptied is what holds anyway."""
        content: dict[str, Any] = {name: number(value) for name, value in self.numbers.items() if value}
        if self.url:
            content["url"] = self.url
        if self.headers.rows:
            content["headers"] = self.headers.content()
        return content

    def secret_values(self) -> Mapping[str, str]:
        """Values that were typed again, by key."""
        return {each.chosen: each.again for each in self.headers.secrets if each.chosen and each.again}

    # --- Rows ---------------------------------------------------------------------------------------------------------

    def change_rows(self, op: str) -> bool:
        """Add a header, or take one out."""
        if op == f"{NAME}-header":
            self.headers.add()
        elif op.startswith(f"{NAME}-headerout-"):
            self.headers.take_out(op.removeprefix(f"{NAME}-headerout-"))
        self.headers.named(NAME)
        return op.startswith(f"{NAME}-")

    # --- Drawing ------------------------------------------------------------------------------------------------------

    def put(self, errors: Mapping[str, list[str]]) -> list[str]:
        """Put what is wrong (paths below `webhook`) beside its fields; answers what has none."""
        rest: list[str] = []
        for path, said in errors.items():
            found = re.fullmatch(r"headers\[([0-9]+)\](?:\.([a-z]+))?", path)
            if path == "url":
                self.errors[path] = (
                    list(said) if self.url else ["Give the bot's address, such as https://bot.example.com/turns."]
                )
            elif path in _NUMBERS:
                self.errors[path] = [_NUMBERS[path]]
            elif not (found and self.headers.put(int(found[1]), found[2], said)):
                rest += said
        return rest

    @property
    def has_errors(self) -> bool:
        """Whether anything is wrong in it."""
        return bool(self.errors) or self.headers.has_errors

    @property
    def stand_ins(self) -> list[tuple[str, str]]:
        """The rehearsal's bots: (value, words)."""
        return [(name, one.label) for name, one in BOTS.items()]

    @property
    def longest_url(self) -> int:
        """Characters of an address."""
        return LONGEST_URL
