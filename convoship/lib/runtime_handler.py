"""Django's ASGI handler for the visitors' API and the doors that providers call.

Neither have a cookie, form, sign-in or page, so their requests need none of the middleware that serves those. Under
ASGI each classic middleware costs a request one or two hops to a thread made for it, together more than the request's
own work; so do Django's signals around a request, which close connections that `in_thread` has given back already.
"""

from __future__ import annotations

import asyncio
import logging
from tempfile import SpooledTemporaryFile
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.middleware.common import CommonMiddleware
from django.middleware.security import SecurityMiddleware
from django.urls import set_script_prefix
from django.utils.module_loading import import_string

from convoship.lib.problems import Problem, as_json_response, invalid

logger = logging.getLogger(__name__)

# The largest that any call takes is a file of 10 MB with the form around it; each call's own limit is nearer.
LARGEST_BODY = 10 * 1024 * 1024 + 64 * 1024

MIDDLEWARE = (
    "corsheaders.middleware.CorsMiddleware",
    "convoship.lib.middleware.api_errors_are_problems",
    "convoship.lib.runtime_handler.Security",
    "convoship.lib.runtime_handler.Common",
)


class _WithoutThread:
    """Mixed into a middleware that only computes: it is called where it stands."""

    async def __acall__(self, request: HttpRequest) -> HttpResponse:
        itself: Any = self
        response: HttpResponse = itself.process_request(request) or await itself.get_response(request)
        response = itself.process_response(request, response)
        return response


class Security(_WithoutThread, SecurityMiddleware):
    """Redirects to https, and headers such as nosniff."""


class Common(_WithoutThread, CommonMiddleware):
    """The check of `Host`, and Content-Length."""


class Handler(ASGIHandler):
    """Django's, which breaks at a Content-Type whose parameter names an encoding that there is not (RFC 2231)."""

    def create_request(self, scope: Any, body_file: Any) -> Any:
        """The request and None, or None and why it is none."""
        try:
            return super().create_request(scope, body_file)
        except (LookupError, ValueError):
            return None, as_json_response(invalid({"Content-Type": ["It has a parameter that can't be read."]}))


class RuntimeHandler(Handler):
    """Answers under settings.RUNTIME_PATH and CHANNELS_PATH. Who goes away does not stop what they asked for."""

    def load_middleware(self, is_async: bool = False) -> None:
        """The chain of MIDDLEWARE above, all of it asynchronous."""
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        itself: Any = self
        handler = convert_exception_to_response(itself._get_response_async)
        for path in reversed(MIDDLEWARE):
            handler = convert_exception_to_response(import_string(path)(handler))
            if not iscoroutinefunction(handler):
                raise TypeError(f"{path} is not asynchronous")
        self._middleware_chain = handler

    async def read_body(self, receive: Any) -> Any:
        """The body up to LARGEST_BODY; more is not read, and whoever parses what there is finds it too large."""
        most = settings.FILE_UPLOAD_MAX_MEMORY_SIZE
        body: Any = SpooledTemporaryFile(max_size=most, mode="w+b")  # noqa: SIM115 (`handle` closes it)
        size = 0
        try:
            while size <= LARGEST_BODY:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise RequestAborted
                piece = message.get("body", b"")
                size += len(piece)
                body.write(piece)
                if not message.get("more_body", False):
                    break
            body.seek(0)
        except BaseException:
            body.close()
            raise
        return body

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        except OSError:
            # A large one is put down on the disk.
            logger.exception("the body of a request could not be kept")
            problem = Problem("unavailable", "The request could not be kept just now.", retry_after=30)
            await self.send_response(as_json_response(problem), send)
            return
        try:
            set_script_prefix(get_script_prefix(scope))
            request, refusal = self.create_request(scope, body)
            response: Any = refusal if request is None else await self.run_get_response(request)
            await (_send_while_heard if hasattr(response, "leave") else _send)(self, response, receive, send)
            response.close()
        finally:
            body.close()


async def _send(handler: Any, response: Any, receive: Any, send: Any) -> None:
    await handler.send_response(response, send)


async def _send_while_heard(handler: Any, response: Any, receive: Any, send: Any) -> None:
    """An answer without an end of its own: it ends when the client goes away, and is told so (`leave`)."""
    sending = asyncio.ensure_future(handler.send_response(response, send))
    gone = asyncio.ensure_future(receive())
    try:
        await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, gone):
            task.cancel()
        await asyncio.gather(sending, gone, return_exceptions=True)
        await response.leave()
