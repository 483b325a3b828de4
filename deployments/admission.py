"""Who is let in: what a token opens, from which origins, and the reason in words where nobody is.

The checks come in one order: the token's form, the token, the deployment's end, the origin, the assistant, a pause. So
a page learns first what is wrong with itself.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol, cast
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from convoship.lib import rows, tokens
from convoship.lib.problems import Problem
from deployments import doors, origins, preview_makers, publishing, tallies, variants
from deployments.models import Assistant, Deployment, DeploymentToken, PreviewToken, Rollout
from deployments.variants import Met, Variant

PAUSED_RETRY_SECONDS = 300


@dataclass(frozen=True)
class Caller:
    """Where a visitor's request came from: its `Origin` (None where the header was missing), address and page."""

    origin: str | None
    ip: str
    same_origin_fetch: bool = False
    page: str = ""


@dataclass(frozen=True)
class Key:
    """A token that opens sessions: a deployment's own, or (`token_id` None) one for a page of ours.

    Those begin tests, which count nowhere, or go on with the one conversation `continues`.
    """

    workspace_id: UUID
    deployment_id: UUID
    token_id: UUID | None
    preview_id: UUID | None = None
    continues: UUID | None = None

    @property
    def is_ours(self) -> bool:
        """Whether it is for our own pages."""
        return self.token_id is None

    @property
    def is_test(self) -> bool:
        """Whether what it begins is a test."""
        return self.is_ours and self.continues is None


@dataclass(frozen=True)
class Admitted:
    """What a key opens: the deployment with its assistant and published version, and the origin it is opened from.

    `rollout` is the one that runs, if any; `previewed` the variant of it that a preview was made for.
    """

    key: Key
    deployment: Deployment
    origin: str
    rollout: Rollout | None = None
    previewed: Variant = "a"

    def met_by(self, visitor_id: str) -> Met:
        """Which version and theme this visitor meets. Inside `tenant()`."""
        if self.rollout is None:
            return variants.standing(self.deployment)
        variant = self.previewed if self.key.is_test else variants.chosen(self.rollout, visitor_id)
        return variants.of_rollout(self.deployment, self.rollout, variant)


class Gate(Protocol):
    """What says whom a deployment lets in."""

    @property
    def allowed_origins(self) -> Sequence[str]:
        """Origins in normal form."""

    @property
    def allow_server_callers(self) -> bool:
        """Whether a request without an origin may come in."""


# --- Refusals -----------------------------------------------------------------------------------------------------


def unknown_token() -> Problem:
    return Problem("token_unknown", "No such token.", hint="It may have been deleted. Make a new one and use that.")


def revoked_token() -> Problem:
    return Problem(
        "token_revoked",
        "This deployment has been revoked.",
        hint="Make a new deployment in Convoship and paste its snippet.",
    )


def expired_deployment(ended_at: dt.datetime) -> Problem:
    return Problem(
        "token_expired",
        f"This deployment's time was over on {ended_at.astimezone(dt.UTC):%d %B %Y at %H:%M} UTC.",
        hint="Choose a later end in the deployment's settings in Convoship.",
    )


def paused_deployment() -> Problem:
    return Problem(
        "unavailable",
        "This deployment is paused.",
        hint="Press Resume on the Deploy page in Convoship.",
        retry_after=PAUSED_RETRY_SECONDS,
        extra={"reason": "paused"},
        is_expected=True,
    )


def over_preview() -> Problem:
    return Problem(
        "token_expired", "This preview is over: it lasts 15 minutes.", hint="Reload the page that it was opened from."
    )


# --- Tokens -------------------------------------------------------------------------------------------------------


def check_form(token: str, prefix: tokens.Prefix) -> bytes:
    """The token's digest; 401 without asking the database where its form or checksum is wrong."""
    if not token:
        raise Problem(
            "token_missing",
            "This call needs a token.",
            hint=f"Send Authorization: Bearer {prefix}_...",
        )
    if tokens.is_placeholder(token):
        raise Problem(
            "token_malformed",
            "This is the stand-in from a copied snippet, not a token.",
            hint="Paste the deployment's whole token in its place, or press Rotate and copy on the Deploy page.",
        )
    if not tokens.is_well_formed(token, prefix):
        raise Problem(
            "token_malformed",
            f"This is not a {prefix}_ token: its form or its checksum is wrong.",
            hint="Copy the token again, whole.",
        )
    return tokens.digest(token)


def key_of(token: str) -> Key:
    """What a `cdp_` or `cpt_` token opens; 401 where it opens nothing."""
    if token.startswith("cpt_"):
        digest = check_form(token, "cpt")
        preview = doors.resolve_preview(digest) or doors.resolve_continuation(digest)
        if preview is None:
            raise over_preview()
        return Key(preview.workspace_id, preview.deployment_id, None, preview.token_id, preview.conversation_id)
    owner = doors.resolve_token(check_form(token, "cdp"))
    if owner is None:
        raise unknown_token()
    return Key(owner.workspace_id, owner.deployment_id, owner.token_id)


# --- Origins ------------------------------------------------------------------------------------------------------


