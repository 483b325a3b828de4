"""What daphne's command line has no options for, set for all that it serves."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import sys
import threading
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import daphne.http_protocol
import daphne.server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet.defer import Deferred
from twisted.web.http import RESPONSES

from convoship.bodies import BoundedRequest, reply_and_wait
from convoship.lib.threads import in_thread
from deployments import tallies, turns

logger = logging.getLogger(__name__)

# A thread that has its answer from the database waits for the interpreter, by default five milliseconds at each of its
# statements while the event loop or another thread is busy (`sys.setswitchinterval`). With one the slowest acts beside
# a loop that was busy for 60 % of the time took 0.3 to 0.8 times as long; with a fifth of that the slowest scripted
# answers beside two hundred of a model took 18 ms instead of 20. Less changes nothing more.
SWITCH_SECONDS = 0.0002
# Of all that is done when the process is told to end: three for answers to be given back, and these for requests and
# for their threads. A supervisor waits ten and more.
ENDS_WITHIN_SECONDS = 9.0
REQUESTS_END_WITHIN_SECONDS = 2.0
THREADS_END_WITHIN_SECONDS = 3.0
# Too many frames, too large, restart, overload: a server's codes, which autobahn's `sendClose` keeps from applications.
SERVER_CODES = frozenset({1008, 1009, 1012, 1013})

Application = Callable[[Any, Any, Any], Awaitable[None]]


class Protocol(WebSocketProtocol):
    """A socket pinged every `--ping-interval` whatever its client sends, and closed with a server's codes too."""

    last_ping: float

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803, the library's names
        """As daphne's, which takes a message for a sign that the client reads."""
        pinged_at = self.last_ping
        super().onMessage(payload, isBinary)
        self.last_ping = pinged_at

    def serverClose(self, code: int | None = None) -> None:  # noqa: N802, the library's name
        """Close with this code. Autobahn raises for a server's codes, and the socket would stay open."""
        if code in SERVER_CODES:
            self.sendCloseFrame(code=code, isReply=False)
        else:
            super().serverClose(code=code)


class Factory(WebSocketFactory):
    """Sockets that end when they should.

    What is written to a client that doesn't read waits in this process' memory, and only the ping finds it out. So the
    ping has to be answered by its pong: by default anything that the client sends counts, and one that sends but never
    reads would be kept, and fed, for ever.

    A frame that is too large is told so with a close frame (1009) before the connection is cut.
    """

    protocol = Protocol

    def setProtocolOptions(self, **options: Any) -> None:  # noqa: N802, the library's name
        """As daphne sets them, and ours."""
        super().setProtocolOptions(**options, autoPingRestartOnAnyTraffic=False, failByDrop=False)


_before_it_ends: list[Callable[[], Awaitable[None]]] = []


def before_it_ends(act: Callable[[], Awaitable[None]]) -> None:
    """Have this done when the process is told to end, before its sockets are cut."""
    _before_it_ends.append(act)


async def _let_go() -> None:
    for act in _before_it_ends:
        try:
            await act()
        except Exception:
            logger.exception("something was not done before the process ended")
    await turns.let_go_all()


def _places(waiting: Any) -> list[str]:
    """Where a coroutine waits, and where that which it waits for does. (A task's own stack is its outermost frame.)"""
    places = []
    while waiting is not None:
        kind = next((kind for kind in ("cr", "ag", "gi") if hasattr(waiting, f"{kind}_frame")), None)
        frame = getattr(waiting, f"{kind}_frame", None)
        if frame is None:
            break
        places.append(f"{frame.f_code.co_qualname} ({frame.f_code.co_filename}:{frame.f_lineno})")
        waiting = getattr(waiting, "gi_yieldfrom" if kind == "gi" else f"{kind}_await", None)
    return places


def let_go_first(server: Any) -> Deferred[Any]:
    """In place of daphne's, called before its loop ends (SIGTERM): answers are given back before sockets are cut.

    A server that hangs meanwhile would take no request and leave its place to no other. So it is ended after a while,
    and says where it was.
    """
    ending = Deferred.fromFuture(asyncio.ensure_future(_end(server)))
    faulthandler.dump_traceback_later(ENDS_WITHIN_SECONDS, exit=True)
    return ending.addErrback(lambda failure: logger.error("the server did not end in order: %s", failure))


async def _end(server: Any) -> None:
    await _let_go()
    await _stop_requests(server)
    _leave_threads()
    # Python would do it once the last thread has ended.
    await in_thread(tallies.at_the_end)


async def _stop_requests(server: Any) -> None:
    """Cancel what is under way, and wait until each has ended. (Daphne goes on once the first one has.)"""
    applications = (details.get("application_instance") for details in server.connections.values())
    running = {one for one in applications if one is not None and not one.done()}
    for request in running:
        request.cancel()
    if running:
        _, left = await asyncio.wait(running, timeout=REQUESTS_END_WITHIN_SECONDS)
        for request in left:
            where = " > ".join(_places(request.get_coro()))
            logger.error("a request does not let itself be stopped, and is left behind at %s", where)


def _leave_threads() -> None:
    """What threads still do they may do for a moment.

    That of a request that was stopped before its view began goes on to wait for the event loop (asgiref's
    `async_to_sync`), which is over by then; and Python, which ends no process with a thread that runs, for the thread.
    """
    leaving = threading.Timer(THREADS_END_WITHIN_SECONDS, _leave)
    leaving.daemon = True
    leaving.start()


def _leave() -> None:
    logger.warning("threads that don't end are left behind; what they have not committed is taken back")
    logging.shutdown()
    os._exit(0)


def adjust_daphne() -> None:
    """Make daphne use our factory and our requests. Called while it loads the application, before it opens its port.

    The names of statuses are Twisted's, which knows no 422 and would call it "Unknown Status".
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    daphne.server.WebSocketFactory = Factory
    daphne.http_protocol.WebRequest = BoundedRequest
    daphne.server.Server.handle_reply = reply_and_wait
    daphne.server.Server.kill_all_applications = let_go_first
    for status in HTTPStatus:
        RESPONSES.setdefault(status.value, status.phrase.encode())


def at_the_root(inner: Application) -> Application:
    """The application without `root_path`, which daphne believes of a header of anyone's (`Daphne-Root-Path`).

    Django puts it before every address it makes, also into mails: one could ask for another's new password and have
    the link lead to a host of one's own. PUBLIC_BASE_URL has no path, so there is nothing true that it could say.
    """

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await inner({**scope, "root_path": ""}, receive, send)

    return application
