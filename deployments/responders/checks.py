"""What a schema can't say of a script: names twice, ways that lead nowhere or in circles, unknown placeholders."""

from __future__ import annotations

import datetime as dt
import json
import unicodedata
from collections.abc import Iterator
from typing import Any

from convoship.lib.plain_errors import shown
from deployments.responders import placeholders

LARGEST_ANSWER = 16 * 1024  # bytes of JSON: an answer has to fit into a socket's frame beside much else
INTENT_PAYLOAD = "intent:"
MOST_NAMED = 10  # unknown names in the message about one text

Errors = dict[str, list[str]]

# Keys whose text may hold placeholders.
_TEXTS = frozenset({"text", "label", "title", "url"})


def name_key(name: str) -> str:
    """Two intents whose names have the same key are the same: case and spelling variants of Unicode don't count."""
    return unicodedata.normalize("NFKC", name).casefold()


def faults(content: dict[str, Any]) -> Errors:
    """Everything that is wrong with content that fits the schema, by path."""
    return {
        **_ways(content),
        **_questions(content),
        **_other_words(content),
        **_placeholders(content),
    }


def _spoken_in(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything that is said: objects with a text which may have other words."""
    if isinstance(value, dict):
        if "also" in value:
            yield path, value
        for key, item in value.items():
            yield from _spoken_in(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _spoken_in(item, f"{path}[{index}]")


def _buttons_in(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        for key, item in value.items():
            inner = f"{path}.{key}" if path else key
            if key == "buttons" and isinstance(item, list):
                yield from ((f"{inner}[{index}]", button) for index, button in enumerate(item))
            else:
                yield from _buttons_in(item, inner)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _buttons_in(item, f"{path}[{index}]")


def _texts_in(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            inner = f"{path}.{key}" if path else key
            if isinstance(item, str):
                if key in _TEXTS:
                    yield inner, item
            elif key not in {"phrases", "choices", "variables"}:
                yield from _texts_in(item, inner)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts_in(item, f"{path}[{index}]")


# --- Where intents lead -------------------------------------------------------------------------------------------


def _ways(content: dict[str, Any]) -> Errors:
    errors: Errors = {}
    names: dict[str, int] = {}
    for index, intent in enumerate(content["intents"]):
        first = names.setdefault(name_key(intent["name"]), index)
        if first != index:
            errors[f"intents[{index}].name"] = [
                f"Another intent is called “{shown(intent['name'])}” already, number {first + 1}."
            ]
    targets: set[str] = set()
    for path, button in _buttons_in(content):
        payload = button.get("payload", "")
        if payload.startswith(INTENT_PAYLOAD):
            targets.add(target := name_key(payload.removeprefix(INTENT_PAYLOAD)))
            if target not in names:
                errors[f"{path}.payload"] = [_no_intent(payload.removeprefix(INTENT_PAYLOAD))]
    next_of: dict[int, int] = {}
    for index, intent in enumerate(content["intents"]):
        action = intent.get("action", {})
        where = f"intents[{index}].action"
        if action.get("type") != "go_to":
            if "intent" in action:
                errors[f"{where}.intent"] = ["Only “go to” leads to an intent. Take this out."]
        elif "intent" not in action:
            errors[f"{where}.intent"] = ["Say to which intent this goes."]
        elif (target := name_key(action["intent"])) not in names:
            errors[f"{where}.intent"] = [_no_intent(action["intent"])]
        else:
            targets.add(target)
            next_of[index] = names[target]
    errors |= _circles(content, next_of)
    for index, intent in enumerate(content["intents"]):
        where = f"intents[{index}]"
        if not intent["phrases"] and name_key(intent["name"]) not in targets:
            errors[f"{where}.phrases"] = [
                "Add at least one phrase: without one, and without a button, nobody gets here."
            ]
        if not intent["answers"] and "action" not in intent:
            errors[f"{where}.answers"] = ["Add at least one answer, or an action."]
        for number, answer in enumerate(intent["answers"]):
            if (size := len(json.dumps(answer, ensure_ascii=False).encode())) > LARGEST_ANSWER:
                errors[f"{where}.answers[{number}]"] = [f"This is too large: {size} bytes, at most {LARGEST_ANSWER}."]
    return errors


def _no_intent(name: str) -> str:
    return f"No intent is called “{shown(name)}”."


def _circles(content: dict[str, Any], next_of: dict[int, int]) -> Errors:
    """Each intent leads on to one other at most, so a circle is found by walking on from each."""
    errors: Errors = {}
    for start in next_of:
        seen, at = [start], next_of[start]
        while at in next_of and at not in seen:
            seen.append(at)
            at = next_of[at]
        if at == start:
            way = " → ".join(f"“{shown(content['intents'][place]['name'], 30)}”" for place in [*seen, start][:6])
            errors[f"intents[{start}].action.intent"] = [f"This goes round in a circle: {way}."]
    return errors


# --- Questions ----------------------------------------------------------------------------------------------------


def _questions(content: dict[str, Any]) -> Errors:
    errors: Errors = {}
    constants = {variable["name"] for variable in content.get("variables", ())}
    for number, variable in enumerate(content.get("variables", ())):
        earlier = [other["name"] for other in content["variables"][:number]]
        if variable["name"] in earlier:
            errors[f"variables[{number}].name"] = [f"There is a variable “{variable['name']}” already."]
    for place, intent in enumerate(content["intents"]):
        slots: set[str] = set()
        for number, question in enumerate(intent.get("ask", ())):
            path, slot = f"intents[{place}].ask[{number}]", question["slot"]
            if slot in slots:
                errors[f"{path}.slot"] = [f"This intent asks for “{slot}” already."]
            elif slot in constants:
                errors[f"{path}.slot"] = [f"“{slot}” is one of the variables. Give the answer another name."]
            slots.add(slot)
            errors |= _question(question, path)
    return errors


def _question(question: dict[str, Any], path: str) -> Errors:
    errors: Errors = {}
    kind = question["kind"]
    if kind == "choice":
        errors |= _choices(question.get("choices", []), path)
    elif "choices" in question:
        errors[f"{path}.choices"] = ["Only a question of the kind “choice” has choices. Take these out."]
    bounds = {name: question[name] for name in ("min", "max") if name in question}
    if bounds and kind not in {"text", "number", "date"}:
        return errors | {f"{path}.{name}": [f"A question of the kind “{kind}” has no {name}."] for name in bounds}
    parsed: dict[str, Any] = {}
    for name, value in bounds.items():
        try:
            parsed[name] = _bound(kind, value)
        except ValueError as error:
            errors[f"{path}.{name}"] = [str(error)]
    if len(parsed) == 2 and parsed["min"] > parsed["max"]:
        errors[f"{path}.max"] = ["This is less than the least. Change one of the two."]
    return errors


def _bound(kind: str, value: Any) -> Any:
    """The least or most of a question as it is compared; ValueError in plain words."""
    if kind == "date":
        if value == "today":
            return dt.date.min  # never more than another bound
        try:
            return dt.date.fromisoformat(value)
        except (TypeError, ValueError):
            raise ValueError("Use a day such as 2027-01-31, or “today”.") from None
    if isinstance(value, str):
        raise ValueError("This must be a number.")
    if kind == "text" and not (1 <= value <= 1000 and float(value).is_integer()):
        raise ValueError("This is a number of characters, from 1 to 1000.")
    return value


def _choices(choices: list[dict[str, Any]], path: str) -> Errors:
    if len(choices) < 2:
        return {f"{path}.choices": ["Give at least two choices."]}
    errors: Errors = {}
    taken: dict[str, int] = {}
    for number, choice in enumerate(choices):
        for word in {name_key(word) for word in (choice["label"], *choice.get("synonyms", ()))}:
            if taken.setdefault(word, number) != number:
                errors[f"{path}.choices[{number}]"] = [f"“{shown(word)}” already means choice {taken[word] + 1}."]
    return errors


# --- Other words, placeholders ------------------------------------------------------------------------------------


def _other_words(content: dict[str, Any]) -> Errors:
    errors: Errors = {}
    for path, spoken in _spoken_in(content):
        taken: set[tuple[str, str]] = set()
        for number, entry in enumerate(spoken["also"]):
            pair = (entry.get("language", ""), entry.get("channel", ""))
            if pair in taken:
                names = " and ".join(part for part in pair if part)
                errors[f"{path}.also[{number}]"] = [f"There are words for {names} already."]
            taken.add(pair)
    return errors


def _placeholders(content: dict[str, Any]) -> Errors:
    slots = {question["slot"] for intent in content["intents"] for question in intent.get("ask", ())}
    own = frozenset(slots | {variable["name"] for variable in content.get("variables", ())})
    errors: Errors = {}
    for path, text in _texts_in(content):
        names = [name for name, has_other_words in placeholders.names_in(text) if not has_other_words]
        unknown = [name for name in dict.fromkeys(names) if not placeholders.is_known(name, own)]
        if unknown:
            errors[path] = [_nothing_called(unknown)]
    return errors


def _nothing_called(names: list[str]) -> str:
    """All the names that mean nothing, in one message: a text could hold hundreds."""
    quoted = [f"“{shown(name)}”" for name in names[:MOST_NAMED]]
    if len(names) > MOST_NAMED:
        quoted.append(f"{len(names) - MOST_NAMED} more")
    listed = " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
    shape = "{{" + (shown(names[0]) or "name") + "|other words}}"
    words = "Name a question's answer, a variable or visitor.name, or give other words"
    return f"Nothing is called {listed}. {words}: {shape}."
