"""Fetching what is on the web: politely, by the guarded client, and within bounds.

Robots are minded as RFC 9309 says: each origin's `robots.txt` is read once a round; what it forbids our user agent is
not fetched; one that can't be had because its server fails forbids all, and one that isn't there nothing. Redirects are
followed one by one, each checked like the first address, by the guard and by its own origin's robots. A document that
was had before is asked for with its ETag or date, and a server that says 304 is believed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit, urlunsplit

from django.conf import settings
from protego import Protego

from convoship.lib.outbound import Fetched, OutboundError, Refused, fetch
from convoship.lib.outbound.places import host_of
from deployments.knowledge import limits, parsing
from deployments.knowledge.keeping import Answered
from deployments.knowledge.parsing import Document, Unreadable

logger = logging.getLogger(__name__)

AGENT = "ConvoshipKnowledge"
SECONDS = 20.0
ROBOTS_SECONDS, LARGEST_ROBOTS = 10.0, 512 * 1024  # as much of it is read (RFC 9309, 2.5)
MOST_HOPS = 5
# Between two requests to the same origin.
PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.3, 5.0
_MOVED = frozenset({301, 302, 303, 307, 308})


class NotFetched(Exception):
    """Nothing was had: `reason` and `remedy` in plain words. `is_gone`: its server says that it is no more."""

    def __init__(self, reason: str, remedy: str, *, is_gone: bool = False, is_forbidden: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy
        self.is_gone, self.is_forbidden = is_gone, is_forbidden


@dataclass(frozen=True)
class Had:
    """A document of the web: None where it is as it was. `url`: where it was found in the end."""

    document: Document | None
    url: str
    answered: Answered


@dataclass
class _Site:
    robots: Protego | None
    refusal: str = ""
    remedy: str = "Try again later. What can't be asked is taken for a no (RFC 9309)."
    asked_at: float = 0.0


@dataclass
class Reader:
    """One round's way to the web: knows the robots of each origin, and when it asked last."""

    sites: dict[str, _Site] = field(default_factory=dict)

    def document(self, url: str, known: Answered | None = None) -> Had:
        """The document at an address; `NotFetched` with words. `known`: what its server said of it before."""
        headers = {}
        if known and known.etag:
            headers["If-None-Match"] = known.etag
        if known and known.last_modified:
            headers["If-Modified-Since"] = known.last_modified
        found = self._get(url, headers, limits.LARGEST_PAGE)
        answered = Answered(_first(found, "etag")[:300], _first(found, "last-modified")[:100])
        if found.status == 304 and headers:
            return Had(None, found.url, known or answered)
        _require_success(found)
        form = parsing.form_of_answer(_first(found, "content-type"), found.body)
        if not form:
            kind = _first(found, "content-type").partition(";")[0].strip()[:60] or "something without a type"
            raise NotFetched(
                f"There is no page at this address: it answers with {kind}.",
                "Use the address of a web page, a PDF, a Word document (.docx) or a text.",
            )
        encoding = found.encoding if "charset" in _first(found, "content-type").lower() else ""
        try:
            return Had(parsing.parse(form, found.body, encoding=encoding), found.url, answered)
        except Unreadable as unreadable:
            raise NotFetched(unreadable.reason, unreadable.remedy) from None

    def listed(self, url: str) -> list[str]:
        """The addresses that a sitemap lists, of its own host alone, each once; of a bare site that of its sitemap."""
        found: dict[str, None] = {}
        waiting = self._sitemaps_of(url)
        seen: set[str] = set()
        while waiting and len(seen) < limits.MOST_SITEMAPS and len(found) < settings.LIMITS["knowledge_pages"]:
            address = waiting.pop(0)
            if address in seen:
                continue
            seen.add(address)
            answer = self._get(address, {}, limits.LARGEST_SITEMAP)
            _require_success(answer)
            try:
                sitemap = parsing.parse_sitemap(answer.body)
            except Unreadable as unreadable:
                raise NotFetched(unreadable.reason, unreadable.remedy) from None
            waiting += [one for one in sitemap.sitemaps if _host(one) == _host(url)]
            found |= dict.fromkeys(
                address for one in sitemap.urls if _host(one) == _host(url) and (address := without_fragment(one))
            )
        if not found:
            raise NotFetched(
                "The sitemap lists no page of its own site.", "Check the address, or add the pages one by one."
            )
        return list(found)

    def _sitemaps_of(self, url: str) -> list[str]:
        parts = urlsplit(url)
        if parts.path not in {"", "/"} or parts.query:
            return [url]
        robots = self._site(url).robots
        named = [one for one in robots.sitemaps if _host(one) == _host(url)] if robots else []
        return named[: limits.MOST_SITEMAPS] or [urlunsplit((parts.scheme, parts.netloc, "/sitemap.xml", "", ""))]

    def _get(self, url: str, headers: dict[str, str], most: int) -> Fetched:
        for hop in self._hops(url):
            self._require_allowed(hop)
            self._wait(hop)
            try:
                answer = fetch(hop, headers={**_agent(), **headers}, max_bytes=most, seconds=SECONDS)
            except OutboundError as error:
                raise _not_reached(error) from None
            moved = _first(answer, "location") if answer.status in _MOVED else ""
            if not moved:
                return answer
            self._next = _led_to(hop, moved)
        raise NotFetched(
            f"The address leads from one to the next: {MOST_HOPS} redirects, and no end.",
            "Open it in a browser and use the address that is shown in the end.",
        )

    def _hops(self, url: str) -> Iterator[str]:
        self._next = url
        for _ in range(MOST_HOPS + 1):
            yield self._next

    def _require_allowed(self, url: str) -> None:
        site = self._site(url)
        if site.refusal:
            raise NotFetched(site.refusal, site.remedy)
        if site.robots is not None and not site.robots.can_fetch(url, AGENT):
            raise NotFetched(
                f"The robots.txt of {_host(url)} forbids reading this page.",
                f"Allow the user agent {AGENT} there, or paste the page's text.",
                is_forbidden=True,
            )

    def _site(self, url: str) -> _Site:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self.sites:
            self.sites[origin] = _read_robots(origin)
        return self.sites[origin]

    def _wait(self, url: str) -> None:
        site = self._site(url)
        wanted = float((site.robots.crawl_delay(AGENT) if site.robots else None) or PAUSE_SECONDS)
        wait = site.asked_at + min(max(wanted, PAUSE_SECONDS), LONGEST_PAUSE_SECONDS) - time.monotonic()
        if site.asked_at and wait > 0:
            time.sleep(wait)
        site.asked_at = time.monotonic()


