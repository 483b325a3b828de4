"""What a scripted assistant is made of: its shape, its limits, and what is wrong with it in plain words.

Content (CONTRACT 7, `scripted`): `{welcome, intents, small_talk, fallback}`, where

    welcome, fallback   {text, buttons?}
    intent              {name, phrases, answers, action?}
    answer              {text, buttons?, blocks?}; blocks as CONTRACT 4
    action              {type: "hand_over" | "end"}, done after the answer
    button              {label, payload} or {label, url}; the payload `intent:NAME` leads to that intent

`validate` gives the normal form: every key of the content there, texts trimmed, line ends as newlines, no phrase twice.
"""

from __future__ import annotations

import copy
import json
import unicodedata
from collections.abc import Iterator
from typing import Any, cast

from deployments.plain_errors import PlainValidator, failures, shown
from deployments.responders.template_faq import FAQ

MOST_INTENTS, MOST_PHRASES, MOST_ANSWERS = 200, 100, 20
LONGEST_TEXT, LONGEST_PHRASE, LONGEST_NAME = 2000, 300, 80
LARGEST_ANSWER = 16 * 1024  # bytes of JSON: an answer has to fit into a socket's frame beside much else
INTENT_PAYLOAD = "intent:"

EMPTY: dict[str, Any] = {
    "welcome": {"text": "Hello! How can I help you?", "buttons": []},
    "intents": [],
    "small_talk": True,
    "fallback": {"text": "Sorry, I didn't understand that. Could you say it in other words?", "buttons": []},
}

TEMPLATES: dict[str, dict[str, Any]] = {"faq": FAQ}
TEMPLATE_LABELS = {
    "faq": ("Help desk", "Answers what a small online shop is asked most, and calls a person when it should.")
}

_LINK = r"^(https?://[^\s/?#@\\\x00-\x1f]+([/?#][^\s\x00-\x1f]*)?|mailto:[^\s\x00-\x1f]+|tel:[+0-9()./ -]+)$(?!\n)"
_IMAGE = r"^(https://[^\s/?#@\\\x00-\x1f]+|http://(localhost|127\.0\.0\.1)(:[0-9]+)?)([/?#][^\s\x00-\x1f]*)?$(?!\n)"
_EMPTY_WORDS = {"pattern": "This must not be empty."}


def _text(longest: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": longest, "pattern": r"\S", "x-words": _EMPTY_WORDS}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "additionalProperties": False, "properties": properties}


def _list(items: dict[str, Any], most: int, **more: Any) -> dict[str, Any]:
    return {"type": "array", "maxItems": most, "items": items, **more}


_url = {
    "type": "string",
    "maxLength": 2000,
    "pattern": _LINK,
    "x-words": {"pattern": "Use an address that begins with https://, http://, mailto: or tel:."},
}
_image = {
    "type": "string",
    "maxLength": 2000,
    "pattern": _IMAGE,
    "x-words": {"pattern": "Use the address of an image that begins with https://."},
}
_button = {
    **_object(["label"], label=_text(80), payload=_text(256), url=_url),
    "oneOf": [{"required": ["payload"]}, {"required": ["url"]}],
    "x-words": {"oneOf": "A button has either a payload (what it says) or a url (where it leads)."},
}
_buttons = _list(_button, 10)
_card = {"title": _text(200), "text": _text(LONGEST_TEXT), "image_url": _image, "buttons": _buttons}
_BLOCKS: dict[str, dict[str, Any]] = {
    "buttons": _object(["type", "buttons"], type=True, buttons={**_buttons, "minItems": 1}),
    "card": _object(["type", "title"], type=True, **_card),
    "carousel": _object(["type", "cards"], type=True, cards=_list(_object(["title"], **_card), 10, minItems=1)),
    "list": _object(
        ["type", "items"],
        type=True,
        items=_list(_object(["title"], title=_text(200), text=_text(LONGEST_TEXT), url=_url), 20, minItems=1),
    ),
}
_block = {
    "type": "object",
    "required": ["type"],
    "properties": {"type": {"enum": list(_BLOCKS)}},
    "allOf": [
        {"if": {"required": ["type"], "properties": {"type": {"const": kind}}}, "then": schema}
        for kind, schema in _BLOCKS.items()
    ],
}
_answer = _object(["text"], text=_text(LONGEST_TEXT), buttons=_buttons, blocks=_list(_block, 5))
_spoken = _object(["text"], text=_text(LONGEST_TEXT), buttons=_buttons)
_name = {
    "type": "string",
    "maxLength": LONGEST_NAME,
    "pattern": r"^[^\s\x00-\x1f:]([^\x00-\x1f:]*[^\s\x00-\x1f:])?$(?!\n)",
    "x-words": {"pattern": "Use a short name without a colon, and without white space around it."},
}
_intent = _object(
    ["name", "phrases", "answers"],
    name=_name,
    phrases=_list(_text(LONGEST_PHRASE), MOST_PHRASES),
    answers=_list(_answer, MOST_ANSWERS),
    action=_object(["type"], type={"enum": ["hand_over", "end"]}),
)

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Scripted assistant",
    **_object(
        [], welcome=_spoken, intents=_list(_intent, MOST_INTENTS), small_talk={"type": "boolean"}, fallback=_spoken
    ),
}
_validator = PlainValidator(SCHEMA)


