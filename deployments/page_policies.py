"""What a page's Content Security Policies will keep from the widget, and the exact line that lets it through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin

from django.conf import settings

from deployments import csp, embed_build, file_links, file_settings, origins, page_reading, snippets
from deployments.csp import Need, Policy
from deployments.findings import Finding, bad, good, note, warn
from deployments.models import Deployment
from deployments.page_reading import Page
from deployments.page_snippet import Found

RUNTIME = "/v1/public/runtime"
_PLACES = {
    "header": "the header Content-Security-Policy",
    "meta": 'the page\'s <meta http-equiv="Content-Security-Policy">',
}


def lines(deployment: Deployment, code: str) -> list[str]:
    """What a policy has to list for this deployment's chat; with `code`, the snippet's own lines by their hashes."""
    base = settings.PUBLIC_BASE_URL
    hashes = [csp.hash_of(script) for script in snippets.inline_scripts(code)]
    found = [" ".join(["script-src", base, *hashes]), f"connect-src {base} {base.replace('http', 'ws', 1)}"]
    pictures = [*images(deployment.theme, base), *_photos(deployment)]
    hosts = list(dict.fromkeys(origins.of_url(url) or url for url in pictures))
    return [*found, f"img-src {' '.join(hosts)}"] if hosts else found


@dataclass(frozen=True)
class Wanted:
    """One thing that the widget needs of the page. `part`: which, `place`: where in the page (0: whenever)."""

    part: str  # loader, inline, app, api, socket, image or photo
    need: Need
    place: int = 0


def wanted(found: Found, deployment: Deployment) -> list[Wanted]:
    """All that the widget asks a browser for on this page, from its loader to its socket."""
    needs: list[Wanted] = []
    for script in found.loaders[:1]:
        loader = Need("script-src-elem", script.src, nonce=script.nonce, integrity=script.integrity)
        needs += [Wanted("loader", loader, script.place), Wanted("app", _app(loader))]
    for address in () if found.loaders else found.inserted[:1]:
        loader = Need("script-src-elem", address, is_inserted=True)
        needs += [Wanted("loader", loader), Wanted("app", _app(loader))]
    for script, _ in found.speakers:
        if script.text:
            inline = Need("script-src-elem", text=script.text, nonce=script.nonce)
            needs.append(Wanted("inline", inline, script.place))
        elif script.src:
            needs.append(Wanted("inline", Need("script-src-elem", script.src, nonce=script.nonce), script.place))
    base = next((api for api in found.apis if page_reading.is_address(api)), settings.PUBLIC_BASE_URL)
    needs.append(Wanted("api", Need("connect-src", f"{base}{RUNTIME}/config")))
    needs.append(Wanted("socket", Need("connect-src", f"{base.replace('http', 'ws', 1)}{RUNTIME}/sessions/x/socket")))
    needs += [Wanted("image", Need("img-src", url)) for url in images(deployment.theme, base)]
    return [*needs, *(Wanted("photo", Need("img-src", url)) for url in _photos(deployment))]


def _app(loader: Need) -> Need:
    """What the loader imports: it has the loader's nonce, and counts as put there by whoever put the loader there."""
    address = urljoin(loader.url, f"../static/widget/{embed_build.build().app}")
    return Need("script-src-elem", address, nonce=loader.nonce, is_inserted=loader.is_inserted)


def images(theme: dict[str, object], base: str) -> list[str]:
    """The pictures of a theme, as the widget will ask for them."""
    launcher, header = theme.get("launcher"), theme.get("header")
    named = [
        launcher.get("icon") if isinstance(launcher, dict) else None,
        header.get("avatarUrl") if isinstance(header, dict) else None,
        theme.get("avatarUrl"),
    ]
    return list(dict.fromkeys(urljoin(base, str(name)) for name in named if name and "/" in str(name)))


def _photos(deployment: Deployment) -> list[str]:
    """Where photos come from that visitors send, if they may."""
    allowed = file_settings.of(deployment.files)
    return [f"{settings.FILES_BASE_URL}{file_links.PATH}"] if allowed.on and "images" in allowed.kinds else []


def blocked(page: Page, needs: list[Wanted], policy: Policy) -> list[Wanted]:
    """What this policy keeps from the widget. One in `<meta>` says nothing of scripts that stand before it."""
    return [it for it in needs if not (0 < it.place < policy.since) and not policy.allows(it.need, page.url)]


def findings(page: Page, found: Found, deployment: Deployment) -> Iterator[Finding]:
    """What each policy of the page keeps from the widget, with the line to write instead of the one that is there."""
    needs = wanted(found, deployment)
    hurt = False
    for policy in page.policies:
        for finding in [*_of_sandbox(policy), *_of_policy(policy, blocked(page, needs, policy))]:
            hurt = True
            yield finding
    if not page.policies:
        yield good("csp_none", "The page has no Content Security Policy, so none is in the way.")
    elif not hurt:
        yield good("csp_passes", "The page's Content Security Policy lets through all that the chat needs.")
    if any(blocked(page, needs, policy) for policy in page.reported):
        yield note(
            "csp_report_only",
            "A policy that only reports would keep parts of the chat away, were it enforced.",
        )


