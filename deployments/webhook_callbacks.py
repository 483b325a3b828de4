"""Addresses that take one turn's answer, once: for a bot that said 202 and thinks on.

The address holds 256 random bits, of which the digest is kept. Each try of a turn has one of its own, and what came to
an earlier try's counts: its process may have died while the bot was at work. The row is looked for by whoever waits
(`responders.webhook`), so that it doesn't matter which process the answer came to.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from convoship.lib import tokens
from convoship.lib.problems import Problem, invalid, not_found
from convoship.lib.tenancy import tenant
from deployments import doors
from deployments.models import WebhookCallback
from deployments.models.conversation import TurnStatus
from deployments.responders import webhook_answer
from deployments.responders.base import Callback

TOKEN_BYTES = 32
LONGEST_TOKEN = 64
# So long it can still be said that one was used, or came too late; what was posted there is no longer kept, either.
KEPT = dt.timedelta(hours=1)
CLEARED_AT_ONCE = 100
_UNFINISHED = (TurnStatus.QUEUED, TurnStatus.RUNNING)


def opened(turn_id: str, seconds: float) -> Callback:
    """A fresh address for a turn, "" for a try, that takes its answer for so long. Inside `tenant()`."""
    now = timezone.now()
    turn = UUID(turn_id) if turn_id else None
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = WebhookCallback.objects.create(
        turn_id=turn, digest=tokens.digest(token), expires_at=now + dt.timedelta(seconds=seconds)
    )
    earlier = None if turn is None else _answer(WebhookCallback.objects.filter(turn_id=turn))
    return Callback(str(row.id), settings.PUBLIC_BASE_URL + reverse("webhook_answer", args=[token]), earlier)


def answer_to(callback: Callback) -> Mapping[str, Any] | None:
    """What was posted there, if anything was. Inside `tenant()`."""
    return _answer(WebhookCallback.objects.filter(id=callback.id))


def _answer(rows: Any) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = (
        rows.exclude(used_at=None).order_by("used_at").values_list("answer", flat=True).first()
    )
    return found


def take(token: str, raw: bytes) -> None:
    """What a bot posts to the address with this token.

    404 for no such address, 409 with a `reason` where it was used, came too late, or the turn has ended otherwise, 422
    with every fault by its path: then it may be posted again.
    """
    owner = doors.resolve_callback(tokens.digest(token)) if len(token) <= LONGEST_TOKEN else None
    if owner is None:
        raise not_found()
    workspace_id, callback_id = owner
    with tenant(workspace_id):
        _check(callback_id)
    if len(raw) > webhook_answer.LARGEST:
        raise Problem("payload_too_large", f"An answer has at most {webhook_answer.LARGEST // 1024} KB.")
    # Outside of any transaction: a large answer takes a while.
    try:
        content = webhook_answer.parsed(raw)
    except webhook_answer.Faulty as faulty:
        raise invalid({path or "body": words for path, words in faulty.errors.items()}) from None
    with tenant(workspace_id):
        # Held, and looked at again: an UPDATE whose condition reads the turn as well looks for its row in a subquery,
        # which is not asked again after a wait, and two answers at once would both be taken.
        WebhookCallback.objects.select_for_update(no_key=True).filter(id=callback_id).first()
        _check(callback_id)
        WebhookCallback.objects.filter(id=callback_id).update(used_at=timezone.now(), answer=content)


def _check(callback_id: UUID) -> None:
    """409 where nothing is taken there any more."""
    row = WebhookCallback.objects.select_related("turn").filter(id=callback_id).first()
    if row is None:
        raise not_found()
    if row.used_at is not None:
        raise _refused("used")
    if row.expires_at <= timezone.now():
        raise _refused("expired")
    if row.turn is not None and row.turn.status not in _UNFINISHED:
        raise _refused("over")


_WORDS: Mapping[str, str] = {
    "used": "This address was used: it takes one answer.",
    "expired": "This answer comes too late: it is no longer waited for.",
    "over": "This turn has ended already, so it takes no answer.",
}


def _refused(reason: str) -> Problem:
    hint = "Answer each turn once, within the seconds that the assistant waits."
    return Problem("conflict", _WORDS[reason], hint=hint, extra={"reason": reason})


def sweep() -> int:
    """Clear a batch of those that ended `KEPT` ago, with what was posted there; how many there were."""
    return sum(_clear(workspace_id) for workspace_id in doors.due_callbacks(CLEARED_AT_ONCE))


def _clear(workspace_id: UUID) -> int:
    with tenant(workspace_id):
        ended = WebhookCallback.objects.filter(expires_at__lt=timezone.now() - KEPT).order_by("expires_at")
        ids = list(ended.select_for_update(skip_locked=True).values_list("id", flat=True)[:CLEARED_AT_ONCE])
        WebhookCallback.objects.filter(id__in=ids).delete()
    return len(ids)
