"""API keys: made, found by digest, revoked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.utils import timezone

from convoship.lib import tokens
from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid
from convoship.lib.tenancy import tenant
from workspaces import audit
from workspaces.members import user_of
from workspaces.models import ApiKey
from workspaces.permissions import SCOPES, of_scopes

LAST_USED_STEP = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class NewApiKey:
    """A key with the token that is shown this once."""

    key: ApiKey
    token: str


def create(actor: Actor, *, name: str, scopes: Sequence[str], expires_at: dt.datetime | None = None) -> NewApiKey:
    """A new key. It can't do more than who makes it."""
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        problem = f"Unknown: {', '.join(unknown)}." if unknown else "Choose at least one."
        raise invalid({"scopes": [f"{problem} Known scopes: {', '.join(SCOPES)}."]})
    beyond = of_scopes(scopes) - actor.permissions
    if beyond:
        raise Problem(
            "scope_missing", f"You can't give a key more than you may do yourself: {', '.join(sorted(beyond))}."
        )
    token = tokens.make("csk")
    key = ApiKey.objects.create(
        name=name,
        prefix=token.prefix,
        digest=token.digest,
        scopes=sorted(set(scopes)),
        expires_at=expires_at,
        created_by=user_of(actor),
    )
    audit.record(actor, "api_key.created", key, scopes=key.scopes)
    return NewApiKey(key, token.value)


def revoke(actor: Actor, key: ApiKey) -> None:
    """Refuse the key from now on."""
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        key.save(update_fields=["revoked_at"])
        audit.record(actor, "api_key.revoked", key)


def authenticate(token: str, ip: str) -> tuple[UUID, Actor]:
    """The workspace that a `csk_` token opens, and the actor it is; 401 with the reason otherwise."""
    if not tokens.is_well_formed(token, "csk"):
        raise Problem("token_malformed", "This is not a csk_ token: its form or its checksum is wrong.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT workspace_id, key_id FROM resolve_api_key(%s)", [tokens.digest(token)])
        row = cursor.fetchone()
    if row is None:
        raise Problem("token_unknown", "No such API key.", hint="Make a new key under Workspace, API keys.")
    workspace_id, key_id = row
    with tenant(workspace_id):
        key = ApiKey.objects.get(id=key_id)
        if key.state != "live":
            raise Problem(f"token_{key.state}", f"This API key is {key.state}.", hint="Make a new key.")
        now = timezone.now()
        if key.last_used_at is None or now - key.last_used_at > LAST_USED_STEP:
            ApiKey.objects.filter(id=key.id).update(last_used_at=now)
    actor = Actor(
        kind="api_key",
        id=key.id,
        label=f"{key.name} ({key.prefix}...)",
        permissions=of_scopes(key.scopes),
        ip=ip,
        public_name=key.name,
    )
    return workspace_id, actor


def is_live(key_id: UUID) -> bool:
    """Whether the workspace's key still works; it keeps its scopes for life. Inside `tenant()`."""
    return any(key.state == "live" for key in ApiKey.objects.filter(id=key_id))
