"""Deployments: made, changed, rotated and revoked. A revoked one is dead at once, on every process."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.utils import timezone

from convoship.lib import tokens
from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid, not_found
from deployments import live, origins, theme
from deployments.models import Assistant, Deployment, DeploymentToken
from workspaces import audit
from workspaces.members import user_of

MAX_ORIGINS = 50
MAX_OVERLAP_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True)
class NewDeployment:
    """A deployment with the token that is shown this once."""

    deployment: Deployment
    token: str
    embed_snippet: str


def snippet(assistant_id: UUID, token: str) -> str:
    """What a customer pastes into a page (CONTRACT section 5)."""
    base = settings.PUBLIC_BASE_URL
    return (
        "<script>window.ConvoshipQueue = window.ConvoshipQueue || [];</script>\n"
        f'<script src="{base}/embed/v1.js" async></script>\n'
        "<script>\n"
        f"  ConvoshipQueue.push(['init', {{agentId: '{assistant_id}', token: '{token}', "
        f"channel: 'web', apiUrl: '{base}'}}]);\n"
        "</script>\n"
    )


def placeholder_snippet(deployment: Deployment) -> str:
    """The snippet once the token is gone: its real prefix, and words in place of the rest."""
    prefix = current_token(deployment).prefix
    return snippet(deployment.assistant_id, prefix + tokens.PLACEHOLDER_SUFFIX)


def current_token(deployment: Deployment) -> DeploymentToken:
    """The newest token: the one the snippet should carry."""
    return max(deployment.tokens.all(), key=lambda token: token.created_at)


def parsed_origins(values: Sequence[str]) -> list[str]:
    """The origins, each checked; 422 with the corrected value for those that are not in normal form."""
    if not values:
        raise invalid({"allowed_origins": ["Name at least one origin, for example https://www.example.com."]})
    if len(values) > MAX_ORIGINS:
        raise invalid({"allowed_origins": [f"At most {MAX_ORIGINS} origins; a wildcard covers many sub-domains."]})
    errors: dict[str, list[str]] = {}
    parsed: list[str] = []
    for position, value in enumerate(values):
        try:
            origin = origins.parse_allowed(value)
        except origins.OriginRefused as refused:
            errors[f"allowed_origins[{position}]"] = [refused.message]
            continue
        if origin not in parsed:
            parsed.append(origin)
    if errors:
        raise invalid(errors, hint="Save the corrected value, or choose another origin.")
    return parsed


def parsed_theme(value: object) -> dict[str, Any]:
    """The theme, checked; 422 with a message per path."""
    try:
        return theme.validate(value)
    except theme.ThemeRefused as refused:
        raise invalid({f"theme.{path}" if path else "theme": said for path, said in refused.errors.items()}) from None


def create(
    actor: Actor,
    assistant: Assistant,
    *,
    name: str,
    allowed_origins: Sequence[str],
    theme: object = None,
    allow_server_callers: bool = False,
) -> NewDeployment:
    """A new deployment of the assistant, with its first token."""
    deployment = Deployment.objects.create(
        assistant=assistant,
        name=name,
        allowed_origins=parsed_origins(allowed_origins),
        theme=parsed_theme(theme) if theme else {},
        allow_server_callers=allow_server_callers,
        created_by=user_of(actor),
    )
    token = _add_token(deployment)
    audit.record(actor, "deployment.created", deployment, allowed_origins=deployment.allowed_origins)
    return NewDeployment(deployment, token.value, snippet(assistant.id, token.value))


def change(actor: Actor, deployment: Deployment, changes: Mapping[str, Any]) -> Deployment:
    """Change name, allowed origins, theme or `allow_server_callers`; open sockets of a removed origin close."""
    before = {name: getattr(deployment, name) for name in changes}
    for name, value in changes.items():
        if name == "allowed_origins":
            value = parsed_origins(value)
        elif name == "theme":
            value = parsed_theme(value)
        setattr(deployment, name, value)
    deployment.access_rev = F("access_rev") + 1
    deployment.save(update_fields=[*changes, "access_rev"])
    audit.record(actor, "deployment.changed", deployment, before=before, after=dict(changes))
    live.tell_deployment(deployment.workspace_id, deployment.id)
    return deployment


def rotate(actor: Actor, deployment: Deployment, *, overlap_seconds: int = 0) -> NewDeployment:
    """A second token; the earlier ones go on for `overlap_seconds`, then they are refused."""
    # Held from here on: two at once would each leave a token that does not end.
    held = Deployment.objects.select_for_update().filter(id=deployment.id).first()
    if held is None:
        raise not_found()
    deployment = held
    if deployment.revoked_at is not None:
        raise Problem("conflict", "This deployment is revoked, so it takes no new token.", hint="Make a new one.")
    if not 0 <= overlap_seconds <= MAX_OVERLAP_SECONDS:
        raise invalid({"overlap_seconds": [f"A whole number from 0 to {MAX_OVERLAP_SECONDS} (30 days)."]})
    ends = timezone.now() + dt.timedelta(seconds=overlap_seconds)
    deployment.tokens.filter(expires_at=None).update(expires_at=ends)
    token = _add_token(deployment)
    audit.record(actor, "deployment.rotated", deployment, overlap_seconds=overlap_seconds, prefix=token.prefix)
    return NewDeployment(deployment, token.value, snippet(deployment.assistant_id, token.value))


def revoke(actor: Actor, deployment: Deployment) -> Deployment:
    """Revoke at once: once this has committed nothing is accepted any more, and every open socket is told."""
    hold_alone([deployment.id])
    live_one = Deployment.objects.filter(id=deployment.id, revoked_at=None)
    is_revoked_now = live_one.update(revoked_at=timezone.now(), access_rev=F("access_rev") + 1)
    deployment.refresh_from_db(fields=["revoked_at", "access_rev"])
    if not is_revoked_now:
        return deployment
    audit.record(actor, "deployment.revoked", deployment)
    live.tell_deployment(deployment.workspace_id, deployment.id)
    return deployment


def hold_alone(deployment_ids: Iterable[UUID]) -> None:
    """Wait for all who accept sessions and messages of these deployments, and keep others out until this has ended.

    Before any row of theirs is locked: who accepts holds the advisory lock, and wants the rows at COMMIT.
    """
    with connection.cursor() as cursor:
        for key in sorted(lock_key(deployment_id) for deployment_id in deployment_ids):
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])


def lock_key(deployment_id: UUID) -> int:
    """The advisory lock that keeps a deployment as it is until the transaction ends.

    Accepting a message holds it shared (`tenant(..., shared_lock=...)`), revoking holds it alone: so no message is
    accepted after a revoke has answered. An advisory lock, because a row lock would be a write for every message.
    """
    return int.from_bytes(deployment_id.bytes[:8], "big", signed=True)


def _add_token(deployment: Deployment) -> tokens.NewToken:
    token = tokens.make("cdp")
    DeploymentToken.objects.create(deployment=deployment, prefix=token.prefix, digest=token.digest)
    return token
