"""Config that has parts of parts (`speech.stt.engine`) beside the flat fields of a form (`speech__stt__engine`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

BETWEEN = "__"


def flat(config: Mapping[str, Any], begins: str = "") -> dict[str, Any]:
    """Each value by the name of its field. A part that is empty is none."""
    found: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, Mapping):
            found.update(flat(value, f"{begins}{name}{BETWEEN}"))
        else:
            found[f"{begins}{name}"] = value
    return found


def nested(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The config of these fields."""
    config: dict[str, Any] = {}
    for name, value in fields.items():
        *parts, last = name.split(BETWEEN)
        at = config
        for part in parts:
            at = at.setdefault(part, {})
        at[last] = value
    return config


def path(field: str) -> str:
    """The field as it is named in an error: `speech.stt.engine`."""
    return field.replace(BETWEEN, ".")


def field(path: str) -> str:
    """The field of such a path."""
    return path.replace(".", BETWEEN)
