"""Requests as the server holds them: how large a body may be, who parses it, and no answer faster than it is read.

Daphne reads the whole of a body before the application hears of the request, and Twisted parses every form it meets,
for any path and anyone, on the event loop: 10 MB of line breaks hold up all that the process serves for seconds. So no
form is parsed here, and no more is put down on the disk than the largest call of an address takes.

And it takes an answer from the application as fast as that gives it, whoever doesn't read it: a file of ten megabytes
would wait in memory for each connection that asked for one. So the application waits with the next piece.
"""

from __future__ import annotations

import asyncio
import io
import logging
import re
from typing import Any
from urllib.parse import unquote, urlsplit

from csp.utils import build_policy
from daphne.http_protocol import WebRequest
from daphne.server import Server
from django.conf import settings
from django.http import HttpResponse
from django.template.loader import render_to_string

from channels_app.providers.fetching import LARGEST as LARGEST_REHEARSED
from convoship.lib.problems import Problem, as_json_response
from convoship.lib.runtime_handler import LARGEST_BODY as LARGEST_UPLOAD
from deployments.interchange import LARGEST_FILE as LARGEST_IMPORT

logger = logging.getLogger(__name__)

MEGABYTE = 1024 * 1024
# An assistant's file as the body of a call, or in a form beside what else a form may have.
LARGEST_CALL = LARGEST_IMPORT + 64 * 1024
LARGEST_FORM = 9 * MEGABYTE // 2  # such a file, and DATA_UPLOAD_MAX_MEMORY_SIZE
# What the phone of a rehearsal sends: a file as large as those of real ones, and what its form says of it.
LARGEST_SAID = LARGEST_REHEARSED + MEGABYTE
LARGEST_ELSEWHERE = MEGABYTE
# Where members send files: the API's calls, the composer's forms for who has no JavaScript, and what assistants read.
_MEMBERS_FILES = re.compile(
    r"/v1/conversations/[^/]{1,50}/files/?|/app/conversations/[^/]{1,50}/(reply|insert)"
    r"|/v1/assistants/[^/]{1,50}/knowledge/files/?|/app/assistants/[^/]{1,50}/knowledge/file"
)
_REHEARSED = re.compile(r"/app/channels/[^/]{1,50}/rehearsal/say")
# Who is refused goes on sending for a moment, and hears of it only if that is read: so much, and so long.
_HEARD_BYTES = 2 * LARGEST_UPLOAD
_HEARD_SECONDS = 5
# Who reads nothing of an answer for so long is cut.
_UNREAD_SECONDS = 60


def most_bytes(path: str) -> int:
    """The most bytes that a body sent to this path may have; the calls' own limits are nearer."""
    if path.startswith(f"{settings.RUNTIME_PATH}/") and path.rstrip("/").endswith("/files"):
        return LARGEST_UPLOAD
    if _MEMBERS_FILES.fullmatch(path):
        return LARGEST_UPLOAD
    if _REHEARSED.fullmatch(path):
        return LARGEST_SAID
    if path.startswith("/app/"):
        return LARGEST_FORM
    if path.startswith("/v1/") and not path.startswith("/v1/public/"):
        return LARGEST_CALL
    return LARGEST_ELSEWHERE


