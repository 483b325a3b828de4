"""A deployment's own limits, where they are narrower than the server's.

They are learnt from the deployment's row whenever one is read, and counted before the next transaction: nothing waits
for the network inside one, and no message costs another query. So a limit that was just set holds from the second
request on that a process sees.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from uuid import UUID

from convoship.lib import limiting
from convoship.lib.problems import Problem

MOST_KNOWN = 10_000

_known: OrderedDict[UUID, Mapping[str, int]] = OrderedDict()


def learn(deployment_id: UUID, limits: Mapping[str, int]) -> None:
    """Remember a deployment's limits."""
    if limits:
        _known[deployment_id] = limits
        if len(_known) > MOST_KNOWN:
            _known.popitem(last=False)
    else:
        _known.pop(deployment_id, None)


def hit_session(workspace_id: UUID, deployment_id: UUID, address: str) -> None:
    """Count a session start; 429 beyond the deployment's limit for one address."""
    most = _known.get(deployment_id, {}).get("sessions_per_hour")
    if most:
        words = "Too many new conversations from this address"
        limiting.hit(
            "deployment_sessions", str(workspace_id), str(deployment_id), address, words=words, limit=f"{most}/3600"
        )


def hit_message(workspace_id: UUID, deployment_id: UUID, session_id: UUID) -> None:
    """Count a visitor's message; 429 beyond the deployment's limit."""
    most = _known.get(deployment_id, {}).get("messages_per_minute")
    if most:
        words = "You are sending very quickly"
        limiting.hit("deployment_messages", str(workspace_id), str(session_id), words=words, limit=f"{most}/60")


def check_length(limits: Mapping[str, int], text: str) -> None:
    """413 for a message that is longer than the deployment takes."""
    most = limits.get("message_characters")
    if most and len(text) > most:
        raise Problem("payload_too_large", f"A message may have {most} characters here, this one has {len(text)}.")
