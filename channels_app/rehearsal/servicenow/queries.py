"""Encoded queries (`sysparm_query`), as c_RESTAPI describes them.

Supported: `=`, `!=`, `LIKE`, `STARTSWITH`, `ENDSWITH`, `^`, `^OR`, `ORDERBY`, `ORDERBYDESC`, and of
r_OpAvailableFiltersQueries `>`, `>=`, `<`, `<=`, `IN`.
An instance ignores what is invalid of a query and answers with the rest; here it is refused, so that it is seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from channels_app.rehearsal.servicenow.answers import Refused, not_silently

_CONDITION = re.compile(r"([a-z][a-z0-9_]*)(!=|>=|<=|=|>|<|IN|LIKE|STARTSWITH|ENDSWITH)(.*)", re.DOTALL)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")
_GENERATED = re.compile(r"javascript:gs\.dateGenerate\('(\d{4}-\d{2}-\d{2})','(\d{2}:\d{2}:\d{2})'\)")
_TIMES = frozenset({"sys_created_on", "sys_updated_on", "opened_at", "closed_at", "resolved_at", "due_date"})

Row = Mapping[str, str]
_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "=": lambda has, wants: has == wants,
    "!=": lambda has, wants: has != wants,
    ">": lambda has, wants: bool(has) and _key(has) > _key(wants),
    ">=": lambda has, wants: bool(has) and _key(has) >= _key(wants),
    "<": lambda has, wants: bool(has) and _key(has) < _key(wants),
    "<=": lambda has, wants: bool(has) and _key(has) <= _key(wants),
    "IN": lambda has, wants: has in wants.split(","),
    "LIKE": lambda has, wants: wants.lower() in has.lower(),
    "STARTSWITH": lambda has, wants: has.lower().startswith(wants.lower()),
    "ENDSWITH": lambda has, wants: has.lower().endswith(wants.lower()),
}


@dataclass(frozen=True)
class Condition:
    """One condition: `name` is that of a field."""

    name: str
    operator: str
    value: str

    def holds(self, row: Row) -> bool:
        """Whether it does for this record."""
        return _TESTS[self.operator](row.get(self.name, ""), self.value)


@dataclass(frozen=True)
class Query:
    """All groups hold, of each of them one condition; `order` are fields with whether they descend."""

    groups: Sequence[Sequence[Condition]] = ()
    order: Sequence[tuple[str, bool]] = ()

    def rows(self, of: Iterable[Row]) -> list[Row]:
        """The records that it finds, in its order; where it names none, as they were made."""
        found = [row for row in of if all(any(one.holds(row) for one in group) for group in self.groups)]
        for name, descends in reversed(self.order):
            found.sort(key=lambda row: _key(row.get(name, "")), reverse=descends)
        return found


def _key(value: str) -> tuple[int, int, str]:
    """Numbers by their value, all else by its letters."""
    return (0, int(value), "") if re.fullmatch(r"-?\d{1,18}", value) else (1, 0, value)


def parse(text: str, fields: Iterable[str]) -> Query:
    """The query of a text; `Refused` (400) for what it can't be."""
    known = frozenset(fields)
    groups: list[list[Condition]] = []
    order: list[tuple[str, bool]] = []
    for part in filter(None, text.split("^")):
        if part == "EQ":
            continue
        if part.startswith("ORDERBY"):
            descends = part.startswith("ORDERBYDESC")
            name = part.removeprefix("ORDERBYDESC" if descends else "ORDERBY")
            _known(name, known)
            order.append((name, descends))
        elif part.startswith("OR") and groups:
            groups[-1].append(_condition(part[2:], known))
        else:
            groups.append([_condition(part, known)])
    return Query(groups, order)


def _condition(part: str, known: frozenset[str]) -> Condition:
    match = _CONDITION.fullmatch(part)
    if match is None:
        raise not_silently("sysparm_query", f"“{part[:80]}” is no condition that is known here.")
    name, operator, value = match.groups()
    _known(name, known)
    generated = _GENERATED.fullmatch(value)
    if generated:
        value = f"{generated[1]} {generated[2]}"
    elif value.startswith("javascript:"):
        raise not_silently("sysparm_query", "Scripts other than gs.dateGenerate('date','time') are not run here.")
    if name in _TIMES and value and not _MOMENT.fullmatch(value):
        raise not_silently("sysparm_query", f"{name} wants a time in UTC as YYYY-MM-DD HH:MM:SS.")
    return Condition(name, operator, value)


def _known(name: str, known: frozenset[str]) -> None:
    if name not in known:
        raise not_silently("sysparm_query", f"There is no field “{name[:60]}” in this table.")


def number(query: Mapping[str, str], name: str, default: int) -> int:
    """`sysparm_limit` or `sysparm_offset`; `Refused` (400) for what is no number («Don't pass a negative number»)."""
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise Refused(400, "Bad Request", f"{name} must be a whole number.", f"Not taken: {name} is no whole number.")
    return int(text)
