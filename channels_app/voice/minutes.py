"""Minutes of a day: begun ones are counted as a call goes on, and above the day's ceiling none is taken (R44).

The count is raised by one conditional statement, so it holds under any number of calls at once; where it can't be read
the transaction fails, and the caller is told that the call can't be taken.
"""

from __future__ import annotations

import datetime as dt
import math

from channels_app import accounts, spending
from channels_app.models import Call, Connection
from channels_app.providers.base import Capability
from channels_app.spending import Refusal


def let_in(connection: Connection) -> Refusal | None:
    """Count the first minute of a call that is about to be opened, or say why there is none left."""
    return spending.count_of_day(connection, 1) if _cost(connection) else None


def _cost(connection: Connection) -> bool:
    """Whether its minutes are billed by a provider; those of a gateway are its owner's own."""
    return accounts.kind_of(connection).can(Capability.METERED)


def go_on(call: Call, now: dt.datetime) -> bool:
    """Count what a held call has begun since; False where the day has no more. `minutes` is the caller's to save."""
    begun = math.ceil(max((now - (call.answered_at or call.began_at)).total_seconds(), 1) / 60)
    if begun <= call.minutes or not _cost(call.connection):
        return True
    more, call.minutes = begun - call.minutes, begun
    if spending.count_of_day(call.connection, more) is None:
        return True
    # They are used already, and have to show.
    spending.count_of_day(call.connection, more, is_forced=True)
    return False


def settle(call: Call) -> None:
    """What the provider bills beyond what was counted of a held call; `minutes` is the caller's to save."""
    billed = math.ceil((call.seconds or 0) / 60)
    if billed > call.minutes and _cost(call.connection):
        spending.count_of_day(call.connection, billed - call.minutes, is_forced=True)
        call.minutes = billed