def _agent() -> dict[str, str]:
    return {"User-Agent": f"{AGENT} (+{settings.PUBLIC_BASE_URL})", "Accept": "text/html, application/pdf, */*;q=0.5"}


def _read_robots(origin: str) -> _Site:
    host = _host(origin)
    try:
        answer = fetch(
            f"{origin}/robots.txt", headers=_agent(), max_bytes=LARGEST_ROBOTS, seconds=ROBOTS_SECONDS, follow=MOST_HOPS
        )
    except Refused as refused:
        raise _not_reached(refused) from None
    except OutboundError as error:
        # A site that is not there is all there is to say of it.
        return _Site(None, error.words, "Check the address: open it in a browser. If it works there, fetch it again.")
    if answer.status >= 500 or answer.status == 429:
        return _Site(None, f"{host} can't be asked whether its pages may be read: robots.txt answers {answer.status}.")
    if not 200 <= answer.status < 300:
        return _Site(None)
    try:
        return _Site(Protego.parse(answer.text))
    except Exception:  # noqa: BLE001 (a stranger's file: what can't be read of it forbids nothing)
        logger.info("the robots.txt of %s can't be read", host)
        return _Site(None)


def _not_reached(error: OutboundError) -> NotFetched:
    if isinstance(error, Refused):
        return NotFetched(error.words, "Use an address that everybody on the internet can open.")
    return NotFetched(error.words, "Open the address in a browser. If it works there, fetch it again.")


def _require_success(answer: Fetched) -> None:
    status = answer.status
    if 200 <= status < 300:
        return
    if status in {404, 410}:
        raise NotFetched(
            f"There is nothing at this address any more: it answers {status}.",
            "Check the address, or remove it.",
            is_gone=True,
        )
    if status in {401, 403}:
        raise NotFetched(
            f"The page is not open to everybody: it answers {status}.", "Paste its text, or upload it as a file."
        )
    if status == 429:
        raise NotFetched("The site says that it is asked too often (429).", "Fetch it again later.")
    raise NotFetched(f"The site answers {status}.", "Open the address in a browser. If it works there, fetch it again.")


def _first(answer: Fetched, name: str) -> str:
    return next(iter(answer.all(name)), "")


def _led_to(url: str, moved: str) -> str:
    try:
        return urljoin(url, moved)
    except ValueError:
        raise NotFetched("The address leads on to what is no address.", "Check it in a browser.") from None


def _host(url: str) -> str:
    """The host of an address, without `www.`; "" where it has none."""
    return host_of(url).removeprefix("www.")


def without_fragment(url: str) -> str:
    """The address of a document, without the place in it; "" for what is no address."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not parts.hostname or len(url) > 2000 or "\x00" in url:
        return ""
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", parts.query, ""))
