"""A version's content as a person reads it: parts (the welcome, an intent, ...) and the lines of each. Pure.

A line's `slot` says what it is compared with: the lines of one slot in two outlines are each other's counterparts. The
content is one that `responders.content` let through once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deployments import answering_outline, handoff_outline
from deployments.responders.checks import INTENT_PAYLOAD, name_key

INTENT = "intent"
PHRASE = "phrase"

# The parts of a script in the order of the editor, beside its intents, and what each is called.
TITLES: Mapping[str, str] = {
    "name": "Name",
    "responder": "Kind of assistant",
    "welcome": "Welcome",
    "fallback": "Fallback",
    "fallback_again": "Second miss",
    "no_input": "Silence",
    "small_talk": "Small talk",
    "uses_knowledge": "Knowledge",
    "variables": "Variables",
    "languages": "Languages",
    "llm": "Language model",
    "webhook": "Webhook",
    "on_failure": "On failure",
    "handoff": "Hand-over",
}
# Parts beside the script that have words of their own.
_TOLD: Mapping[str, Callable[[Mapping[str, Any]], Iterable[handoff_outline.Told]]] = {
    "llm": answering_outline.of_llm,
    "webhook": answering_outline.of_webhook,
    "on_failure": answering_outline.of_failure,
    "handoff": handoff_outline.lines,
}
_KINDS_OF_ASSISTANT = {"scripted": "Scripted", "llm": "Language model", "webhook": "Webhook (your own bot)"}
_AFTER_INTENTS = ("fallback", "fallback_again", "no_input", "small_talk", "uses_knowledge", "variables", "languages")

_THEN = {
    "hand_over": "Asks for a person",
    "end": "Ends the conversation",
    "cancel": "Leaves the questions",
}
_CHANNELS = {"web": "the web", "whatsapp": "WhatsApp", "sms": "SMS", "voice": "the phone", "webhook": "a webhook"}
_KINDS = {
    "text": "Free words",
    "number": "A number",
    "email": "An e-mail address",
    "phone": "A phone number",
    "date": "A date",
    "choice": "One of several choices",
    "yes_no": "Yes or no",
}


@dataclass(frozen=True)
class Line:
    """One thing that a part says."""

    slot: str
    label: str
    text: str


@dataclass(frozen=True)
class Part:
    """One part of a script: `kind` is a key of TITLES, INTENT, or the name of a part that this doesn't know."""

    kind: str
    title: str
    lines: tuple[Line, ...]
    data: Any

    @property
    def key(self) -> str:
        """What makes parts of two contents the same part."""
        return f"{self.kind}:{name_key(self.title)}" if self.kind == INTENT else self.kind

    @property
    def phrase_count(self) -> int:
        """How many phrases lead to it."""
        return sum(line.slot == PHRASE for line in self.lines)


def parts(content: Mapping[str, Any]) -> list[Part]:
    """Every part of a version's content ({name, responder, scripted}), in the order of the editor."""
    script: Mapping[str, Any] = content.get("scripted", {})
    found = [_plain("name", content.get("name", ""))]
    if content.get("responder", "scripted") != "scripted":
        kind = str(content["responder"])
        found.append(
            _part("responder", kind, iter([Line("responder", "What answers", _KINDS_OF_ASSISTANT.get(kind, kind))]))
        )
    if "welcome" in script:
        found.append(_part("welcome", script["welcome"], _spoken(script["welcome"])))
    found += [_intent(intent) for intent in script.get("intents", ())]
    found += [_part(kind, script[kind], _LINES[kind](script[kind])) for kind in _AFTER_INTENTS if kind in script]
    found += [_plain(key, value) for key, value in script.items() if key not in {*TITLES, "intents"}]
    for name, lines in _TOLD.items():
        if content.get(name):
            found.append(_part(name, content[name], (Line(*told) for told in lines(content[name]))))
    found += [_plain(key, value) for key, value in content.items() if key not in {*TITLES, "scripted"}]
    return found


