"""What providers tell us, as parsers see it: typed, pure, and storable as JSON."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

Wish = Literal["", "stop", "start", "help"]


@dataclass(frozen=True)
class ProviderEvent:
    """Something a provider says. `key` is unique for its connection; a copy with the same key changes nothing."""

    kind: ClassVar[str] = "unknown"
    key: str
    # Where it comes from at the provider; events of one address are handled in order.
    address: str = ""
    # What it is, for people, where nothing is done with it.
    what: str = ""
    # Where the provider gives its events no key, `key` is made of the body: the same again is a copy only while the
    # earlier one is unanswered or younger than so many seconds. None: a copy is a copy for ever.
    copy_seconds: float | None = None
    # Its answer is wanted in the response.
    is_inline: bool = False

    def as_json(self) -> dict[str, Any]:
        """For the event's row; `event_of` reads it back."""
        return asdict(self)


@dataclass(frozen=True)
class MessageReceived(ProviderEvent):
    """Somebody wrote, tapped, sent or said something. Neither `text`, `payload` nor `media`: greet them."""

    kind: ClassVar[str] = "message"
    text: str = ""
    payload: str = ""
    # What the provider, or a signed bridge, says of who it is: {id?, name?, email?, ...}.
    user: Mapping[str, Any] = field(default_factory=dict)
    locale: str = ""
    # A word that is about consent and not for the assistant.
    wish: Wish = ""
    # Who it is, where the address says that of a call only: a phone number in E.164.
    person_address: str = ""
    # By what else the channel knows them, beside the address: it stays theirs where the address changes.
    handle: str = ""
    # The provider's id of the message that this one replies to, sent by either side.
    reply_to: str = ""
    # What the answer repeats: a number that the other side gives its turns, and whatever else its provider needs.
    echo: Mapping[str, Any] = field(default_factory=dict)
    # Files that came along, to be fetched afterwards: {url, content_type?, name?}, in their order.
    media: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True)
class StatusReported(ProviderEvent):
    """What became of something that we sent. `status` is a word of messages (CONTRACT section 1)."""

    kind: ClassVar[str] = "status"
    provider_id: str = ""
    # Our own key of it, where the provider repeats it.
    delivery_id: str = ""
    status: str = ""
    code: str = ""
    reason: str = ""
    remedy: str = ""
    # The person has told the provider's network to hold back what we send.
    opted_out: bool = False
    # It was refused because they had not written for too long.
    window_closed: bool = False
    # It may be of something that others sent: of what we don't know nothing is said then.
    is_maybe_others: bool = False


@dataclass(frozen=True)
class CallEnded(ProviderEvent):
    """The other side hung up: the conversation is over. Its key is `key_of` its call."""

    kind: ClassVar[str] = "hang-up"
    echo: Mapping[str, Any] = field(default_factory=dict)

    @staticmethod
    def key_of(address: str) -> str:
        """Its key, by which a call is known to be over of which nothing else was heard."""
        return f"hang-up:{hashlib.sha256(address.encode()).hexdigest()}"


@dataclass(frozen=True)
class DeskSaid(ProviderEvent):
    """What a desk says of a case. `address` is the case's key (`deployments.desks`), or what the desk calls it.

    `changed`: something happened there, and what it was has to be looked up. `visitor`: the visitor said it there,
    where the desk's people read it, too. `ended`: it is over there: closed where somebody there had taken it, else
    unavailable. `lapsed`: nobody ended it, it has run out of time there: it is given back by whoever had it.
    """

    kind: ClassVar[str] = "desk"
    says: Literal[
        "",
        "accepted",
        "message",
        "typing",
        "returned",
        "closed",
        "unavailable",
        "changed",
        "visitor",
        "ended",
        "lapsed",
    ] = ""
    name: str = ""
    # The words of a message, the summary of a return, the reason of one that can't take it.
    text: str = ""
    # Of typing.
    on: bool = True


@dataclass(frozen=True)
class NotUsed(ProviderEvent):
    """A signed event that we keep and do nothing with; `what` says what it was."""

    kind: ClassVar[str] = "unknown"


_KINDS: Mapping[str, type[ProviderEvent]] = {
    one.kind: one for one in (MessageReceived, StatusReported, CallEnded, DeskSaid, NotUsed)
}


def event_of(kind: str, content: Mapping[str, Any]) -> ProviderEvent:
    """The event of a stored row."""
    fields = dict(content)
    # Of an event that an earlier version stored.
    fields.pop("left_out", None)
    if "media" in fields:
        fields["media"] = tuple(fields["media"])
    return _KINDS[kind](**fields)
