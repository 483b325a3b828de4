"""The assistant's editor as a form: what was typed, its way to content and back, and rows that come, go and move.

Rows keep the order in which the browser sends them, whatever is written in their paths, so that moving a row in the
page moves it here. Nothing typed is lost: what comes in goes out again, whether a row was added without JavaScript,
something was refused, or someone else saved in between. Rows in which nothing was typed are dropped, so that content
and form count alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from deployments.pages.editor_content import content_of, row_of
from deployments.pages.editor_kinds import KINDS, Row, as_tree, new_row, read_row
from deployments.responders.content import INTENT_PAYLOAD, name_key

LONGEST_ASSISTANT_NAME = 100
_PATH = re.compile(r"[a-z_]+(\.[a-z0-9_]+){0,15}", re.ASCII)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def from_content(name: str, content: Mapping[str, Any]) -> Row:
    """The form of a draft."""
    return row_of("script", {**content, "name": name})


def from_post(data: QueryDict) -> Row:
    """The form as it was sent. Whatever is in it, this raises nothing."""
    script = read_row("script", _tree(data))
    _take_along(script)
    return script


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


def from_kept(kept: object) -> Row:
    """The form that was kept as it was typed."""
    return read_row("script", kept)


def to_kept(script: Row) -> dict[str, Any]:
    """The form as it was typed, as JSON that the database can hold."""
    tree: dict[str, Any] = _storable(as_tree(script))
    return tree


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return {name: _storable(item) for name, item in value.items()}


def _take_along(script: Row) -> None:
    """Where an intent got a new name, the buttons and actions that led to it lead to the new name."""
    intents = script.lists["intents"]
    renamed = {
        name_key(intent["was"]): intent["name"].strip()
        for intent in intents
        if intent["was"] and intent["name"].strip() and intent["was"] != intent["name"].strip()
    }
    for row in script.every() if renamed else ():
        if row.leads_to is not None and (old := name_key(row.leads_to)) in renamed:
            for it in row.of_kind.fields:
                if it.form == "target":
                    row.values[it.name] = INTENT_PAYLOAD + renamed[old]
    for intent in intents:
        intent.values["was"] = intent["name"].strip() or intent["was"]


def drop_empty(script: Row) -> None:
    """Take out rows in which nothing was typed, and blank lines in lists."""
    for row in script.every():
        for name, rows in row.lists.items():
            row.lists[name] = [each for each in rows if not each.is_empty]
        for it in row.of_kind.fields:
            if it.form == "lines":
                lines = (line.strip() for line in row[it.name].split("\n"))
                row.values[it.name] = "\n".join(line for line in lines if line)


def to_content(script: Row) -> dict[str, Any]:
    """What the form says, as content that the act checks. Empty rows must be dropped before."""
    return content_of(script)


def field_of(script: Row, path: str) -> str:
    """What the browser calls the field that stands at this path, for an answer about the form that it sent."""
    row, names = script, []
    parts = path.split(".")
    while parts:
        names.append(name := parts.pop(0))
        if name in row.parts:
            row = row.parts[name]
        elif name in row.lists and parts:
            row = row.lists[name][int(parts.pop(0))]
            names.append(row.key)
    return ".".join(names)


# --- Rows added, removed and moved without JavaScript -------------------------------------------------------------


def apply(script: Row, operation: str) -> str:
    """Do what a row's button asks (`add:intents`, `add:welcome.blocks:card`, `remove:intents.2`, `up:intents.2`).

    Answers the path to focus, which is "" where nothing was done.
    """
    verb, _, rest = operation.partition(":")
    path, _, variant = rest.partition(":")
    parts = path.split(".")
    if verb == "add":
        return _add(script, parts, variant)
    rows = _list_at(script, parts[:-1])
    position = _position(parts[-1], rows or [])
    if rows is None or position is None:
        return ""
    if verb == "remove":
        del rows[position]
        return ".".join([*parts[:-1], str(min(position, len(rows) - 1))] if rows else parts[:-2])
    step = {"up": -1, "down": 1}.get(verb, 0)
    moved = min(max(position + step, 0), len(rows) - 1)
    rows.insert(moved, rows.pop(position))
    return ".".join([*parts[:-1], str(moved)])


def _add(script: Row, parts: list[str], variant: str) -> str:
    rows = _list_at(script, parts)
    owner = _row_at(script, parts[:-1])
    if rows is None or owner is None:
        return ""
    rows.append(new_row(KINDS[owner.kind].lists[parts[-1]].kind, variant))
    return rows[-1].focus_path(".".join([*parts, str(len(rows) - 1)]))


def _list_at(script: Row, parts: list[str]) -> list[Row] | None:
    owner = _row_at(script, parts[:-1])
    return owner.lists.get(parts[-1]) if owner and parts else None


def _row_at(script: Row, parts: list[str]) -> Row | None:
    row, left = script, list(parts)
    while left:
        name = left.pop(0)
        if name in row.parts:
            row = row.parts[name]
            continue
        rows = row.lists.get(name, [])
        position = _position(left.pop(0), rows) if left else None
        if position is None:
            return None
        row = rows[position]
    return row


def _position(part: str, rows: list[Row]) -> int | None:
    """The row's place in its list; a part that names none is refused before `int` chokes on its length."""
    return int(part) if part.isdecimal() and part.isascii() and len(part) < 6 and int(part) < len(rows) else None
