"""Under `/v1/` every error is a problem document, whoever answered it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from convoship.lib.problems import Problem, as_json_response

GetResponse = Callable[[HttpRequest], Any]


@sync_and_async_middleware
def api_errors_are_problems(get_response: GetResponse) -> Any:
    """Under `/v1/` everything that is not 2xx or 3xx is a problem document, also what no view of ours answered."""

    def mend(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not request.path.startswith("/v1/") or response.status_code < 400:
            return response
        if response.get("Content-Type", "").startswith("application/problem+json"):
            return response
        if response.status_code == 404:
            return as_json_response(Problem("not_found", "There is nothing at this address."))
        if response.status_code == 405:
            mended = as_json_response(Problem("method_not_allowed", f"{request.method} is not allowed here."))
            mended["Allow"] = response.get("Allow", "")
            return mended
        if response.status_code == 413:
            return as_json_response(Problem("payload_too_large", "The request body is larger than this call takes."))
        if response.status_code < 500:
            return as_json_response(Problem("invalid", "The request could not be read."))
        return as_json_response(Problem("internal", "Something broke on our side. It has been logged."))

    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponseBase:
            return mend(request, await get_response(request))
    else:

        def middleware(request: HttpRequest) -> HttpResponseBase:  # type: ignore[misc]
            return mend(request, get_response(request))

    return middleware
