"""The assistant's editor as a form: what was typed, its way to content and back, and each error at its own field.

The form is one tree of rows. A field is called by its path in it (`intents.2.answers.0.text`). Rows keep the order in
which the browser sends them, whatever is written in their paths, so that moving a row in the page moves it here.

Nothing typed is lost: what comes in goes out again, whether a row was added without JavaScript, something was refused,
or someone else saved in between. Rows in which nothing was typed are dropped, so that content and form count alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from convoship.lib.parsers import BadJSON, loads
from deployments.responders.content import INTENT_PAYLOAD, name_key

LINK, WORDS = "url", "payload"
ACTIONS = {"": "Nothing more", "hand_over": "Hand over to a person", "end": "End the conversation"}
LONGEST_ASSISTANT_NAME = 100
_PATH = re.compile(r"[a-z_]+(\.[a-z0-9_]+){0,6}", re.ASCII)


# --- What was typed -----------------------------------------------------------------------------------------------


@dataclass
class TypedButton:
    """A button: its label, and what it leads to (`intent:NAME`, `url` or `payload` with a value)."""

    label: str = ""
    target: str = WORDS
    value: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed in it."""
        return not self.label.strip() and not self.value.strip()


@dataclass
class TypedAnswer:
    """An answer. `blocks` is JSON: cards and lists, which this page keeps and shows but does not edit."""

    text: str = ""
    buttons: list[TypedButton] = field(default_factory=list)
    blocks: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed in it."""
        return not self.text.strip() and not self.blocks and all(button.is_empty for button in self.buttons)


@dataclass
class TypedIntent:
    """An intent. `was` is the name it had when the page was made, so that a new name takes its buttons along."""

    name: str = ""
    was: str = ""
    phrases: str = ""
    answers: list[TypedAnswer] = field(default_factory=list)
    action: str = ""


@dataclass
class Typed:
    """The whole form."""

    name: str = ""
    welcome: TypedAnswer = field(default_factory=TypedAnswer)
    fallback: TypedAnswer = field(default_factory=TypedAnswer)
    small_talk: bool = False
    intents: list[TypedIntent] = field(default_factory=list)


def from_content(name: str, content: Mapping[str, Any]) -> Typed:
    """The form of a draft."""
    return Typed(
        name=name,
        welcome=_answer_of(content["welcome"]),
        fallback=_answer_of(content["fallback"]),
        small_talk=content["small_talk"],
        intents=[
            TypedIntent(
                name=intent["name"],
                was=intent["name"],
                phrases="\n".join(intent["phrases"]),
                answers=[_answer_of(answer) for answer in intent["answers"]],
                action=intent.get("action", {}).get("type", ""),
            )
            for intent in content["intents"]
        ],
    )


def _answer_of(content: Mapping[str, Any]) -> TypedAnswer:
    blocks = content.get("blocks")
    return TypedAnswer(
        text=content["text"],
        buttons=[_button_of(button) for button in content.get("buttons", [])],
        blocks=json.dumps(blocks, ensure_ascii=False) if blocks else "",
    )


def _button_of(content: Mapping[str, Any]) -> TypedButton:
    if "url" in content:
        return TypedButton(content["label"], LINK, content["url"])
    payload = content["payload"]
    if payload.startswith(INTENT_PAYLOAD):
        return TypedButton(content["label"], payload, "")
    return TypedButton(content["label"], WORDS, payload)


def from_post(data: QueryDict) -> Typed:
    """The form as it was sent. Whatever is in it, this raises nothing."""
    tree = _tree(data)
    typed = Typed(
        name=_text(tree, "name"),
        welcome=_answer_from(tree.get("welcome")),
        fallback=_answer_from(tree.get("fallback")),
        small_talk="small_talk" in tree,
        intents=[_intent_from(row) for row in _rows(tree, "intents")],
    )
    _take_buttons_along(typed)
    return typed


def _tree(data: QueryDict) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in data.items():
        if not _PATH.fullmatch(path):
            continue
        *branches, leaf = path.split(".")
        node = tree
        for branch in branches:
            inner = node.setdefault(branch, {})
            if not isinstance(inner, dict):
                break
            node = inner
        else:
            node.setdefault(leaf, str(value).replace("\r\n", "\n"))
    return tree


def _text(tree: object, name: str) -> str:
    value = tree.get(name, "") if isinstance(tree, dict) else ""
    return value if isinstance(value, str) else ""


def _rows(tree: object, name: str) -> Iterable[object]:
    rows = tree.get(name) if isinstance(tree, dict) else None
    return rows.values() if isinstance(rows, dict) else ()


def _answer_from(tree: object) -> TypedAnswer:
    buttons = [
        TypedButton(_text(row, "label"), _text(row, "target") or WORDS, _text(row, "value"))
        for row in _rows(tree, "buttons")
    ]
    return TypedAnswer(_text(tree, "text"), buttons, _text(tree, "blocks"))


def _intent_from(tree: object) -> TypedIntent:
    return TypedIntent(
        name=_text(tree, "name"),
        was=_text(tree, "was"),
        phrases=_text(tree, "phrases"),
        answers=[_answer_from(row) for row in _rows(tree, "answers")],
        action=_text(tree, "action"),
    )


def _every_answer(typed: Typed) -> Iterator[TypedAnswer]:
    yield typed.welcome
    yield typed.fallback
    for intent in typed.intents:
        yield from intent.answers


def _take_buttons_along(typed: Typed) -> None:
    """Where an intent got a new name, the buttons that led to it lead to the new name."""
    renamed = {
        name_key(intent.was): intent.name.strip()
        for intent in typed.intents
        if intent.was and intent.name.strip() and intent.was != intent.name.strip()
    }
    for answer in _every_answer(typed):
        for button in answer.buttons:
            if button.target.startswith(INTENT_PAYLOAD):
                old = name_key(button.target.removeprefix(INTENT_PAYLOAD))
                if old in renamed:
                    button.target = INTENT_PAYLOAD + renamed[old]
    for intent in typed.intents:
        intent.was = intent.name.strip() or intent.was


def drop_empty(typed: Typed) -> None:
    """Take out rows in which nothing was typed, and blank lines among phrases."""
    for answer in _every_answer(typed):
        answer.buttons = [button for button in answer.buttons if not button.is_empty]
    for intent in typed.intents:
        intent.answers = [answer for answer in intent.answers if not answer.is_empty]
        intent.phrases = "\n".join(line.strip() for line in intent.phrases.splitlines() if line.strip())
    typed.intents = [
        intent for intent in typed.intents if intent.name.strip() or intent.phrases or intent.answers or intent.action
    ]


def to_content(typed: Typed) -> dict[str, Any]:
    """What the form says, as content that the act checks. Empty rows must be dropped before."""
    return {
        "welcome": _spoken_content(typed.welcome),
        "fallback": _spoken_content(typed.fallback),
        "small_talk": typed.small_talk,
        "intents": [_intent_content(intent) for intent in typed.intents],
    }


def _intent_content(intent: TypedIntent) -> dict[str, Any]:
    content: dict[str, Any] = {
        "name": intent.name.strip(),
        "phrases": intent.phrases.splitlines(),
        "answers": [_answer_content(answer) for answer in intent.answers],
    }
    if intent.action:
        content["action"] = {"type": intent.action}
    return content


def _spoken_content(answer: TypedAnswer) -> dict[str, Any]:
    return {"text": answer.text.strip(), "buttons": [_button_content(button) for button in answer.buttons]}


def _answer_content(answer: TypedAnswer) -> dict[str, Any]:
    content: dict[str, Any] = {"text": answer.text.strip()}
    if answer.buttons:
        content["buttons"] = [_button_content(button) for button in answer.buttons]
    if answer.blocks:
        content["blocks"] = blocks_of(answer.blocks)
    return content


def blocks_of(text: str) -> Any:
    """The JSON of an answer's blocks; what isn't JSON as it is, so that the act refuses it."""
    try:
        return loads(text)
    except BadJSON:
        return text  # the act says that this must be a list


def _button_content(button: TypedButton) -> dict[str, Any]:
    label = button.label.strip()
    if button.target == LINK:
        return {"label": label, "url": button.value.strip()}
    if button.target.startswith(INTENT_PAYLOAD):
        return {"label": label, "payload": button.target}
    return {"label": label, "payload": button.value.strip()}


# --- Rows added, removed and moved without JavaScript -------------------------------------------------------------


def apply(typed: Typed, operation: str) -> str:
    """Do what a row's button asks (`add:intents`, `remove:intents.2`, `up:intents.2`); answers the path to focus."""
    verb, _, path = operation.partition(":")
    parts = path.split(".")
    if verb == "add":
        rows = _list_at(typed, parts)
        if rows is None:
            return ""
        rows.append(_new_row(parts[-1]))
        return f"{path}.{len(rows) - 1}"
    if parts[-1] == "blocks" and verb == "remove":
        answer = _row_at(typed, parts[:-1])
        if isinstance(answer, TypedAnswer):
            answer.blocks = ""
        return ".".join(parts[:-1])
    rows = _list_at(typed, parts[:-1])
    position = _position(parts[-1], rows or [])
    if rows is None or position is None:
        return ""
    if verb == "remove":
        del rows[position]
        return ""
    step = {"up": -1, "down": 1}.get(verb, 0)
    moved = min(max(position + step, 0), len(rows) - 1)
    rows.insert(moved, rows.pop(position))
    return ".".join([*parts[:-1], str(moved)])


def _new_row(kind: str) -> TypedIntent | TypedAnswer | TypedButton:
    if kind == "intents":
        return TypedIntent(answers=[TypedAnswer()])
    return TypedAnswer() if kind == "answers" else TypedButton()


def _list_at(typed: Typed, parts: list[str]) -> list[Any] | None:
    if not parts or parts[-1] not in {"intents", "answers", "buttons"}:
        return None
    owner = _row_at(typed, parts[:-1])
    rows = getattr(owner, parts[-1], None)
    return rows if isinstance(rows, list) else None


def _position(part: str, rows: list[Any]) -> int | None:
    """The row's place in its list; a part that names none is refused before `int` chokes on its length."""
    return int(part) if part.isdecimal() and len(part) < 6 and int(part) < len(rows) else None


def _row_at(typed: Typed, parts: list[str]) -> object:
    node: object = typed
    for part in parts:
        if isinstance(node, list):
            position = _position(part, node)
            node = node[position] if position is not None else None
        elif part in {"welcome", "fallback", "intents", "answers", "buttons"}:
            node = getattr(node, part, None)
        else:
            return None
    return node
