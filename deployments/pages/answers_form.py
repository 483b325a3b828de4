"""The form of the tab *Answers*: what answers, the form of each kind, and what is done on failure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from convoship.lib.actors import Actor
from deployments.models import Assistant
from deployments.pages import answers_kinds
from deployments.pages.answers_kinds import KINDS, Fields, Kind
from deployments.pages.rules_drawing import CHANNEL_NAMES
from deployments.pages.rules_typed import Also, Words
from deployments.responders import failing
from deployments.responders.schema import CHANNELS, MOST_LANGUAGES

FAILURE = "on_failure"
# What the script does beside another responder, as the page says it.
SCRIPT_ROLES: Mapping[str, tuple[str, str]] = {
    "after": ("When it fails", "The script answers what it knows whenever the other can't."),
    "first": ("Before it", "The script is asked first, and only what it doesn't know goes on. It spares calls."),
    "never": ("Never", "Only the words below are said then."),
}


@dataclass
class AlsoRow:
    """Other words, with their number and what is wrong with them."""

    number: int
    also: Also
    errors: list[str]

    @property
    def number_text(self) -> str:
        """Its number, for a name in the form."""
        return str(self.number)


@dataclass
class FailureFields:
    """What is done when what answers can't."""

    scripted: str = "after"
    words: Words = field(default_factory=Words)
    person: bool = False
    errors: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of_content(cls, content: Mapping[str, Any]) -> FailureFields:
        """The form as these (checked) rules are."""
        rules = failing.whole(content)
        text = rules.get("text", {})
        others = [
            Also(each.get("language", ""), each.get("channel", ""), each["text"]) for each in text.get("also", ())
        ]
        return cls(rules["scripted"], Words(text.get("text", ""), others), rules["person"])

    @classmethod
    def of_post(cls, data: QueryDict) -> FailureFields:
        """The form as it was sent."""
        scripted = data.get("failure-scripted", "")
        fields = cls(scripted if scripted in SCRIPT_ROLES else "after", Words(_said(data, "text")))
        fields.person = bool(data.get("failure-person"))
        place = 0
        while place < MOST_LANGUAGES and f"failure-also_{place}-text" in data:
            fields.words.also.append(
                Also(*(_said(data, f"also_{place}-{part}") for part in ("language", "channel", "text")))
            )
            place += 1
        return fields

    def content(self) -> dict[str, Any]:
        """The rules that were meant, unchecked."""
        content: dict[str, Any] = {"scripted": self.scripted, "person": self.person}
        others = [
            {key: value for key, value in vars(each).items() if value or key == "text"} for each in self.words.also
        ]
        if self.words.text or others:
            content["text"] = {"text": self.words.text, **({"also": others} if others else {})}
        return content

    def drop_empty(self) -> None:
        """Take out rows in which nothing was typed."""
        self.words.also = [each for each in self.words.also if each.text or each.language or each.channel]

    def change_rows(self, op: str) -> bool:
        """Add or take out other words; whether it was one of those buttons."""
        if op == "failure-add" and len(self.words.also) < MOST_LANGUAGES:
            self.words.also.append(Also())
        elif (found := re.fullmatch(r"failure-out-([0-9]{1,2})", op, re.ASCII)) and int(found[1]) < len(
            self.words.also
        ):
            del self.words.also[int(found[1])]
        return op.startswith("failure-")

    def put(self, errors: Mapping[str, list[str]]) -> list[str]:
        """Put what is wrong beside its fields; answers what has none."""
        rest: list[str] = []
        for path, said in errors.items():
            if path.startswith("text"):
                self.errors[path] = said
            else:
                rest += said
        return rest

    @property
    def text_errors(self) -> list[str]:
        """What is wrong with the words for everybody."""
        if not self.words.text and self.words.also and ("text.text" in self.errors or "text" in self.errors):
            return ["Write what everybody else is told, beside the other words."]
        return [*self.errors.get("text", ()), *self.errors.get("text.text", ())]

    @property
    def others(self) -> list[AlsoRow]:
        """The other words."""
        return [
            AlsoRow(
                place,
                each,
                [
                    message
                    for path, said in self.errors.items()
                    if path == f"text.also[{place}]" or path.startswith(f"text.also[{place}].")
                    for message in said
                ],
            )
            for place, each in enumerate(self.words.also)
        ]

    @property
    def roles(self) -> list[tuple[str, str, str]]:
        """(value, title, what it does) of the script's roles."""
        return [(key, title, told) for key, (title, told) in SCRIPT_ROLES.items()]

    @property
    def channels(self) -> list[tuple[str, str]]:
        """The channels that words may be for."""
        return [(channel, CHANNEL_NAMES[channel]) for channel in CHANNELS]

    @property
    def has_room(self) -> bool:
        """Whether other words fit."""
        return len(self.words.also) < MOST_LANGUAGES


