"""Origins that a deployment did not let in: why in words, what can be allowed, and forgetting them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import F, QuerySet
from django.utils import timezone

from convoship.lib.actors import Actor
from deployments import origin_answers, origins, tallies
from deployments.models import Deployment, RefusedOrigin
from deployments.origin_forms import OriginRefused, parse
from workspaces import audit

# How long a refusal asks for attention.
RECENT = dt.timedelta(days=7)
_CUT = ("\N{REPLACEMENT CHARACTER}", "…")


@dataclass(frozen=True)
class Refused:
    """One row of the list. `words`: why. `advice`: what to do. `allow`: the origin that can be allowed, or "".

    `is_allowed`: it would be let in by now.
    """

    row: RefusedOrigin
    name: str
    words: str
    advice: str
    allow: str = ""
    is_allowed: bool = False

    @property
    def is_another(self) -> bool:
        """Whether what can be allowed is not what was seen."""
        return bool(self.allow) and self.allow != self.row.origin


def listed(deployment: Deployment) -> list[Refused]:
    """All of them: those that can be allowed on top, the last one seen first. Inside `tenant()`."""
    rows = RefusedOrigin.objects.filter(deployment=deployment).order_by("-last_seen_at")
    return sorted((explained(deployment, row) for row in rows), key=lambda item: not item.allow)


def explained(deployment: Deployment, row: RefusedOrigin) -> Refused:
    """The row as it stands to the origins that are allowed now."""
    allowed = deployment.allowed_origins
    if row.origin == "":
        if deployment.allow_server_callers:
            return Refused(row, "A program without an origin", "It sent no Origin header.", "", is_allowed=True)
        return Refused(
            row,
            "A program without an origin",
            "It sent no Origin header, so it is not a web page: a server, an app, or somebody who tries things out.",
            "If it is your own server, turn on Allow server callers. Otherwise there is nothing to do.",
        )
    if row.origin == tallies.OTHERS:
        return Refused(
            row,
            "Others, counted together",
            f"Only {tallies.MOST_ORIGINS} origins are listed one by one. So many at once are mostly strangers.",
            "Forget those that are not yours: then there is room for others to be listed.",
        )
    if origins.matches(row.origin, allowed):
        return Refused(row, row.origin, "It is allowed by now.", "", is_allowed=True)
    why = origins.explain(row.origin, allowed)
    allow = allowable(row.origin)
    if allow and allow != row.origin and origins.matches(allow, allowed):
        # Written by a program in another spelling than a browser's; what it means is allowed already.
        allow = ""
    return Refused(row, row.origin, why.detail, _advice(why, allow), allow)


def _advice(why: origins.Refusal, allow: str) -> str:
    if not allow:
        return origin_answers.APP if origin_answers.is_of_an_app(why.seen) else why.hint
    words = "Allow it if it is your site."
    if why.nearest:
        words = f"Better open the page as {why.nearest}. If it has to be this one, allow it too."
    if allow.startswith("http://"):
        words += " Without https anyone on the way can change the page."
    return words


def allowable(origin: str) -> str:
    """What can be allowed of an origin that was seen, in normal form; "" where nothing can."""
    if any(mark in origin for mark in _CUT):
        return ""  # it is kept printable and cut short, so this is not what was sent
    try:
        parts = parse(origin)
    except OriginRefused:
        return ""
    return "" if "*" in parts.host else parts.origin


def recent() -> QuerySet[RefusedOrigin]:
    """Origins of web pages that were refused lately, are not allowed yet, and whose deployment is not revoked."""
    return RefusedOrigin.objects.filter(
        deployment__revoked_at=None, last_seen_at__gt=timezone.now() - RECENT, origin__startswith="http"
    ).exclude(deployment__allowed_origins__contains=[F("origin")])


# Taking several out at once waits for no row that is being counted: `tallies` writes many in one transaction, in an
# order of its own, and the two could wait for each other in a circle. An origin that is counted at this moment knocks
# again at this moment, so it stays in the list as if it came back right after.


def forget_allowed(deployment: Deployment) -> None:
    """Take out of the list what is let in by now."""
    seen = RefusedOrigin.objects.filter(deployment=deployment)
    gone = [row.id for row in seen if origins.matches(row.origin, deployment.allowed_origins)]
    if deployment.allow_server_callers:
        gone += [row.id for row in seen if row.origin == ""]
    _take_out(seen.filter(id__in=gone))


def forget(actor: Actor, deployment: Deployment, row: RefusedOrigin) -> None:
    """Take one out of the list; it comes back when it knocks again."""
    audit.record(actor, "deployment.refusal_forgotten", deployment, origin=row.origin, count=row.count)
    row.delete()


def forget_all(actor: Actor, deployment: Deployment) -> int:
    """Take all out of the list: how many there were."""
    count = _take_out(RefusedOrigin.objects.filter(deployment=deployment))
    if count:
        audit.record(actor, "deployment.refusals_forgotten", deployment, origins=count)
    return count


def _take_out(rows: QuerySet[RefusedOrigin]) -> int:
    ids = list(rows.select_for_update(skip_locked=True).values_list("id", flat=True))
    count, _ = RefusedOrigin.objects.filter(id__in=ids).delete()
    return count
