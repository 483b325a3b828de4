"""What sending may cost: countries, guards against made-up traffic, and a day's ceiling (RELIABILITY R44).

Asked in the claim's own transaction, where consent is asked too: what may leave is counted there, once in a day however
often it is tried, and what may not is held back (`suppressed`) or waits for the next day (`parked`). Each count is
raised by one conditional statement, so that it holds under any number of workers; where it can't be read
nothing leaves.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db import connection as database
from django.db.models import Q
from django.utils import timezone

from channels_app import accounts
from channels_app.models import Connection, Delivery, SpendingCount
from channels_app.models.outbound import Purpose
from channels_app.models.spending import SpendingKind
from channels_app.providers import numbers
from channels_app.providers.base import Bounds, Capability
from convoship.lib import same_number
from deployments.models import Message
from deployments.models.conversation import AuthorKind

logger = logging.getLogger(__name__)

# What somebody wrote is answered for so long; after that a message counts as one that nobody asked for.
ANSWERED_FOR = dt.timedelta(hours=24)
# Numbers that differ in their last digits alone are of one range: so are those of who makes up traffic.
RANGE_DIGITS = 4
# Somebody, or something, that writes STOP and START in turns is answered so often in an hour.
CONFIRMATIONS = 10
# Rings of members' telephones in an hour: at one number, and of a workspace. More is nobody who takes calls.
RINGS, RINGS_OF_ALL = 30, 100
KEPT = dt.timedelta(days=2)
LOOKED_AGAIN = dt.timedelta(minutes=1)

_COUNT = """
    INSERT INTO channels_app_spendingcount AS kept (id, workspace_id, connection_id, what, whose, since, count)
    SELECT gen_random_uuid(), %(workspace)s, %(connection)s, %(what)s, %(whose)s, %(since)s, %(many)s
     WHERE %(many)s <= %(most)s
        ON CONFLICT {whose}
        DO UPDATE SET count = kept.count + excluded.count WHERE kept.count + excluded.count <= %(most)s
 RETURNING kept.count
"""


# Of one connection, and of all of a workspace's.
_COUNT_OF_ONE = _COUNT.format(whose="(connection_id, what, whose, since)")
_COUNT_OF_ALL = _COUNT.format(whose="(workspace_id, what, whose, since) WHERE connection_id IS NULL")


@dataclass(frozen=True)
class Refusal:
    """Why something may not leave. Without `until` that is final; else it is asked again then.

    `is_of_day`: the day's ceiling is why; `is_of_country`: the list of countries is. `is_for_all`: nothing else of the
    connection may leave before, either.
    """

    words: str
    remedy: str
    until: dt.datetime | None = None
    is_of_day: bool = False
    is_of_country: bool = False
    is_for_all: bool = False


class _Refused(Exception):
    """Takes back what was counted on the way."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.words)
        self.refusal = refusal


def let_go(delivery: Delivery) -> Refusal | None:
    """Count a claimed delivery as one that leaves, or say why it may not. Its connection is loaded."""
    if not accounts.kind_of(delivery.connection).can(Capability.METERED):
        return None
    now = timezone.now()
    # What waited since an earlier day was counted among that day's, and leaves among those of today.
    if delivery.let_go_at is not None and delivery.let_go_at >= _midnight(now):
        return None
    try:
        with transaction.atomic():
            _count_all(delivery, now)
    except _Refused as refused:
        return refused.refusal
    except (OperationalError, InterfaceError):
        raise
    except (DatabaseError, LookupError, TypeError, ValueError):
        logger.exception("what connection %s has spent can't be read, nothing is sent", delivery.connection_id)
        words = "What was sent today can't be counted just now, so nothing is sent."
        return Refusal(words, "It is tried again by itself. The server's log says more.", now + LOOKED_AGAIN)
    return None


