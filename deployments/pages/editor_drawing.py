"""The assistant's editor as its template draws it: each input with its name, id, value and errors, and a summary."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployments.pages.editor import Typed, TypedAnswer, TypedButton, TypedIntent, blocks_of
from deployments.responders.content import INTENT_PAYLOAD, name_key

Errors = Mapping[str, list[str]]


@dataclass(frozen=True)
class Slot:
    """One input: its name, id, value and errors."""

    path: str
    value: str
    errors: list[str]

    @property
    def id(self) -> str:
        """The input's id."""
        return "f-" + self.path.replace(".", "-")


@dataclass(frozen=True)
class ButtonRow:
    """A button's inputs."""

    path: str
    label: Slot
    target: Slot
    value: Slot
    is_lost: bool  # leads to an intent that isn't there


@dataclass(frozen=True)
class AnswerRow:
    """An answer's inputs, and what it shows besides its text."""

    path: str
    text: Slot
    buttons: list[ButtonRow]
    blocks: Slot
    shows: list[str]
    errors: list[str]


@dataclass(frozen=True)
class IntentRow:
    """An intent's inputs."""

    path: str
    was: str
    name: Slot
    phrases: Slot
    action: Slot
    answers: list[AnswerRow]
    answers_errors: list[str]
    phrase_count: int
    about: str
    has_errors: bool
    is_open: bool
    uid: str = ""


@dataclass(frozen=True)
class Fault:
    """One error of the summary, and where it is."""

    where: str
    words: str
    anchor: str


@dataclass(frozen=True)
class EditorForm:
    """All that the editor's template draws."""

    name: Slot
    welcome: AnswerRow
    fallback: AnswerRow
    small_talk: bool
    intents: list[IntentRow]
    targets: list[tuple[str, str]]
    faults: list[Fault]
    focus: str
    blank_intent: IntentRow
    blank_answer: AnswerRow
    blank_button: ButtonRow


class _Drawing:
    """Draws a typed form with its errors; remembers which errors found their field."""

    def __init__(self, typed: Typed, errors: Errors, focus: str) -> None:
        self.typed = typed
        self.errors = {_form_path(path): said for path, said in errors.items()}
        self.focus = focus
        self.faults: list[Fault] = []
        self.names = {name_key(intent.name.strip()) for intent in typed.intents}

    def said(self, path: str, where: str, anchor: str, *, deep: bool = False) -> list[str]:
        """The errors of this field; with `deep` also those of what lies below it."""
        found = [key for key in self.errors if key == path or (deep and key.startswith(f"{path}."))]
        words = []
        for key in found:
            line = key.removeprefix(path).strip(".")
            place = f"Line {int(line) + 1}: " if line.isdecimal() else ""
            words += [place + message for message in self.errors.pop(key)]
        self.faults += [Fault(where, word, anchor) for word in words]
        return words

    def slot(self, path: str, value: str, where: str, *, also: tuple[str, ...] = (), deep: bool = False) -> Slot:
        slot = Slot(path, value, [])
        for key in (path, *also):
            slot.errors.extend(self.said(key, where, slot.id, deep=deep))
        return slot

    def button(self, path: str, button: TypedButton, where: str) -> ButtonRow:
        where = f"{where}, button “{button.label}”" if button.label else f"{where}, a button"
        leads_to_intent = button.target.startswith(INTENT_PAYLOAD)
        wrong_value = (f"{path}.payload", f"{path}.url")
        return ButtonRow(
            path,
            self.slot(f"{path}.label", button.label, where),
            self.slot(f"{path}.target", button.target, where, also=wrong_value if leads_to_intent else (path,)),
            self.slot(f"{path}.value", button.value, where, also=() if leads_to_intent else wrong_value),
            leads_to_intent and name_key(button.target.removeprefix(INTENT_PAYLOAD)) not in self.names,
        )

    def answer(self, path: str, answer: TypedAnswer, where: str) -> AnswerRow:
        text = self.slot(f"{path}.text", answer.text, where)
        buttons = [self.button(f"{path}.buttons.{n}", row, where) for n, row in enumerate(answer.buttons)]
        blocks = self.slot(f"{path}.blocks", answer.blocks, where, deep=True)
        errors = self.said(f"{path}.buttons", where, text.id) + self.said(path, where, text.id)
        return AnswerRow(path, text, buttons, blocks, _shows(answer.blocks), errors)

    def intent(self, path: str, intent: TypedIntent) -> IntentRow:
        where = f"Intent “{intent.name.strip()}”" if intent.name.strip() else "An intent without a name"
        before = len(self.faults)
        name = self.slot(f"{path}.name", intent.name, where, also=(path,))
        phrases = self.slot(f"{path}.phrases", intent.phrases, where, deep=True)
        action = self.slot(f"{path}.action", intent.action, where, deep=True)
        answers = [self.answer(f"{path}.answers.{n}", row, where) for n, row in enumerate(intent.answers)]
        answers_errors = self.said(f"{path}.answers", where, answers[0].text.id if answers else name.id)
        lines = [line for line in intent.phrases.splitlines() if line.strip()]
        said = next((answer.text for answer in intent.answers if answer.text.strip()), "")
        has_errors = len(self.faults) > before
        return IntentRow(
            path=path,
            was=intent.was,
            name=name,
            phrases=phrases,
            action=action,
            answers=answers,
            answers_errors=answers_errors,
            phrase_count=len(lines),
            about=said[:200],
            has_errors=has_errors,
            is_open=has_errors or self.focus == path or self.focus.startswith(f"{path}."),
        )


