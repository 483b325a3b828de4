"""How an interaction stands: who is in it, and which messages they wrote.

`GET /api/v2/conversations/messages/{id}` as the SDKs' `MessageConversation` has it: `participants[]` with `purpose`,
`state`, `connectedTime`, `endTime`, `user`, `messages[]` with `messageId` and `messageTime`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils import timezone

from channels_app.providers.genesys.api import VIEW, Api

CUSTOMER, AGENTS = frozenset({"customer", "external"}), frozenset({"agent", "user"})
_GONE = frozenset({"disconnected", "terminated"})
# From a flow to a queue, and from one agent to the next, an interaction is with nobody for a moment.
SETTLES = dt.timedelta(seconds=20)


async def fetch(api: Api, conversation: str) -> dict[str, Any]:
    """The interaction."""
    return await api.call("GET", f"/api/v2/conversations/messages/{conversation}", permission=VIEW)


def others(found: Mapping[str, Any], about: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Who is, or was, there since the case was opened, beside the customer: flows, queues and agents."""
    listed = found.get("participants")
    there = [one for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    opened = moment_of(about.get("opened"))
    return [
        one for one in there if str(one.get("purpose", "")).lower() not in CUSTOMER and not _ended_before(one, opened)
    ]


def _ended_before(participant: Mapping[str, Any], opened: dt.datetime | None) -> bool:
    ended = moment_of(participant.get("endTime"))
    return opened is not None and ended is not None and ended < opened


def agents(there: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those of them who are people and had it, the last one last."""
    people = [one for one in there if str(one.get("purpose", "")).lower() in AGENTS and _came(one)]
    return sorted(people, key=lambda one: str(one.get("connectedTime") or one.get("startTime") or ""))


def _came(participant: Mapping[str, Any]) -> bool:
    return bool(participant.get("connectedTime")) or participant.get("state") == "connected"


def is_live(participant: Mapping[str, Any]) -> bool:
    """Whether they are there, or are being rung."""
    return str(participant.get("state") or "") not in _GONE


def is_over(found: Mapping[str, Any], about: Mapping[str, Any]) -> bool:
    """Whether all have left, and for longer than a transfer takes."""
    there = others(found, about)
    if not there or any(is_live(one) for one in there):
        return False
    ends = [at for one in there if (at := moment_of(one.get("endTime"))) is not None]
    return not ends or timezone.now() - max(ends) >= SETTLES


def messages(there: Sequence[Mapping[str, Any]]) -> dict[str, dt.datetime | None]:
    """The ids of what they wrote, and when."""
    found: dict[str, dt.datetime | None] = {}
    for one in there:
        listed = one.get("messages")
        for message in listed if isinstance(listed, list) else ():
            if isinstance(message, Mapping) and message.get("messageId"):
                found[str(message["messageId"])] = moment_of(message.get("messageTime"))
    return found


def moment_of(value: object) -> dt.datetime | None:
    """A moment of theirs; None for what is none."""
    try:
        at = dt.datetime.fromisoformat(str(value)) if value else None
    except ValueError:
        return None
    return at.replace(tzinfo=dt.UTC) if at is not None and at.tzinfo is None else at
