"""The assistant's editor as its template draws it: each input with its name, id, value and errors, and a summary."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from deployments.pages import editor_words
from deployments.pages.editor_kinds import BLOCKS, Field, Row, new_row, read_row
from deployments.responders.content import INTENT_PAYLOAD, name_key

Errors = Mapping[str, list[str]]

_BLANK = "rows.new"


@dataclass(frozen=True)
class Slot:
    """One input: its name, id, value and errors."""

    path: str
    value: str
    errors: list[str]
    is_focused: bool = False
    is_lost: bool = False  # leads to an intent that isn't there
    is_exact: bool = True  # the intent that it leads to is written as it is called

    @property
    def id(self) -> str:
        """The input's id."""
        return id_of(self.path)

    @property
    def has_lines(self) -> bool:
        """Whether a field of one line could not hold it."""
        return "\n" in self.value

    @property
    def intent(self) -> str:
        """The intent that it leads to, as it is written here."""
        return self.value.removeprefix(INTENT_PAYLOAD) if self.value.startswith(INTENT_PAYLOAD) else ""


@dataclass
class DrawnRow:
    """A row: by their names its inputs, the rows that are parts of it, and lists of rows."""

    path: str
    kind: str
    inside: dict[str, Any] = field(default_factory=dict)
    about: str = ""
    noun: str = ""
    called: str = ""  # of a list's row, to who doesn't see where its buttons stand: `button 2 “Yes”`
    first_field: str = ""  # whose value it is called by
    errors: list[str] = field(default_factory=list)  # of the row as a whole
    list_errors: dict[str, list[str]] = field(default_factory=dict)
    has_faults: bool = False
    has_focus: bool = False  # it or something in it has
    is_empty: bool = False

    def __getitem__(self, name: str) -> Any:
        return self.inside[name]

    @property
    def id(self) -> str:
        """The row's own id."""
        return id_of(self.path)

    @property
    def is_open(self) -> bool:
        """Whether it has to be looked at."""
        return self.has_faults or self.has_focus

    @property
    def phrase_count(self) -> int:
        """How many phrases an intent has."""
        return sum(1 for line in self["phrases"].value.split("\n") if line.strip())


@dataclass(frozen=True)
class Fault:
    """One error of the summary, and where it is: in words, and the path of its field."""

    where: str
    words: str
    path: str

    @property
    def anchor(self) -> str:
        """The field's id."""
        return id_of(self.path)


@dataclass(frozen=True)
class EditorForm:
    """All that the editor's template draws. `blanks` are new rows by the name of their list."""

    row: DrawnRow
    targets: list[tuple[str, str]]
    faults: list[Fault]
    blanks: Mapping[str, DrawnRow]

    @property
    def has_open_variable(self) -> bool:
        """Whether one of the variables has to be looked at."""
        return any(variable.is_open for variable in self.row["variables"])


def id_of(path: str) -> str:
    """The id of what is at this path."""
    return "f-" + path.replace(".", "-")


