"""What the assistant's editor has rows of, as one table: the fields of each kind of row, and what stands below it.

The form is one tree of rows, which has the shape of the content (`responders.content`): a field is called by its path
in it (`intents.2.ask.0.prompt.text`), and so is an error of the content. All that reads, writes, draws, adds and moves
rows goes by this table, so that a new kind of row is a new entry here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from deployments.responders.content import INTENT_PAYLOAD

# How a field's text stands in the content: as it is; a list by line or by word; a whole number; a number or a day;
# ticked or not; an intent or another thing that is led to.
Form = Literal["text", "lines", "words", "whole", "bound", "flag", "target"]


@dataclass(frozen=True)
class Field:
    """A field of a row. `default` stands in a new row and counts as nothing typed."""

    name: str
    form: Form = "text"
    default: str = ""
    is_required: bool = False  # stands in the content though empty
    is_ours: bool = False  # of the form alone, never in the content


@dataclass(frozen=True)
class Below:
    """A row, or a list of rows, below a row."""

    kind: str
    is_required: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of row."""

    fields: tuple[Field, ...]
    parts: Mapping[str, Below] = field(default_factory=dict)
    lists: Mapping[str, Below] = field(default_factory=dict)
    # The lists of which a new row has a first row.
    begins_with: tuple[str, ...] = ()


_TEXT = Field("text", is_required=True)
_TITLE = Field("title", is_required=True)
_SHOWN = {"buttons": Below("button"), "blocks": Below("block")}
_SAID = {**_SHOWN, "also": Below("other")}

KINDS: Mapping[str, Kind] = {
    "script": Kind(
        (
            Field("name", is_ours=True),
            Field("small_talk", "flag", is_required=True),
            Field("uses_knowledge", "flag"),
            Field("languages", "words"),
        ),
        {
            "welcome": Below("spoken", is_required=True),
            "fallback": Below("spoken", is_required=True),
            "fallback_again": Below("again"),
            "no_input": Below("silence"),
        },
        {"intents": Below("intent", is_required=True), "variables": Below("variable")},
    ),
    # What is said
    "spoken": Kind((_TEXT,), lists=_SAID),
    "again": Kind((_TEXT, Field("then")), lists=_SAID),
    "silence": Kind((Field("after_seconds", "whole", "60", is_required=True), _TEXT, Field("then")), lists=_SAID),
    "give_up": Kind((_TEXT, Field("then", default="cancel", is_required=True)), lists=_SAID),
    "other": Kind((Field("language"), Field("channel"), _TEXT), lists=_SHOWN),
    "button": Kind(
        (Field("label", is_required=True), Field("target", "target", "payload"), Field("value", is_required=True))
    ),
    # Of a block, which fields count is its type's word (`BLOCKS`)
    "block": Kind(
        (Field("type", default="card", is_required=True), _TITLE, Field("text"), Field("image_url")),
        lists={
            "buttons": Below("button", is_required=True),
            "cards": Below("card", is_required=True),
            "items": Below("item", is_required=True),
        },
    ),
    "card": Kind((_TITLE, Field("text"), Field("image_url")), lists={"buttons": Below("button")}),
    "item": Kind((_TITLE, Field("text"), Field("url"))),
    # What visitors want
    "intent": Kind(
        (
            Field("name", is_required=True),
            Field("was", is_ours=True),
            Field("phrases", "lines", is_required=True),
            Field("action", "target"),
        ),
        lists={"ask": Below("question"), "answers": Below("spoken", is_required=True)},
        begins_with=("answers",),
    ),
    "question": Kind(
        (
            Field("slot", is_required=True),
            Field("kind", default="text", is_required=True),
            Field("attempts", "whole"),
            Field("min", "bound"),
            Field("max", "bound"),
        ),
        {
            "prompt": Below("spoken", is_required=True),
            "reprompt": Below("spoken"),
            "invalid": Below("spoken"),
            "give_up": Below("give_up"),
        },
        {"choices": Below("choice")},
    ),
    "choice": Kind((Field("label", is_required=True), Field("value"), Field("synonyms", "lines"))),
    "variable": Kind((Field("name", is_required=True), Field("value", is_required=True))),
}

