"""Files' contents, by a signed link that is over after an hour: nobody is signed in here, and no cookie is read."""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from convoship.lib.problems import Problem
from convoship.lib.threads import in_thread
from deployments import file_links, files

_RANGE = re.compile(r"bytes=(\d{1,10})?-(\d{1,10})?")
# Until a link is over it shows the same bytes; they are one visitor's, so no shared cache may keep them.
_CACHE = "private, max-age=900, immutable"


@require_safe
async def stored_file(request: HttpRequest, token: str) -> HttpResponse:
    """The file, to be saved; an image may be shown within a page. Never run, whatever it holds."""
    try:
        workspace_id, file_id = file_links.read(token)
    except file_links.LinkOver:
        return _refusal(request, "over", 403)
    except file_links.LinkForged:
        return _refusal(request, "forged", 403)
    try:
        row, content = await in_thread(files.content, workspace_id, file_id)
    except Problem:
        return _refusal(request, "gone", 404)
    response = _part(content, request.headers.get("Range", ""))
    response["Content-Type"] = row.content_type
    # An <img> asks nothing of this; whoever opens the link of an image saves it, as any other file.
    response["Content-Disposition"] = content_disposition_header(True, row.name) or "attachment"
    response["Cache-Control"] = _CACHE
    response["Accept-Ranges"] = "bytes"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["Referrer-Policy"] = "no-referrer"
    return _sandboxed(response)


def _sandboxed(response: HttpResponse) -> HttpResponse:
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _part(content: bytes, asked: str) -> HttpResponse:
    """The whole, or the one range that is asked for (RFC 9110, 14); where several are, the whole."""
    found = _RANGE.fullmatch(asked.strip()) if asked else None
    if found is None or not (found[1] or found[2]):
        return HttpResponse(content)
    size = len(content)
    first, last = (int(part) if part else None for part in found.groups())
    if first is None:
        first, last = max(0, size - (last or 0)), size - 1
    else:
        last = size - 1 if last is None else min(last, size - 1)
    if first > last:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    headers = {"Content-Range": f"bytes {first}-{last}/{size}"}
    return HttpResponse(content[first : last + 1], status=206, headers=headers)


def _refusal(request: HttpRequest, why: str, status: int) -> HttpResponse:
    response = render(request, "errors/file.html", {"why": why}, status=status)
    response["Cache-Control"] = "no-store"
    return response
