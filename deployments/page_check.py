"""Check a page: is the snippet on it, the right one, once, and will its policy and our allowed origins let it work?

In two steps, so that nothing waits for the network inside a transaction: `look` fetches and reads the page, outside of
`tenant()`; `judge` compares it with a deployment, inside.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal
from urllib.parse import urlsplit

from convoship.lib import outbound
from convoship.lib.outbound import Fetched, OutboundError, Refused
from deployments import origins, page_policies, page_reading, page_snippet, seen
from deployments.findings import Finding, bad, good, note, warn
from deployments.models import Deployment, TokenUse
from deployments.page_reading import Page

Verdict = Literal["works", "broken", "unsure", "not_read"]

REDIRECTS = 5
SECONDS = 10.0
MOST_SCRIPTS = 8
LONGEST_ADDRESS = 2000
HEADERS = {
    "Accept": "text/html,application/xhtml+xml",
    "User-Agent": "Mozilla/5.0 (compatible; Convoship page check)",
}
HEADLINES: dict[Verdict, str] = {
    "works": "The chat should appear on this page.",
    "broken": "The chat doesn't work on this page yet.",
    "unsure": "Nothing wrong was found, but the page's source doesn't show everything.",
    "not_read": "The page could not be checked.",
}
_NOT_IN_SOURCE = "snippet_not_in_source"
_HEADLINE_NOT_IN_SOURCE = "The snippet is not in this page's source."
_SIGN_IN = ("login", "log-in", "signin", "sign-in", "sso", "auth")


@dataclass(frozen=True)
class Look:
    """What came of fetching a page: the page, or the finding that says why there is none."""

    asked: str
    page: Page | None = None
    hops: tuple[str, ...] = ()
    failed: Finding | None = None


@dataclass(frozen=True)
class Report:
    """What was found, the worst first. `url` is where the page came from in the end."""

    asked: str
    url: str
    origin: str
    verdict: Verdict
    findings: list[Finding] = field(default_factory=list)

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        if any(finding.code == _NOT_IN_SOURCE for finding in self.findings):
            return _HEADLINE_NOT_IN_SOURCE
        return HEADLINES[self.verdict]


def look(address: str) -> Look:
    """Fetch a page by the guarded client, and read it. Waits for the network: never inside `tenant()`."""
    asked = address.strip()
    if asked and "://" not in asked.split("?")[0]:
        asked = f"https://{asked}"
    deadline = time.monotonic() + SECONDS
    try:
        if len(asked.split()) > 1 or len(asked) > LONGEST_ADDRESS:
            raise Refused("That is not the address of a page, such as https://www.example.com/.")
        fetched = outbound.fetch(asked, headers=HEADERS, follow=REDIRECTS, seconds=SECONDS)
        failed = _unfit(fetched)
        if failed:
            return Look(asked, hops=tuple(fetched.hops), failed=failed)
        page = page_reading.read(fetched, asked)
    except Refused as refused:
        return Look(asked, failed=bad("refused", refused.words, remedy=_remedy(refused)))
    except OutboundError as error:
        return Look(asked, failed=bad("unreachable", error.words, remedy="Open the address in a browser to see more."))
    if not page.loaders and not any(words.loaders or words.inits for _, words in page.speakers):
        page = _with_loaded(page, deadline)
    return Look(asked, page, tuple(fetched.hops))


def judge(deployment: Deployment, seen: Look) -> Report:
    """What the page means for this deployment. Inside `tenant()`."""
    page = seen.page
    if page is None:
        return Report(seen.asked, seen.asked, "", "not_read", [seen.failed] if seen.failed else [])
    found = page_snippet.find(page)
    if not found.is_there:
        findings = list(_missing(deployment, page))
    else:
        spoken_for, tokens = page_snippet.of_tokens(deployment, found)
        findings = [
            *page_snippet.of_loaders(found),
            *tokens,
            *page_snippet.of_options(spoken_for, found),
            *_of_origin(spoken_for, page),
            *page_policies.findings(page, found, spoken_for),
        ]
    findings += [*_of_way(seen, page), *_of_secrets(page)]
    order = {"bad": 0, "warn": 1, "good": 2, "info": 3}
    findings.sort(key=lambda finding: order[finding.level])
    return Report(seen.asked, page.url, page.origin, _verdict(findings), findings)


def _verdict(findings: list[Finding]) -> Verdict:
    if any(finding.level == "bad" for finding in findings):
        return "broken"
    return "unsure" if any(finding.is_unsure for finding in findings) else "works"


# --- Fetching -----------------------------------------------------------------------------------------------------


def _unfit(fetched: Fetched) -> Finding | None:
    """Why this answer is no page with a chat on it."""
    kind = (fetched.all("content-type") or [""])[0].partition(";")[0].strip().lower()
    status = fetched.status
    if status in {401, 407}:
        return bad("login_page", "The page asks for a name and a password.", remedy=_BEHIND_A_DOOR)
    if status in {403, 429, 503}:
        words = f"The site answered {_status(status)}: it may keep programs away."
        return bad("bad_status", words, remedy="Let Convoship page check pass, or look at the page in a browser.")
    if status >= 400 or status in {204, 205}:
        return bad("bad_status", f"The site answered {_status(status)}.", remedy="Look for a mistake in the address.")
    if 300 <= status < 400:
        return bad("bad_status", f"The site answered {_status(status)} and did not say where to go.")
    if kind not in {"text/html", "application/xhtml+xml", ""}:
        return bad(
            "not_html", f"The address leads to no web page, but to {kind[:60]}.", remedy="Check a page's address."
        )
    return None


_BEHIND_A_DOOR = (
    "Convoship can't sign in there. Open the page in a browser: what is wrong stands in its console, in lines that "
    "begin with [Convoship]."
)


def _status(status: int) -> str:
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)


def _remedy(refused: Refused) -> str:
    if "private network" in refused.words:
        return (
            "Pages on your own machine or network can't be reached from here. Open the page in a browser: what is "
            "wrong stands in its console, in lines that begin with [Convoship]."
        )
    return "Give the address as visitors open it, such as https://www.example.com/contact."


def _with_loaded(page: Page, deadline: float) -> Page:
    """The page with the text of its own scripts: an app that is built has its snippet in one of them."""
    loaded: list[tuple[str, str]] = []
    for script in page.scripts:
        left = deadline - time.monotonic()
        if not (script.src and script.is_run) or left <= 0.5 or len(loaded) >= MOST_SCRIPTS:
            continue
        if urlsplit(script.src).hostname != urlsplit(page.url).hostname:
            continue
        try:
            answer = outbound.fetch(script.src, headers=HEADERS | {"Accept": "*/*"}, follow=2, seconds=left)
        except OutboundError:
            continue
        if answer.status == 200:
            loaded.append((script.src, answer.text))
    return Page(**{**page.__dict__, "loaded": tuple(loaded)})


# --- What is said of the page itself --------------------------------------------------------------------------------


def _missing(deployment: Deployment, page: Page) -> Iterator[Finding]:
    """The snippet is not in the source: why that may be, and whether it works all the same."""
    use = TokenUse.objects.filter(deployment=deployment, origin=page.origin).order_by("-last_used_at").first()
    path = urlsplit(page.url).path.lower()
    if page_snippet.held_back(page):
        yield from page_snippet.held_back(page)
    elif page.mentions_loader:
        yield bad(
            "snippet_inert",
            "The snippet is in the page's source, but where it isn't run: in a comment, a <noscript> or a text.",
            remedy="Paste it as HTML before </body>. In a content manager: into a block for HTML, not into a text.",
        )
    elif page.has_password_field and (page.url != page.asked or any(word in path for word in _SIGN_IN)):
        yield bad("login_page", f"This is a page to sign in: {page.url}", remedy=_BEHIND_A_DOOR)
    elif use is not None:
        yield _used_elsewhere(deployment, page, use)
    elif page.has_tag_manager:
        yield warn(
            _NOT_IN_SOURCE,
            "Neither the page nor the scripts of its own that it loads have it. Google Tag Manager is on the page, and "
            "may add it unseen by this check.",
            remedy=_LOOK_YOURSELF,
            is_unsure=True,
        )
    else:
        yield bad(
            "snippet_missing",
            "The snippet is not on this page, nor in the scripts of its own that it loads.",
            remedy="Copy it above and paste it before </body>. If it is there, a cache may still serve an older page.",
        )


_LOOK_YOURSELF = (
    "Open this page once in a browser. If no chat appears, copy the snippet above and paste it before </body>, or have "
    "your tag manager add it on this page too."
)


def _used_elsewhere(deployment: Deployment, page: Page, use: TokenUse) -> Finding:
    """Some page of this origin has loaded the chat. It need not have been this one."""
    last = seen.page_of(deployment, page.origin, page.url)
    if last is not None and last.is_asked:
        return warn(
            _NOT_IN_SOURCE,
            "All the same a visitor has begun a conversation on this very page. So a script, such as a tag manager, "
            "puts the snippet there, or it was in the source until lately.",
            remedy=_LOOK_YOURSELF,
            at=last.at,
            is_unsure=True,
        )
    manager = (
        "Google Tag Manager, which is on the page," if page.has_tag_manager else "A script, such as a tag manager,"
    )
    words = f"{manager} could add it unseen by this check. "
    if last is not None:
        words += f"But what has been seen is another page of this origin: a conversation began on {last.url}"
    else:
        words += f"But nothing shows that it does: a page of {page.origin} has loaded the chat, maybe another one"
    at = last.at if last is not None else use.last_used_at
    return warn(_NOT_IN_SOURCE, words, remedy=_LOOK_YOURSELF, at=at, is_unsure=True)


def _of_origin(deployment: Deployment, page: Page) -> Iterator[Finding]:
    if origins.matches(page.origin, deployment.allowed_origins):
        yield good("origin_allowed", f"{page.origin} is an allowed origin.")
        return
    refusal = origins.explain(page.origin, deployment.allowed_origins)
    yield bad("origin_refused", refusal.detail, remedy=refusal.hint, origin=page.origin)


def _of_way(seen: Look, page: Page) -> Iterator[Finding]:
    if seen.hops:
        yield note("redirected", f"The address leads to {page.url}, and that page was checked.")


def _of_secrets(page: Page) -> Iterator[Finding]:
    for token in page_reading.keys_in(page):
        kind = "an API key" if token.startswith("csk_") else "a visitor's session token"
        yield bad(
            "secret_on_page",
            f"The page shows {kind} to everybody: {token[:12]}…",
            remedy="Take it out of the page, and revoke it: whoever has seen the page has it."
            if token.startswith("csk_")
            else "Take it out of the page.",
        )
