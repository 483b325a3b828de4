"""Reading a request's head: the bearer token, the caller, the `Prefer` header."""

from __future__ import annotations

import re

from django.http import HttpRequest

from convoship.lib import client_ip
from deployments import origins
from deployments.admission import Caller

_BEARER = re.compile(r"Bearer +(\S{1,200})", re.IGNORECASE)
_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,3})(?:$|[,;\s])")
LONGEST_WAIT_SECONDS = 25
DEFAULT_WAIT_SECONDS = 10


def token_of(request: HttpRequest) -> str:
    """The bearer token, or an empty text."""
    match = _BEARER.fullmatch(request.headers.get("Authorization", "").strip())
    return match[1] if match else ""


def caller_of(request: HttpRequest) -> Caller:
    """Where the request came from. A browser's own word that a GET is same-origin stands for our own address."""
    same_origin = request.method in {"GET", "HEAD"} and request.headers.get("Sec-Fetch-Site") == "same-origin"
    origin = request.headers.get("Origin")
    return Caller(origin, client_ip.of_request(request), same_origin, _page_of(request, origin))


def _page_of(request: HttpRequest, origin: str | None) -> str:
    """The page as its widget names it (`page`, a path), else as the browser does: mostly its origin alone."""
    path = request.GET.get("page", "")
    named = origins.kept_address(origin + path) if origin and path.startswith("/") else ""
    return named or origins.kept_address(request.headers.get("Referer", ""))


def wait_of(request: HttpRequest) -> int:
    """Seconds to wait for an answer: `Prefer: wait=N`, 0 to 25."""
    match = _WAIT.search(request.headers.get("Prefer", ""))
    return min(int(match[1]), LONGEST_WAIT_SECONDS) if match else DEFAULT_WAIT_SECONDS
