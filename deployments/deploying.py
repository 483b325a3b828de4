"""Deployments: made, changed, paused, rotated and revoked. What ends one holds at once, on every process."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.utils import timezone

from convoship.lib import tokens
from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, invalid, not_found
from convoship.lib.times import moment
from deployments import deployment_settings, live, origins, refused_origins, theme
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


def held(deployment_id: UUID) -> Deployment:
    """The deployment, held until the transaction ends; 404 where this workspace has none by that id."""
    try:
        # `no_key`: a visitor's new conversation refers to the deployment, and must not wait.
        return Deployment.objects.select_for_update(no_key=True).get(id=deployment_id)
    except Deployment.DoesNotExist:
        raise not_found() from None


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


def parsed_changes(changes: Mapping[str, Any], ends_at: dt.datetime | None = None) -> dict[str, Any]:
    """The values that a deployment takes, each checked; 422 that names every one that can't be taken.

    `ends_at` is its end so far, which may be kept though it is over.
    """
    errors: dict[str, list[str]] = {}
    parsed: dict[str, Any] = {}
    hint = None
    for part in (_parsed_origins, _parsed_theme, partial(_parsed_settings, ends_at=ends_at)):
        try:
            parsed |= part(changes)
        except Problem as problem:
            errors |= problem.errors
            hint = hint or problem.hint
    if errors:
        raise invalid(errors, hint=hint)
    return {**changes, **parsed}


def _parsed_origins(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {"allowed_origins": parsed_origins(changes["allowed_origins"])} if "allowed_origins" in changes else {}


def _parsed_theme(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {"theme": parsed_theme(changes["theme"])} if "theme" in changes else {}


def _parsed_settings(changes: Mapping[str, Any], ends_at: dt.datetime | None) -> dict[str, Any]:
    try:
        parsed = deployment_settings.settings_of(changes, ends_at)
    except deployment_settings.Refused as refused:
        raise invalid(refused.errors) from None
    return {name: value for name, value in parsed.items() if name not in {"allowed_origins", "theme"}}


def create(actor: Actor, assistant: Assistant, *, name: str, **settings: Any) -> NewDeployment:
    """A new deployment of the assistant, with its first token. `settings` as `change` takes them."""
    values = parsed_changes({"allowed_origins": [], **settings, "theme": settings.get("theme") or {}})
    deployment = Deployment.objects.create(assistant=assistant, name=name, **values, created_by=user_of(actor))
    token = _add_token(deployment)
    audit.record(actor, "deployment.created", deployment, allowed_origins=deployment.allowed_origins)
    return NewDeployment(deployment, token.value, snippet(assistant.id, token.value))


def change(actor: Actor, deployment: Deployment, changes: Mapping[str, Any]) -> Deployment:
    """Change name, allowed origins, theme or settings; open sockets that it shuts out close.

    Takes `name`, `allowed_origins`, `theme`, `allow_server_callers`, `identity_required`, and what
    `deployment_settings` parses: `label`, `limits`, `languages`, `hours_text`, `expires_at`, `files`.
    """
    values = parsed_changes(changes, deployment.expires_at)
    before = {name: getattr(deployment, name) for name in changes}
    for name, value in values.items():
        setattr(deployment, name, value)
    _save(deployment, *values)
    audit.record(actor, "deployment.changed", deployment, before=_told(before), after=_told(values))
    if values.keys() & {"allowed_origins", "allow_server_callers"}:
        refused_origins.forget_allowed(deployment)
    return deployment


def allow_origin(actor: Actor, deployment: Deployment, origin: object) -> Deployment:
    """Add one exact origin to the allowed ones, and forget its refusals. Allowing it twice changes nothing."""
    # Held: two at once would each write a list without the other's.
    deployment = held(deployment.id)
    _require_unrevoked(deployment, "it lets nobody in")
    try:
        parsed = origins.parse_allowed(origin)
    except origins.OriginRefused as refused:
        raise invalid({"origin": [refused.message]}) from None
    if "*" in parsed:
        raise invalid({"origin": ["One site at a time here. A wildcard is typed among the allowed origins."]})
    if parsed not in deployment.allowed_origins:
        change(actor, deployment, {"allowed_origins": [*deployment.allowed_origins, parsed]})
    return deployment


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as the audit log keeps them."""
    return {name: moment(value) if isinstance(value, dt.datetime) else value for name, value in values.items()}


def pause(actor: Actor, deployment: Deployment) -> Deployment:
    """Let nobody in until `resume`: open chats stop and say why. Pausing twice changes nothing."""
    # As for a revoke: no message is accepted after this has answered. And only what is held is what it still is.
    hold_alone([deployment.id])
    deployment = held(deployment.id)
    _require_unrevoked(deployment, "it can't be paused")
    if deployment.paused_at is None:
        deployment.paused_at = timezone.now()
        _save(deployment, "paused_at")
        audit.record(actor, "deployment.paused", deployment)
    return deployment


def resume(actor: Actor, deployment: Deployment) -> Deployment:
    """Let visitors in again; chats that were open go on."""
    deployment = held(deployment.id)
    _require_unrevoked(deployment, "it can't be resumed")
    if deployment.paused_at is not None:
        deployment.paused_at = None
        _save(deployment, "paused_at")
        audit.record(actor, "deployment.resumed", deployment)
    return deployment


def _require_unrevoked(deployment: Deployment, so: str) -> None:
    if deployment.revoked_at is not None:
        raise Problem("conflict", f"This deployment is revoked, so {so}.", hint="Make a new one.")


def _save(deployment: Deployment, *changed: str) -> None:
    """Save what concerns who is let in, and tell the open sockets to look again."""
    deployment.access_rev = F("access_rev") + 1
    deployment.save(update_fields=[*changed, "access_rev"])
    live.tell_deployment(deployment.workspace_id, deployment.id)


def rotate(actor: Actor, deployment: Deployment, *, overlap_seconds: int = 0) -> NewDeployment:
    """A second token; the earlier ones go on for `overlap_seconds`, then they are refused."""
    # Held from here on: two at once would each leave a token that does not end.
    deployment = held(deployment.id)
    _require_unrevoked(deployment, "it takes no new token")
    if not 0 <= overlap_seconds <= MAX_OVERLAP_SECONDS:
        raise invalid({"overlap_seconds": [f"A whole number from 0 to {MAX_OVERLAP_SECONDS} (30 days)."]})
    ends = timezone.now() + dt.timedelta(seconds=overlap_seconds)
    deployment.tokens.filter(expires_at=None).update(expires_at=ends)
    token = _add_token(deployment)
    audit.record(actor, "deployment.rotated", deployment, overlap_seconds=overlap_seconds, prefix=token.prefix)
    return NewDeployment(deployment, token.value, snippet(deployment.assistant_id, token.value))


def end_token(actor: Actor, deployment: Deployment, token: DeploymentToken) -> None:
    """End an older token that still overlaps. Ending one that is over changes nothing."""
    if token.id == current_token(deployment).id:
        raise Problem(
            "conflict",
            "This is the deployment's current token, which pages need.",
            hint="Rotate it, or revoke the deployment.",
        )
    if token.is_expired:
        return
    token.expires_at = timezone.now()
    token.save(update_fields=["expires_at"])
    audit.record(actor, "deployment.token_ended", deployment, prefix=token.prefix)


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
