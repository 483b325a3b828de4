"""What a provider is asked as a desk (`deployments.desks`), beside what it is asked as any other.

A desk outside the house is told by deliveries. What opens a case is answered with what the desk calls it (`CaseThere`),
which is kept and handed to whatever is sent or asked about the case later (`KnownCase`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from channels_app.providers.events import ProviderEvent

# What deliveries of a case are called, in the outbox and on its pages.
OPENED, TRANSCRIPT, MESSAGE, CLOSED, UNDELIVERED, RECEIPT = (
    "handoff.opened",
    "handoff.transcript",
    "handoff.message",
    "handoff.closed",
    "handoff.undelivered",
    "handoff.receipt",
)
# Of these nothing depends on whether they arrive: the case stays where it is.
BESIDE = (CLOSED, UNDELIVERED, RECEIPT)


@dataclass(frozen=True)
class CaseThere:
    """A case as the desk knows it.

    `ref`: the id by which it is asked for; `number`: what its people call it; `url`: where they open it; `about`: what
    the provider has to remember of it, as JSON. What `about` says replaces what was known under the same names.
    """

    ref: str
    number: str = ""
    url: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class KnownCase:
    """A case as far as we know it: `key` is ours; `there` is None until the desk has taken it.

    `earlier`: the last case of the same conversation that this desk had before, if it had one. `sent`: the desk's ids
    of what we wrote into it, by which an echo is known. `active_at`: when somebody last said something here.
    `is_heard`, of a case that is looked at: whether the desk called us about it, or an earlier look found how it
    stands.
    """

    key: str
    there: CaseThere | None = None
    earlier: CaseThere | None = None
    sent: frozenset[str] = frozenset()
    active_at: dt.datetime | None = None
    is_heard: bool = False

    @property
    def about(self) -> Mapping[str, Any]:
        """What is remembered of it."""
        return self.there.about if self.there is not None else {}


@dataclass(frozen=True)
class Looked:
    """What a look at a case found: what was said since, in order, with keys of its own; and what to remember.

    `again`: seconds until the next look.
    """

    events: Sequence[ProviderEvent]
    again: float
    there: CaseThere | None = None


@dataclass(frozen=True)
class Paste:
    """A text to be put in by hand at the provider's console: what it is, where it goes, and the text itself."""

    title: str
    where: str
    text: str
