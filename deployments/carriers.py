"""Where a conversation takes place that isn't on the web, and what became of its messages on their way.

Who carries them is known in a room above this one. It registers here when its app is ready, so that a transcript can
say where its people are, and lead from a message that did not arrive to the whole story of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from django.utils import timezone

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem
from deployments.file_kinds import KINDS
from deployments.file_settings import LARGEST_FILE, MOST_IN_MESSAGE
from deployments.models import Conversation, Message
from deployments.models.conversation import Channel


def _along(content_type: str, size: int) -> str:
    return ""


@dataclass(frozen=True)
class FilesTaken:
    """What files may go out to a person: of which kinds, how large one (bytes), how many with a message.

    `how`: in what other way than along with the message one of this type and size goes, for people; empty for none.
    `together`: of those that go along, so many bytes in all; `beside`: how one goes that has no room beside the others.
    """

    kinds: tuple[str, ...]
    max_bytes: int
    most: int
    how: Callable[[str, int], str] = _along
    together: int | None = None
    beside: str = ""

    def hows(self, files: Sequence[tuple[str, int]]) -> list[str]:
        """How each of a message's files goes, as `how` has it: (type, bytes) of each, in their order."""
        room, said = self.together, []
        for content_type, size in files:
            words = self.how(content_type, size)
            if not words and room is not None:
                words = self.beside if size > room else ""
                room -= 0 if words else size
            said.append(words)
        return said


NO_FILES = "No file can be sent in this conversation."
IN_WORDS = "Write what it says, or send it in another way."
# What a deployment takes from its visitors is its own setting; its members may always send all kinds.
ON_THE_WEB = FilesTaken(KINDS, LARGEST_FILE, MOST_IN_MESSAGE)

# Before a window closes, so long it says so with a warning.
LAST_MINUTES = 60


@dataclass(frozen=True)
class Offered:
    """A template that may be sent: its id at the provider, and what people call it."""

    id: str
    name: str