def _count_all(delivery: Delivery, now: dt.datetime) -> None:
    connection = delivery.connection
    kind = accounts.kind_of(connection)
    bounds = kind.bounds(connection.config)
    if delivery.let_go_at is None:
        is_unasked = _is_unasked(delivery, bounds, now)
        # WhatsApp charges by the country alone: who wrote from such a number may be answered there.
        is_free = kind.can(Capability.WINDOW) and not is_unasked
        refusal = None if is_free else costly_refused(delivery.address)
        refusal = refusal or country_refused(bounds, delivery.address, is_answer=not is_unasked)
        if refusal is not None:
            raise _Refused(refusal)
        _guard(delivery, bounds, now, is_unasked=is_unasked)
    midnight = _midnight(now)
    units = max(1, kind.units(delivery.content))
    count = _count(connection, SpendingKind.UNITS, "", midnight, many=units, most=bounds.daily)
    if count is None:
        raise _Refused(_ceiling(bounds, midnight + dt.timedelta(days=1), units, used=_used(connection, midnight)))
    if count == units:
        SpendingCount.objects.filter(Q(connection=connection) | Q(connection=None), since__lt=now - KEPT).delete()
    delivery.let_go_at = now
    Delivery.objects.filter(id=delivery.id).update(let_go_at=now)


def _midnight(now: dt.datetime) -> dt.datetime:
    """When the UTC day began."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _count(
    connection: Connection,
    what: SpendingKind,
    whose: str,
    since: dt.datetime,
    *,
    most: int,
    many: int = 1,
    is_of_all: bool = False,
) -> int | None:
    """The count with these, or None where it would be more than `most`: nothing is counted then.

    `is_of_all`: of all of the workspace's connections, except that what a rehearsal sends goes to nobody.
    """
    is_of_all = is_of_all and not connection.is_rehearsal
    values: dict[str, Any] = {
        "workspace": connection.workspace_id,
        "connection": None if is_of_all else connection.id,
        "what": what.value,
        "whose": whose,
        "since": since,
        "many": many,
        "most": most,
    }
    with database.cursor() as cursor:
        cursor.execute(_COUNT_OF_ALL if is_of_all else _COUNT_OF_ONE, values)
        row = cursor.fetchone()
    return int(row[0]) if row else None


# --- Where to ---------------------------------------------------------------------------------------------------------


def country_refused(bounds: Bounds, address: str, *, is_answer: bool) -> Refusal | None:
    """Why nothing may be sent to the country of this number; None where it may."""
    if not bounds.countries:
        if is_answer:
            return None
        words = "The connection has no list of countries, so it only answers who wrote to it."
        return Refusal(words, "List the countries that it may send to in its settings, then replay this.")
    country = numbers.country_of(address)
    if country in bounds.countries:
        return None
    allowed = ", ".join(sorted(bounds.countries))
    if country is None:
        words = f"{address} is in no country that Convoship knows, and the connection sends to {allowed} only."
        return Refusal(words, "Reach them another way.")
    words = f"{address} is a number of {country}, and the connection sends to {allowed} only."
    return Refusal(words, f"Add {country} to the countries in the connection's settings, then replay this.")


def costly_refused(address: str) -> Refusal | None:
    """Why nothing may be sent to a number whose owner earns by it, whatever its country; None for any other."""
    found = numbers.costly(address)
    if not found:
        return None
    words = f"{address} is {found}: what is sent to such numbers can cost any amount, so nothing is."
    return Refusal(words, "Reach them at another number.")


def country_of_a_test(connection: Connection, address: str) -> Refusal | None:
    """Why a test message may not go to this number, which can be said where it is typed; None where it may."""
    kind = accounts.kind_of(connection)
    if not kind.can(Capability.METERED):
        return None
    refusal = costly_refused(address) or country_refused(kind.bounds(connection.config), address, is_answer=False)
    # There is nothing to replay yet.
    return refusal and Refusal(refusal.words, refusal.remedy.replace(", then replay this", ""))


def call_refused(connection: Connection, number: str) -> Refusal | None:
    """Why this number may not be called over the connection; None where it may."""
    found = numbers.costly(number)
    if found:
        words = f"{number} is {found}: calls to such numbers can cost any amount, so none is made."
        return Refusal(words, "Give another number.")
    countries = accounts.kind_of(connection).bounds(connection.config).countries
    country = numbers.country_of(number)
    if country in countries:
        return None
    allowed = ", ".join(sorted(countries))
    calls = f"the connection calls {allowed} only" if allowed else "the connection has no list of countries to call"
    if country is None:
        words = f"{number} is in no country that Convoship knows, and {calls}."
        return Refusal(words, "Give another number.", is_of_country=True)
    words = f"{number} is a number of {country}, and {calls}."
    return Refusal(words, f"Add {country} to the countries in the connection's settings.", is_of_country=True)


# --- How often --------------------------------------------------------------------------------------------------------


def is_unasked(delivery: Delivery) -> bool:
    """Whether nobody asked for a delivery, over a connection whose sending costs money."""
    connection = delivery.connection
    return _is_unasked(delivery, accounts.kind_of(connection).bounds(connection.config), timezone.now())


def _is_unasked(delivery: Delivery, bounds: Bounds, now: dt.datetime) -> bool:
    """Whether nobody asked for it: they didn't write lately, or what they wrote has had its answers."""
    if delivery.purpose != Purpose.CONVERSATION:
        # The answer to their STOP goes to who wrote it; a test goes to whom somebody wants to see it.
        return delivery.purpose == Purpose.TEST
    theirs = Message.objects.filter(conversation=delivery.conversation_id, author_kind=AuthorKind.VISITOR)
    wrote_at = theirs.order_by("-seq").values_list("created_at", flat=True).first()
    if wrote_at is None or now - wrote_at > ANSWERED_FOR:
        return True
    answers = Delivery.objects.filter(conversation=delivery.conversation_id, let_go_at__gt=wrote_at)
    return answers.count() >= bounds.replies


