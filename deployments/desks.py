"""The desk port: a place where people answer. The inbox is the first; rooms above this one bring others.

A hand-over is a *case* at one desk at a time. What the port's methods do they do in the transaction that moves the
hand-over, so they write rows and never call anybody: a desk outside the house has its outbox carry what was written,
once in effect and in order, with the case's `key` for whoever has to tell a repetition. What comes back from a desk
(accepted, words, typing, returned, closed, unavailable) is told to `handoff` by the same key, and changes nothing where
the case isn't there any more.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from deployments.models import Conversation, Handoff, Message

INBOX = "inbox"


@dataclass(frozen=True)
class Case:
    """A conversation at a desk: by `key` it is opened, told of and closed."""

    handoff: Handoff
    conversation: Conversation
    # Which of the hand-over's offers, where that is not the last one.
    offer: int | None = None

    @property
    def key(self) -> str:
        """The case's name at its desk: another one each time that the hand-over is offered."""
        return f"{self.handoff.id}.{self.handoff.offers if self.offer is None else self.offer}"


@dataclass(frozen=True)
class Availability:
    """Whether a desk can take a case now; if not why (for members), and from when on if that is known."""

    is_open: bool
    words: str = ""
    opens_at: dt.datetime | None = None


@dataclass(frozen=True)
class Untold:
    """Why a desk does not know of a case, for members. Not `is_sure`: it may have been told, and nobody can say."""

    words: str
    is_sure: bool


class Desk(Protocol):
    """All called inside `tenant()`, in the transaction of the change; the conversation is locked."""

    def name(self) -> str:
        """What members call it."""

    def availability(self, now: dt.datetime, conversation: Conversation | None = None) -> Availability:
        """Whether it takes cases now: of this conversation, or of some. Reads rows, calls nobody."""

    def open_case(self, case: Case) -> None:
        """Offer the conversation, with all that was said so far."""

    def untold(self, case: Case) -> Untold | None:
        """Why it does not know by now, or may not, of a case that was opened; None where it does. Reads rows."""

    def add_turn(self, case: Case, message: Message) -> None:
        """The visitor said something more, or a program by the API; never what came from the desk itself."""

    def add_files(self, case: Case, message: Message) -> None:
        """Files of something the visitor said are there now, or never come; when it was told they were on their way."""

    def close_case(self, case: Case, outcome: str, words: str) -> None:
        """The desk doesn't have it any more: `outcome` as in `Handoff.Outcome`, `words` for people."""


@dataclass(frozen=True)
class Choice:
    """A desk that a rule may name: its `ref` and what members call it.

    `is_rehearsal`: a stand-in plays its people, so that who is handed over to it reaches nobody.
    """

    ref: str
    name: str
    is_rehearsal: bool = False

    @property
    def words(self) -> str:
        """What members call it, marked where nobody real is behind it."""
        return f"{self.name} (rehearsal)" if self.is_rehearsal else self.name


@dataclass(frozen=True)
class ShownCase:
    """What a desk outside the house calls a case, where its people open it, and what is wrong with it, if anything.

    `log`: the page of what it was told.
    """

    number: str
    url: str
    trouble: str
    log: str
    taken_at: dt.datetime | None = None
    closed_at: dt.datetime | None = None
    # What members call the desk.
    desk: str = ""


class Finder(Protocol):
    """Knows desks of one sort. Called inside `tenant()`."""

    def desk_of(self, ref: str) -> Desk | None:
        """The desk by its ref; None where it isn't of this sort, or is gone."""

    def choices(self) -> Sequence[Choice]:
        """The desks of this workspace."""

    def cases_of(self, handoff: Handoff) -> Sequence[ShownCase]:
        """What desks of this sort call a hand-over that they were offered."""

    def own_of(self, conversation: Conversation) -> Sequence[str]:
        """Desks that the conversation brings along with where it takes place (the telephone of its number)."""


_finders: list[Finder] = []


def register(finder: Finder) -> None:
    """Have this finder asked; once for each sort, in `AppConfig.ready()`."""
    _finders.append(finder)


def of(ref: str) -> Desk | None:
    """The desk of this ref; None where it is gone (a deleted connection)."""
    found = (finder.desk_of(ref) for finder in _finders)
    return next((desk for desk in found if desk is not None), None)


def in_order(conversation: Conversation, refs: Sequence[str]) -> list[str]:
    """The desks that are asked of this conversation: as the rules name them, behind those that it brings along.

    One that the rules name as well has its place there.
    """
    brought = [ref for finder in _finders for ref in finder.own_of(conversation) if ref not in refs]
    return [*brought, *refs]


def cases_of(handoff: Handoff) -> list[ShownCase]:
    """What desks outside the house call this hand-over, in the order in which they were offered it."""
    return [case for finder in _finders for case in finder.cases_of(handoff)]


def choices() -> list[Choice]:
    """Every desk that a rule of this workspace may name."""
    return [choice for finder in _finders for choice in finder.choices()]


def rehearsals() -> dict[str, Choice]:
    """By their refs the desks behind which a stand-in plays: no real visitor is to be handed over to them."""
    return {choice.ref: choice for choice in choices() if choice.is_rehearsal}