def as_text(value: Any) -> str:
    """Data that has no words of its own."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)


def _part(kind: str, data: Any, lines: Iterator[Line]) -> Part:
    return Part(kind, TITLES.get(kind, kind), tuple(lines), data)


def _plain(kind: str, value: Any) -> Part:
    return Part(kind, TITLES.get(kind, kind), (Line(kind, TITLES.get(kind, kind), as_text(value)),), value)


# --- What is said -------------------------------------------------------------------------------------------------


def _spoken(spoken: Mapping[str, Any]) -> Iterator[Line]:
    """A text, its buttons and blocks, and its other words, a line each."""
    yield Line("text", "Text", spoken["text"])
    yield from (Line("button", "Buttons", _button(button)) for button in spoken.get("buttons", ()))
    yield from (Line("block", "Cards and lists", _block(block)) for block in spoken.get("blocks", ()))
    yield from _also(spoken, "")
    if "then" in spoken:
        yield Line("then", "Then", _THEN.get(spoken["then"], spoken["then"]))


def _also(spoken: Mapping[str, Any], slot: str) -> Iterator[Line]:
    for other in spoken.get("also", ()):
        language, channel = other.get("language", ""), other.get("channel", "")
        where = [f"in {language}"] * bool(language) + [f"on {_CHANNELS.get(channel, channel)}"] * bool(channel)
        yield Line(f"{slot}also/{language}/{channel}", f"Other words {' '.join(where)}", _whole(other))


def _whole(spoken: Mapping[str, Any]) -> str:
    """All that is said at once, as one text."""
    lines = [spoken["text"]]
    lines += [f"[{_button(button)}]" for button in spoken.get("buttons", ())]
    lines += [_block(block) for block in spoken.get("blocks", ())]
    lines += [f"{line.label}: {line.text}" for line in _also(spoken, "")]
    if "then" in spoken:
        lines.append(_THEN.get(spoken["then"], spoken["then"]))
    return "\n".join(lines)


def _button(button: Mapping[str, Any]) -> str:
    if "url" in button:
        return f"{button['label']} → {button['url']}"
    payload = button["payload"]
    if payload.startswith(INTENT_PAYLOAD):
        return f"{button['label']} → intent “{payload.removeprefix(INTENT_PAYLOAD)}”"
    return f"{button['label']} → says “{payload}”"


def _block(block: Mapping[str, Any]) -> str:
    match block["type"]:
        case "buttons":
            return "\n".join(f"[{_button(button)}]" for button in block["buttons"])
        case "carousel":
            return "\n".join(["Carousel", *(_card(card) for card in block["cards"])])
        case "list":
            rows = [" · ".join(item[key] for key in ("title", "text", "url") if key in item) for item in block["items"]]
            return "\n".join(["List", *(f"• {row}" for row in rows)])
        case _:
            return _card(block)


def _card(card: Mapping[str, Any]) -> str:
    lines = [f"Card: {card['title']}"]
    lines += [card["text"]] if "text" in card else []
    lines += [f"Image: {card['image_url']}"] if "image_url" in card else []
    return "\n".join([*lines, *(f"[{_button(button)}]" for button in card.get("buttons", ()))])


# --- Intents, and the rest ----------------------------------------------------------------------------------------


def _intent(intent: Mapping[str, Any]) -> Part:
    return Part(INTENT, intent["name"], tuple(_intent_lines(intent)), intent)


def _intent_lines(intent: Mapping[str, Any]) -> Iterator[Line]:
    yield from (Line(PHRASE, "Phrases", phrase) for phrase in intent["phrases"])
    questions = intent.get("ask", ())
    if questions:
        yield Line("ask", "Asks for", ", ".join(question["slot"] for question in questions))
    for question in questions:
        yield from _question(question)
    yield from (Line("answer", "Answers", _whole(answer)) for answer in intent["answers"])
    if "action" in intent:
        yield Line("action", "Action", _action(intent["action"]))


def _action(action: Mapping[str, Any]) -> str:
    return f"Goes to “{action['intent']}”" if action["type"] == "go_to" else _THEN.get(action["type"], action["type"])


def _question(question: Mapping[str, Any]) -> Iterator[Line]:
    slot, name = f"ask/{question['slot']}/", f"Question “{question['slot']}”"
    yield Line(f"{slot}kind", f"{name}, kind of answer", _KINDS.get(question["kind"], question["kind"]))
    for key, words in (
        ("prompt", "asked"),
        ("reprompt", "asked again"),
        ("invalid", "after a wrong answer"),
        ("give_up", "after the last attempt"),
    ):
        if key in question:
            yield Line(f"{slot}{key}", f"{name}, {words}", _whole(question[key]))
    for key, words in (("attempts", "attempts"), ("min", "at least"), ("max", "at most")):
        if key in question:
            yield Line(f"{slot}{key}", f"{name}, {words}", str(question[key]))
    for choice in question.get("choices", ()):
        value = f" = {choice['value']}" if "value" in choice else ""
        others = f" ({', '.join(choice['synonyms'])})" if choice.get("synonyms") else ""
        yield Line(f"{slot}choice", f"{name}, choices", f"{choice['label']}{value}{others}")


def _no_input(silence: Mapping[str, Any]) -> Iterator[Line]:
    yield Line("after", "After", f"{silence['after_seconds']} seconds")
    yield from _spoken(silence)


def _small_talk(is_on: bool) -> Iterator[Line]:
    yield Line("small_talk", "Small talk", "On" if is_on else "Off")


def _uses_knowledge(is_on: bool) -> Iterator[Line]:
    yield Line("uses_knowledge", "Answers from knowledge", "On" if is_on else "Off")


def _variables(variables: list[Mapping[str, str]]) -> Iterator[Line]:
    yield from (Line(f"variable/{each['name']}", f"{{{{{each['name']}}}}}", each["value"]) for each in variables)


def _languages(languages: list[str]) -> Iterator[Line]:
    yield from (Line("language", "Languages", language) for language in languages)


_LINES: Mapping[str, Any] = {
    "fallback": _spoken,
    "fallback_again": _spoken,
    "no_input": _no_input,
    "small_talk": _small_talk,
    "uses_knowledge": _uses_knowledge,
    "variables": _variables,
    "languages": _languages,
}
