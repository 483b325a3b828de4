"""Content Security Policies as browsers read them (CSP Level 3): what they let a page load, and the line that would.

A page may have several at once, in headers and in `<meta>`; what loads has to pass each of them. Nothing here fetches
anything: it reads what a page was sent with.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import unquote, urlsplit

_WHITE = "\t\n\f\r "
_DEFAULT_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_NETWORK = frozenset(_DEFAULT_PORTS)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_HOST = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?P<host>\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?)"
    r"(?::(?P<port>[0-9]{1,5}|\*))?(?P<path>/.*)?",
    re.IGNORECASE,
)
_NONCE = re.compile(r"'nonce-([a-z0-9+/_-]+={0,2})'", re.IGNORECASE)
_HASH = re.compile(r"'(sha256|sha384|sha512)-([a-z0-9+/_-]+={0,2})'", re.IGNORECASE)

# Who is asked, in order, for what no directive of its own stands for.
_FALLBACKS: Mapping[str, tuple[str, ...]] = {
    "script-src-elem": ("script-src-elem", "script-src", "default-src"),
    "style-src-elem": ("style-src-elem", "style-src", "default-src"),
    "frame-src": ("frame-src", "child-src", "default-src"),
    "connect-src": ("connect-src", "default-src"),
    "img-src": ("img-src", "default-src"),
    "font-src": ("font-src", "default-src"),
    "media-src": ("media-src", "default-src"),
}
# What a browser doesn't take from `<meta>`.
_NOT_IN_META = frozenset({"frame-ancestors", "report-uri", "sandbox"})


@dataclass(frozen=True)
class Need:
    """Something that a page loads or runs. `url` for what is fetched, `text` for an inline script or style.

    `is_inserted`: a script put it there, not the page's markup (all that 'strict-dynamic' lets through). What a script
    imports has that script's nonce and is inserted if that script was.
    """

    directive: Literal["script-src-elem", "style-src-elem", "connect-src", "img-src", "frame-src", "font-src"]
    url: str = ""
    text: str | None = None
    nonce: str = ""
    integrity: str = ""
    is_inserted: bool = False


@dataclass(frozen=True)
class Policy:
    """One policy. `place` says where it stands, `since` from which element of the page on it holds (0: all)."""

    directives: Mapping[str, tuple[str, ...]]
    place: Literal["header", "meta"] = "header"
    is_enforced: bool = True
    since: int = 0
    text: str = field(default="", compare=False)

    def governing(self, directive: str) -> tuple[str, tuple[str, ...]] | None:
        """The directive of this policy that is asked, with its sources; None: nobody is, so all is let through."""
        for name in _FALLBACKS[directive]:
            if name in self.directives:
                return name, self.directives[name]
        return None

    def allows(self, need: Need, page: str) -> bool:
        """Whether the page at the address `page` gets what it needs, as far as this policy goes."""
        found = self.governing(need.directive)
        if found is None:
            return True
        sources = found[1]
        if need.text is not None:
            return _allows_inline(sources, need)
        if need.directive in {"script-src-elem", "style-src-elem"} and _has_nonce(sources, need.nonce):
            return True
        if need.directive == "script-src-elem":
            if need.integrity and _has_every_hash(sources, need.integrity):
                return True
            if _has_keyword(sources, "strict-dynamic"):
                return need.is_inserted
        return any(_matches(source, need.url, page) for source in sources)

    def sandbox(self) -> frozenset[str] | None:
        """What a `sandbox` directive lets the page do all the same; None where there is none."""
        flags = self.directives.get("sandbox")
        return None if flags is None else frozenset(flag.lower() for flag in flags)

    @property
    def is_strict_dynamic(self) -> bool:
        """Whether only scripts pass that a trusted script puts there."""
        found = self.governing("script-src-elem")
        return found is not None and _has_keyword(found[1], "strict-dynamic")

    @property
    def nonces(self) -> list[str]:
        """The nonces that scripts may carry."""
        found = self.governing("script-src-elem")
        return [match[1] for source in (found[1] if found else ()) if (match := _NONCE.fullmatch(source))]


def parse(text: str, *, place: Literal["header", "meta"] = "header", since: int = 0, enforced: bool = True) -> Policy:
    """One serialized policy. Of a directive that stands twice the first counts; what can't be read counts nothing."""
    directives: dict[str, tuple[str, ...]] = {}
    for part in text.split(";"):
        words = [word for word in re.split(f"[{_WHITE}]+", part.strip(_WHITE)) if word]
        if not words or not part.isascii():
            continue
        name = words[0].lower()
        if place == "meta" and name in _NOT_IN_META:
            continue
        directives.setdefault(name, tuple(words[1:]))
    return Policy(directives, place, enforced, since, text.strip(_WHITE))


def parse_headers(values: Iterable[str], *, enforced: bool = True) -> list[Policy]:
    """The policies of a header, which may stand several times and each time hold several, between commas."""
    return [
        policy for value in values for text in value.split(",") if (policy := parse(text, enforced=enforced)).directives
    ]