class BoundedRequest(WebRequest):
    """A request whose form is not parsed, whose body is refused once it is too large, and whose answer waits."""

    _most = LARGEST_ELSEWHERE
    _received = 0
    _is_refused = False
    # Set while more of an answer in pieces may be written; None for an answer that is one.
    _may_write: asyncio.Event | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "parsePOSTFormSubmission": False})

    def gotLength(self, length: int | None) -> None:  # noqa: N802, the library's name
        """The head is read. A body that says it is too large is not begun."""
        self._most = most_bytes(self._asked_path())
        if length is not None and length > self._most:
            self.content = io.BytesIO()
            # (Else the channel would tell the client to go on.)
            self.requestHeaders.removeHeader(b"Expect")
            self._refuse(self._too_large())
            return
        try:
            super().gotLength(length)
        except OSError as error:
            self.content = io.BytesIO()
            self._not_kept(error)

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802, the library's name
        """A piece of the body, kept while it is not too large."""
        self._received += len(data)
        if self._is_refused:
            if self._received > self._most + _HEARD_BYTES:
                self._cut()
        elif self._received > self._most:
            self._refuse(self._too_large())
        else:
            try:
                super().handleContentChunk(data)
            except OSError as error:
                self._not_kept(error)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:  # noqa: N802, the library's name
        """All of it is here: the application's, unless it was refused."""
        if not self._is_refused:
            super().requestReceived(command, path, version)
        elif self.channel is not None:
            self.channel.loseConnection()

    def _asked_path(self) -> str:
        # The channel has it, and gives it to the request when all is read.
        asked = getattr(self.channel, "_path", b"").decode("latin-1")
        return unquote(asked.partition("?")[0])

    def _most_words(self) -> str:
        return f"{self._most // MEGABYTE} MB" if self._most >= MEGABYTE else f"{self._most // 1024} KB"

    def _too_large(self) -> Problem:
        return Problem("payload_too_large", f"This is too large: at most {self._most_words()} are taken here.")

    def _not_kept(self, error: OSError) -> None:
        logger.error("the body of a request could not be kept", exc_info=error)
        self._refuse(Problem("unavailable", "The request could not be kept just now.", retry_after=30))

    def _refuse(self, problem: Problem) -> None:
        """Answer at once, and leave the rest of what comes."""
        self._is_refused = True
        answer = self._page(problem) if self._is_a_persons() else as_json_response(problem)
        headers = dict(answer.items()) | {
            "Content-Length": str(len(answer.content)),
            "Cache-Control": "no-store",
            "Connection": "close",
            "X-Content-Type-Options": "nosniff",
        }
        if self._asked_path().startswith(f"{settings.RUNTIME_PATH}/"):
            # As everywhere below this path, so that the widget may read why. Twisted has cut the line at its end.
            origin = (self.requestHeaders.getRawHeaders(b"Origin") or [b"*"])[0].decode("latin-1")
            headers |= {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        status = f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}\r\n"
        self.channel.transport.write(f"{status}{head}\r\n".encode("latin-1") + answer.content)
        self.content.close()
        self.channel.callLater(_HEARD_SECONDS, self._cut)

    def _header(self, name: bytes) -> str:
        return (self.requestHeaders.getRawHeaders(name) or [b""])[0].decode("latin-1")

    def _is_a_persons(self) -> bool:
        """Whether a page waits for the answer, and not a program or a script of ours."""
        is_called = self._asked_path().startswith("/v1/") or bool(self._header(b"HX-Request"))
        return not is_called and "text/html" in self._header(b"Accept")

    def _page(self, problem: Problem) -> HttpResponse:
        """The same in words, with the way back to the form: asks for no session and no database."""
        came_from = urlsplit(self._header(b"Referer"))
        is_ours = bool(came_from.netloc) and came_from.netloc == self._header(b"Host")
        back = f"/{came_from.path.lstrip('/')}" + (f"?{came_from.query}" if came_from.query else "") if is_ours else ""
        page = render_to_string(
            "errors/refused_body.html",
            {"problem": problem, "most": self._most_words() if problem.status == 413 else "", "back": back},
        )
        headers = {"Content-Security-Policy": build_policy(), "Referrer-Policy": "same-origin"} | problem.headers()
        return HttpResponse(page, status=problem.status, headers=headers)

    def _cut(self) -> None:
        if self.channel is not None:
            self.channel.transport.abortConnection()

    # --- The answer, in pieces ---

    def handle_reply(self, message: dict[str, Any]) -> None:
        """A part of the application's answer."""
        is_open = not self.finished and self.channel is not None
        if message.get("more_body") and is_open and self._may_write is None:
            self._may_write = asyncio.Event()
            self._may_write.set()
            self.registerProducer(self, True)
        super().handle_reply(message)

    async def drained(self) -> None:
        """Wait until what was written has gone to the client, or the client is gone."""
        if self._may_write is None or self._may_write.is_set():
            return
        try:
            await asyncio.wait_for(self._may_write.wait(), _UNREAD_SECONDS)
        except TimeoutError:
            self._cut()

    def pauseProducing(self) -> None:  # noqa: N802, the library's name
        """The transport has enough."""
        if self._may_write is not None:
            self._may_write.clear()

    def resumeProducing(self) -> None:  # noqa: N802, the library's name
        """The transport takes more."""
        if self._may_write is not None:
            self._may_write.set()

    # The connection is at its end: nobody waits for it any more.
    stopProducing = resumeProducing  # noqa: N815, the library's name

    def finish(self) -> None:
        """All is written."""
        if self.producer is not None:
            self.unregisterProducer()
        super().finish()

    def connectionLost(self, reason: Any) -> None:  # noqa: N802, the library's name
        """The client is gone."""
        self.resumeProducing()
        super().connectionLost(reason)


_reply = Server.handle_reply


async def reply_and_wait(server: Any, protocol: Any, message: dict[str, Any]) -> None:
    """As daphne's `Server.handle_reply`, and back when the client has taken what was written before."""
    await _reply(server, protocol, message)
    if isinstance(protocol, BoundedRequest) and message.get("more_body"):
        await protocol.drained()