@dataclass
class Section:
    """A kind, with its form where it has one."""

    kind: Kind
    fields: Fields | None
    is_chosen: bool


@dataclass
class AnswersForm:
    """The whole form. `rest`: what is wrong and has no field."""

    responder: str
    parts: dict[str, Fields]
    failure: FailureFields
    responder_errors: list[str] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, assistant: Assistant) -> AnswersForm:
        """The form as the draft is."""
        draft = assistant.draft
        parts = {kind.key: kind.fields.of_content(draft.get(kind.key) or {}) for kind in KINDS if kind.fields}
        return cls(assistant.responder, parts, FailureFields.of_content(draft.get(FAILURE) or {}))

    @classmethod
    def of_post(cls, data: QueryDict) -> AnswersForm:
        """The form as it was sent."""
        parts = {kind.key: kind.fields.of_post(data) for kind in KINDS if kind.fields}
        return cls(answers_kinds.kind_of(data.get("responder", "")).key, parts, FailureFields.of_post(data))

    def change_rows(self, op: str) -> bool:
        """Do what a button of the rows says; whether it was one."""
        return any([self.failure.change_rows(op), *(each.change_rows(op) for each in self.parts.values())])

    def write_secrets(self, actor: Actor) -> bool:
        """Write what was typed as new secrets; False where one can't be."""
        written = [each.write_secrets(actor) for each in self.parts.values()]  # each of them, whatever the others say
        return all(written)

    def contents(self) -> dict[str, dict[str, Any] | None]:
        """The parts that were meant, unchecked; None for one in which nothing was said and that isn't chosen."""
        self.failure.drop_empty()
        made: dict[str, dict[str, Any] | None] = {FAILURE: self.failure.content()}
        for key, fields in self.parts.items():
            fields.drop_empty()
            made[key] = None if fields.is_blank and key != self.responder else fields.content()
        return made

    def secret_values(self) -> dict[str, str]:
        """Values of secrets that were typed again, by key."""
        return {key: value for fields in self.parts.values() for key, value in fields.secret_values().items()}

    def unread(self) -> bool:
        """Whether something can't be read at all. After `contents`."""
        return any(fields.errors for fields in self.parts.values())

    def put(self, errors: Mapping[str, list[str]]) -> None:
        """Put what an act refused beside the fields that it is about."""
        below: dict[str, dict[str, list[str]]] = {name: {} for name in (*self.parts, FAILURE)}
        for path, said in errors.items():
            name, _, rest = path.partition(".")
            if name == "responder":
                self.responder_errors += said
            elif name in below:
                below[name][rest] = list(said)
            else:
                self.rest += said
        for name, each in below.items():
            self.rest += self.failure.put(each) if name == FAILURE else self.parts[name].put(each)

    @property
    def has_errors(self) -> bool:
        """Whether anything is wrong."""
        parts = any(fields.has_errors for fields in self.parts.values())
        return bool(self.rest or self.responder_errors or self.failure.errors or parts)

    @property
    def sections(self) -> list[Section]:
        """The kinds in the page's order."""
        return [Section(kind, self.parts.get(kind.key), kind.key == self.responder) for kind in KINDS]


def _said(data: QueryDict, name: str) -> str:
    return data.get(f"failure-{name}", "").replace("\r\n", "\n").strip()
