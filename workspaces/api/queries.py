"""Query strings, read strictly: a filter that is misspelt must not silently show everything."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from rest_framework.request import Request

from convoship.lib.problems import invalid
from workspaces.api.ids import parsed_id


def only(request: Request, *known: str) -> None:
    """422 for a parameter that this call does not know, or that is given twice."""
    errors: dict[str, list[str]] = {}
    for name in request.query_params:
        shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in name[:60])
        if name not in known:
            words = f"Known here: {', '.join(known)}." if known else "This call takes none."
            errors[shown] = [f"This parameter isn't known. {words}"]
        elif len(request.query_params.getlist(name)) > 1:
            errors[shown] = ["This parameter is given more than once."]
    if errors:
        raise invalid(errors)


def choice(request: Request, name: str, choices: Collection[str]) -> str | None:
    """One of the choices, or None where the parameter is absent."""
    value = request.query_params.get(name)
    if value is not None and value not in choices:
        raise invalid({name: [f"One of: {', '.join(choices)}."]})
    return value


def an_id(request: Request, name: str) -> UUID | None:
    """An id, or None where the parameter is absent."""
    value = request.query_params.get(name)
    if value is None:
        return None
    parsed = parsed_id(value)
    if parsed is None:
        raise invalid({name: ["A UUID in lower case, such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301."]})
    return parsed


def words(request: Request, name: str, longest: int = 200) -> str:
    """A text to search for; empty where the parameter is absent."""
    value = request.query_params.get(name, "").strip()
    if len(value) > longest:
        raise invalid({name: [f"At most {longest} characters."]})
    if "\x00" in value:
        raise invalid({name: ["The character NUL can't be searched for."]})
    return value
