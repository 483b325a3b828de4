"""Which template suits, and what is put into it to begin with: a guess, made to be looked at before it is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from channels_app import accounts, template_use
from channels_app.message_templates import as_template
from channels_app.models import Connection, MessageTemplate
from channels_app.models.template import Category
from channels_app.providers.base import BadVariables, Provider

_VARIABLE = re.compile(r"\{\{\s*(\w{1,40})\s*\}\}")
# A sample such as Ada or Ada Lovelace.
_NAME = re.compile(r"[^\W\d_][^\W\d_'’.-]*(?:[ -][^\W\d_][^\W\d_'’.-]*){0,2}")
# What a sentence ends with.
_ENDS = (".", "!", "?", "…", "。", "！", "？")
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
    """A template with what is put into it.

    `holds`: the text that was to be sent is inside it, and it may go so. `is_open`: it has one place that is made for
    a whole text. `left`: how many variables are no names.
    """

    template: MessageTemplate
    values: Mapping[str, str]
    holds: bool = False
    is_open: bool = False
    left: int = 0

    @property
    def fits(self) -> bool:
        """Whether it may be proposed: the text stands where a text belongs."""
        return self.holds and self.is_open


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


def is_own(template: MessageTemplate) -> bool:
    """Whether it carries by itself what its connection may not send freely."""
    is_chosen = bool(template.sid) and template.connection.config.get("window_template") == template.sid
    return is_chosen and len(variables_of(template)) == 1


def suggest(template: MessageTemplate, *, text: str, name: str, own: str = "") -> Suggestion:
    """What is put into this one: a name where one belongs, and the text where one place for it is left.

    `own`: the SID of the connection's own template, whose variable takes any text.
    """
    line = " ".join(text.split())
    names = variables_of(template)
    of_names = [one for one in names if _wants_name(template, one)]
    values = dict.fromkeys(of_names, name) if name else {}
    left = [one for one in names if one not in of_names]
    place = left[0] if len(left) == 1 else names[0] if len(names) == 1 and template.sid == own else ""
    is_open = bool(place) and (template.sid == own or _takes_text(template, place))
    if line and place and (is_open or _is_like(_sample(template, place), line)):
        values[place] = line
    holds = _holds(accounts.kind_of(template.connection), template, values, line)
    return Suggestion(template, values, holds, is_open, len(left))


def _sample(template: MessageTemplate, variable: str) -> str:
    return str(template.variables.get(variable, "")).strip()


def _takes_text(template: MessageTemplate, variable: str) -> bool:
    """Whether a whole text may stand there: its sample is a sentence, or it is a sentence's place.

    `your appointment is on {{2}}.` is none, however long its sample.
    """
    sample = _sample(template, variable)
    words = len(sample.split())
    is_sentence = sample.endswith(_ENDS)
    if is_sentence and words > 2 and not any(sign.isdigit() for sign in sample):
        return True
    return _stands_alone(template.body, variable) and (not sample or is_sentence or words > 3)


def _stands_alone(body: str, variable: str) -> bool:
    """Whether a variable is between sentences: nothing goes on before it or after it."""
    found = re.search(r"\{\{\s*" + re.escape(variable) + r"\s*\}\}", body)
    if found is None:
        return False
    before, after = body[: found.start()].rstrip(" *_~"), body[found.end() :].lstrip(" *_~")
    begins = not before or before.endswith((":", "\n", *_ENDS))
    return begins and (not after or not (after[0].islower() or after[0] in ",;"))


def _is_like(sample: str, line: str) -> bool:
    """Whether a text is as short as the sample: words that may stand in the middle of a sentence."""
    is_short = len(line.split()) <= len(sample.split()) + 1 and len(line) <= 2 * len(sample)
    return bool(sample) and is_short and not line.endswith(_ENDS)


def _wants_name(template: MessageTemplate, variable: str) -> bool:
    sample = _sample(template, variable)
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
    """All that may be sent, the best first: what holds the text, the connection's own, what takes any text at all.

    Whether or not there is a text, the order is the same, but for those that it is too long for.
    """
    own = str(connection.config.get("window_template") or "")
    rows = template_use.usable(connection).select_related("connection")
    found = [suggest(row, text=text, name=name, own=own) for row in rows]
    return sorted(found, key=lambda one: _rank(one, own))


def _rank(one: Suggestion, own: str) -> tuple[bool, bool, bool, int, bool, str]:
    template = one.template
    is_dear = template.category != Category.UTILITY
    return (not one.fits, template.sid != own, not one.is_open, one.left, is_dear, template.name)


def proposed(offered: Sequence[Suggestion], *, is_for_text: bool) -> Suggestion | None:
    """The one that is chosen already: the best that fits. Where there is nothing to fit, one that is the only one."""
    best = offered[0] if offered else None
    if best is not None and not (best.fits if is_for_text else len(offered) == 1):
        return None
    return best
