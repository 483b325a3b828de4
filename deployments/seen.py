"""Where a deployment's snippet has been seen at work: the origins whose pages loaded it, by its tokens' tallies."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from deployments import origins
from deployments.models import Conversation, Deployment, TokenUse

MOST = 50
# So many conversations are looked through for the page that they began on.
_RECENT = 500


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


@dataclass(frozen=True)
class SeenPage:
    """A page where a visitor began a conversation, and when. `is_asked`: it is the page that was asked for."""

    url: str
    at: dt.datetime
    is_asked: bool


def page_of(deployment: Deployment, origin: str, url: str) -> SeenPage | None:
    """The page of this origin where a conversation began last: `url` itself, if any did there lately. In `tenant()`.

    Pages that only loaded the chat are counted by their origin, so they can't be named.
    """
    begun = Conversation.objects.filter(deployment=deployment, is_test=False).order_by("-started_at")
    found: SeenPage | None = None
    for page, sent_by, at in begun.values_list("page_url", "origin", "started_at")[:_RECENT]:
        # What a page says of its own address is believed as far as its browser bears it out.
        if sent_by != origin or origins.of_url(page) != origin:
            continue
        if _bare(page) == _bare(url):
            return SeenPage(page, at, is_asked=True)
        found = found or SeenPage(page, at, is_asked=False)
    return found


def _bare(url: str) -> str:
    """The address without its query and fragment."""
    return url.partition("#")[0].partition("?")[0].rstrip("/")
