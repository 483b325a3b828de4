"""How an address or a name is known to be a person's, in words."""

from __future__ import annotations

from collections.abc import Iterable

from deployments.models import Identity, Person
from deployments.models.person import IdentityKind
from deployments.person_holders import Address

_BY_IDENTITY: dict[str, str] = {
    IdentityKind.PHONE: "They wrote or called from this number.",
    IdentityKind.WHATSAPP: "They wrote from this account, as WhatsApp says.",
    IdentityKind.BRIDGE: "Your own bridge says that it is them, in a signed request.",
}
_BY_SOURCE = {
    "member": "written by a member",
    "token": "proved by your own server",
}
PLAYED = "Played in a rehearsal: nobody is at the other end, and they stand in no list."
UNPROVED = "as typed, not checked"


def known_by(identity: Identity) -> str:
    """How an identity is known."""
    return _BY_IDENTITY.get(identity.kind, "They wrote from this address.")


def kind_of(identity: Identity, address: Address) -> str:
    """What kind of address it is."""
    return "Rehearsal" if address.is_rehearsal else identity.get_kind_display()


def how_known(identity: Identity, address: Address) -> str:
    """How an identity is known, where its address is read."""
    return PLAYED if address.is_rehearsal else known_by(identity)


def each_once(values: Iterable[str]) -> list[str]:
    """Addresses in one line: a WhatsApp account goes by its number without the +, and so would stand there twice."""
    shown = list(dict.fromkeys(values))
    return [value for value in shown if f"+{value}" not in shown]


def said_by(person: Person, name: str) -> str:
    """Who said the person's `name` or `email`."""
    return _BY_SOURCE.get(person.known_by.get(name, ""), UNPROVED)
