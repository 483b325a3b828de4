"""What follows a failure: another try and when, or an end; and what a connection's failures mean for the connection.

The gaps are RELIABILITY R8's: with jitter of a fifth; a person does not wait longer than a quarter of an hour.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from typing import Literal

from django.db import transaction

from channels_app import connection_mail, pacing
from channels_app.models import Connection, Delivery
from channels_app.models.connection import ConnectionState
from channels_app.providers.base import Capability, Provider, ProviderError
from convoship.lib.actors import SYSTEM
from workspaces import audit

GAPS = tuple(
    dt.timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
INTERACTIVE_GAPS = tuple(dt.timedelta(seconds=seconds) for seconds in (5, 30, 120, 300, 360))
LONGEST_INTERACTIVE = dt.timedelta(minutes=15)
JITTER = 0.2

# After so many failures in a row a connection rests, and is then tried with what is due.
BREAKS_AFTER = 5
RESTS = (dt.timedelta(seconds=10), dt.timedelta(seconds=30), dt.timedelta(minutes=2), dt.timedelta(minutes=5))
# While nothing can go at all (`ProviderError.stops`) a connection is looked at this often, unless somebody mends it
# before; and once that has gone on for so long, what is tried is given up.
STOP_REST, LONGEST_STOP = dt.timedelta(minutes=15), dt.timedelta(days=5)
# Nothing but failures for so long, and at least so many, disables an endpoint (R9).
DEAD_AFTER, DEAD_LEAST = dt.timedelta(days=5), 3

LAST_OUTBOUND_STEP = dt.timedelta(seconds=5)


@dataclass(frozen=True)
class Step:
    """What happens to a delivery: tried again `at`, parked until then, or over. `words`: others than the error's."""

    what: Literal["retry", "park", "failed", "unknown"]
    at: dt.datetime
    words: str = ""


def next_step(delivery: Delivery, kind: type[Provider], error: ProviderError, now: dt.datetime) -> Step:
    """What follows this failure of the delivery's `tries`-th try."""
    settles = kind.can(Capability.KEYED) or kind.can(Capability.LOOK_UP)
    if error.ambiguous and not settles:
        return Step("unknown", now, f"{error.words} Nobody knows whether it arrived, so it is not sent again.")
    if error.stops and now - (delivery.connection.stopped_since or now) < LONGEST_STOP:
        return Step("park", now + STOP_REST)
    if error.permanent:
        return Step("failed", now)
    gaps = INTERACTIVE_GAPS if kind.can(Capability.INTERACTIVE) else GAPS
    most = len(gaps) if error.most_retries is None else min(error.most_retries, len(gaps))
    if delivery.tries > most:
        return _given_up(delivery, error, now)
    at = now + _with_jitter(gaps[delivery.tries - 1])
    if error.retry_after is not None:
        at = now + dt.timedelta(seconds=error.retry_after)
    began = delivery.first_tried_at or now
    if kind.can(Capability.INTERACTIVE) and at - began > LONGEST_INTERACTIVE:
        return _given_up(delivery, error, now)
    return Step("retry", at)


def _given_up(delivery: Delivery, error: ProviderError, now: dt.datetime) -> Step:
    if error.ambiguous:
        return Step("unknown", now, f"{error.words} Nobody knows whether it arrived.")
    times = "once" if delivery.tries == 1 else f"{delivery.tries} times"
    return Step("failed", now, f"{error.words} It was tried {times}.")


def _with_jitter(gap: dt.timedelta) -> dt.timedelta:
    return gap * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 (spreads load, keeps no secret)


# --- What it means for the connection -------------------------------------------------------------------------------


def note_success(connection: Connection, now: dt.datetime) -> None:
    """Something was taken: whatever was wrong is over."""
    is_fresh = connection.last_outbound_at is not None and now - connection.last_outbound_at < LAST_OUTBOUND_STEP
    if is_fresh and not connection.failures and not connection.fault:
        return
    rows = Connection.objects.filter(id=connection.id)
    if connection.failures:
        # The rest is over; what the sender's rate wants between two messages is not.
        rest = pacing.rest(connection)
        rows.update(rests_until=now + rest if rest else None)
    rows.update(last_outbound_at=now, failures=0, failing_since=None, stopped_since=None, fault="", fault_remedy="")


def note_failure(connection: Connection, kind: type[Provider], error: ProviderError, now: dt.datetime) -> None:
    """Something was not taken. What lies at the message or its address says nothing of the connection."""
    if error.blame in {"message", "address"}:
        return
    held = Connection.objects.select_for_update(no_key=True).get(id=connection.id)
    held.failures += 1
    held.failing_since = held.failing_since or now
    held.fault, held.fault_remedy = error.words[:300], error.remedy[:300]
    if error.stops:
        # Of its own: what failed before, once, may have been long ago.
        held.stopped_since = held.stopped_since or now
        held.rests_until = now + STOP_REST
    elif error.retry_after is not None:
        held.rests_until = now + dt.timedelta(seconds=error.retry_after)
    elif held.failures >= BREAKS_AFTER:
        held.rests_until = now + RESTS[min(held.failures - BREAKS_AFTER, len(RESTS) - 1)]
    is_dead = now - held.failing_since >= DEAD_AFTER and held.failures >= DEAD_LEAST
    if held.state == ConnectionState.ACTIVE and (error.gone or (is_dead and kind.can(Capability.DISABLED_WHEN_DEAD))):
        why = error.words if error.gone else f"Nothing but failures for {DEAD_AFTER.days} days. The last: {error.words}"
        disable(held, why)
    held.save(
        update_fields=[
            "failures",
            "failing_since",
            "stopped_since",
            "fault",
            "fault_remedy",
            "rests_until",
            "state",
            "state_reason",
        ]
    )


def disable(connection: Connection, why: str) -> None:
    """Stop sending over a held connection, and tell its owners; its row is the caller's to save."""
    connection.state, connection.state_reason = ConnectionState.DISABLED, why[:300]
    audit.record(SYSTEM, "connection.disabled", connection, reason=why[:300])
    workspace_id, connection_id = connection.workspace_id, connection.id
    transaction.on_commit(lambda: connection_mail.tell_disabled(workspace_id, connection_id))
