"""Which template suits, and what is put into it to begin with: a guess, made to be looked at before it is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from channels_app import accounts, template_use
from channels_app.message_templates import as_template
from channels_app.models import Connection, MessageTemplate
from channels_app.models.template import Category
from channels_app.providers.base import BadVariables, Provider

_VARIABLE = re.compile(r"\{\{\s*(\w{1,40})\s*\}\}")
# A sample such as Ada or Ada Lovelace.
_NAME = re.compile(r"[^\W\d_][^\W\d_'’.-]*(?:[ -][^\W\d_][^\W\d_'’.-]*){0,2}")
_CALLED = frozenset({"name", "first name", "first_name", "firstname", "full name", "customer", "customer name", "you"})
# What stands before a name, in the languages that are met most.
_GREETING = re.compile(
    r"(?:hello|hi|hey|dear|welcome|hallo|guten tag|liebe[r]?|bonjour|salut|cher|chère|hola|estimad[oa]|olá|oi|ciao|"
    r"gentile|hoi|beste|hej|cześć|merhaba)(?: there)?[\s,*_]*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Piece:
    """A part of a template's words: as they stand, or a variable (`name`) with what is in it."""

    text: str
    name: str = ""


@dataclass(frozen=True)
class Suggestion:
    """A template with what is put into it. `holds`: the text that was to be sent is inside it, and it may go so."""

    template: MessageTemplate
    values: Mapping[str, str]
    holds: bool = False


def pieces(body: str, values: Mapping[str, str]) -> list[Piece]:
    """The words with these values in the place of the variables; a variable without one stands as {{1}}."""
    return list(_pieces(body, values))


def _pieces(body: str, values: Mapping[str, str]) -> Iterator[Piece]:
    end = 0
    for found in _VARIABLE.finditer(body):
        if found.start() > end:
            yield Piece(body[end : found.start()])
        yield Piece(values.get(found[1], "").strip() or found[0], found[1])
        end = found.end()
    if end < len(body):
        yield Piece(body[end:])


def variables_of(template: MessageTemplate) -> list[str]:
    """Its variables' names in their order."""
    return accounts.kind_of(template.connection).variables_of(as_template(template))


def suggest(template: MessageTemplate, *, text: str, name: str) -> Suggestion:
    """What is put into this one: a name where one belongs, and the text where one other place is left."""
    line = " ".join(text.split())
    names = variables_of(template)
    of_names = [one for one in names if _wants_name(template, one)]
    values = dict.fromkeys(of_names, name) if name else {}
    left = [one for one in names if one not in of_names]
    if line and len(left) == 1:
        values[left[0]] = line
    return Suggestion(template, values, holds=_holds(accounts.kind_of(template.connection), template, values, line))


def _wants_name(template: MessageTemplate, variable: str) -> bool:
    sample = str(template.variables.get(variable, "")).strip()
    if variable.casefold() in _CALLED or sample.casefold() in _CALLED:
        return True
    found = re.search(r"\{\{\s*" + re.escape(variable) + r"\s*\}\}", template.body)
    return bool(found and _NAME.fullmatch(sample) and _GREETING.search(template.body[: found.start()]))


def _holds(kind: type[Provider], template: MessageTemplate, values: Mapping[str, str], line: str) -> bool:
    try:
        filled = kind.fill(as_template(template), values)
    except BadVariables:
        return False
    return bool(line) and line in " ".join(str(filled.content["text"]).split())


def ranked(connection: Connection, *, text: str = "", name: str = "") -> list[Suggestion]:
    """All that may be sent, the best first: what holds the text, the connection's own, what is cheap."""
    found = [suggest(row, text=text, name=name) for row in template_use.usable(connection).select_related("connection")]
    own = str(connection.config.get("window_template") or "")
    return sorted(found, key=lambda one: _rank(one, own))


def _rank(one: Suggestion, own: str) -> tuple[bool, bool, bool, int, str]:
    template = one.template
    missing = len(set(variables_of(template)) - set(one.values))
    return (not one.holds, template.sid != own, template.category != Category.UTILITY, missing, template.name)
