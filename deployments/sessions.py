"""Visitors' doors: a `cdp_` token opens a session, a `cst_` token is the right to one conversation.

Everything here is synchronous and short; it is called through a thread from HTTP views and sockets alike.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.utils import timezone

from convoship.lib import client_ip, limiting, rows, tokens
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import (
    admission,
    blocking,
    conversations,
    deploying,
    deployment_settings,
    narrowing,
    origins,
    people,
    previewing,
    reply_links,
    tallies,
    variants,
    waiting,
    welcoming,
    whereabouts,
)
from deployments.admission import Admitted, Caller, Key
from deployments.identity import Verified
from deployments.models import Conversation, Deployment, Message, SessionToken, VisitorSession
from deployments.models.conversation import Channel
from deployments.variants import Met

LIFETIME = dt.timedelta(days=30)
TOUCH_AFTER = dt.timedelta(hours=1)
REPLAY_WINDOW = dt.timedelta(minutes=10)
LAST_USED_STEP = dt.timedelta(minutes=1)
MESSAGES_AT_START = 50


@dataclass(frozen=True)
class SessionRequest:
    """A parsed `POST /sessions` body."""

    agent_id: UUID
    channel: str = "web"
    client_id: UUID | None = None
    visitor_id: str = ""
    resume: str = ""
    user: Mapping[str, Any] = field(default_factory=dict)
    user_token: str = ""
    locale: str = ""
    page: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> bytes:
        """What makes two requests under one `client_id` the same. A fresh token of the same user is no other body."""
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
    met: Met


@dataclass(frozen=True)
class Configuration:
    """What a widget is told before it draws anything. `visitor_id`: to be kept, where it had none and needs one."""

    deployment: Deployment
    met: Met
    visitor_id: str = ""


# --- The configuration --------------------------------------------------------------------------------------------


def check_before_body(token: str, caller: Caller) -> None:
    """Raise what is wrong with the token or the origin, if anything: those are said before a bad body is."""
    key = admission.key_of(token)
    with tenant(key.workspace_id):
        admission.admit(key, caller, None)


def read_config(token: str, caller: Caller, agent_id: UUID, visitor_id: str = "") -> Configuration:
    """What a widget asks about before it draws anything; makes no rows.

    A visitor meets the same at every page load, before they say a word too. So while a rollout runs, a browser that
    has no visitor id yet is given one to keep.
    """
    key = admission.key_of(token)
    with tenant(key.workspace_id):
        admitted = admission.admit(key, caller, agent_id)
        is_new = admitted.rollout is not None and not visitor_id and not key.is_ours
        given = variants.new_visitor_id() if is_new else ""
        met = _met_again(admitted, key.continues) if key.continues else admitted.met_by(visitor_id or given)
    narrowing.learn(key.deployment_id, admitted.deployment.limits)
    if key.token_id is not None:
        tallies.used(key.workspace_id, key.deployment_id, key.token_id, admitted.origin)
    return Configuration(admitted.deployment, met, given)


# --- Session start ------------------------------------------------------------------------------------------------


def start(token: str, caller: Caller, request: SessionRequest) -> OpenedSession:
    """Open a session, resume one, or answer a replay with the same one (CONTRACT section 4, `POST /sessions`)."""
    key = admission.key_of(token)
    # Counted before the transaction: nothing waits for the network inside one.
    workspace = str(key.workspace_id)
    words = "Too many new conversations from this address"
    limiting.hit("sessions_per_ip", workspace, client_ip.bucket(caller.ip), words=words)
    words = "Too many new conversations on this site at once"
    limiting.hit("sessions_per_deployment", workspace, str(key.deployment_id), words=words)
    if not key.is_test:
        narrowing.hit_session(key.workspace_id, key.deployment_id, client_ip.bucket(caller.ip))
    for last_try in (False, True):
        try:
            with tenant(key.workspace_id, shared_lock=deploying.lock_key(key.deployment_id)):
                opened, origin = _start(key, caller, request)
            break
        except IntegrityError:
            # Two calls with one client_id raced: the other one has committed, so the second look finds its session.
            if last_try:
                raise
    if key.token_id is not None:
        tallies.used(key.workspace_id, key.deployment_id, key.token_id, origin, session=True)
    return opened


def _start(key: Key, caller: Caller, request: SessionRequest) -> tuple[OpenedSession, str]:
    admitted = admission.admit(key, caller, request.agent_id)
    deployment, origin = admitted.deployment, admitted.origin
    narrowing.learn(deployment.id, deployment.limits)
    if request.channel != Channel.WEB:
        raise Problem("channel_not_allowed", f"A deployment's token opens the channel web, not {request.channel!r}.")
    if key.continues is not None:
        return _continued(admitted, key.continues, request), origin
    replayed = _replayed(deployment, request)
    if replayed is not None:
        return _opened(replayed, admitted, created=True, token=_new_token(replayed)), origin
    verified = people.verified_of(deployment, request.user, request.user_token)
    resumed = _resumable(key, deployment, request, verified)
    if resumed is not None:
        people.identify(resumed.conversation, request.user, verified)
        whereabouts.note(resumed.conversation, request.page)
        return _opened(resumed, admitted, created=False, token=request.resume), origin
    met = admitted.met_by(request.visitor_id)
    session, messages = _create(admitted, met, request, verified)
    if not key.is_test:
        _note_use(deployment, origin)
    return OpenedSession(True, session, _new_token(session), deployment, messages, has_more=False, met=met), origin


def _met_again(admitted: Admitted, conversation_id: UUID) -> Met:
    conversation = Conversation.objects.filter(id=conversation_id).first()
    if conversation is None:
        raise admission.over_preview()
    return variants.of_conversation(admitted.deployment, admitted.rollout, conversation)


def _continued(admitted: Admitted, conversation_id: UUID, request: SessionRequest) -> OpenedSession:
    """The session of the conversation that this key continues, with a token of its own; no other, and no new one."""
    found = VisitorSession.objects.select_related("conversation").filter(
        conversation_id=conversation_id, deployment=admitted.deployment, expires_at__gt=timezone.now()
    )
    session = found.first()
    if session is None:
        raise admission.over_preview()
    conversations.require_active(session.conversation)
    touch(session.id, session.expires_at)
    whereabouts.note(session.conversation, request.page)
    return _opened(session, admitted, created=False, token=_new_token(session))


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


def _resumable(
    key: Key, deployment: Deployment, request: SessionRequest, verified: Verified | None
) -> VisitorSession | None:
    """The session behind `resume`, if it is still good and this user's; otherwise a new one begins."""
    if not tokens.is_well_formed(request.resume, "cst"):
        return None
    found = (
        SessionToken.objects.select_related("session__conversation__person")
        .filter(digest=tokens.digest(request.resume), session__deployment=deployment)
        .first()
    )
    if found is not None:
        # It ended when they were blocked; its browser is theirs all the same.
        blocking.require_free(found.session.conversation.person)
    if found is None or found.session.expires_at <= timezone.now() or not found.session.conversation.is_active:
        return None
    conversation = found.session.conversation
    # A preview goes on as one, and a shared device shows the next user nothing of the last one's.
    if conversation.is_test != key.is_test or not people.may_go_on(conversation, request.user, verified):
        return None
    if not conversation.is_test:
        touch(found.session.id, found.session.expires_at)
    return found.session


