"""Where visitors' files have an origin of their own (FILES_BASE_URL), it gives out files and nothing else.

And nothing else gives out files: so whatever a file holds finds neither a page nor a cookie of the console beside it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from deployments.file_links import PATH as FILES

Application = Callable[[Any, Any, Any], Awaitable[None]]

# Style and icons of the page that says why a file isn't there; public, and without cookies.
_ALSO = "/static/"
_PORTS = {"http": 80, "https": 443}


def keeps_files_apart(application: Application) -> Application:
    """Answer 404 where a host is asked for what is another's; all that is asked where both are one."""

    async def apart(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in {"http", "websocket"} or not _is_astray(scope):
            await application(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})
        else:
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": 404, "headers": headers})
            await send({"type": "http.response.body", "body": b"There is nothing at this address.\n"})

    return apart


def _is_astray(scope: Any) -> bool:
    files, console = urlsplit(settings.FILES_BASE_URL), urlsplit(settings.PUBLIC_BASE_URL)
    # A proxy may leave the port out of Host; only where nothing else tells the two apart does it count.
    by_port = files.hostname == console.hostname
    if by_port and _port(files) == _port(console):
        return False
    host = next((value for name, value in scope["headers"] if name == b"host"), b"").decode("latin-1")
    is_files_host = _is_of(host, files, by_port=by_port)
    path = scope["path"]
    if is_files_host:
        return not path.startswith((FILES, _ALSO))
    return bool(path.startswith(FILES))


def _port(address: SplitResult) -> int:
    return address.port or _PORTS[address.scheme]


def _is_of(host: str, address: SplitResult, *, by_port: bool) -> bool:
    try:
        asked = urlsplit(f"{address.scheme}://{host}")
        # (A name with a dot at its end is the same name.)
        hostname = (asked.hostname or "").removesuffix(".")
        return hostname == address.hostname and (not by_port or _port(asked) == _port(address))
    except ValueError:
        return False