def _guard(delivery: Delivery, bounds: Bounds, now: dt.datetime, *, is_unasked: bool) -> None:
    hour = now.replace(minute=0, second=0, microsecond=0)
    connection, address = delivery.connection, same_number.key(delivery.address)
    _alone(connection)
    later: dt.datetime | None = None
    remedy = "Replay it in the next hour, or raise that limit in the connection's settings."
    if delivery.purpose == Purpose.CONFIRMATION:
        # It is owed to them, so it waits and is not held back; a later one takes its place (`confirming`).
        later, remedy = hour + dt.timedelta(hours=1), "It goes by itself in the next hour."
        if _count_all_to(connection, SpendingKind.CONFIRMED, address, hour, most=CONFIRMATIONS) is None:
            words = f"In this hour {CONFIRMATIONS} answers to STOP and START went to this number: the limit."
            raise _Refused(Refusal(words, remedy, later))
    if is_unasked and _count_all_to(connection, SpendingKind.UNASKED, address, hour, most=bounds.unasked) is None:
        words = f"In this hour {bounds.unasked} messages went to this number that it had not asked for: the limit."
        raise _Refused(Refusal(words, remedy, later))
    is_cold = (
        is_unasked
        or not Delivery.objects.filter(
            connection=connection, address__in=same_number.forms(address), let_go_at__isnull=False
        ).exists()
    )
    begins = address[:-RANGE_DIGITS]
    if is_cold and _count_all_to(connection, SpendingKind.COLD, begins, hour, most=bounds.cold) is None:
        words = (
            f"In this hour {bounds.cold} messages went to new numbers that begin with {begins}: the limit, "
            "as made-up traffic looks like that."
        )
        raise _Refused(Refusal(words, remedy, later))


def _count_all_to(
    connection: Connection, what: SpendingKind, whose: str, hour: dt.datetime, *, most: int
) -> int | None:
    """Whoever makes up traffic has as many numbers as there are, and could have as many connections."""
    return _count(connection, what, whose[:255], hour, most=most, is_of_all=True)


def _alone(connection: Connection) -> None:
    """One claim of a workspace counts at a time: two that count the same numbers in another order would block."""
    number = int.from_bytes(
        hashlib.sha256(b"spending" + connection.workspace_id.bytes).digest()[:8], "big", signed=True
    )
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


