"""Visitors' doors: a `cdp_` token opens a session, a `cst_` token is the right to one conversation.

Everything here is synchronous and short; it is called through a thread from HTTP views and sockets alike.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone

from convoship.lib import client_ip, limiting, rows, tokens
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import conversations, deploying, doors, origins, publishing
from deployments.models import (
    Assistant,
    Deployment,
    DeploymentToken,
    Message,
    Person,
    SessionToken,
    VisitorSession,
)
from deployments.models.conversation import AuthorKind, Channel
from deployments.responders.base import responder_for

LIFETIME = dt.timedelta(days=30)
TOUCH_AFTER = dt.timedelta(hours=1)
REPLAY_WINDOW = dt.timedelta(minutes=10)
LAST_USED_STEP = dt.timedelta(minutes=1)
MESSAGES_AT_START = 50


@dataclass(frozen=True)
class Caller:
    """Where a visitor's request came from: its `Origin` (None where the header was missing) and address."""

    origin: str | None
    ip: str
    same_origin_fetch: bool = False


@dataclass(frozen=True)
class SessionRequest:
    """A parsed `POST /sessions` body."""

    agent_id: UUID
    channel: str = "web"
    client_id: UUID | None = None
    visitor_id: str = ""
    resume: str = ""
    user: Mapping[str, str] = field(default_factory=dict)
    locale: str = ""
    page: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> bytes:
        """What makes two requests under one `client_id` the same."""
        parts = [str(self.agent_id), self.channel, self.visitor_id, self.resume, dict(self.user), self.locale]
        return hashlib.sha256(json.dumps([*parts, dict(self.page)], sort_keys=True).encode()).digest()


@dataclass(frozen=True)
class OpenedSession:
    """What a session start answers with."""

    created: bool
    session: VisitorSession
    token: str
    deployment: Deployment
    messages: list[Message]
    has_more: bool


# --- Deployment tokens --------------------------------------------------------------------------------------------


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


def unknown_token() -> Problem:
    return Problem("token_unknown", "No such token.", hint="It may have been deleted. Make a new one and use that.")


def revoked_token() -> Problem:
    return Problem(
        "token_revoked",
        "This deployment has been revoked.",
        hint="Make a new deployment in Convoship and paste its snippet.",
    )


class Gate(Protocol):
    """What says whom a deployment lets in."""

    @property
    def allowed_origins(self) -> Sequence[str]:
        """Origins in normal form."""

    @property
    def allow_server_callers(self) -> bool:
        """Whether a request without an origin may come in."""


def check_origin(deployment: Gate, caller: Caller) -> str:
    """The origin to remember; 403 with what was seen and which rule it failed."""
    origin = caller.origin
    if origin is None and caller.same_origin_fetch:
        origin = settings.PUBLIC_BASE_URL
    if origin is None:
        if deployment.allow_server_callers:
            return ""
        raise Problem(
            "origin_missing",
            "The request carries no Origin header, so it does not come from a web page.",
            hint="Call from a page of an allowed origin, or turn on 'Allow server callers' for this deployment.",
        )
    if not origins.matches(origin, deployment.allowed_origins):
        refusal = origins.explain(origin, deployment.allowed_origins)
        extra = {"origin": refusal.seen[:300], "rule": refusal.rule}
        if refusal.nearest:
            extra["allowed_origin"] = refusal.nearest
        raise Problem("origin_not_allowed", refusal.detail, hint=refusal.hint, extra=extra)
    return origin


def check_before_body(token: str, caller: Caller) -> None:
    """Raise what is wrong with the token or the origin, if anything: those are said before a bad body is."""
    owner = doors.resolve_token(check_form(token, "cdp"))
    if owner is None:
        raise unknown_token()
    with tenant(owner.workspace_id):
        _deployment_for(owner, caller, None)