def hash_of(text: str) -> str:
    """The source expression for an inline script: `'sha256-...'`."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def with_sources(policy: Policy, directive: str, added: Sequence[str]) -> str:
    """The directive as it has to be for `added` to pass: a whole line, to stand instead of the one that is there.

    Where a fallback answers for it, the line begins with the fallback's sources, since it stands in for all of them.
    """
    found = policy.governing(directive)
    name, sources = found or (directive, ())
    if name in {"default-src", "child-src"}:
        name = directive.removesuffix("-elem")
    kept = [source for source in sources if source.lower() != "'none'"]
    return " ".join([name, *kept, *(source for source in dict.fromkeys(added) if source not in kept)])


# --- Sources ------------------------------------------------------------------------------------------------------


def _has_keyword(sources: Iterable[str], keyword: str) -> bool:
    return any(source.lower() == f"'{keyword}'" for source in sources)


def _has_nonce(sources: Iterable[str], nonce: str) -> bool:
    return bool(nonce) and any((match := _NONCE.fullmatch(source)) and match[1] == nonce for source in sources)


def _has_every_hash(sources: Iterable[str], integrity: str) -> bool:
    """Whether each hash of an `integrity` attribute is among the sources: then the file is as good as inline."""
    listed = {_digest(match[1], match[2]) for source in sources if (match := _HASH.fullmatch(source))}
    wanted = [match for part in integrity.split() if (match := _HASH.fullmatch(f"'{part.partition('?')[0]}'"))]
    return bool(wanted) and all(_digest(match[1], match[2]) in listed for match in wanted)


def _digest(algorithm: str, value: str) -> tuple[str, bytes]:
    plain = value.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return algorithm.lower(), base64.b64decode(plain + "=" * (-len(plain) % 4))
    except binascii.Error:
        return algorithm.lower(), b""


def _allows_inline(sources: Sequence[str], need: Need) -> bool:
    if _has_nonce(sources, need.nonce):
        return True
    hashes = [match for source in sources if (match := _HASH.fullmatch(source))]
    body = (need.text or "").encode()
    if any(_digest(match[1], match[2])[1] == hashlib.new(match[1].lower(), body).digest() for match in hashes):
        return True
    # A nonce, a hash or 'strict-dynamic' takes 'unsafe-inline' its meaning.
    is_strict = bool(hashes) or any(_NONCE.fullmatch(source) for source in sources)
    is_strict = is_strict or (need.directive == "script-src-elem" and _has_keyword(sources, "strict-dynamic"))
    return _has_keyword(sources, "unsafe-inline") and not is_strict


def _matches(source: str, url: str, page: str) -> bool:
    """Whether a source expression stands for an address, on the page at `page`."""
    target, own = urlsplit(url), urlsplit(page)
    if source == "*":
        return target.scheme in _NETWORK or target.scheme == own.scheme
    if _SCHEME.fullmatch(source):
        return _scheme_matches(source[:-1].lower(), target.scheme)
    if source.lower() == "'self'":
        return _is_self(url, page)
    found = _HOST.fullmatch(source)
    if found is None or target.hostname is None:
        return False
    if not _scheme_matches((found["scheme"] or own.scheme).lower(), target.scheme):
        return False
    return (
        _host_matches(found["host"].lower(), target.hostname)
        and _port_matches(found["port"], target.port, target.scheme)
        and _path_matches(found["path"] or "", target.path)
    )


def _scheme_matches(allowed: str, scheme: str) -> bool:
    """The scheme itself or its safer form. Chromium takes neither http for sockets nor ws for anything else."""
    return allowed == scheme or (allowed, scheme) in {("http", "https"), ("ws", "wss")}


def _is_self(url: str, page: str) -> bool:
    target, own = urlsplit(url), urlsplit(page)
    if target.hostname is None or target.hostname != own.hostname or own.scheme not in {"http", "https"}:
        return False
    ports = (_port(target.port, target.scheme), _port(own.port, own.scheme))
    defaults = (_DEFAULT_PORTS.get(target.scheme), _DEFAULT_PORTS[own.scheme])
    same_kind = (own.scheme, target.scheme) in {("http", "ws"), ("http", "wss"), ("https", "wss")}
    return (ports[0] == ports[1] or ports == defaults) and (same_kind or _scheme_matches(own.scheme, target.scheme))


def _host_matches(allowed: str, host: str) -> bool:
    if allowed == "*":
        return True
    if allowed.startswith("*."):
        return host.endswith(allowed[1:]) and host != allowed[2:]
    return host.rstrip(".") == allowed.rstrip(".")


def _port(port: int | None, scheme: str) -> int | None:
    return port if port is not None else _DEFAULT_PORTS.get(scheme)


def _port_matches(allowed: str | None, port: int | None, scheme: str) -> bool:
    actual = _port(port, scheme)
    if allowed is None:
        return actual == _DEFAULT_PORTS.get(scheme)
    return allowed == "*" or int(allowed) == actual or (int(allowed) == 80 and actual == 443)


def _path_matches(allowed: str, path: str) -> bool:
    if not allowed or (allowed == "/" and not path):
        return True
    wanted, given = unquote(allowed), unquote(path)
    return given.startswith(wanted) if allowed.endswith("/") else given == wanted