def _create(
    admitted: Admitted, met: Met, request: SessionRequest, verified: Verified | None
) -> tuple[VisitorSession, list[Message]]:
    deployment, key = admitted.deployment, admitted.key
    locale = deployment_settings.language_for(deployment.languages, request.locale)
    claims = people.claims_of(request.user, verified)
    conversation, messages = conversations.open_conversation(
        deployment.assistant,
        met,
        people.person_of(request.visitor_id, request.user, verified, is_test=key.is_test),
        deployment=deployment,
        channel=request.channel,
        context={
            "locale": locale,
            "page_url": request.page.get("url", ""),
            "page_title": request.page.get("title", ""),
            "referrer": request.page.get("referrer", ""),
            "origin": admitted.origin,
            "visitor_data": claims,
            "proved_as": verified.external_id if verified else "",
            "is_test": key.is_test,
        },
        says=welcoming.words(met, request.channel, locale, claims, page=request.page),
    )
    session = VisitorSession(
        deployment=deployment,
        conversation=conversation,
        client_id=request.client_id,
        token_id=key.token_id,
        body_digest=request.digest,
        expires_at=timezone.now() + (previewing.LONGEST_CONVERSATION if key.is_test else LIFETIME),
    )
    rows.insert([session])
    return session, messages


def _new_token(session: VisitorSession) -> str:
    token = tokens.make("cst")
    rows.insert([SessionToken(session=session, digest=token.digest)])
    return token.value


def _opened(session: VisitorSession, admitted: Admitted, *, created: bool, token: str) -> OpenedSession:
    deployment, conversation = admitted.deployment, session.conversation
    page, has_more = conversations.messages_page(conversation, after=0, rev=None, limit=MESSAGES_AT_START)
    waiting.note(conversation)
    met = variants.of_conversation(deployment, admitted.rollout, conversation)
    return OpenedSession(created, session, token, deployment, page, has_more, met)


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
        address = origins.kept_address(str(raw.get(name) or ""))
        if address and not reply_links.is_one(address):
            kept[name] = address
    return kept