def _deployment_for(owner: doors.TokenOwner, caller: Caller, agent_id: UUID | None) -> tuple[Deployment, str]:
    """The deployment, after the checks in their order: token, origin, agent. Inside `tenant()`."""
    row = rows.one(_deployment_sql(), [owner.token_id, owner.deployment_id])
    if row is None:
        raise unknown_token()
    token, deployment, assistant = rows.read_each(row, DeploymentToken, Deployment, Assistant)
    deployment.assistant = assistant
    if deployment.revoked_at is not None:
        raise revoked_token()
    if token.is_expired:
        raise Problem(
            "token_expired",
            "This token was rotated and its time is over.",
            hint="Paste the deployment's current snippet into the page.",
        )
    origin = check_origin(deployment, caller)
    if agent_id is not None and deployment.assistant_id != agent_id:
        raise Problem(
            "agent_mismatch",
            "The token belongs to another assistant than agentId names.",
            hint="Copy the whole snippet again instead of its parts.",
        )
    if assistant.published_id is not None:
        assistant.published = publishing.version(owner.workspace_id, assistant.published_id)
    return deployment, origin


@cache
def _deployment_sql() -> str:
    return f"""
        SELECT {rows.columns(DeploymentToken, "t")}, {rows.columns(Deployment, "d")}, {rows.columns(Assistant, "a")}
          FROM deployments_deploymenttoken t
          JOIN deployments_deployment d ON d.id = t.deployment_id
          JOIN deployments_assistant a ON a.id = d.assistant_id
         WHERE t.id = %s AND d.id = %s"""  # noqa: S608  (names of columns)


def read_config(token: str, caller: Caller, agent_id: UUID) -> Deployment:
    """The deployment that a widget asks about before it draws anything; makes no rows."""
    owner = doors.resolve_token(check_form(token, "cdp"))
    if owner is None:
        raise unknown_token()
    with tenant(owner.workspace_id):
        deployment, _ = _deployment_for(owner, caller, agent_id)
        return deployment


# --- Session start ------------------------------------------------------------------------------------------------


def start(token: str, caller: Caller, request: SessionRequest) -> OpenedSession:
    """Open a session, resume one, or answer a replay with the same one (CONTRACT section 4, `POST /sessions`)."""
    owner = doors.resolve_token(check_form(token, "cdp"))
    if owner is None:
        raise unknown_token()
    # Counted before the transaction: nothing waits for the network inside one.
    workspace = str(owner.workspace_id)
    words = "Too many new conversations from this address"
    limiting.hit("sessions_per_ip", workspace, client_ip.bucket(caller.ip), words=words)
    words = "Too many new conversations on this site at once"
    limiting.hit("sessions_per_deployment", workspace, str(owner.deployment_id), words=words)
    for last_try in (False, True):
        try:
            with tenant(owner.workspace_id, shared_lock=deploying.lock_key(owner.deployment_id)):
                return _start(owner, caller, request)
        except IntegrityError:
            # Two calls with one client_id raced: the other one has committed, so the second look finds its session.
            if last_try:
                raise
    raise AssertionError("unreachable")


def _start(owner: doors.TokenOwner, caller: Caller, request: SessionRequest) -> OpenedSession:
    deployment, origin = _deployment_for(owner, caller, request.agent_id)
    if request.channel != Channel.WEB:
        raise Problem("channel_not_allowed", f"A deployment's token opens the channel web, not {request.channel!r}.")
    replayed = _replayed(deployment, request)
    if replayed is not None:
        return _opened(replayed, deployment, created=True, token=_new_token(replayed))
    resumed = _resumable(deployment, request.resume)
    if resumed is not None:
        return _opened(resumed, deployment, created=False, token=request.resume)
    session, messages = _create(deployment, origin, request)
    _note_use(deployment, origin)
    return OpenedSession(True, session, _new_token(session), deployment, messages, has_more=False)


def _replayed(deployment: Deployment, request: SessionRequest) -> VisitorSession | None:
    if request.client_id is None:
        return None
    sql = "SELECT FROM deployments_visitorsession WHERE deployment_id = %s AND client_id = %s"
    if rows.one(sql, [deployment.id, request.client_id]) is None:
        return None
    session = (
        VisitorSession.objects.select_related("conversation")
        .filter(deployment=deployment, client_id=request.client_id)
        .first()
    )
    if session is None:
        return None
    same_body = bytes(session.body_digest) == request.digest
    if not same_body or timezone.now() - session.created_at > REPLAY_WINDOW:
        raise Problem(
            "idempotency_conflict",
            "This client_id has already opened a session."
            if same_body
            else "This client_id has already opened a session with another body.",
            hint="Use a fresh random client_id for each new session.",
        )
    return session


