"""Who acts: carried from the door to the act, checked there for permission and written to the audit log."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Actor:
    """A member, an API key, staff, or the product itself. `permissions` is what it may do in the entered workspace."""

    kind: Literal["user", "api_key", "staff", "system"]
    id: uuid.UUID | None
    label: str
    permissions: frozenset[str] = field(default_factory=frozenset)
    ip: str = ""
    # What visitors may see of it; `label` is for the audit log.
    public_name: str = ""

    @property
    def shown_as(self) -> str:
        """The name that visitors see."""
        return self.public_name or self.label

    def may(self, permission: str) -> bool:
        """Whether this actor has the permission."""
        return permission in self.permissions


SYSTEM = Actor(kind="system", id=None, label="Convoship")
