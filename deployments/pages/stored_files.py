"""Files' contents, by a signed link that is over after an hour: nobody is signed in here, and no cookie is read."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from typing import IO

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.utils.log import log_response
from django.views.decorators.csrf import csrf_exempt

from convoship.lib import client_ip
from convoship.lib.problems import Problem
from convoship.lib.threads import in_thread
from deployments import file_links, files

_RANGE = re.compile(r"bytes=(\d{1,10})?-(\d{1,10})?")
# Until a link is over it shows the same bytes; they are one visitor's, so no shared cache may keep them.
_CACHE = "private, max-age=900, immutable"
# What is in memory of one download.
_PIECE = 128 * 1024
# Downloads at once, of one address and process. A page of a conversation may show as many images at once.
MOST_OF_ONE = 60
_RETRY_AFTER = "10"
_going_out: Counter[str] = Counter()


# A link is all that is needed: no form of ours, and nothing that a refused one would write into the log.
@csrf_exempt
async def stored_file(request: HttpRequest, token: str) -> HttpResponseBase:
    """The file, to be saved; an image may be shown within a page. Never run, whatever it holds."""
    if request.method not in {"GET", "HEAD"}:
        return _unlogged(HttpResponse(status=405, headers={"Allow": "GET, HEAD"}))
    try:
        workspace_id, file_id = file_links.read(token)
    except file_links.LinkOver:
        return _refusal(request, "over", 403)
    except file_links.LinkForged:
        return _refusal(request, "forged", 403)
    whose = client_ip.bucket(client_ip.of_request(request))
    if _going_out[whose] >= MOST_OF_ONE:
        return _refusal(request, "busy", 429)
    try:
        row, content = await in_thread(files.opened, workspace_id, file_id)
    except Problem as problem:
        return _refusal(request, "gone" if problem.status == 404 else "away", problem.status)
    first, last = _part(row.size, request.headers.get("Range", ""))
    response: HttpResponseBase
    if first > last and row.size:
        content.close()
        return _unlogged(HttpResponse(status=416, headers={"Content-Range": f"bytes */{row.size}"}))
    is_part = (first, last) != (0, row.size - 1)
    if request.method == "HEAD":
        content.close()
        response = HttpResponse(status=206 if is_part else 200)
    else:
        pieces = _Pieces(content, first, last + 1 - first, whose)
        response = StreamingHttpResponse(pieces, status=206 if is_part else 200)
    response["Content-Length"] = str(last + 1 - first)
    if is_part:
        response["Content-Range"] = f"bytes {first}-{last}/{row.size}"
    response["Content-Type"] = row.content_type
    # An <img> asks nothing of this; whoever opens the link of an image saves it, as any other file.
    response["Content-Disposition"] = content_disposition_header(True, row.name) or "attachment"
    response["Cache-Control"] = _CACHE
    response["Accept-Ranges"] = "bytes"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["Referrer-Policy"] = "no-referrer"
    return _sandboxed(response)


class _Pieces:
    """A part of a file, read piece by piece as it is sent. Closed by the response, or where its sending ends."""

    def __init__(self, content: IO[bytes], first: int, size: int, whose: str) -> None:
        self._content, self._first, self._left, self._whose = content, first, size, whose
        self._is_open = True
        _going_out[whose] += 1

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            await asyncio.to_thread(self._content.seek, self._first)
            while self._left > 0:
                piece = await asyncio.to_thread(self._content.read, min(_PIECE, self._left))
                if not piece:
                    break
                self._left -= len(piece)
                yield piece
        finally:
            self.close()

    def close(self) -> None:
        """Once, whoever calls it first."""
        if self._is_open:
            self._is_open = False
            self._content.close()
            _going_out[self._whose] -= 1
            if not _going_out[self._whose]:
                del _going_out[self._whose]


def _sandboxed(response: HttpResponseBase) -> HttpResponseBase:
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _part(size: int, asked: str) -> tuple[int, int]:
    """The first and the last byte of the one range that is asked for (RFC 9110, 14); where several are, of the whole.

    The first is beyond the last where nothing is there that was asked for.
    """
    found = _RANGE.fullmatch(asked.strip()) if asked else None
    if found is None or not (found[1] or found[2]):
        return 0, size - 1
    first, last = (int(part) if part else None for part in found.groups())
    if first is None:
        return (max(0, size - last), size - 1) if last else (size, size - 1)
    return first, size - 1 if last is None else min(last, size - 1)


def _refusal(request: HttpRequest, why: str, status: int) -> HttpResponse:
    response = render(request, "errors/file.html", {"why": why}, status=status)
    response["Cache-Control"] = "no-store"
    if status in {429, 503}:
        response["Retry-After"] = _RETRY_AFTER
    return _unlogged(response)


def _unlogged(response: HttpResponse) -> HttpResponse:
    """The refusal, without its address in the log: whoever reads that would have the file."""
    log_response("A link to a file was answered with %s", response.status_code, response=response, level="info")
    return response
