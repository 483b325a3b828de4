"""The rules of an assistant's hand-overs: when a person is asked for, which desks, for how long, and in which words.

`handoff` in the draft and in each version (CONTRACT section 7):

    desks           ["inbox" or a connection's id, ...] in order of fall-back
    longest_wait_seconds     until somebody takes the conversation, over all desks (30 to 86,400; 300)
    longest_silence_seconds  until a person who has it answers, before others are asked (60 to 86,400; 900)
    on_request      whether visitors may ask for a person (true); members and programs always may
    after_failures  how many answers in a row may fail or miss before a person is asked for (1 to 10); left out: never
    keywords        words that ask for a person, each found as a whole ("human", "real person")
    hours           when people are there (`opening_hours`); left out: always
    when_closed     "wait": the conversation waits until they are back; "return": the assistant goes on at once
    form            what is asked before: some of "name", "email", "question"
    texts           what the visitor is told, by step: {step: {text, also?}}, as in a script

Everything may be left out.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from convoship.lib.plain_errors import PlainValidator, failures
from deployments import calls, opening_hours
from deployments.desks import INBOX
from deployments.models import AssistantVersion, Conversation
from deployments.opening_hours import DAYS, OpeningHours
from deployments.responders.content import ContentRefused
from deployments.responders.placeholders import names_in
from deployments.responders.schema import PLAIN_WORDS
from deployments.responders.speaking import chosen
from deployments.responders.speaking import say as spoken
from deployments.words import HANDOFF_STEPS, say, say_on

MOST_DESKS, MOST_KEYWORDS, MOST_HOLIDAYS, MOST_SPANS = 10, 50, 100, 4
FORM_FIELDS = ("name", "email", "question")
LONGEST_WAIT, LONGEST_SILENCE = 300, 900
# What is said where nobody takes it also says who goes on.
_NOBODY = frozenset({"closed", "closed_wait", "nobody_came"})
# What a step's words may name beside what any text may: who it is, when people are back, and how long they may take.
VALUES_OF_STEPS: Mapping[str, frozenset[str]] = {
    "accepted": frozenset({"person"}),
    "joined": frozenset({"person"}),
    "changed": frozenset({"person"}),
    "gone": frozenset({"person"}),
    "resolved": frozenset({"person"}),
    "closed": frozenset({"opens_at"}),
    "closed_wait": frozenset({"opens_at", "within"}),
}

_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)"
_CLOCK_END = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$(?!\n)"
_CLOCK_WORDS = {"pattern": "Use a time such as 09:00."}


def _text(longest: int) -> dict[str, Any]:
    return {
        "type": "string",
        "maxLength": longest,
        "pattern": r"\S",
        "x-words": {"pattern": "This must not be empty."},
    }


_span = {
    "type": "array",
    "minItems": 2,
    "maxItems": 2,
    "prefixItems": [
        {"type": "string", "pattern": _CLOCK, "x-words": _CLOCK_WORDS},
        {"type": "string", "pattern": _CLOCK_END, "x-words": _CLOCK_WORDS},
    ],
}
_hours = {
    "type": "object",
    "required": ["time_zone", "days"],
    "additionalProperties": False,
    "properties": {
        "time_zone": {"type": "string", "maxLength": 64},
        "days": {
            "type": "object",
            "additionalProperties": False,
            "properties": {day: {"type": "array", "maxItems": MOST_SPANS, "items": _span} for day in DAYS},
        },
        "holidays": {
            "type": "array",
            "maxItems": MOST_HOLIDAYS,
            "items": {
                "type": "object",
                "required": ["date"],
                "additionalProperties": False,
                "properties": {
                    "date": {
                        "type": "string",
                        "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$(?!\n)",
                        "x-words": {"pattern": "Write the day as 2027-12-25."},
                    },
                    "name": _text(80),
                },
            },
        },
    },
}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Hand-over",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "desks": {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_DESKS,
            "items": {
                "type": "string",
                "pattern": r"^(inbox|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$(?!\n)",
                "x-words": {"pattern": "Use inbox, or the id of a connection."},
            },
        },
        "longest_wait_seconds": {"type": "integer", "minimum": 30, "maximum": 86_400},
        "longest_silence_seconds": {"type": "integer", "minimum": 60, "maximum": 86_400},
        "on_request": {"type": "boolean"},
        "after_failures": {"type": "integer", "minimum": 1, "maximum": 10},
        "keywords": {"type": "array", "maxItems": MOST_KEYWORDS, "items": _text(80)},
        "hours": _hours,
        "when_closed": {"enum": ["wait", "return"]},
        "form": {"type": "array", "maxItems": len(FORM_FIELDS), "items": {"enum": list(FORM_FIELDS)}},
        "texts": {
            "type": "object",
            "additionalProperties": False,
            "properties": dict.fromkeys(HANDOFF_STEPS, PLAIN_WORDS),
        },
    },
}
_validator = PlainValidator(SCHEMA)


def validate(content: object) -> dict[str, Any]:
    """The rules in normal form, without what holds anyway. ContentRefused with every fault found, by path."""
    errors = failures(_validator, content)
    if errors:
        raise ContentRefused(errors)
    rules = {**cast("dict[str, Any]", content)}
    if "hours" in rules:
        for path, words in opening_hours.faults(rules["hours"]).items():
            errors[f"hours.{path}"] = words
    for name in ("desks", "form"):
        if len(set(rules.get(name, ()))) < len(rules.get(name, ())):
            errors[name] = ["Each of these can stand here once."]
    for step, words in rules.get("texts", {}).items():
        for path, text in _texts_of(words):
            unknown = sorted({name for name, _ in names_in(text)} - VALUES_OF_STEPS.get(step, frozenset()))
            if unknown:
                known = ", ".join(f"{{{{{name}}}}}" for name in sorted(VALUES_OF_STEPS.get(step, ()))) or "none"
                errors[f"texts.{step}.{path}"] = [f"{{{{{unknown[0]}}}}} has no value here. Known: {known}."]
    if errors:
        raise ContentRefused(errors)
    return _normal(rules)


# What holds where nothing is said, but for `after_failures` (never) and `hours` (always).
DEFAULTS: Mapping[str, Any] = {
    "desks": [INBOX],
    "longest_wait_seconds": LONGEST_WAIT,
    "longest_silence_seconds": LONGEST_SILENCE,
    "on_request": True,
    "keywords": [],
    "when_closed": "wait",
    "form": [],
    "texts": {},
}


def whole(rules: Mapping[str, Any]) -> dict[str, Any]:
    """These rules with all that holds beside them, for programs."""
    return {**DEFAULTS, **rules}


def _normal(rules: dict[str, Any]) -> dict[str, Any]:
    for name in ("longest_wait_seconds", "longest_silence_seconds", "after_failures"):
        if name in rules:
            rules[name] = int(rules[name])  # 300.0 is a whole number to JSON Schema
    rules["keywords"] = list(dict.fromkeys(" ".join(word.split()) for word in rules.get("keywords", ())))
    if "hours" in rules:
        hours = {**rules["hours"], "days": {day: spans for day, spans in rules["hours"]["days"].items() if spans}}
        rules["hours"] = {key: value for key, value in hours.items() if key != "holidays" or value}
    return {key: rules[key] for key in SCHEMA["properties"] if key in rules and rules[key] != DEFAULTS.get(key)}


def _texts_of(words: Mapping[str, Any]) -> list[tuple[str, str]]:
    also = words.get("also", ())
    return [("text", words["text"]), *((f"also[{index}].text", entry["text"]) for index, entry in enumerate(also))]


@dataclass(frozen=True)
class Rules:
    """What holds for the hand-overs of one published version."""

    desks: Sequence[str] = (INBOX,)
    longest_wait: dt.timedelta = dt.timedelta(seconds=LONGEST_WAIT)
    longest_silence: dt.timedelta = dt.timedelta(seconds=LONGEST_SILENCE)
    on_request: bool = True
    after_failures: int | None = None
    keywords: Sequence[str] = ()
    hours: OpeningHours | None = None
    waits_when_closed: bool = True
    form: Sequence[str] = ()
    texts: Mapping[str, Any] = field(default_factory=dict)

    def words(self, step: str, conversation: Conversation, **values: str) -> str:
        """What the visitor is told at this step: the assistant's own words, or the product's.

        `person` is "" where who it is has no name to be told; own words then say that it is a person.
        """
        own, locale = self.texts.get(step), conversation.locale
        is_unnamed = values.get("person") == ""
        if own is None:
            ending = "_at" if values.get("opens_at") else "_unnamed" if is_unnamed else ""
            if step in _NOBODY and calls.after_nobody(conversation) != "assistant":
                step = f"{step}_over"
            return say_on(conversation.channel, step, ending, locale, **values)
        if is_unnamed:
            own, values = _unnamed(chosen(own, locale, conversation.channel)["text"], say("somebody", locale))
        return spoken(own, values, locale, conversation.channel).text

    def is_closed(self, at: dt.datetime) -> bool:
        """Whether this moment is out of the hours of people."""
        return self.hours is not None and not self.hours.is_open(at)

    def asks_for_person(self, text: str) -> str:
        """The keyword that stands in this text as whole words; "" where none does."""
        said = f" {_plain(text)} "
        return next((word for word in self.keywords if f" {_plain(word)} " in said), "")


# {{person}} without other words of its own, and whether a sentence begins there.
_PERSON = re.compile(r"(^\s*|[.!?:]\s+|\n\s*)?\{\{\s*person\s*\}\}")


def _unnamed(text: str, somebody: str) -> tuple[dict[str, str], dict[str, str]]:
    """A text and its values that say it is a person, where no name is to be told."""

    def put(found: re.Match[str]) -> str:
        return "{{somebody}}" if found[1] is None else f"{found[1]}{{{{Somebody}}}}"

    return {"text": _PERSON.sub(put, text)}, {"somebody": somebody, "Somebody": somebody[:1].upper() + somebody[1:]}


_NO_WORD = re.compile(r"[^\w]+")


def _plain(text: str) -> str:
    return _NO_WORD.sub(" ", unicodedata.normalize("NFKC", text[:2000]).casefold()).strip()


def parsed(content: Mapping[str, Any]) -> Rules:
    """The rules that this (checked) content says."""
    hours = content.get("hours")
    return Rules(
        desks=tuple(content.get("desks") or (INBOX,)),
        longest_wait=dt.timedelta(seconds=content.get("longest_wait_seconds", LONGEST_WAIT)),
        longest_silence=dt.timedelta(seconds=content.get("longest_silence_seconds", LONGEST_SILENCE)),
        on_request=content.get("on_request", True),
        after_failures=content.get("after_failures"),
        keywords=tuple(content.get("keywords", ())),
        hours=OpeningHours.of(hours) if hours else None,
        waits_when_closed=content.get("when_closed", "wait") == "wait",
        form=tuple(content.get("form", ())),
        texts=content.get("texts", {}),
    )


_parsed: dict[UUID, Rules] = {}
_MOST_PARSED = 1000


def of_version(version: AssistantVersion) -> Rules:
    """The rules of a version, which never changes: read once in a process."""
    held = _parsed.get(version.id)
    if held is None:
        if len(_parsed) >= _MOST_PARSED:
            _parsed.clear()
        held = _parsed[version.id] = parsed(version.content.get("handoff", {}))
    return held