def check_origin(gate: Gate, caller: Caller, *, is_ours: bool = False, is_continued: bool = False) -> str:
    """The origin to remember; 403 with what was seen and which rule it failed.

    `is_ours`: it opens on our own alone. `is_continued`: there as well.
    """
    origin = caller.origin
    if origin is None and caller.same_origin_fetch:
        origin = settings.PUBLIC_BASE_URL
    if is_continued and origin is not None and origin == settings.PUBLIC_BASE_URL:
        return origin
    if is_ours:
        if origin is None or origin != settings.PUBLIC_BASE_URL:
            raise Problem(
                "origin_not_allowed",
                "A preview token opens on Convoship's own pages only.",
                hint="Use the deployment's own snippet in a page of yours.",
                extra={"origin": (origin or "")[:300], "rule": "preview"},
            )
        return origin
    if origin is None:
        if gate.allow_server_callers:
            return ""
        raise Problem(
            "origin_missing",
            "The request carries no Origin header, so it does not come from a web page.",
            hint="Call from a page of an allowed origin, or turn on 'Allow server callers' for this deployment.",
        )
    if not origins.matches(origin, gate.allowed_origins):
        refusal = origins.explain(origin, gate.allowed_origins)
        extra = {"origin": refusal.seen[:300], "rule": refusal.rule}
        if refusal.nearest:
            extra["allowed_origin"] = refusal.nearest
        raise Problem("origin_not_allowed", refusal.detail, hint=refusal.hint, extra=extra)
    return origin


def check_end(ends_at: dt.datetime | None) -> None:
    """401 where the deployment's time is over."""
    if ends_at is not None and ends_at <= timezone.now():
        raise expired_deployment(ends_at)


def counted(workspace_id: UUID, deployment_id: UUID, caller: Caller, problem: Problem) -> Problem:
    """The refusal, once it is counted for the list of refused origins where it is one of those."""
    if problem.code == "origin_not_allowed" and problem.extra.get("rule") != "preview":
        rule = str(problem.extra["rule"])
        tallies.refused(workspace_id, deployment_id, str(problem.extra["origin"]), rule, caller.page)
    elif problem.code == "origin_missing":
        tallies.refused(workspace_id, deployment_id, "", "origin_missing", caller.page)
    return problem


# --- The deployment -----------------------------------------------------------------------------------------------


def admit(key: Key, caller: Caller, agent_id: UUID | None) -> Admitted:
    """The deployment, after the checks in their order. Inside `tenant()`."""
    opened = _opened_by(key)
    deployment, token = opened.deployment, opened.token
    if deployment.revoked_at is not None:
        raise revoked_token()
    if token is not None and token.is_expired:
        raise Problem(
            "token_expired",
            "This token was rotated and its time is over.",
            hint="Paste the deployment's current snippet into the page.",
        )
    if not key.is_test:
        check_end(deployment.expires_at)
    try:
        origin = check_origin(deployment, caller, is_ours=key.is_ours)
    except Problem as problem:
        raise counted(key.workspace_id, key.deployment_id, caller, problem) from None
    if agent_id is not None and deployment.assistant_id != agent_id:
        raise Problem(
            "agent_mismatch",
            "The token belongs to another assistant than agentId names.",
            hint="Copy the whole snippet again instead of its parts.",
        )
    if deployment.paused_at is not None and not key.is_test:
        raise paused_deployment()
    assistant = deployment.assistant
    if assistant.published_id is not None:
        assistant.published = publishing.version(key.workspace_id, assistant.published_id)
    return Admitted(key, deployment, origin, opened.rollout, opened.previewed)


@dataclass(frozen=True)
class _Opened:
    """What stands in the rows behind a key; no `token` for a preview."""

    deployment: Deployment
    rollout: Rollout | None
    token: DeploymentToken | None = None
    previewed: Variant = "a"


def _opened_by(key: Key) -> _Opened:
    model: type[DeploymentToken | PreviewToken] = PreviewToken if key.is_ours else DeploymentToken
    row = rows.one(_key_sql(model), [key.preview_id if key.is_ours else key.token_id, key.deployment_id])
    if row is None:
        raise unknown_token()
    token, deployment, assistant, rollout = rows.read_each(row, model, Deployment, Assistant, Rollout)
    deployment.assistant = assistant
    if isinstance(token, PreviewToken):
        if token.conversation_id is None:
            preview_makers.check(token)
        return _Opened(deployment, rollout, previewed=cast(Variant, token.variant or "a"))
    return _Opened(deployment, rollout, token)


@cache
def _key_sql(model: type[DeploymentToken | PreviewToken]) -> str:
    columns = ", ".join(
        rows.columns(each, alias) for each, alias in ((model, "t"), (Deployment, "d"), (Assistant, "a"), (Rollout, "r"))
    )
    return f"""
        SELECT {columns}
          FROM {model._meta.db_table} t
          JOIN deployments_deployment d ON d.id = t.deployment_id
          JOIN deployments_assistant a ON a.id = d.assistant_id
          LEFT JOIN deployments_rollout r ON r.deployment_id = d.id AND r.ended_at IS NULL
         WHERE t.id = %s AND d.id = %s"""  # noqa: S608  (names of tables and columns)