def _resumable(deployment: Deployment, token: str) -> VisitorSession | None:
    """The session behind `resume`, if it is still good; otherwise a new one begins."""
    if not tokens.is_well_formed(token, "cst"):
        return None
    found = (
        SessionToken.objects.select_related("session__conversation")
        .filter(digest=tokens.digest(token), session__deployment=deployment)
        .first()
    )
    if found is None or found.session.expires_at <= timezone.now() or not found.session.conversation.is_active:
        return None
    touch(found.session.id, found.session.expires_at)
    return found.session


def _create(deployment: Deployment, origin: str, request: SessionRequest) -> tuple[VisitorSession, list[Message]]:
    conversation, messages = conversations.open_conversation(
        deployment,
        _person(request),
        channel=request.channel,
        context={
            "locale": request.locale,
            "page_url": request.page.get("url", ""),
            "page_title": request.page.get("title", ""),
            "referrer": request.page.get("referrer", ""),
            "origin": origin,
        },
        says=_welcome(deployment, request),
    )
    session = VisitorSession(
        deployment=deployment,
        conversation=conversation,
        client_id=request.client_id,
        body_digest=request.digest,
        expires_at=timezone.now() + LIFETIME,
    )
    rows.insert([session])
    return session, messages


def _welcome(deployment: Deployment, request: SessionRequest) -> list[conversations.NewMessage]:
    """What the published assistant says first; nothing where none is published, which opening refuses."""
    version = deployment.assistant.published
    if version is None:
        return []
    welcome = responder_for(version.responder).welcome(version.responder_content, request.locale, request.channel)
    return [
        conversations.NewMessage(
            author_kind=AuthorKind.ASSISTANT, author_name=version.content["name"], text=say.text, blocks=say.blocks
        )
        for say in welcome
    ]


def _person(request: SessionRequest) -> Person:
    """The person this browser was before, or a new one. What they say of themselves is noted, and proves nothing."""
    person = None
    if request.visitor_id:
        person = Person.objects.filter(visitor_id=request.visitor_id).order_by("-created_at").first()
    name, email = request.user.get("name", ""), request.user.get("email", "")
    if person is None:
        person = Person(visitor_id=request.visitor_id, name=name, email=email)
        rows.insert([person])
        return person
    if (name and name != person.name) or (email and email != person.email):
        person.name, person.email = name or person.name, email or person.email
        person.save(update_fields=["name", "email"])
    return person


def _new_token(session: VisitorSession) -> str:
    token = tokens.make("cst")
    rows.insert([SessionToken(session=session, digest=token.digest)])
    return token.value


def _opened(session: VisitorSession, deployment: Deployment, *, created: bool, token: str) -> OpenedSession:
    page, has_more = conversations.messages_page(session.conversation, after=0, rev=None, limit=MESSAGES_AT_START)
    return OpenedSession(created, session, token, deployment, page, has_more)


def _note_use(deployment: Deployment, origin: str) -> None:
    now = timezone.now()
    if deployment.last_used_at is None or now - deployment.last_used_at > LAST_USED_STEP:
        Deployment.objects.filter(id=deployment.id).update(last_used_at=now, last_used_origin=origin)


def touch(session_id: UUID, expires_at: dt.datetime) -> None:
    """Thirty days from the last use, written once an hour at most."""
    until = timezone.now() + LIFETIME
    if until - expires_at > TOUCH_AFTER:
        VisitorSession.objects.filter(id=session_id).update(expires_at=until)


def page_of(raw: Mapping[str, Any]) -> dict[str, str]:
    """What is kept of the visitor's page: without credentials or fragment in its addresses."""
    kept = {"title": str(raw.get("title") or "")[:300]}
    for name in ("url", "referrer"):
        try:
            parts = urlsplit(str(raw.get(name) or ""))
        except ValueError:
            continue
        if parts.scheme in {"http", "https"} and parts.hostname:
            host = parts.netloc.rpartition("@")[2]
            query = f"?{parts.query}" if parts.query else ""
            kept[name] = f"{parts.scheme}://{host}{parts.path}{query}"[:2000]
    return kept