def _of_sandbox(policy: Policy) -> Iterator[Finding]:
    flags = policy.sandbox()
    if flags is None:
        return
    lacking = [flag for flag in ("allow-scripts", "allow-same-origin") if flag not in flags]
    if lacking:
        why = (
            "runs no scripts" if "allow-scripts" in lacking else "has no origin of its own, and “null” is never allowed"
        )
        yield bad(
            "csp_sandbox",
            f"The page is under a sandbox: it {why}.",
            remedy=f"In {_PLACES[policy.place]}, write this instead of the sandbox that is there.",
            line=" ".join(["sandbox", *sorted(flags), *lacking]) + ";",
        )


def _of_policy(policy: Policy, hindered: list[Wanted]) -> Iterator[Finding]:
    scripts = [it for it in hindered if it.need.directive == "script-src-elem"]
    if scripts:
        yield _for_scripts(policy, scripts)
    calls = [it for it in hindered if it.need.directive == "connect-src"]
    if calls:
        yield _for_calls(policy, calls)
    pictures = [it for it in hindered if it.need.directive == "img-src"]
    if pictures:
        hosts = list(dict.fromkeys(origins.of_url(it.need.url) or it.need.url for it in pictures))
        parts = [words for part, words in _PICTURES.items() if any(it.part == part for it in pictures)]
        yield warn(
            "csp_images",
            f"The policy keeps {' and '.join(parts)} away ({_named(policy, 'img-src')}).",
            remedy=_instead(policy, "img-src"),
            line=_line(policy, "img-src", hosts),
        )


_PICTURES = {"image": "pictures of the chat's theme", "photo": "photos that visitors send"}
_PARTS = {
    "loader": "the script that brings the chat",
    "inline": "the snippet's own lines",
    "app": "the chat's window",
}


_NONCE_TAG = '<script nonce="YOUR_NONCE" …>'
_GIVE_NONCE = (
    "give each of the snippet's script tags the nonce that the page's other scripts have, fresh for each request."
)


def _for_scripts(policy: Policy, hindered: list[Wanted]) -> Finding:
    parts = [words for part, words in _PARTS.items() if any(it.part == part for it in hindered)]
    listing = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    words = f"The policy keeps {listing} away ({_named(policy, 'script-src-elem')})."
    # What a script puts into the page has no tag that a nonce could be given to: its host has to be listed.
    inserted = [origins.of_url(it.need.url) or it.need.url for it in hindered if it.need.is_inserted]
    in_tags = [it.need for it in hindered if not it.need.is_inserted]
    if policy.nonces:
        if not inserted:
            return bad("csp_scripts", words, remedy=f"The policy goes by nonces: {_GIVE_NONCE}", line=_NONCE_TAG)
        remedy = _instead(policy, "script-src-elem") + (f" And {_GIVE_NONCE}" if in_tags else "")
        return bad("csp_scripts", words, remedy=remedy, line=_line(policy, "script-src-elem", inserted))
    if policy.is_strict_dynamic:
        return bad(
            "csp_scripts",
            words,
            remedy="The policy has 'strict-dynamic', under which hosts count nothing. Add a nonce to it, fresh for "
            "each request, and the same to each of the snippet's script tags.",
            line=_line(policy, "script-src-elem", ["'nonce-YOUR_NONCE'"]),
        )
    hosts = [origins.of_url(need.url) or need.url for need in in_tags if need.text is None]
    hashes = [csp.hash_of(need.text) for need in in_tags if need.text is not None]
    remedy = _instead(policy, "script-src-elem")
    if hashes:
        remedy += " The hashes stand for the snippet's lines as they are now, to the character."
    return bad("csp_scripts", words, remedy=remedy, line=_line(policy, "script-src-elem", [*inserted, *hosts, *hashes]))


def _line(policy: Policy, directive: str, added: list[str]) -> str:
    return csp.with_sources(policy, directive, added) + ";"


def _for_calls(policy: Policy, hindered: list[Wanted]) -> Finding:
    added = []
    for it in hindered:
        scheme, _, rest = it.need.url.partition("://")
        added.append(f"{scheme}://{rest.partition('/')[0]}")
    line = _line(policy, "connect-src", added)
    if any(it.part == "api" for it in hindered):
        return bad(
            "csp_calls",
            f"The policy keeps the chat from reaching Convoship ({_named(policy, 'connect-src')}).",
            remedy=_instead(policy, "connect-src"),
            line=line,
        )
    return warn(
        "csp_socket",
        f"The policy keeps the chat's live connection away ({_named(policy, 'connect-src')}): it works, and answers of "
        "people come later.",
        remedy=_instead(policy, "connect-src"),
        line=line,
    )


def _named(policy: Policy, directive: str) -> str:
    found = policy.governing(directive)
    return " ".join([found[0], *found[1]])[:300] if found else directive


def _instead(policy: Policy, directive: str) -> str:
    found = policy.governing(directive)
    fixed = csp.with_sources(policy, directive, []).split(" ", 1)[0]
    if found and found[0] == fixed:
        return f"In {_PLACES[policy.place]}, write this line instead of the {fixed} that is there."
    return f"In {_PLACES[policy.place]}, add this line: until now {found[0] if found else 'nothing'} stands in for it."
