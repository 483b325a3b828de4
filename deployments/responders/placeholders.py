"""`{{name}}` in an assistant's texts: what may stand there, and how a value is put in without becoming markup.

`{{name}}` or `{{name|other words}}`. A name is a slot (`email`), a constant of the script (`shop_name`), or something
of the conversation: `visitor.NAME` (what the page says of its user), `assistant.name`, `page.url`, `page.title`, and of
its last hand-over `handoff.summary` (what the person who gave it back wrote) and `handoff.outcome`. What has no value
gives the other words, or nothing.

A value comes from a visitor or from a page, so it stands for itself and nothing else: in a message's text, which is
Markdown, every character that could mean something is escaped (only where it would, if somebody reads the Markdown
itself); in an address it is percent-encoded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from convoship.lib import names
from deployments.responders import light_escapes

LONGEST_SHOWN = 300  # characters of one value
OF_CONVERSATION = frozenset({"assistant.name", "page.url", "page.title", "handoff.summary", "handoff.outcome"})

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}|]*?)\s*(?:\|([^{}]*))?\}\}")
_VISITOR = re.compile(r"visitor\.[A-Za-z_][A-Za-z0-9_-]{0,49}")
_MARKUP = re.compile(r"[\\`*_~\[\]<>&{}()#|!]")
_OF_LINE = re.compile(r"^([-+=]|\d{1,9}(?=[.)]))")
_ENDS = re.compile(r"([.)])")

Values = Mapping[str, Any]


def names_in(text: str) -> Iterator[tuple[str, bool]]:
    """The names that stand in a text, and whether each has other words."""
    for found in _PLACEHOLDER.finditer(text):
        yield found[1], found[2] is not None


def is_known(name: str, own: frozenset[str]) -> bool:
    """Whether a name can ever have a value; `own` are the script's slots and constants."""
    return name in own or name in OF_CONVERSATION or _VISITOR.fullmatch(name) is not None


def filled(text: str, values: Values, lacking: Callable[[str], str] = lambda name: "") -> str:
    """A message's text, which is Markdown, with each value as the plain text that it is.

    `lacking` gives the Markdown for a name that has neither a value nor other words.
    """
    return _replace(text, values, _escaped, lacking)


def filled_to_read(text: str, values: Values, lacking: Callable[[str], str] = lambda name: "") -> str:
    """As `filled`, for somebody who reads the Markdown as it is written: escaped only where it would mean something."""
    whole = filled_plain(text, values)

    def value_of(found: re.Match[str]) -> str:
        value = shown(values.get(found[1]))
        if not value:
            return lacking(found[1]) if found[2] is None else found[2].strip()
        before = text[: found.start()]
        if light_escapes.is_in_address(before):
            return _escaped(value)
        is_address = found[1] == "page.url"
        return light_escapes.escaped(value, before, text[found.end() :], whole, is_address=is_address)

    return _PLACEHOLDER.sub(value_of, text)


def filled_plain(text: str, values: Values) -> str:
    """A label or title, which is no Markdown."""
    return _replace(text, values, lambda value: value)


def filled_address(address: str, values: Values) -> str:
    """An address, with each value percent-encoded."""
    return _replace(address, values, lambda value: quote(value, safe=""))


def _replace(
    text: str, values: Values, as_text: Callable[[str], str], lacking: Callable[[str], str] = lambda name: ""
) -> str:
    def value_of(found: re.Match[str]) -> str:
        value = shown(values.get(found[1]))
        if value:
            return as_text(value)
        return lacking(found[1]) if found[2] is None else found[2].strip()

    return _PLACEHOLDER.sub(value_of, text) if "{{" in text else text


def shown(value: Any) -> str:
    """A value as it is shown: one line, cut short."""
    text = "" if value is None else str(value)
    line = names.line(text)
    return line if len(line) <= LONGEST_SHOWN else line[: LONGEST_SHOWN - 1] + "…"


def plain(line: str) -> str:
    """A line of somebody else's as Markdown that shows just its characters."""
    return _escaped(line)


def _escaped(value: str) -> str:
    """Markdown that shows just these characters, wherever in a line it stands."""
    text = _MARKUP.sub(r"\\\g<0>", value)
    opening = _OF_LINE.match(text)
    if opening is None:
        return text
    if opening[1].isdigit():
        return opening[1] + _ENDS.sub(r"\\\1", text[len(opening[1]) :], count=1)
    return "\\" + text
