"""The one table of who may do what.

A permission is `area.verb`. Roles of members and scopes of API keys both map to permissions; doors name a permission,
never a role.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import models


class Role(models.TextChoices):
    """A member's role in a workspace, the most powerful first."""

    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    DEVELOPER = "developer", "Developer"
    EDITOR = "editor", "Editor"
    AGENT = "agent", "Agent"
    VIEWER = "viewer", "Viewer"


_ALL = frozenset(Role)
_ADMINS = frozenset({Role.OWNER, Role.ADMIN})
_BUILDERS = _ADMINS | {Role.DEVELOPER}

PERMISSIONS: Mapping[str, frozenset[Role]] = {
    "assistants.read": _ALL,
    "assistants.write": _BUILDERS | {Role.EDITOR},
    "deployments.read": _ALL,
    "deployments.write": _BUILDERS,
    "conversations.read": _ALL,
    "conversations.write": _ADMINS | {Role.AGENT, Role.EDITOR},
    # Who reads conversations sees their people; who answers them may correct, note, merge (with a way back) and block.
    "people.read": _ALL,
    "people.write": _ADMINS | {Role.AGENT, Role.EDITOR},
    # What leaves the house or can't be undone, and what everybody sees of everybody: export, erase, the fields.
    "people.manage": _ADMINS,
    "workspace.read": _ALL,
    "workspace.write": _ADMINS,
    "api_keys.read": _BUILDERS,
    "api_keys.write": _BUILDERS,
    "secrets.read": _BUILDERS,
    "secrets.write": _BUILDERS,
    "connections.read": _ALL,
    "connections.write": _BUILDERS,
}

# Scopes of CONTRACT section 7 that something here answers to; a scope whose area comes later is absent.
SCOPES: Mapping[str, frozenset[str]] = {
    "assistants:read": frozenset({"assistants.read"}),
    "assistants:write": frozenset({"assistants.read", "assistants.write"}),
    "deployments:read": frozenset({"deployments.read"}),
    "deployments:write": frozenset({"deployments.read", "deployments.write"}),
    "conversations:read": frozenset({"conversations.read"}),
    "conversations:write": frozenset({"conversations.read", "conversations.write"}),
    "people:read": frozenset({"people.read"}),
    "people:write": frozenset({"people.read", "people.write", "people.manage"}),
    "connections:read": frozenset({"connections.read"}),
    "connections:write": frozenset({"connections.read", "connections.write"}),
    "secrets:read": frozenset({"secrets.read"}),
    "secrets:write": frozenset({"secrets.read", "secrets.write"}),
    "workspace:read": frozenset({"workspace.read"}),
    "workspace:write": frozenset({"workspace.read", "workspace.write"}),
}


def of_role(role: str) -> frozenset[str]:
    """What a member with this role may do."""
    return frozenset(permission for permission, roles in PERMISSIONS.items() if role in roles)


def of_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """What a key with these scopes may do; a scope that no longer exists grants nothing."""
    return frozenset().union(*(SCOPES.get(scope, frozenset()) for scope in scopes))


def scope_for(permission: str) -> str:
    """The scope a key lacks for this permission, for the words of a refusal."""
    found = (scope for scope, granted in SCOPES.items() if permission in granted)
    return next(found, permission.replace(".", ":"))
