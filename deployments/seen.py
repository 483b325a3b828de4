"""Where a deployment's snippet has been seen at work: the origins whose pages loaded it, by its tokens' tallies."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from deployments.models import Deployment, TokenUse

MOST = 50


@dataclass(frozen=True)
class Seen:
    """One origin ("" for programs that send none). `old_token`: its pages still carry a token that was rotated."""

    origin: str
    loads: int
    sessions: int
    first_at: dt.datetime
    last_at: dt.datetime
    old_token: str = ""

    def followed_by(self, later: Seen) -> Seen:
        """With what was seen of it later, by another token."""
        return replace(
            later,
            loads=self.loads + later.loads,
            sessions=self.sessions + later.sessions,
            first_at=min(self.first_at, later.first_at),
        )


def seen_on(deployment: Deployment) -> list[Seen]:
    """The origins, the last seen first. Inside `tenant()`."""
    newest = max((token.created_at for token in deployment.tokens.all()), default=None)
    found: dict[str, Seen] = {}
    for use in TokenUse.objects.filter(deployment=deployment).select_related("token").order_by("last_used_at"):
        # The token that an origin used last: an old one means that its pages haven't got the new snippet.
        old_token = "" if use.token.created_at == newest else use.token.prefix
        now = Seen(use.origin, use.loads, use.sessions, use.first_used_at, use.last_used_at, old_token)
        before = found.pop(use.origin, None)
        found[use.origin] = before.followed_by(now) if before else now
    return list(reversed(found.values()))[:MOST]
