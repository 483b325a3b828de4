"""The editor's rows as content, and content as rows: nothing that content can hold is lost on the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from deployments.pages.editor_kinds import BLOCKS, KINDS, Form, Row
from deployments.responders.content import INTENT_PAYLOAD

LINK, WORDS, GO_TO = "url", "payload", "go_to"
_WHOLE = re.compile(r"[+-]?[0-9]{1,400}", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", re.ASCII)

Content = dict[str, Any]


# --- Fields -------------------------------------------------------------------------------------------------------


def _number(text: str) -> Any:
    """A number where one was typed; else the text, which the schema then refuses in words."""
    text = text.strip()
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        number = float(text)
        return number if abs(number) != float("inf") else text
    return text


def _whole(text: str) -> Any:
    number = _number(text)
    return int(number) if isinstance(number, float) and number.is_integer() else number


_WRITE: Mapping[Form, Callable[[str], Any]] = {
    "text": str.strip,
    "target": str,
    "lines": lambda text: [line.strip() for line in text.split("\n") if line.strip()],
    "words": lambda text: [word for word in re.split(r"[\s,;]+", text) if word],
    "whole": _whole,
    "bound": str.strip,
    "flag": bool,
}
_READ: Mapping[Form, Callable[[Any], str]] = {
    "text": str,
    "target": str,
    "lines": "\n".join,
    "words": ", ".join,
    "whole": str,
    "bound": str,
    "flag": lambda value: "on" if value else "",
}


# --- From content -------------------------------------------------------------------------------------------------


def row_of(kind: str, content: Mapping[str, Any], key: str = "") -> Row:
    """The row of a piece of content."""
    known = KINDS[kind]
    if kind in _OPENED:
        content = _OPENED[kind](content)
    return Row(
        kind,
        {it.name: _READ[it.form](content[it.name]) if it.name in content else it.default for it in known.fields},
        {name: row_of(below.kind, content.get(name, {})) for name, below in known.parts.items()},
        {
            name: [row_of(below.kind, row, str(number)) for number, row in enumerate(content.get(name, ()))]
            for name, below in known.lists.items()
        },
        key,
    )


def _open_button(content: Mapping[str, Any]) -> Mapping[str, Any]:
    if "url" in content:
        return {"label": content["label"], "target": LINK, "value": content["url"]}
    payload = content.get("payload", "")
    if payload.startswith(INTENT_PAYLOAD):
        return {"label": content["label"], "target": payload}
    return {"label": content["label"], "target": WORDS, "value": payload} if content else {}


def _open_intent(content: Mapping[str, Any]) -> Mapping[str, Any]:
    action = content.get("action", {})
    does = action.get("type", "")
    return {
        **content,
        "was": content.get("name", ""),
        "action": INTENT_PAYLOAD + action.get("intent", "") if does == GO_TO else does,
    }


_OPENED: Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {
    "button": _open_button,
    "intent": _open_intent,
}


# --- To content ---------------------------------------------------------------------------------------------------


def content_of(row: Row) -> Content:
    """What a row says, as content for the act to check. Empty rows must be dropped before (`drop_empty`)."""
    known, content = row.of_kind, {}
    for it in known.fields:
        value = _WRITE[it.form](row[it.name])
        if not it.is_ours and (it.is_required or value not in ("", [])):
            content[it.name] = value
    for name, below in known.parts.items():
        if below.is_required or not row.parts[name].is_empty:
            content[name] = content_of(row.parts[name])
    for name, below in known.lists.items():
        if below.is_required or row.lists[name]:
            content[name] = [content_of(each) for each in row.lists[name]]
    return _CLOSED[row.kind](content) if row.kind in _CLOSED else content


def _close_button(content: Content) -> Content:
    label, target, value = content["label"], content.get("target", WORDS), content["value"]
    if target == LINK:
        return {"label": label, "url": value}
    return {"label": label, "payload": target if target.startswith(INTENT_PAYLOAD) else value}


def _close_intent(content: Content) -> Content:
    action = content.pop("action", "")
    if action.startswith(INTENT_PAYLOAD):
        return {**content, "action": {"type": GO_TO, "intent": action.removeprefix(INTENT_PAYLOAD)}}
    return {**content, "action": {"type": action}} if action else content


def _close_block(content: Content) -> Content:
    known = BLOCKS.get(content["type"], ())
    kept = {name: value for name, value in content.items() if name == "type" or name in known}
    if content["type"] == "card" and not kept["buttons"]:
        del kept["buttons"]
    return kept


def _close_question(content: Content) -> Content:
    """The least and the most are days for a date, and numbers for all else."""
    if content["kind"] != "date":
        content.update({name: _number(content[name]) for name in ("min", "max") if name in content})
    return content


_CLOSED: Mapping[str, Callable[[Content], Content]] = {
    "button": _close_button,
    "intent": _close_intent,
    "block": _close_block,
    "question": _close_question,
}