class ContentRefused(ValueError):
    """The content can't be used. `errors`: path (`intents[2].phrases`) -> messages in plain words; the whole is ""."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("; ".join(f"{path}: {' '.join(words)}" for path, words in errors.items()))
        self.errors = errors


def validate(content: object) -> dict[str, Any]:
    """The content in normal form; ContentRefused with every fault found. The input isn't changed."""
    errors = failures(_validator, content)
    if errors:
        raise ContentRefused(errors)
    whole: dict[str, Any] = _trimmed({**EMPTY, **cast("dict[str, Any]", content)})
    for part in ("welcome", "fallback"):
        whole[part].setdefault("buttons", [])
    for intent in whole["intents"]:
        intent["phrases"] = list({_phrase_key(phrase): phrase for phrase in reversed(intent["phrases"])}.values())[::-1]
    errors = _unreachable(whole)
    if errors:
        raise ContentRefused(errors)
    return whole


def name_key(name: str) -> str:
    """Two intents whose names have the same key are the same: case and spelling variants of Unicode don't count."""
    return unicodedata.normalize("NFKC", name).casefold()


def _phrase_key(phrase: str) -> str:
    return " ".join(name_key(phrase).split())


def from_template(key: str) -> dict[str, Any]:
    """A fresh copy of a template's content; KeyError if there is none of that name."""
    return copy.deepcopy(TEMPLATES[key])


def _trimmed(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\r\n", "\n").replace("\r", "\n").strip()
    if isinstance(value, dict):
        return {key: _trimmed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_trimmed(item) for item in value]
    return value


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


def _unreachable(content: dict[str, Any]) -> dict[str, list[str]]:
    """What a schema can't say: names twice, buttons that lead nowhere, intents that nothing leads to, giant answers."""
    errors: dict[str, list[str]] = {}
    names: dict[str, int] = {}
    for index, intent in enumerate(content["intents"]):
        first = names.setdefault(name_key(intent["name"]), index)
        if first != index:
            errors[f"intents[{index}].name"] = [f"intents[{first}] is called “{shown(intent['name'])}” already."]
    targets: set[str] = set()
    for path, button in _buttons_in(content):
        payload = button.get("payload", "")
        if payload.startswith(INTENT_PAYLOAD):
            targets.add(target := name_key(payload.removeprefix(INTENT_PAYLOAD)))
            if target not in names:
                errors[f"{path}.payload"] = [f"No intent is called “{shown(payload.removeprefix(INTENT_PAYLOAD))}”."]
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
