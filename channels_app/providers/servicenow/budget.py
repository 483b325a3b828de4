"""How often cases may be looked at, so that all of a connection stay within what its instance takes in an hour.

Limits are set by the customer, for each user, by the hour, and may act half a minute late (ServiceNowDocs:
inbound-REST-API-rate-limiting.md). Each process keeps its own account, by what it sees itself.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

# Where no rule answers: ServiceNow sets none of its own for the Table API.
AN_HOUR = 3600.0
REQUESTS_AN_HOUR = 3600.0
# Of what a rule allows looks take so much: what visitors say has to get through too.
SHARE = 0.5
# A case that was looked at in the last quarter of an hour is looked at again.
RECENTLY = 900.0
LONGEST_WAIT = 600.0
MOST_KEPT = 2000


@dataclass
class _Account:
    limit: float = 0.0
    # What is left of it, where that is told, and until when.
    remaining: float | None = None
    resets_at: float = 0.0
    noted_at: float = 0.0
    cases: dict[str, float] = field(default_factory=dict)


_accounts: dict[UUID, _Account] = defaultdict(_Account)


def note(connection_id: UUID, headers: Mapping[str, str]) -> None:
    """What an answer says of its limit; most say nothing."""
    limit = _number(headers.get("x-ratelimit-limit", ""))
    if limit is None:
        return
    account = _account(connection_id)
    account.limit, account.noted_at = limit, time.time()
    account.remaining = _number(headers.get("x-ratelimit-remaining", ""))
    account.resets_at = _number(headers.get("x-ratelimit-reset", "")) or 0.0


def again(connection_id: UUID, case: str, wanted: float, requests: int) -> float:
    """Seconds until a case is looked at again: as wanted, unless there are so many cases that it would be too often."""
    account, now = _account(connection_id), time.time()
    account.cases[case] = now
    account.cases = {ref: at for ref, at in account.cases.items() if now - at < RECENTLY}
    if now - account.noted_at > AN_HOUR:
        account.limit, account.remaining = 0.0, None
    allowed = account.limit * SHARE if account.limit else REQUESTS_AN_HOUR
    a_round = len(account.cases) * requests
    wait = max(wanted, a_round * AN_HOUR / max(allowed, 1.0))
    left = account.resets_at - now
    if account.remaining is not None and 0 < left <= AN_HOUR:
        wait = max(wait, a_round * left / max(account.remaining * SHARE, 1.0))
    return min(wait, LONGEST_WAIT)


def _account(connection_id: UUID) -> _Account:
    if len(_accounts) > MOST_KEPT:
        _accounts.clear()
    return _accounts[connection_id]


def _number(value: str) -> float | None:
    value = value.strip()
    return float(value) if value.isascii() and value.isdigit() and len(value) < 16 else None
