"""Whether a visitor who has a session may come in: it is alive, its deployment lives, and the page may have it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.utils import timezone

from convoship.lib import rows
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import admission, deploying, doors, narrowing, sessions
from deployments.admission import Caller
from deployments.models import Conversation


@dataclass(frozen=True)
class Visit:
    """An authenticated visitor: the session and all that its token opens."""

    workspace_id: UUID
    session_id: UUID
    deployment_id: UUID
    conversation_id: UUID


class Standing(NamedTuple):
    """What is checked at every step of a visitor: their session's end, and how the deployment stands."""

    session_ends_at: dt.datetime
    continued_at: dt.datetime | None
    revoked_at: dt.datetime | None
    paused_at: dt.datetime | None
    ends_at: dt.datetime | None
    allowed_origins: Sequence[str]
    allow_server_callers: bool
    limits: Mapping[str, int]
    files: Mapping[str, Any]
    access_rev: int


def enter(visit: Visit, caller: Caller, *, lock: bool = False) -> tuple[Conversation, Standing]:
    """The conversation, after the checks: session alive, deployment live, allowed origin. Inside `tenant()`.

    With `lock` the conversation is held until the transaction ends; `changing` holds the deployment.
    """
    row = rows.one(_enter_sql() + (" FOR UPDATE OF c" if lock else ""), [visit.session_id])
    if row is None:
        raise admission.unknown_token()
    standing, conversation = _read(row)
    _admit(visit.workspace_id, visit.deployment_id, standing, conversation, caller)
    if not conversation.is_test:
        sessions.touch(visit.session_id, standing.session_ends_at)
    narrowing.learn(visit.deployment_id, standing.limits)
    return conversation, standing


def _read(row: Sequence[Any]) -> tuple[Standing, Conversation]:
    size = len(Standing._fields)
    standing = Standing(*row[:size])
    parsed = standing._replace(limits=json.loads(row[size - 3]), files=json.loads(row[size - 2]))
    return parsed, rows.read(Conversation, row[size:])


def _admit(
    workspace_id: UUID, deployment_id: UUID, standing: Standing, conversation: Conversation, caller: Caller
) -> None:
    """Raise what keeps the visitor out. A test goes on while its deployment is paused or over, for an hour."""
    if standing.revoked_at is not None:
        raise admission.revoked_token()
    if standing.session_ends_at <= timezone.now():
        words = "This test is over." if conversation.is_test else "This session was not used for 30 days and is over."
        raise Problem("token_expired", words, hint="Start a new one.")
    if not conversation.is_test:
        admission.check_end(standing.ends_at)
    try:
        is_continued = standing.continued_at is not None
        admission.check_origin(standing, caller, is_ours=conversation.is_test, is_continued=is_continued)
    except Problem as problem:
        raise admission.counted(workspace_id, deployment_id, caller, problem) from None
    if standing.paused_at is not None and not conversation.is_test:
        raise admission.paused_deployment()


@cache
def _enter_sql() -> str:
    return f"""
        SELECT s.expires_at, s.continued_at, d.revoked_at, d.paused_at, d.expires_at, d.allowed_origins,
               d.allow_server_callers, d.limits, d.files, d.access_rev, {rows.columns(Conversation, "c")}
          FROM deployments_visitorsession s
          JOIN deployments_deployment d ON d.id = s.deployment_id
          JOIN deployments_conversation c ON c.id = s.conversation_id
         WHERE s.id = %s"""  # noqa: S608  (names of columns)


def changing(visit: Visit) -> AbstractContextManager[None]:
    """The visit's workspace, with the deployment held as it is: what changes a conversation happens in here."""
    return tenant(visit.workspace_id, shared_lock=deploying.lock_key(visit.deployment_id))


def may_connect(session_id: UUID, caller: Caller) -> bool:
    """Whether a handshake for this session from this origin is worth a hello; its token comes with that."""
    found = doors.locate_session(session_id)
    if found is None:
        return False
    workspace_id, deployment_id = found
    with tenant(workspace_id):
        row = rows.one(_enter_sql(), [session_id])
        if row is None:
            return False
        try:
            _admit(workspace_id, deployment_id, *_read(row), caller)
        except Problem:
            return False
    return True
