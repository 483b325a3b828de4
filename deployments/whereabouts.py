"""On which page a visitor is now, as their browser said when it was heard of last: at each page that it loads."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from django.utils import timezone

from convoship.lib.outbound.places import host_of
from convoship.lib.times import moment
from deployments import live
from deployments.models import Conversation


def site_of(address: str) -> str:
    """The site of this origin or page as people call it, such as `shop.example`; "" where it has no name.

    A number is no name, and neither is one that leads everybody to a machine of their own.
    """
    host = host_of(address)
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host if "." in host.rstrip(".") else ""
    return ""


def is_elsewhere(conversation: Conversation, page: Mapping[str, str]) -> bool:
    """Whether this page (`sessions.page_of`) is another one than the last that was heard of."""
    known = conversation.page_now.get("url") or conversation.page_url
    return bool(page.get("url")) and page["url"] != known


def note(conversation: Conversation, page: Mapping[str, str]) -> None:
    """Keep it where it is another one, and tell the members who look. Moves no `rev`. Inside `tenant()`."""
    if not is_elsewhere(conversation, page):
        return
    now = {"url": page["url"], "title": page.get("title", ""), "at": moment(timezone.now())}
    conversation.page_now = now
    Conversation.objects.filter(id=conversation.id).update(page_now=now)
    live.tell_team(conversation, "page", url=now["url"], title=now["title"])
