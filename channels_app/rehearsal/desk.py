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
    takes no words any more. `acts`: what can be done beside.
    """

    ref: str
    number: str
    title: str
    status: str
    facts: Sequence[tuple[str, str]]
    entries: Sequence[Entry]
    writes: Sequence[Act] = ()
    acts: Sequence[Act] = ()


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
        """The visitor's side, and the agent's: the case that is opened, among all."""
        return {
            "visitor": visitors.shown(rehearsal),
            "cases": (cases := cls(connection, rehearsal, accounts.to_plan(connection).account).cases()),
            "case": next((one for one in cases if one.ref == address), cases[0] if cases else None),
        }

    def way_back(self) -> tuple[str, str]:
        """How its agent gives a conversation back: the act, and the words that go with it."""
        return "note", "/bot tried"

    def cases(self) -> list[ShownCase]:
        """Its cases, the one that changed last first."""
        raise NotImplementedError
