"""The doorbell: tells the worker that there is work. It may ring twice or not at all; work is found in the database."""

from __future__ import annotations

import logging
import threading

from convoship.lib.failpoints import failpoint

logger = logging.getLogger(__name__)

_ringing = threading.Lock()


def ring() -> None:
    """Ring after COMMIT, without making anybody wait for the broker."""
    failpoint("F2")
    # One at a time: while a ring is under way another would say the same.
    if _ringing.acquire(blocking=False):
        threading.Thread(target=_ring, name="bell", daemon=True).start()


def _ring() -> None:
    from channels_app.tasks import drain

    try:
        drain.apply_async(retry=False, expires=30)
    except Exception as error:  # noqa: BLE001 (a bell that does not ring must never break what was committed)
        logger.warning("the worker was not told, it will look by itself: %r", error)
    finally:
        _ringing.release()