def draw(typed: Typed, errors: Errors | None = None, focus: str = "") -> EditorForm:
    """The form for the template, each error at its field, and a summary of all of them."""
    drawing = _Drawing(typed, errors or {}, focus)
    name = drawing.slot("name", typed.name, "The assistant's name")
    welcome = drawing.answer("welcome", typed.welcome, "Welcome")
    fallback = drawing.answer("fallback", typed.fallback, "When it doesn't understand")
    intents = [drawing.intent(f"intents.{n}", row) for n, row in enumerate(typed.intents)]
    homeless = [Fault(path, word, "f-name") for path, said in drawing.errors.items() for word in said]
    blank = _Drawing(Typed(), {}, "")
    return EditorForm(
        name=name,
        welcome=welcome,
        fallback=fallback,
        small_talk=typed.small_talk,
        intents=intents,
        targets=[(INTENT_PAYLOAD + row.name.strip(), row.name.strip()) for row in typed.intents if row.name.strip()],
        faults=drawing.faults + homeless,
        focus=focus,
        blank_intent=blank.intent("intents.new", TypedIntent(answers=[TypedAnswer()])),
        blank_answer=blank.answer("rows.new", TypedAnswer(), ""),
        blank_button=blank.button("rows.new", TypedButton(), ""),
    )


def _form_path(path: str) -> str:
    """`scripted.intents[2].phrases[0]` as the form calls it: `intents.2.phrases.0`."""
    return re.sub(r"\[(\d+)\]", r".\1", path.removeprefix("scripted.").removeprefix("scripted"))


def _shows(blocks: str) -> list[str]:
    """What an answer shows besides its text, in words."""
    parsed = blocks_of(blocks) if blocks else []
    return [_shown(block) for block in parsed if isinstance(block, dict)] if isinstance(parsed, list) else []


def _shown(block: Mapping[str, Any]) -> str:
    items = block.get("items") or block.get("cards") or block.get("buttons") or []
    titles = [str(item.get("title") or item.get("label") or "") for item in items if isinstance(item, dict)]
    match block.get("type"):
        case "card":
            return f"A card: {block.get('title', '')}"
        case "list":
            return f"A list: {', '.join(titles)}"
        case "carousel":
            return f"Cards: {', '.join(titles)}"
        case _:
            return f"Buttons: {', '.join(titles)}"
