"""How an address or a name is known to be a person's, in words."""

from __future__ import annotations

from deployments.models import Identity, Person
from deployments.models.person import IdentityKind

_BY_IDENTITY: dict[str, str] = {
    IdentityKind.PHONE: "They wrote or called from this number.",
    IdentityKind.WHATSAPP: "They wrote from this account, as WhatsApp says.",
    IdentityKind.BRIDGE: "Your own bridge says that it is them, in a signed request.",
}
_BY_SOURCE = {
    "member": "written by a member",
    "token": "proved by your own server",
}
UNPROVED = "as typed, not checked"


def known_by(identity: Identity) -> str:
    """How an identity is known."""
    return _BY_IDENTITY.get(identity.kind, "They wrote from this address.")


def said_by(person: Person, name: str) -> str:
    """Who said the person's `name` or `email`."""
    return _BY_SOURCE.get(person.known_by.get(name, ""), UNPROVED)