# What each type of block has, besides its type.
BLOCKS: Mapping[str, tuple[str, ...]] = {
    "buttons": ("buttons",),
    "card": ("title", "text", "image_url", "buttons"),
    "carousel": ("cards",),
    "list": ("items",),
}
# The list of which a new block has a row.
_BLOCK_BEGINS_WITH = {"buttons": "buttons", "carousel": "cards", "list": "items"}


# Fields that nobody types in.
HIDDEN = frozenset({"was", "type"})


@dataclass
class Row:
    """A row as it was typed. `key` is what the browser called it in its list."""

    kind: str
    values: dict[str, str]
    parts: dict[str, Row] = field(default_factory=dict)
    lists: dict[str, list[Row]] = field(default_factory=dict)
    key: str = ""

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    @property
    def of_kind(self) -> Kind:
        """What it is made of."""
        return KINDS[self.kind]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed in it or below it."""
        mine = (it for it in self.of_kind.fields if not it.is_ours and not (self.kind == "block" and it.name == "type"))
        return (
            all(self.values[it.name].strip() in {"", it.default} for it in mine)
            and all(part.is_empty for part in self.parts.values())
            and all(row.is_empty for rows in self.lists.values() for row in rows)
        )

    @property
    def leads_to(self) -> str | None:
        """The intent that a button or an action leads to."""
        for it in self.of_kind.fields:
            if it.form == "target" and self.values[it.name].startswith(INTENT_PAYLOAD):
                return self.values[it.name].removeprefix(INTENT_PAYLOAD)
        return None

    @property
    def first_field(self) -> str:
        """The field in which one begins to type; "" where it has only rows below it."""
        of_type = BLOCKS.get(self["type"], ()) if self.kind == "block" else None
        names = [it.name for it in self.of_kind.fields if it.name not in HIDDEN]
        return next((name for name in names if of_type is None or name in of_type), "")

    def focus_path(self, path: str) -> str:
        """The path of the row in which one begins to type: this one at `path`, or the first below it."""
        below = next((name for name, rows in self.lists.items() if rows), "")
        if self.first_field or not below:
            return path
        return self.lists[below][0].focus_path(f"{path}.{below}.0")

    def every(self) -> Iterator[Row]:
        """This row and all below it."""
        yield self
        for part in self.parts.values():
            yield from part.every()
        for rows in self.lists.values():
            for row in rows:
                yield from row.every()


def new_row(kind: str, variant: str = "") -> Row:
    """An empty row as it is added, with the rows that it begins with; `variant` is a block's type."""
    row = read_row(kind, {"type": variant} if variant else {})
    begins_with = row.of_kind.begins_with
    if kind == "block" and row["type"] in _BLOCK_BEGINS_WITH:
        begins_with = (_BLOCK_BEGINS_WITH[row["type"]],)
    for name in begins_with:
        row.lists[name].append(new_row(row.of_kind.lists[name].kind))
    return row


def read_row(kind: str, tree: object, key: str = "") -> Row:
    """A row from a tree of texts, whatever is in it: dictionaries, and rows in lists or by their keys."""
    known = KINDS[kind]
    return Row(
        kind,
        {it.name: _text(tree, it) for it in known.fields},
        {name: read_row(below.kind, _inside(tree, name)) for name, below in known.parts.items()},
        {
            name: [read_row(below.kind, row, called) for called, row in _rows(_inside(tree, name))]
            for name, below in known.lists.items()
        },
        key,
    )


def _inside(tree: object, name: str) -> Any:
    return tree.get(name) if isinstance(tree, dict) else None


def _text(tree: object, it: Field) -> str:
    value = _inside(tree, it.name)
    return value if isinstance(value, str) else it.default


def _rows(rows: object) -> list[tuple[str, object]]:
    if isinstance(rows, dict):
        return list(rows.items())
    return [(str(number), row) for number, row in enumerate(rows)] if isinstance(rows, list) else []


def as_tree(row: Row) -> dict[str, Any]:
    """The row as JSON that `read_row` reads."""
    return {
        **row.values,
        **{name: as_tree(part) for name, part in row.parts.items() if not part.is_empty},
        **{name: [as_tree(each) for each in rows] for name, rows in row.lists.items() if rows},
    }
