"""A deployment's own limits, where they are narrower than the server's.

They are learnt from the deployment's row whenever one is read (`/config` reads it before a chat begins), and counted
before the next transaction: nothing waits for the network inside one, and no message costs another query. What is known
may be behind by one request; a refusal by a limit that was learnt a while ago looks once more before it is said.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from convoship.lib import limiting
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments.models import Deployment

MOST_KNOWN = 10_000
# How old what is known may be for a refusal.
FRESH_SECONDS = 5.0


@dataclass(frozen=True)
class _Known:
    limits: Mapping[str, int]
    at: float


_known: OrderedDict[UUID, _Known] = OrderedDict()


def learn(deployment_id: UUID, limits: Mapping[str, int]) -> None:
    """Remember a deployment's limits."""
    if limits:
        _known[deployment_id] = _Known(limits, time.monotonic())
        if len(_known) > MOST_KNOWN:
            _known.popitem(last=False)
    else:
        _known.pop(deployment_id, None)


def hit_session(workspace_id: UUID, deployment_id: UUID, address: str) -> None:
    """Count a session start; 429 beyond the deployment's limit for one address."""
    words = "Too many new conversations from this address"
    _hit(workspace_id, deployment_id, "sessions_per_hour", 3600, address, words)


def hit_message(workspace_id: UUID, deployment_id: UUID, session_id: UUID) -> None:
    """Count a visitor's message; 429 beyond the deployment's limit."""
    _hit(workspace_id, deployment_id, "messages_per_minute", 60, str(session_id), "You are sending very quickly")


def check_length(limits: Mapping[str, int], text: str) -> None:
    """413 for a message that is longer than the deployment takes."""
    most = limits.get("message_characters")
    if most and len(text) > most:
        raise Problem("payload_too_large", f"A message may have {most} characters here, this one has {len(text)}.")


def _hit(workspace_id: UUID, deployment_id: UUID, limit: str, seconds: int, who: str, words: str) -> None:
    known = _known.get(deployment_id)
    if known is None or limit not in known.limits:
        return
    bucket = (str(workspace_id), str(deployment_id), who)
    try:
        limiting.hit(f"deployment_{limit}", *bucket, words=words, limit=f"{known.limits[limit]}/{seconds}")
    except Problem as problem:
        # The refused ask first and read nothing, so a limit that was raised meanwhile would never be learnt.
        if time.monotonic() - known.at > FRESH_SECONDS and _look_again(workspace_id, deployment_id) != known.limits:
            _hit(workspace_id, deployment_id, limit, seconds, who, words)
            return
        problem.hint = "This is the deployment's own limit: it is set on its page in Convoship."
        problem.extra["reason"] = "deployment_limit"
        raise


def _look_again(workspace_id: UUID, deployment_id: UUID) -> Mapping[str, int]:
    with tenant(workspace_id):
        limits = Deployment.objects.filter(id=deployment_id).values_list("limits", flat=True).first() or {}
    learn(deployment_id, limits)
    return limits
