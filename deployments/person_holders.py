"""What rooms above this one hold of people: how their addresses stand, and what has to vanish with them.

They register here when their app is ready, as carriers do (`carriers`): so nothing of a person is forgotten because
another room keeps it. Every call is made inside `tenant()`.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from deployments.models import Identity, Person


@dataclass(frozen=True)
class ConsentLine:
    """One line of the ledger: what was said, and how it came about."""

    at: dt.datetime
    state: str
    source: str


@dataclass(frozen=True)
class Standing:
    """How one address stands to being written to over one connection, with all that made it so, the newest first."""

    place: str
    path: str
    address: str
    state: str
    may_write: bool
    changed_at: dt.datetime
    lines: Sequence[ConsentLine] = ()


@dataclass(frozen=True)
class Address:
    """An address as the room above reads it: `name` is where it is one, "" where that goes without saying."""

    value: str
    name: str = ""
    path: str = ""
    # It is played: nobody is at the other end.
    is_rehearsal: bool = False


@dataclass(frozen=True)
class Unanswered:
    """What they wrote while nobody might answer: it is in no conversation. `files` came along, and were not fetched."""

    at: dt.datetime
    place: str
    path: str
    text: str
    files: int
    why: str


@dataclass
class Gone:
    """What an eraser made vanish: how many of each, by words for people."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, what: str, how_many: int) -> None:
        """Count so many more."""
        if how_many:
            self.counts[what] += how_many


class Holder(Protocol):
    """Holds something of people."""

    def consents_of(self, person: Person) -> list[Standing]:
        """How their addresses stand."""

    def unanswered_of(self, person: Person, most: int) -> list[Unanswered]:
        """So much of what they wrote in vain, the newest first."""

    def addresses_of(self, identities: Sequence[Identity]) -> dict[UUID, Address]:
        """Identities as people read them, by their ids; those that this holder knows nothing of are left out."""

    def begun_at(self, identities: Sequence[Identity], since: dt.datetime) -> list[UUID]:
        """The conversations that began at these addresses since then."""

    def own_addresses(self, people: Sequence[UUID]) -> None:
        """Let nobody decide anything of where these people are reached until the transaction ends."""

    def erase_addresses(self, identities: Sequence[Identity], before: dt.datetime, gone: Gone) -> None:
        """Forget these addresses, as far as they were known before that moment. An opt-out goes on holding."""

    def erase_conversations(self, conversations: Sequence[UUID], before: dt.datetime, gone: Gone) -> None:
        """Forget what these conversations say and where they took place."""


_holders: list[Holder] = []


def register(holder: Holder) -> None:
    """Have this holder asked."""
    _holders.append(holder)


def consents_of(person: Person) -> list[Standing]:
    """How the person's addresses stand."""
    return [standing for holder in _holders for standing in holder.consents_of(person)]


def unanswered_of(person: Person, most: int) -> list[Unanswered]:
    """So much of what the person wrote while nobody might answer, the newest first."""
    found = [one for holder in _holders for one in holder.unanswered_of(person, most)]
    return sorted(found, key=lambda one: one.at, reverse=True)[:most]


def addresses_of(identities: Sequence[Identity]) -> dict[UUID, Address]:
    """Identities as people read them, each of them."""
    found = {identity.id: Address(identity.value) for identity in identities}
    for holder in _holders:
        found.update(holder.addresses_of(identities))
    return found


def begun_at(identities: Sequence[Identity], since: dt.datetime) -> list[UUID]:
    """The conversations that began at these addresses since then."""
    return [found for holder in _holders for found in holder.begun_at(identities, since)]


def own_addresses(people: Sequence[UUID]) -> None:
    """Have every address of these people owned, before any row of theirs is locked."""
    for holder in _holders:
        holder.own_addresses(people)


def erase_addresses(identities: Sequence[Identity], before: dt.datetime, gone: Gone) -> None:
    """Have these addresses forgotten everywhere."""
    for holder in _holders:
        holder.erase_addresses(identities, before, gone)


def erase_conversations(conversations: Sequence[UUID], before: dt.datetime, gone: Gone) -> None:
    """Have these conversations' content forgotten everywhere."""
    for holder in _holders:
        holder.erase_conversations(conversations, before, gone)
