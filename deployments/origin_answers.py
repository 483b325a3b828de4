"""What is said of an origin that somebody types: its normal form, what it would let in, and whether a page gets in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address

from deployments import origins
from deployments.models import Deployment
from deployments.origin_forms import WILDCARD, OriginRefused, Parts, parse

LONGEST_TYPED = 2000
_APP_SCHEME = re.compile(r"(capacitor|ionic|file|app|chrome-extension|moz-extension|tauri|electron)://?", re.IGNORECASE)
APP = (
    "An app whose pages come from the device has no address that is yours alone, so it can't be listed. "
    "Let the app's web view open a page of your own site that carries the chat, and list that site."
)


@dataclass(frozen=True)
class Example:
    """An origin of a page, and in a few words what is special about it."""

    origin: str
    words: str = ""


@dataclass(frozen=True)
class OriginAnswer:
    """What an origin that was typed means.

    `origin`: what would be stored; "" where what was typed can't be as it is. `message`: what is wrong. `suggestion`:
    the value to take instead, if there is one. `lets_in`, `leaves_out`: examples of pages. `wildcard`: the apex
    (`example.com`) where sub-domains are let in. `notes`: what to know about it.
    """

    typed: str
    origin: str = ""
    message: str = ""
    suggestion: str = ""
    wildcard: str = ""
    lets_in: tuple[Example, ...] = ()
    leaves_out: tuple[Example, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether it can be stored as it was typed."""
        return bool(self.origin)


def is_of_an_app(typed: str) -> bool:
    """Whether this is how the pages of an app on a device, or of a browser's extension, name themselves."""
    return _APP_SCHEME.match(typed.strip()) is not None


def of_typed(typed: str) -> OriginAnswer:
    """What is to be said of an allowed origin while it is typed. Never raises."""
    try:
        origin = origins.parse_allowed(typed)
    except OriginRefused as refused:
        notes = (APP,) if is_of_an_app(typed) else ()
        return OriginAnswer(typed, message=refused.message, suggestion=refused.suggestion or "", notes=notes)
    if origin.startswith(WILDCARD):
        return _of_wildcard(typed, origin)
    return _of_exact(typed, origin)


def _of_wildcard(typed: str, origin: str) -> OriginAnswer:
    apex = origin.removeprefix(WILDCARD)
    return OriginAnswer(
        typed,
        origin=origin,
        wildcard=apex,
        lets_in=(Example(f"https://shop.{apex}"), Example(f"https://a.b.{apex}", "any depth")),
        leaves_out=(
            Example(f"https://{apex}", "the name itself: list it beside the star"),
            Example(f"http://shop.{apex}", "not encrypted"),
            Example(f"https://shop.{apex}:8443", "another port"),
        ),
        notes=(f"Whoever can put a page on any name under {apex}, old and forgotten ones too, can show this chat.",),
    )


def _of_exact(typed: str, origin: str) -> OriginAnswer:
    parts = parse(origin)
    return OriginAnswer(
        typed,
        origin=origin,
        lets_in=(Example(origin, "every page of it"),),
        leaves_out=tuple(_neighbours(parts)),
        notes=tuple(_notes(parts)),
    )


def _neighbours(parts: Parts) -> list[Example]:
    """Origins that people expect to be let in too, and that are not."""
    port = f":{parts.port}" if parts.port else ""
    other = "http" if parts.scheme == "https" else "https"
    found = []
    if _is_name(parts.host):
        if parts.host.startswith("www."):
            found.append(Example(f"{parts.scheme}://{parts.host[4:]}{port}", "without www"))
        else:
            found.append(Example(f"{parts.scheme}://www.{parts.host}{port}", "with www, or any other sub-domain"))
    if parts.host == "localhost":
        found.append(Example(f"{parts.scheme}://127.0.0.1{port}", "the same computer by another name"))
    found.append(Example(f"{other}://{parts.host}{port}", "not encrypted" if other == "http" else "encrypted"))
    found.append(Example(f"{parts.scheme}://{parts.host}:{'8080' if parts.port != '8080' else '3000'}", "another port"))
    return found


def _notes(parts: Parts) -> list[str]:
    if parts.host == "localhost" or parts.host.endswith(".localhost") or _is_loopback(parts.host):
        if parts.host == "localhost" and parts.scheme == "https" and not parts.port:
            words = "This is what apps made with Capacitor send on Android: every such app is let in, not only yours. "
            return [words + "On iOS they send capacitor://localhost, which can't be listed."]
        found = ["For trying it on your own computer: whoever has the snippet can do the same on theirs."]
        if not parts.port:
            found.append("Development servers mostly have a port, which counts: http://localhost:3000, for example.")
        return found
    if parts.scheme == "http":
        return ["Without https anyone on the way can change the page. Use it for development, or inside your network."]
    return []


def _is_name(host: str) -> bool:
    return "." in host and not _is_address(host) and not host.endswith(".localhost")


def _is_address(host: str) -> bool:
    try:
        IPv4Address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return _is_address(host) and IPv4Address(host).is_loopback


# --- Would this page be let in? -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PageAnswer:
    """Whether a page would be let in. `origin`: what a browser sends from what was typed. `rule`: the one it failed.

    `nearest`: the one allowed origin with the same host, where it is not let in.
    """

    typed: str
    origin: str
    is_let_in: bool
    words: str
    hint: str = ""
    rule: str = ""
    nearest: str = ""


def would_let_in(row: Deployment, typed: str) -> PageAnswer:
    """What this deployment answers to a page of what was typed: an origin, or the address of a page."""
    address = typed if "://" in typed or typed == "null" else f"https://{typed}"
    sent = origins.of_url(address) or typed
    if origins.matches(sent, row.allowed_origins):
        return PageAnswer(typed, sent, True, f"Yes. Pages of {sent} may open the chat.", _but(row))
    refusal = origins.explain(sent, row.allowed_origins)
    return PageAnswer(
        typed, sent, False, f"No. {refusal.detail}", refusal.hint, rule=refusal.rule, nearest=refusal.nearest or ""
    )


def _but(row: Deployment) -> str:
    words = {
        "paused": "Not now, though: the deployment is paused.",
        "expired": "Not any more, though: the deployment's time is over.",
        "revoked": "Not any more, though: the deployment is revoked.",
    }
    return words.get(row.status, "")
