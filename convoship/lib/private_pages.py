"""What a signed-in page shows stays out of every cache, the browser's own too: signed out, Back shows nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

GetResponse = Callable[[HttpRequest], Any]
STAYS_HERE = "private, no-store"


@sync_and_async_middleware
def private_pages(get_response: GetResponse) -> Any:
    """Give each answer that was made for whoever is signed in `Cache-Control: private, no-store`, unless it has one.

    Made for them is what asked for the session (RFC 9111, 5.2.2.5 and 5.2.2.7, say what the words do). It stands
    directly inside SessionMiddleware.
    """

    def mark(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        session = getattr(request, "session", None)
        if session is not None and session.accessed and not response.has_header("Cache-Control"):
            response["Cache-Control"] = STAYS_HERE
        return response

    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponseBase:
            return mark(request, await get_response(request))
    else:

        def middleware(request: HttpRequest) -> HttpResponseBase:  # type: ignore[misc]
            return mark(request, get_response(request))

    return middleware