class _Drawing:
    """Draws a typed form with its errors; every error finds the field, the list or the row that it is about."""

    def __init__(self, script: Row, errors: Errors, focus: str) -> None:
        self.errors = {_form_path(path): said for path, said in errors.items()}
        self.focus = focus
        self.faults: list[Fault] = []
        names = (intent["name"].strip() for intent in script.lists.get("intents", ()))
        self.names = {name: name_key(name) for name in names}

    def take(self, keys: list[str], where: str, path: str) -> list[str]:
        """The errors at these keys, which are then done; each becomes a fault of the summary."""
        words = [message for key in keys for message in self.errors.pop(key)]
        self.faults += [Fault(where, word, path) for word in words]
        return words

    def slot(self, row: Row, it: Field, path: str, where: str, *, is_focused: bool) -> Slot:
        value, here = row[it.name], f"{path}.{it.name}" if path else it.name
        if words := _FIELDS.get((row.kind, it.name)):
            where = f"{where}, {words}"
        keys = [key for key in self.errors if key == here or key in _also_known(row, it, path)]
        said = self.take(keys, where, here)
        if it.form in {"lines", "words"}:
            parts = value.split("\n") if it.form == "lines" else re.split(r"[\s,;]+", value)
            for key in [key for key in self.errors if key.startswith(f"{here}.")]:
                number = int(key.rpartition(".")[2])
                place = f"Line {number + 1}" if it.form == "lines" else f"“{parts[number]}”"
                self.errors[key] = [f"{place}: {message}" for message in self.errors[key]]
                said += self.take([key], where, here)
        if row.leads_to is None or it.form != "target":
            return Slot(here, value, said, is_focused)
        is_lost = name_key(row.leads_to) not in self.names.values()
        return Slot(here, value, said, is_focused, is_lost, row.leads_to in self.names)

    def row(self, row: Row, path: str = "", where: str = "", number: int = 0) -> DrawnRow:
        """The row, which is the one of this number in its list, and all below it."""
        before = len(self.faults)
        is_focused = bool(self.focus) and self.focus == path
        drawn = DrawnRow(
            path,
            row.kind,
            about=editor_words.about(row),
            noun=editor_words.noun(row),
            called=editor_words.called(row, number),
            first_field=row.first_field,
            is_empty=row.is_empty,
            has_focus=is_focused,
        )
        for it in row.of_kind.fields:
            focused = is_focused and it.name == row.first_field
            drawn.inside[it.name] = self.slot(row, it, path, where or _SCRIPT_FIELDS[it.name], is_focused=focused)
        for name, part in row.parts.items():
            words = editor_words.PARTS[name]
            drawn.inside[name] = self.row(part, _join(path, name), f"{where}, {words}" if where else words)
        for name, rows in row.lists.items():
            drawn.inside[name] = list(self.rows(rows, _join(path, name), where))
        anchor = _join(row.focus_path(path), row.first_field) if row.first_field else path
        for name in row.lists:
            keys = [key for key in self.errors if key == _join(path, name)]
            drawn.list_errors[name] = self.take(keys, where or "The script", anchor)
        if path:
            left = [key for key in self.errors if key == path or key.startswith(f"{path}.")]
            drawn.errors = self.take(left, where, anchor)
        drawn.has_faults = len(self.faults) > before
        drawn.has_focus = drawn.has_focus or (bool(self.focus) and self.focus.startswith(f"{path}."))
        return drawn

    def rows(self, rows: list[Row], path: str, where: str) -> Iterator[DrawnRow]:
        for number, row in enumerate(rows):
            words = editor_words.ROWS[row.kind](row, number)
            yield self.row(row, f"{path}.{number}", f"{where}, {words}" if where else words, number)


_SCRIPT_FIELDS = {
    "name": "The assistant's name",
    "small_talk": "Small talk",
    "uses_knowledge": "Knowledge",
    "languages": "Languages",
}


# Fields whose row alone doesn't say which of them is meant: as the page calls them.
_FIELDS = {
    ("question", "slot"): "name of the answer",
    ("question", "min"): "least",
    ("question", "max"): "most",
    ("question", "attempts"): "attempts",
}


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _also_known(row: Row, it: Field, path: str) -> tuple[str, ...]:
    """What the content calls this field where that is another name."""
    if row.kind == "intent" and it.name == "action":
        return (f"{path}.action.type", f"{path}.action.intent")
    if row.kind == "button" and it.name == ("target" if row.leads_to is not None else "value"):
        return (f"{path}.payload", f"{path}.url")
    return ()


def draw(script: Row, errors: Errors | None = None, focus: str = "") -> EditorForm:
    """The form for the template, each error at its field, and a summary of all of them."""
    for intent in script.lists["intents"]:
        if not intent.lists["answers"] and not intent["action"]:
            intent.lists["answers"].append(new_row("spoken"))  # what it lacks, ready to be filled in
    drawing = _Drawing(script, errors or {}, focus)
    row = drawing.row(script)
    for key in list(drawing.errors):
        drawing.take([key], key or "The script", "name")
    names = [intent["name"].strip() for intent in script.lists["intents"]]
    blank = _Drawing(read_row("script", {}), {}, "")
    return EditorForm(
        row=row,
        targets=[(INTENT_PAYLOAD + name, name) for name in names if name],
        faults=drawing.faults,
        blanks={name: blank.row(fresh, _BLANK, "A new row") for name, fresh in _BLANKS.items()},
    )


_BLANKS: Mapping[str, Row] = {
    "intents": new_row("intent"),
    "answers": new_row("spoken"),
    "ask": new_row("question"),
    "choices": new_row("choice"),
    "buttons": new_row("button"),
    "also": new_row("other"),
    "cards": new_row("card"),
    "items": new_row("item"),
    "variables": new_row("variable"),
    **{f"blocks_{kind}": new_row("block", kind) for kind in BLOCKS},
}


def _form_path(path: str) -> str:
    """`scripted.intents[2].phrases[0]` as the form calls it: `intents.2.phrases.0`."""
    return re.sub(r"\[(\d+)\]", r".\1", path.removeprefix("scripted.").removeprefix("scripted"))
