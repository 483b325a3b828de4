"""What may answer for an assistant, as the tab *Answers* offers it: one entry for each kind, in the page's order.

A kind that asks for more than being chosen brings a form of its own (`Fields`): what is shown, what was typed, and the
content that was meant, which `thinking` checks. A new kind is an entry more here and a template.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from django.http import QueryDict

from convoship.lib.actors import Actor
from deployments.pages.answers_llm import LLMFields
from deployments.pages.answers_webhook import WebhookFields
from deployments.responders.dialogue import KIND as SCRIPTED
from deployments.responders.llm import KIND as LLM
from deployments.responders.webhook import KIND as WEBHOOK

Errors = dict[str, list[str]]


class Fields(Protocol):
    """The form of one kind. Rows come and go by `change_rows`; values of secrets are never shown again."""

    # Of a part's own faults, by path below the part (`tools[0].url`).
    errors: Errors

    @classmethod
    def of_content(cls, content: Mapping[str, Any]) -> Fields:
        """The form as this (checked) part is; {} for a new one."""
        ...

    @classmethod
    def of_post(cls, data: QueryDict) -> Fields:
        """The form as it was sent."""
        ...

    @property
    def is_blank(self) -> bool:
        """Whether nothing was said in it: then there is no such part."""
        ...

    def change_rows(self, op: str) -> bool:
        """Do what one of its own buttons says (`llm-add-http`); whether it was one of its own."""
        ...

    def drop_empty(self) -> None:
        """Take out rows in which nothing was typed, so that paths of errors count what is drawn."""
        ...

    def write_secrets(self, actor: Actor) -> bool:
        """Write secrets that were typed right here; False with the errors in their fields where one can't be."""
        ...

    def content(self) -> dict[str, Any]:
        """The part that was meant, unchecked; what can't be read at all stands in `errors`."""
        ...

    def secret_values(self) -> Mapping[str, str]:
        """Values that were typed again, by key."""
        ...

    def put(self, errors: Mapping[str, list[str]]) -> list[str]:
        """Put what is wrong (paths below the part), and what could not be read, beside its fields; what has none."""
        ...

    @property
    def has_errors(self) -> bool:
        """Whether anything is wrong in it."""
        ...


@dataclass(frozen=True)
class Kind:
    """One choice. `fields` and `template` are None and "" where there is nothing more to say."""

    key: str  # `models.assistant.Responder`, and the key of its part
    label: str
    about: str
    fields: type[Fields] | None = None
    template: str = ""
    # Whether it is reached over the network, so that asking it shows something.
    can_be_tested: bool = False


KINDS: tuple[Kind, ...] = (
    Kind(SCRIPTED, "Scripted", "The intents that you write in the editor. It needs no key and no network."),
    Kind(
        LLM,
        "Language model",
        "A model writes each answer, by your instructions and from what the assistant has read.",
        LLMFields,
        "deployments/answers_llm.html",
        can_be_tested=True,
    ),
    Kind(
        WEBHOOK,
        "Webhook (your own bot)",
        "A bot of yours is asked over HTTP: it answers at once, in a stream, or calls back.",
        WebhookFields,
        "deployments/answers_webhook.html",
        can_be_tested=True,
    ),
)


_BY_KEY: Mapping[str, Kind] = {kind.key: kind for kind in KINDS}


def kind_of(key: str) -> Kind:
    """The kind by this key; the first where there is none by it."""
    return _BY_KEY.get(key, KINDS[0])
