"""`/continue/<code>`: where the link of a mail leads. A page with a button, and behind it the conversation itself.

It needs no sign-in. The code in its address is the key, so nothing here goes to other sites or into search engines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from convoship.lib import client_ip, limiting
from convoship.lib.problems import Problem
from deployments import continuing, embed_build, whereabouts
from deployments.continuing import Link
from deployments.reply_links import NotALink
from deployments.words import language_of, say

COOKIE = "convoship_continued"
_STATUS = {"used": 410, "old": 410, "ended": 410, "gone": 410, "paused": 503}


# No form token: whoever has the code may press the button from anywhere, and a browser without cookies as well.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def show(request: HttpRequest, code: str) -> HttpResponse:
    """The page with the button; once it is pressed, the conversation."""
    return _guarded(request, "continue_pages", lambda: _shown(request, code))


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def stop(request: HttpRequest, code: str) -> HttpResponse:
    """No more mails about this conversation; mail programs press it by themselves (RFC 8058).

    Counted apart: a mail provider presses for all of its users from a few addresses.
    """
    return _guarded(request, "mail_stops", lambda: _stopped(request, code))


def _guarded(request: HttpRequest, limit: str, show: Callable[[], HttpResponse]) -> HttpResponse:
    try:
        words = "Too many links"
        limiting.hit(limit, client_ip.bucket(client_ip.of_request(request)), words=words)
        return show()
    except NotALink:
        return _over(request, "broken", _language_asked(request), 404)
    except Problem as problem:
        answer = _over(request, "many", _language_asked(request), problem.status)
        for name, value in problem.headers().items():
            answer[name] = value
        return answer


def _shown(request: HttpRequest, code: str) -> HttpResponse:
    mark = request.COOKIES.get(COOKIE, "")
    link = continuing.go_on(code, mark) if request.method == "POST" else continuing.look(code, mark)
    if link.preview is not None:
        return _opened(request, code, link)
    if link.standing == "good":
        return _private(render(request, "widget/continue.html", _context(link)))
    return _over(request, link.standing, link.locale, _STATUS.get(link.standing, 410), link)


def _opened(request: HttpRequest, code: str, link: Link) -> HttpResponse:
    context = {
        **_context(link),
        "preview": link.preview,
        "agent_id": link.agent_id,
        "loader": embed_build.LOADER,
        "api_url": settings.PUBLIC_BASE_URL,
    }
    response = _private(render(request, "widget/continue_open.html", context))
    if not request.COOKIES.get(COOKIE):
        response.set_cookie(
            COOKIE,
            continuing.mark_of(link),
            max_age=continuing.MARK_LIFETIME,
            path=reverse("continue", args=[code]),
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response


def _stopped(request: HttpRequest, code: str) -> HttpResponse:
    link = continuing.stop(code) if request.method == "POST" else continuing.look(code)
    return _private(render(request, "widget/continue_stop.html", _context(link)))


def _context(link: Link) -> dict[str, Any]:
    names = (
        *("title", "intro", "once", "button", "open", "no_script"),
        *("stop_title", "stop_intro", "stop_button", "stopped_title", "stopped"),
    )
    keys = {name: name if name.startswith("stop") else f"continue_{name}" for name in names}
    return {
        "link": link,
        "language": language_of(link.locale),
        "locale": link.locale,
        "words": {name: say(key, link.locale, assistant=link.assistant) for name, key in keys.items()},
    }


def _over(request: HttpRequest, why: str, locale: str, status: int, link: Link | None = None) -> HttpResponse:
    """Nothing to open, in words."""
    url = link.page_url if link is not None and why in ("used", "old", "ended", "proof") else ""
    place = whereabouts.site_of(url)
    context = {
        "language": language_of(locale),
        "title": say("continue_title" if why == "paused" else f"continue_{why}_title", locale),
        "said": say(f"continue_{why}", locale),
        "anew": say("continue_anew", locale, place=place) if place else say("continue_anew_page", locale),
        "url": url,
        "place": place or say("continue_anew_button", locale),
    }
    return _private(render(request, "widget/continue_over.html", context, status=status))


def _language_asked(request: HttpRequest) -> str:
    """The browser's first language, where no conversation says one."""
    return request.headers.get("Accept-Language", "")[:35].split(",")[0].split(";")[0].strip()


def _private(response: HttpResponse) -> HttpResponse:
    """Not for search engines; and the link, which is the key, goes to no other site."""
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "no-referrer"
    return response
