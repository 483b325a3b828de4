"""Where a deployment's snippet has been seen at work: the origins whose pages loaded it, by its tokens' tallies."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Max, Min, Sum

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


def seen_on(deployment: Deployment) -> list[Seen]:
    """The origins, the last seen first. Inside `tenant()`."""
    rows = (
        TokenUse.objects.filter(deployment=deployment)
        .values("origin")
        .annotate(
            loads=Sum("loads"), sessions=Sum("sessions"), first_at=Min("first_used_at"), last_at=Max("last_used_at")
        )
        .order_by("-last_at")[:MOST]
    )
    # The token that an origin used last: an old one means that its pages haven't got the new snippet.
    newest = max((token.created_at for token in deployment.tokens.all()), default=None)
    last = {
        use.origin: use.token
        for use in TokenUse.objects.filter(deployment=deployment).select_related("token").order_by("last_used_at")
    }
    return [
        Seen(**row, old_token="" if last[row["origin"]].created_at == newest else last[row["origin"]].prefix)
        for row in rows
    ]