@dataclass(frozen=True)
class Filled:
    """A template with its values: `text` as it arrives, `template` and `blocks` as `Message` keeps them."""

    text: str
    template: Mapping[str, Any]
    blocks: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Window:
    """Free words are bound to one: until `closes_at`, or not at all where they never wrote (None).

    `path` is the page on which a template is chosen and sent; `templates` are those that may be, the best first.
    `own`: the name of the one that carries by itself what is written while it is closed, where there is one.
    """

    closes_at: dt.datetime | None
    path: str
    templates: Sequence[Offered] = ()
    own: str = ""

    @property
    def is_open(self) -> bool:
        """Whether free words may be sent now."""
        return self.closes_at is not None and self.closes_at > timezone.now()

    @property
    def is_tomorrow(self) -> bool:
        """Whether it closes on another day than today."""
        return self.closes_at is not None and timezone.localdate(self.closes_at) != timezone.localdate()

    @property
    def minutes_left(self) -> int:
        """Until it closes; 0 where it is closed."""
        return int((self.closes_at - timezone.now()).total_seconds() // 60) if self.closes_at and self.is_open else 0

    @property
    def closes_soon(self) -> bool:
        """Whether it is the last hour."""
        return self.minutes_left < LAST_MINUTES

    @property
    def left(self) -> str:
        """That in words: `3 h 10 min`."""
        hours, minutes = divmod(self.minutes_left, 60)
        if not hours:
            return f"{minutes} min" if minutes else "less than a minute"
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"


@dataclass(frozen=True)
class TakesCall:
    """A call that a member may have put through to their telephone: `path` takes the form.

    `template` draws it. `ringing`: who is rung now, "" for nobody; `is_bridged`: somebody talks to the caller so.
    """

    path: str
    template: str
    ringing: str = ""
    is_bridged: bool = False


@dataclass(frozen=True)
class Place:
    """Where a conversation takes place: `label` and `name` for people, `path` of its page, the person's `address`.
    `settings_path`: of the page on which that is set up.

    `is_open`: what is sent goes out; otherwise it waits until somebody opens it again. `consent` says in words how the
    address stands to being written to, `may_write` whether it may be; empty where the channel knows no such thing.
    `stopped` says why it may not be and what can be done, `stopped_path` is of the settings that decide it, if any do.
    `takes_files`: which files go out over it; None where none do.
    """

    label: str
    name: str
    path: str
    address: str
    is_open: bool = True
    consent: str = ""
    consent_at: dt.datetime | None = None
    may_write: bool = True
    stopped: str = ""
    stopped_path: str = ""
    settings_path: str = ""
    takes_files: FilesTaken | None = None
    # None: free words may be sent at any time.
    window: Window | None = None
    # Of a call that goes on: how a member takes it by telephone.
    call: TakesCall | None = None


class Carrier(Protocol):
    """Carries messages to people. All are called inside `tenant()`."""

    def place_of(self, conversation: Conversation) -> Place | None:
        """Where this conversation takes place; None where it isn't this carrier's."""

    def stories_of(self, messages: Sequence[Message]) -> Mapping[UUID, str]:
        """The paths of the pages that tell what became of these messages, by the messages' ids."""

    def carried_in(self, messages: Sequence[Message]) -> Mapping[UUID, str]:
        """The names of the templates in which these messages went that were written freely, by the messages' ids."""

    def again_at(self, message: Message, attachment_id: str) -> str:
        """Where a file of a message that could not be fetched is fetched anew, by POST; empty where nowhere."""

    def repairs_of(self, messages: Sequence[Message]) -> Mapping[UUID, str]:
        """The paths of the pages that send a template instead, by the ids of those that wait for a window, or whose
        own template was refused.
        """

    def fill_template(self, conversation: Conversation, template_id: str, values: Mapping[str, str]) -> Filled | None:
        """A template of the conversation's channel with these values; 422 with what is wrong.

        None where the conversation isn't this carrier's, or has no templates.
        """

    def drop_parked(self, actor: Actor, conversation: Conversation, seq: int) -> None:
        """End what is parked of a message of a locked conversation, as a template was sent; 409: it isn't parked."""


_carriers: list[Carrier] = []


def register(carrier: Carrier) -> None:
    """Have this carrier asked."""
    _carriers.append(carrier)


def place_of(conversation: Conversation) -> Place | None:
    """Where this conversation takes place; None: on the web, or over a connection that is deleted."""
    for carrier in _carriers:
        place = carrier.place_of(conversation)
        if place is not None:
            return place
    return None


def files_of(conversation: Conversation) -> FilesTaken | None:
    """Which files members may send here; None: none at all."""
    if conversation.channel == Channel.WEB:
        return ON_THE_WEB
    place = place_of(conversation)
    return place.takes_files if place else None


def stories_of(messages: Sequence[Message]) -> dict[UUID, str]:
    """The paths of the pages that tell what became of these messages, by the messages' ids; some have none."""
    found: dict[UUID, str] = {}
    for carrier in _carriers:
        found.update(carrier.stories_of(messages))
    return found


def carried_in(messages: Sequence[Message]) -> dict[UUID, str]:
    """The names of the templates in which these messages went that were written freely, by the messages' ids."""
    found: dict[UUID, str] = {}
    for carrier in _carriers:
        found.update(carrier.carried_in(messages))
    return found


def again_at(message: Message, attachment_id: str) -> str:
    """Where a file of this message that could not be fetched is fetched anew; empty where nobody does."""
    return next(filter(None, (carrier.again_at(message, attachment_id) for carrier in _carriers)), "")


def repairs_of(messages: Sequence[Message]) -> dict[UUID, str]:
    """The paths of the pages that send a template in the place of messages that wait for a window, or whose own
    template was refused, by their ids.
    """
    found: dict[UUID, str] = {}
    for carrier in _carriers:
        found.update(carrier.repairs_of(messages))
    return found


def fill_template(conversation: Conversation, template_id: str, values: Mapping[str, str]) -> Filled:
    """A template of the conversation's channel with these values; 422 with what is wrong, 409 where it has none."""
    for carrier in _carriers:
        filled = carrier.fill_template(conversation, template_id, values)
        if filled is not None:
            return filled
    raise Problem(
        "conflict",
        "Templates are WhatsApp's, and this conversation does not run over a WhatsApp connection.",
        hint="Send a text instead.",
    )


def drop_parked(actor: Actor, conversation: Conversation, seq: int) -> None:
    """End what is parked of a message of a locked conversation, as a template was sent; 409: it isn't parked."""
    for carrier in _carriers:
        carrier.drop_parked(actor, conversation, seq)
