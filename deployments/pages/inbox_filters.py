"""What the inbox's list is asked for, as it stands in its address, in its form and in a saved view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from deployments import searching
from deployments.models.conversation import Channel

SHOWN = {
    "all": "All",
    "mine": "Mine",
    "unassigned": "Unassigned",
    "waiting": "Waiting",
    "active": "Open",
    "missed": "Missed",
    "snoozed": "Snoozed",
    "ended": "Ended",
}
SORTS = {"newest": "Newest first", "longest": "Longest waiting first"}


@dataclass(frozen=True)
class Wanted:
    """Which conversations, in which order, from where on. What makes no sense in an address counts as left out."""

    show: str = "all"
    q: str = ""
    channel: str = ""
    assistant: str = ""
    deployment: str = ""
    tag: str = ""
    sort: str = "newest"
    after: str = ""

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Wanted:
        """From an address, a form or a saved view."""

        def words(name: str) -> str:
            value = given.get(name, "")
            return value if isinstance(value, str) else ""

        def one_of(name: str, known: Mapping[str, str], otherwise: str) -> str:
            return words(name) if words(name) in known else otherwise

        return cls(
            show=one_of("show", SHOWN, "all"),
            q=searching.clean(words("q")),
            channel=one_of("channel", dict(Channel.choices), ""),
            assistant=as_id(words("assistant")),
            deployment=as_id(words("deployment")),
            tag=as_id(words("tag")),
            sort=one_of("sort", SORTS, "newest"),
            after=words("after")[:200],
        )

    @property
    def filters(self) -> dict[str, str]:
        """What differs from the whole list, but for the place in it: what a view keeps."""
        return {
            field.name: value
            for field in fields(self)
            if field.name != "after" and (value := getattr(self, field.name)) != field.default
        }

    @property
    def narrowing(self) -> dict[str, str]:
        """The filters that are chosen in the form, beside the search."""
        return {name: value for name, value in self.filters.items() if name not in {"show", "q"}}

    @property
    def query(self) -> str:
        """For an address: `?show=mine`, or nothing for the whole list."""
        parts = {**self.filters, **({"after": self.after} if self.after else {})}
        return f"?{urlencode(parts)}" if parts else ""

    def but(self, **changes: str) -> Wanted:
        """The same with another filter, from its beginning unless `after` says where."""
        return replace(self, **{"after": "", **changes})


def as_id(text: str) -> str:
    """A UUID as it is written; nothing for what is none."""
    try:
        return str(UUID(text)) if len(text) == 36 else ""
    except ValueError:
        return ""
