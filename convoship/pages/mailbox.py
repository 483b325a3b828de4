"""The local mailbox: what would have been mailed, on a machine without a mail server.

It shows everyone's mail, so it is there only under `make run` without EMAIL_URL, and only for a browser on this very
machine: a request that came through any proxy sees a 404.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from functools import wraps
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

MOST_SHOWN = 100
_SEPARATOR = b"\n" + b"-" * 79 + b"\n"
_NAME = re.compile(r"\d{8}-\d{6}-\d{1,20}-\d{1,5}", re.ASCII)
_PROXY_HEADERS = ("HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP")


@dataclass(frozen=True)
class Mail:
    """One mail as it was written."""

    name: str
    to: str
    sender: str
    subject: str
    at: dt.datetime
    text: str


def is_open_to(request: HttpRequest) -> bool:
    """Whether this request may see the mailbox."""
    if not settings.LOCAL_MAILBOX:
        return False
    if any(key.startswith("HTTP_X_FORWARDED") or key in _PROXY_HEADERS for key in request.META):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _local(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not is_open_to(request):
            raise Http404
        return view(request, *args, **kwargs)

    return run


@require_safe
@never_cache
@_local
def mailbox(request: HttpRequest) -> HttpResponse:
    """Every mail, newest first."""
    return render(request, "pages/mailbox.html", {"mails": mails()})


@require_safe
@never_cache
@_local
def mail(request: HttpRequest, name: str) -> HttpResponse:
    """One mail, with links that can be clicked."""
    if not _NAME.fullmatch(name):
        raise Http404
    stem, _, position = name.rpartition("-")
    found = _mails_in(Path(settings.EMAIL_FILE_PATH) / f"{stem}.log")
    if int(position) >= len(found):
        raise Http404
    return render(request, "pages/mail.html", {"mail": found[int(position)]})


def mails() -> list[Mail]:
    """The newest mails."""
    folder = Path(settings.EMAIL_FILE_PATH)
    files = sorted(folder.glob("*.log"), key=lambda file: file.name, reverse=True)[:MOST_SHOWN]
    found = [mail for file in files for mail in _mails_in(file)]
    return sorted(found, key=lambda mail: mail.at, reverse=True)[:MOST_SHOWN]


def _mails_in(file: Path) -> list[Mail]:
    """Django's file backend writes one file a connection, with a line of dashes after each mail."""
    try:
        raw, written = file.read_bytes(), file.stat().st_mtime
    except OSError:
        return []
    parts = [part for part in raw.split(_SEPARATOR) if part.strip()]
    at = dt.datetime.fromtimestamp(written, dt.UTC)
    return [_parsed(message_from_bytes(part), f"{file.stem}-{n}", at) for n, part in enumerate(parts)]


def _parsed(message: Message, name: str, at: dt.datetime) -> Mail:
    text = next((part for part in message.walk() if part.get_content_type() == "text/plain"), message)
    payload = text.get_payload(decode=True)
    body = payload.decode(text.get_content_charset() or "utf-8", "replace") if isinstance(payload, bytes) else ""
    return Mail(
        name=name,
        to=_header(message, "To"),
        sender=_header(message, "From"),
        subject=_header(message, "Subject") or "(no subject)",
        at=at,
        text=body.strip(),
    )


def _header(message: Message, name: str) -> str:
    try:
        return str(make_header(decode_header(message.get(name, ""))))
    except (LookupError, UnicodeDecodeError):
        return str(message.get(name, ""))
