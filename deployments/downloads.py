"""A file that was written for somebody, sent to be saved: whole where it is small, otherwise piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import IO

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

LARGEST_WHOLE = 1024 * 1024
_PIECE = 128 * 1024


def download(request: HttpRequest, content: IO[bytes], name: str, content_type: str, size: int) -> HttpResponseBase:
    """The content, which is closed once it is sent. `name` is plain ASCII of our own."""
    response: HttpResponseBase
    if size <= LARGEST_WHOLE:
        with content:
            response = HttpResponse(content.read(), content_type=content_type)
    else:
        pieces = _later(content) if isinstance(request, ASGIRequest) else _now(content)
        response = StreamingHttpResponse(pieces, content_type=content_type)
        response["Content-Length"] = str(size)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


async def _later(content: IO[bytes]) -> AsyncIterator[bytes]:
    with content:
        while piece := await asyncio.to_thread(content.read, _PIECE):
            yield piece


def _now(content: IO[bytes]) -> Iterator[bytes]:
    with content:
        while piece := content.read(_PIECE):
            yield piece
