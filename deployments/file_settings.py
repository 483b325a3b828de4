"""Which files a deployment takes from its visitors: the setting, and what a widget is told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployments import file_kinds
from deployments.file_kinds import KINDS

MEGABYTE = 1024 * 1024
LARGEST_FILE = 10 * MEGABYTE
MOST_IN_MESSAGE = 10
MOST_IN_CONVERSATION = 50
DEFAULT_KINDS = ("images", "documents")


@dataclass(frozen=True)
class FileSettings:
    """Whether visitors may send files, of which kinds, and how large one may be in bytes."""

    on: bool = False
    kinds: tuple[str, ...] = DEFAULT_KINDS
    max_bytes: int = LARGEST_FILE

    def as_json(self) -> dict[str, Any]:
        """As it is stored and as the admin API shows it."""
        return {"on": self.on, "kinds": list(self.kinds), "max_bytes": self.max_bytes}

    def as_feature(self) -> dict[str, Any] | bool:
        """What a widget is told: false, or what its file picker offers and how much one message may carry."""
        if not self.on:
            return False
        return {
            "kinds": list(self.kinds),
            "max_bytes": self.max_bytes,
            "most": MOST_IN_MESSAGE,
            "accept": file_kinds.accepted(self.kinds),
        }


def of(stored: Mapping[str, Any]) -> FileSettings:
    """The setting as it is stored; nothing stored is off."""
    default = FileSettings()
    return FileSettings(
        on=bool(stored.get("on", False)),
        kinds=tuple(stored.get("kinds", default.kinds)),
        max_bytes=int(stored.get("max_bytes", default.max_bytes)),
    )


def faults(value: object) -> dict[str, list[str]]:
    """What can't be taken in a setting that somebody sends, by path."""
    if not isinstance(value, Mapping):
        return {"files": ['An object such as {"on": true, "kinds": ["images"]}.']}
    errors = {f"files.{name}"[:100]: ["There is no such setting."] for name in value.keys() - FileSettings().as_json()}
    if "on" in value and not isinstance(value["on"], bool):
        errors["files.on"] = ["true or false."]
    kinds = value.get("kinds", list(DEFAULT_KINDS))
    if not isinstance(kinds, list) or not all(isinstance(kind, str) and kind in KINDS for kind in kinds):
        errors["files.kinds"] = [f"A list of some of: {', '.join(KINDS)}."]
    elif not kinds and value.get("on"):
        errors["files.kinds"] = ["Choose at least one kind, or turn files off."]
    most = value.get("max_bytes", LARGEST_FILE)
    if isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= LARGEST_FILE:
        errors["files.max_bytes"] = [f"A whole number of bytes from 1 to {LARGEST_FILE} (10 MB)."]
    return errors


def parsed(value: Mapping[str, Any]) -> dict[str, Any]:
    """A setting without `faults` in its normal form: kinds in their order, each once; empty where it says nothing."""
    given = of(value)
    kinds = tuple(kind for kind in KINDS if kind in given.kinds)
    normal = FileSettings(given.on, kinds, given.max_bytes)
    return {} if normal == FileSettings() else normal.as_json()
