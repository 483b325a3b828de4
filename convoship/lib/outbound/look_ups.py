"""Looking names up: in threads of their own, and only so many at once.

The system's look-up takes no time limit, and a name server can be silent long. Each runs in a thread of its own, and a
daemon: nobody else's work waits for it, nor does the process's end. A name that is being looked up is not looked up
once more beside that. Whoever owns a name server that never answers may have many names: of one zone (the last two
labels) no more than `MOST_OF_A_ZONE` are looked up at once, and of all no more than `MOST`.
"""

from __future__ import annotations

import socket
import threading
from concurrent.futures import Future

MOST, MOST_OF_A_ZONE = 128, 16

Addresses = list[str]

_under_way: dict[str, Future[Addresses | None]] = {}
_lock = threading.Lock()


def begun(host: str, port: int) -> Future[Addresses | None] | None:
    """The look-up of a name: its addresses, None where it has none. No look-up at all where too many are under way."""
    with _lock:
        if (found := _under_way.get(host)) is not None:
            return found
        zone = _zone(host)
        if len(_under_way) >= MOST or sum(_zone(one) == zone for one in _under_way) >= MOST_OF_A_ZONE:
            return None
        found = _under_way[host] = Future()
        # So that nobody who stops waiting cancels it for the others.
        found.set_running_or_notify_cancel()
    threading.Thread(target=_look_up, args=(found, host, port), name="look-up", daemon=True).start()
    return found


def _look_up(found: Future[Addresses | None], host: str, port: int) -> None:
    addresses: Addresses | None = None
    try:
        addresses = [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, ValueError, OverflowError):
        pass
    finally:
        with _lock:
            del _under_way[host]
        found.set_result(addresses)


def _zone(host: str) -> str:
    return ".".join(host.rstrip(".").split(".")[-2:])
