"""Conversations that the workspace begins: asked for here, begun by who carries messages (a room above this one).

What carries messages to people registers itself when its app is ready, as `carriers` do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol
from uuid import UUID

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem
from deployments.models import Conversation, Message
from workspaces.models import User


@dataclass(frozen=True)
class Wanted:
    """A conversation to be begun: over which connection, to whom (a number in E.164), and with what.

    `text`, or a `template` (its name or its id at the provider) with `variables`. `consent`: how they agreed to be
    written to, in words for the ledger. `control`: who answers what comes back.
    """

    connection_id: UUID
    to: str
    text: str = ""
    template: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    consent: str = ""
    control: Literal["assistant", "human"] = "human"


@dataclass(frozen=True)
class Started:
    """The conversation, and the message that began it, which has yet to be sent."""

    conversation: Conversation
    message: Message


class Starter(Protocol):
    """Begins conversations. Called inside `tenant()`."""

    def start(self, actor: Actor, user: User | None, wanted: Wanted) -> Started:
        """Begin one; 422 by field where it can't be, 409 where they opted out or talk with us already."""


_starters: list[Starter] = []


def register(starter: Starter) -> None:
    """Have conversations begun by this one."""
    _starters.append(starter)


def start(actor: Actor, user: User | None, wanted: Wanted) -> Started:
    """Begin a conversation, or say why not."""
    if not _starters:
        raise Problem("unavailable", "Nothing here carries messages to people.")
    return _starters[0].start(actor, user, wanted)
