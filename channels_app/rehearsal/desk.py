"""A desk's stand-in: its API as we call it, and a small screen for the agent behind it.

What it knows of its cases stands in the rehearsal's `contents` (JSON; the row is held while a call is answered).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from channels_app import accounts
from channels_app.models import Connection, Rehearsal
from channels_app.rehearsal import visitors
from channels_app.rehearsal.base import StandIn

Role = Literal["customer", "agent", "note", "bot", "event"]


@dataclass(frozen=True)
class Entry:
    """One thing in a case. `at` is ISO 8601; `files` are {name, url?}.

    `note`: what agents alone see. `bot`: said by a program to the customer. `event`: nobody said it (a status).
    """

    role: Role
    name: str
    text: str
    at: str
    files: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True)
class Act:
    """Something that an agent can do beside writing: `word` goes into the form as `does`."""

    word: str
    label: str


@dataclass(frozen=True)
class ShownCase:
    """A case as the agent sees it: `ref` goes into the form as `address`; `status` in the desk's own words.

    `writes`: what can be written now (`reply` goes to the customer, `note` to agents), as acts; none where the case
    takes no words any more. `acts`: what can be done beside. `customers`: what the customer can do, where they write at
    the desk itself; the first is to write.
    """

    ref: str
    number: str
    title: str
    status: str
    facts: Sequence[tuple[str, str]]
    entries: Sequence[Entry]
    writes: Sequence[Act] = ()
    acts: Sequence[Act] = ()
    customers: Sequence[Act] = ()


class DeskStandIn(StandIn):
    """A helpdesk or contact centre, and an agent in it.

    `say` takes what the agent does: `address` (a case's `ref`), `does` (the word of one of its acts), `text`, `name`
    (the agent's). It changes the case and answers with what the desk then calls our webhook with; where it calls
    nobody (an internal note, say), with a `Saying` whose `url` is empty.
    """

    page = "channels_app/rehearsal/desk_page.html"
    talk = "channels_app/rehearsal/desk_talk.html"
    screen = "channels_app/rehearsal/desk_agent.html"
    style = "app/css/rehearsal_desk.css"

    @classmethod
    def shown(cls, connection: Connection, rehearsal: Rehearsal, address: str) -> Mapping[str, Any]:
        """The visitor's side, or the customer's, and the agent's: the case that is opened, among all."""
        stand_in = cls(connection, rehearsal, accounts.to_plan(connection).account)
        cases = stand_in.cases()
        return {
            "has_customers": stand_in.has_customers,
            "visitor": None if stand_in.has_customers else visitors.shown(rehearsal),
            "cases": cases,
            "case": next((one for one in cases if _is_meant(one, address)), cases[0] if cases else None),
        }

    def way_back(self) -> tuple[str, str]:
        """How its agent gives a conversation back: the act, and the words that go with it."""
        return "note", "/bot tried"

    @property
    def has_customers(self) -> bool:
        """Whether customers write at the desk itself, so that no visitor of ours is handed over to it.

        Its screen begins a conversation then: `say` takes `does` as `begin`, with the customer's `name` and `text`.
        """
        return False

    def cases(self) -> list[ShownCase]:
        """Its cases, the one that changed last first."""
        raise NotImplementedError


def _is_meant(case: ShownCase, address: str) -> bool:
    """Whether this is the case that an address of the screen is of: by its id, its number, or what its page says."""
    return bool(address) and address in {case.ref, case.number, *(value for _, value in case.facts)}
