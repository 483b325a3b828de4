"""Places where fault tests stop, kill or freeze a process. Nothing happens there unless `CONVOSHIP_FAILPOINTS` says so.

`CONVOSHIP_FAILPOINTS=F3=exit@2,F4=stop` arms: at F3 the process ends the second time it gets there, at F4 it freezes
itself (SIGSTOP) each time. Actions: `exit`, `stop`, `raise`, and `sleep:SECONDS`. Hits are counted in the file that
`CONVOSHIP_FAILPOINT_LOG` names, one line each: a test proves by it that its fault happened (RELIABILITY section 4).
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

NAMES = {
    "F1": "after the INSERT of what was accepted, before COMMIT",
    "F2": "after COMMIT, before the doorbell",
    "F3": "after the claim, before the first byte to the provider",
    "F4": "after the last byte to the provider, before its answer is read",
    "F5": "after the answer, before the status is written",
    "F6": "after the status is written, before it is told",
    "F7": "inbound: after COMMIT, before the 2xx",
    "F8": "between two rows of a re-encryption",
    "F9": "a file was fetched for a message, before anything of it is kept",
}


class FailpointHit(RuntimeError):
    """What `raise` raises."""


@dataclass
class _Armed:
    action: str
    after: int
    hits: int = 0


def parse(text: str) -> dict[str, _Armed]:
    """The armed points of a `CONVOSHIP_FAILPOINTS` value; ValueError names what can't be read."""
    armed = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, rest = part.partition("=")
        action, _, after = rest.partition("@")
        if name not in NAMES or action.partition(":")[0] not in {"exit", "stop", "raise", "sleep"}:
            raise ValueError(f"{part!r} is no failpoint: NAME=exit|stop|raise|sleep:SECONDS[@NTH], NAME F1 to F8")
        armed[name] = _Armed(action, int(after or 1))
    return armed


_armed = parse(settings.FAILPOINTS)


def failpoint(name: str) -> None:
    """Do here what is armed under this name; costs a look into an empty dict otherwise."""
    if _armed and name in _armed:
        _hit(name, _armed[name])


def _hit(name: str, armed: _Armed) -> None:
    armed.hits += 1
    if armed.hits < armed.after:
        return
    if settings.FAILPOINT_LOG:
        with Path(settings.FAILPOINT_LOG).open("a", encoding="utf-8") as log:
            log.write(f"{time.time():.3f} {os.getpid()} {name} {armed.action}\n")
    action, _, amount = armed.action.partition(":")
    match action:
        case "exit":
            os._exit(9)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "sleep":
            time.sleep(float(amount or 1))
        case _:
            raise FailpointHit(name)