# --- How much ---------------------------------------------------------------------------------------------------------


def _used(connection: Connection, midnight: dt.datetime) -> int:
    counts = SpendingCount.objects.filter(connection=connection, what=SpendingKind.UNITS, whose="", since=midnight)
    return counts.values_list("count", flat=True).first() or 0


def _ceiling(bounds: Bounds, until: dt.datetime, units: int, *, used: int) -> Refusal:
    if units > bounds.daily:
        # No day has room for it, and what follows it must not wait for ever.
        words = f"It takes {units} {bounds.unit}, and the connection may send {bounds.daily} a day."
        return Refusal(words, "Raise the day's ceiling in the connection's settings, then replay this.")
    words = f"The connection's {bounds.daily} {bounds.unit} of today are used up."
    remedy = "It goes out after midnight UTC, or once the day's ceiling is raised in the settings."
    # Where a little is left, something shorter may still fit.
    return Refusal(words, remedy, until, is_of_day=True, is_for_all=used >= bounds.daily)


def count_of_day(connection: Connection, units: int, *, is_forced: bool = False) -> Refusal | None:
    """Count units of a connection's day, or say why there are no more; `is_forced`: they are used already.

    A count that can't be read is no leave: what the database says is raised.
    """
    now = timezone.now()
    midnight = _midnight(now)
    bounds = accounts.kind_of(connection).bounds(connection.config)
    most = 2**31 - 1 if is_forced else bounds.daily
    if _count(connection, SpendingKind.UNITS, "", midnight, many=units, most=most) is not None:
        return None
    refusal = _ceiling(bounds, midnight + dt.timedelta(days=1), units, used=_used(connection, midnight))
    if refusal.until is not None:
        note_used_up(connection, refusal.until)
    return refusal


def count_call_to(connection: Connection, number: str) -> Refusal | None:
    """Count a call of ours among those to this number and to its range in an hour, or say why it may not be made.

    In a transaction that goes back where it may not: part of it may be counted by then.
    """
    refusal = call_refused(connection, number)
    if refusal is not None:
        return refusal
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    bounds, key = accounts.kind_of(connection).bounds(connection.config), same_number.key(number)
    _alone(connection)
    remedy = "Call it in the next hour, or raise that limit in the connection's settings."
    if _count_all_to(connection, SpendingKind.UNASKED, key, hour, most=bounds.unasked) is None:
        return Refusal(f"In this hour {bounds.unasked} calls or messages went to this number: the limit.", remedy)
    if _count_all_to(connection, SpendingKind.COLD, key[:-RANGE_DIGITS], hour, most=bounds.cold) is None:
        words = f"In this hour {bounds.cold} calls or messages went to numbers like it: the limit."
        return Refusal(words, remedy)
    return None


def count_ring_of(connection: Connection, number: str) -> Refusal | None:
    """Count a ring of a member's telephone among those of an hour, or say why it may not ring.

    In a transaction that goes back where it may not: part of it may be counted by then. (The number's count comes
    before the workspace's for everybody, so nobody waits for the other in a circle.)
    """
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    key, remedy = same_number.key(number), "Take it in the next hour, or join in writing."
    if _count_all_to(connection, SpendingKind.RUNG, key, hour, most=RINGS) is None:
        return Refusal(f"In this hour {number} was rung {RINGS} times: the limit.", remedy)
    if _count_all_to(connection, SpendingKind.RUNG, "", hour, most=RINGS_OF_ALL) is None:
        return Refusal(f"In this hour members' telephones were rung {RINGS_OF_ALL} times: the limit.", remedy)
    return None


def was_counted_today() -> Q:
    """Of deliveries: those that were let go today, and may be tried again whatever has been used up since."""
    return Q(let_go_at__gte=_midnight(timezone.now()))


def note_used_up(connection: Connection, until: dt.datetime) -> None:
    """For the connection's health line."""
    if connection.spent_until is None or connection.spent_until < until:
        Connection.objects.filter(id=connection.id).update(spent_until=until)
        connection.spent_until = until
