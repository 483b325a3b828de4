"""Calls as rows: what the stand-in's API answers from, and how it reaches the process that plays a call. In `tenant()`.

A telephone (`exchange`) holds the calls that it plays and says every second that it is there. One that is heard of no
more has dropped them, as a network does: they are over, and nobody is told unless they ask.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, Q
from django.utils import timezone

from channels_app.models import Connection, RehearsalCall, RehearsalLine
from channels_app.models.rehearsal import LineKind
from channels_app.rehearsal.telephone.forms import EVENTS, FINAL, Direction, Facts, sid

# A telephone that was not heard of for so long is gone.
GONE = dt.timedelta(seconds=10)
MOST_CALLS = 200
# A call goes forward only, whoever is late with what it was.
_RANK = {"queued": 0, "initiated": 1, "ringing": 2, "in-progress": 3}
MOST_FAULTS = 20


@dataclass(frozen=True)
class Telling:
    """A status that is to be told: where, as which, and when it was so."""

    url: str
    number: int
    at: dt.datetime


@dataclass(frozen=True)
class Polled:
    """What a telephone learns when it asks: orders for its calls, and calls that ring for whoever is there."""

    orders: Sequence[tuple[str, Mapping[str, Any]]]
    ringing: Sequence[RehearsalCall]
    # Calls whose telephone went away.
    lost: Sequence[str] = ()


def begin(
    connection: Connection,
    *,
    direction: Direction,
    caller: str,
    called: str,
    status: str,
    account: str,
    parent: str = "",
    holder: UUID | None = None,
    status_url: str = "",
    status_events: str = "completed",
    first: Mapping[str, Any] | None = None,
    rings_for: float | None = None,
) -> RehearsalCall:
    """A new call; the oldest make room."""
    now = timezone.now()
    row: RehearsalCall = RehearsalCall.objects.create(
        connection=connection,
        sid=sid("CA"),
        parent_sid=parent,
        direction=direction,
        status=status,
        caller=caller[:64],
        called=called[:64],
        holder=holder,
        seen_at=now,
        status_url=status_url[:1000],
        status_events=" ".join(status_events.split())[:100],
        first={"account": account, **(first or {})},
        rings_until=now + dt.timedelta(seconds=rings_for) if rings_for is not None else None,
    )
    rows = RehearsalCall.objects.filter(connection=connection)
    for began_at in rows.order_by("-began_at").values_list("began_at", flat=True)[MOST_CALLS : MOST_CALLS + 1]:
        rows.filter(began_at__lte=began_at, status__in=FINAL).delete()
    return row


def facts(row: RehearsalCall) -> Facts:
    """The call as requests name it."""
    account = str(row.first.get("account", ""))
    direction: Any = row.direction
    return Facts(row.sid, account, row.caller, row.called, direction, row.status, row.parent_sid)


def look(connection_id: UUID, call_sid: str) -> RehearsalCall | None:
    """A call as it is now."""
    _settle(connection_id)
    return RehearsalCall.objects.filter(connection_id=connection_id, sid=call_sid).first()


def newest(connection_id: UUID, most: int) -> list[RehearsalCall]:
    """The newest calls."""
    _settle(connection_id)
    return list(RehearsalCall.objects.filter(connection_id=connection_id).order_by("-began_at")[:most])


def _settle(connection_id: UUID) -> list[str]:
    """What nobody plays any more is over, and what rang long enough was not answered; the sids of the former."""
    now = timezone.now()
    rows = RehearsalCall.objects.filter(connection_id=connection_id).exclude(status__in=FINAL)
    unanswered = rows.filter(holder=None, rings_until__lt=now)
    unanswered.update(status="no-answer", ended_at=F("rings_until"), seconds=0)
    gone = rows.filter(holder__isnull=False, seen_at__lt=now - GONE)
    lost = list(gone.values_list("sid", flat=True))
    for row in gone:
        _end_quietly(row, row.seen_at)
    return lost


def _end_quietly(row: RehearsalCall, at: dt.datetime) -> None:
    row.status = "completed" if row.answered_at else "no-answer"
    row.ended_at = at
    row.seconds = max(0, round((at - row.answered_at).total_seconds())) if row.answered_at else 0
    row.orders = []
    row.recordings = [{**one, "is_done": True} for one in row.recordings]
    row.save(update_fields=["status", "ended_at", "seconds", "orders", "recordings"])


def cut(connection_id: UUID, call_sid: str) -> None:
    """The network dropped it: it is over, and nobody is told."""
    row = _held(connection_id, call_sid)
    if row is not None and row.status not in FINAL:
        _end_quietly(row, timezone.now())


def _held(connection_id: UUID, call_sid: str) -> RehearsalCall | None:
    return RehearsalCall.objects.select_for_update().filter(connection_id=connection_id, sid=call_sid).first()


def claim(connection_id: UUID, call_sid: str, holder: UUID) -> RehearsalCall | None:
    """Take a call that rings; None where somebody else has it, or it rings no more."""
    now = timezone.now()
    rows = RehearsalCall.objects.filter(connection_id=connection_id, sid=call_sid, holder=None, rings_until__gt=now)
    if not rows.exclude(status__in=FINAL).update(holder=holder, seen_at=now):
        return None
    forget_ringing(connection_id, call_sid)
    return RehearsalCall.objects.get(connection_id=connection_id, sid=call_sid)


def forget_ringing(connection_id: UUID, call_sid: str) -> None:
    """It will not be told that nobody answered."""
    reports = RehearsalLine.objects.filter(connection_id=connection_id, kind=LineKind.REPORT, provider_id=call_sid)
    reports.filter(due_at__isnull=False).delete()


def further(connection_id: UUID, call_sid: str, status: str, seconds: int | None) -> Telling | None:
    """Write a status down; what is to be told of it, and where. None where nobody wants to know, or it is over."""
    row = _held(connection_id, call_sid)
    if row is None or row.status in FINAL or _RANK.get(status, 4) <= _RANK.get(row.status, 4):
        return None
    now = timezone.now()
    row.status = status
    if status == "in-progress":
        row.answered_at = row.answered_at or now
    if status in FINAL:
        row.ended_at, row.seconds, row.orders = now, seconds or 0, []
        row.recordings = [{**one, "is_done": True} for one in row.recordings]
    told = EVENTS.get(status, "completed" if status in FINAL else "")
    telling = None
    if row.status_url and told in row.status_events.split():
        telling = Telling(row.status_url, row.told, now)
        row.told += 1
    row.save()
    return telling


def order(row: RehearsalCall, **what: str) -> None:
    """Have the process that plays it do this. The row is held."""
    row.orders = [*row.orders, what]
    row.save(update_fields=["orders"])


def poll(connection_id: UUID, holder: UUID, playing: Sequence[str]) -> Polled:
    """Say that this telephone is there, and learn what is wanted of its calls and who rings."""
    now = timezone.now()
    rows = RehearsalCall.objects.filter(connection_id=connection_id)
    if playing:
        rows.filter(holder=holder, sid__in=playing).update(seen_at=now)
    lost = _settle(connection_id)
    orders = []
    for row in rows.select_for_update().filter(holder=holder).exclude(orders=[]):
        orders += [(row.sid, one) for one in row.orders]
        row.orders = []
        row.save(update_fields=["orders"])
    elsewhere = rows.exclude(status__in=FINAL).filter(~Q(holder=holder), holder__isnull=False, parent_sid="").exists()
    ringing: list[RehearsalCall] = []
    if playing or not elsewhere:
        # Where another telephone is in a call, what rings is for whoever holds that.
        ringing = list(rows.filter(holder=None, rings_until__gt=now).exclude(status__in=FINAL).order_by("began_at"))
    return Polled(orders, ringing, lost)


def add_recording(connection_id: UUID, call_sid: str, recording: Mapping[str, Any]) -> None:
    """Something is recorded of it."""
    row = _held(connection_id, call_sid)
    if row is not None:
        row.recordings = [*row.recordings, dict(recording)]
        row.save(update_fields=["recordings"])


def add_fault(connection_id: UUID, call_sid: str, code: int, words: str) -> None:
    """Twilio's log says this of it."""
    row = _held(connection_id, call_sid)
    if row is not None:
        told = {"code": code, "words": words[:300], "at": timezone.now().isoformat()}
        row.faults = [*row.faults, told][-MOST_FAULTS:]
        row.save(update_fields=["faults"])
