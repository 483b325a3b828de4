"""Which rows the pages of channels show. Inside `tenant()`."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from django.db.models import Count, IntegerField, Max, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.shortcuts import get_object_or_404
from django.utils import timezone

from channels_app.dismissing import DEAD
from channels_app.models import (
    Call,
    Connection,
    ConversationLink,
    Delivery,
    DeskCase,
    InboundEvent,
    InboundMedia,
    RefusedRequest,
    Rehearsal,
    RehearsalLine,
)
from channels_app.models.inbound import EventState
from channels_app.models.media import MediaState
from channels_app.models.outbound import DeliveryStatus
from deployments.pages.queries import read_cursor

PAGE_SIZE = 30
REFUSED_SHOWN = dt.timedelta(days=7)
# Dead letters that nobody has put aside.
_DEAD = Q(status__in=DEAD, dismissed_at=None)

R = TypeVar("R", bound=Model)

DELIVERIES = {
    "all": Q(),
    "waiting": Q(status__in=(DeliveryStatus.QUEUED, DeliveryStatus.PARKED)),
    "under-way": Q(status__in=(DeliveryStatus.ACCEPTED, DeliveryStatus.SENT)),
    "arrived": Q(status__in=(DeliveryStatus.DELIVERED, DeliveryStatus.READ)),
    "held-back": Q(status=DeliveryStatus.SUPPRESSED),
    "dead": _DEAD,
    "dismissed": Q(status__in=DEAD, dismissed_at__isnull=False),
}
EVENTS = {
    "all": Q(),
    "waiting": Q(state=EventState.RECEIVED),
    "handled": Q(state=EventState.HANDLED),
    "ignored": Q(state=EventState.IGNORED),
    "failed": Q(state=EventState.FAILED),
}


def connections() -> QuerySet[Connection]:
    """The workspace's connections by name, with their assistants and `dead`: how many deliveries are dead letters."""
    dead = Delivery.objects.filter(_DEAD, connection=OuterRef("pk")).order_by().values("connection")
    return (
        Connection.objects.select_related("assistant")
        .annotate(dead=Coalesce(Subquery(dead.annotate(count=Count("pk")).values("count")), 0, output_field=_NUMBER))
        .order_by("name", "created_at")
    )


_NUMBER = IntegerField()


def connection(connection_id: UUID) -> Connection:
    """The workspace's connection; Http404 where it has none by that id."""
    return get_object_or_404(connections(), id=connection_id)


def dead_count() -> int:
    """How many deliveries to people are dead letters, over all connections.

    Tests, rehearsals, and what was dismissed count nowhere.
    """
    return Delivery.objects.filter(_DEAD, is_test=False).count()


@dataclass(frozen=True)
class Page(Generic[R]):
    """Rows, the newest first, and the cursor of the next page if there is one."""

    rows: Sequence[R]
    next: str


def deliveries(connection: Connection, show: str, address: str) -> QuerySet[Delivery]:
    """What a filter of the Deliveries tab shows; `address` is a part of one."""
    rows = Delivery.objects.filter(DELIVERIES[show], connection=connection)
    rows = with_cases(rows.select_related("connection", "message", "conversation"))
    return rows.filter(Q(address__icontains=address) | Q(case_number__icontains=address)) if address else rows


def with_cases(rows: QuerySet[Delivery]) -> QuerySet[Delivery]:
    """Each with the number that its case has at the desk it is told to (`case_number`), if it is of one."""
    cases = DeskCase.objects.filter(connection=OuterRef("connection"), key=OuterRef("address"))
    return rows.annotate(case_number=Subquery(cases.values("number")[:1]))


def case_numbers(connection: Connection, lanes: Sequence[str]) -> dict[str, str]:
    """What people call the cases that events are of, by our key or by the desk's own id."""
    meant = Q(key__in=lanes) | Q(ref__in=[lane for lane in lanes if lane])
    rows = DeskCase.objects.filter(meant, connection=connection).exclude(number="").order_by("opened_at")
    return {name: number for key, ref, number in rows.values_list("key", "ref", "number") for name in (key, ref)}


def settled_until(rows: QuerySet[Delivery]) -> dt.datetime | None:
    """When the last of these ended."""
    newest: dt.datetime | None = rows.order_by().aggregate(newest=Max("settled_at"))["newest"]
    return newest


def settled_by(rows: QuerySet[Delivery], until: str) -> QuerySet[Delivery]:
    """Those of these that had ended at this ISO moment, as a page that was drawn then shows them; all without one."""
    moment = _moment_of(until)
    return rows.filter(Q(settled_at__lte=moment) | Q(settled_at=None)) if moment else rows


def _moment_of(said: str) -> dt.datetime | None:
    """An ISO moment with its zone; None for what is none."""
    try:
        moment = dt.datetime.fromisoformat(said)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def deliveries_page(rows: QuerySet[Delivery], cursor: str) -> Page[Delivery]:
    """A page of them."""
    return _page(rows, "created_at", cursor)


def delivery(connection: Connection, delivery_id: UUID) -> Delivery:
    """The connection's delivery; Http404 where it has none by that id."""
    rows = with_cases(Delivery.objects.select_related("connection", "message", "conversation__person"))
    return get_object_or_404(rows, id=delivery_id, connection=connection)


def events_page(connection: Connection, show: str, cursor: str) -> Page[InboundEvent]:
    """A page of what the provider told us."""
    rows = InboundEvent.objects.filter(EVENTS[show], connection=connection)
    return _page(rows, "received_at", cursor)


def calls_page(rows: QuerySet[Call], cursor: str) -> Page[Call]:
    """A page of calls."""
    return _page(rows, "began_at", cursor)


def files_not_here(messages: Sequence[UUID]) -> dict[UUID, list[InboundMedia]]:
    """The files of these messages that are being fetched, or could not be, by the messages' ids."""
    rows = InboundMedia.objects.filter(message__in=messages).exclude(state=MediaState.FETCHED)
    found: dict[UUID, list[InboundMedia]] = {}
    for row in rows.order_by("message", "place"):
        found.setdefault(row.message_id, []).append(row)
    return found


def failed_events(connection: Connection) -> int:
    """How many events could not be handled."""
    return InboundEvent.objects.filter(connection=connection, state=EventState.FAILED).count()


def event(connection: Connection, event_id: UUID) -> InboundEvent:
    """The connection's event; Http404 where it has none by that id."""
    return get_object_or_404(InboundEvent, id=event_id, connection=connection)


def _page(rows: QuerySet[R], by: str, cursor: str) -> Page[R]:
    after = read_cursor(cursor)
    if after is not None:
        moment, last_id = after
        rows = rows.filter(Q(**{f"{by}__lt": moment}) | Q(**{by: moment, "id__lt": last_id}))
    found = list(rows.order_by(f"-{by}", "-id")[: PAGE_SIZE + 1])
    more, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    return Page(found, _cursor(getattr(found[-1], by), found[-1].pk) if more else "")


def _cursor(moment: dt.datetime, last_id: UUID) -> str:
    """Where a page ended, as `read_cursor` reads it."""
    return base64.urlsafe_b64encode(f"{moment.isoformat()} {last_id}".encode()).decode().rstrip("=")


def rehearsal(connection: Connection) -> Rehearsal:
    """How the connection's stand-in behaves; Http404 where it has none."""
    return get_object_or_404(Rehearsal, connection=connection)


def rehearsal_lines(connection: Connection) -> QuerySet[RehearsalLine]:
    """What passed between the stand-in and us, the newest first."""
    rows = RehearsalLine.objects.filter(connection=connection).select_related("delivery")
    return rows.order_by("-created_at", "-id")


def reasons_of_events(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    """Why the events by these keys were not answered, by key."""
    rows = InboundEvent.objects.filter(connection=connection, key__in=[key for key in keys if key]).exclude(reason="")
    return dict(rows.values_list("key", "reason"))


def never_sent(connection: Connection, address: str, since: dt.datetime) -> QuerySet[Delivery]:
    """What was to go to this address since then, was never tried, and is held back or parked."""
    rows = Delivery.objects.filter(connection=connection, address=address, created_at__gte=since)
    return rows.filter(Q(status=DeliveryStatus.SUPPRESSED) | Q(is_parked=True)).order_by("-created_at")[:PAGE_SIZE]


@dataclass(frozen=True)
class Refused:
    """Requests of the last days that were not genuine, of one reason; `detail` is that of the last."""

    reason: str
    detail: str
    count: int
    last_at: dt.datetime


def refused(connection: Connection) -> list[Refused]:
    """What was refused in the last seven days, the latest first."""
    rows = RefusedRequest.objects.filter(connection=connection, hour__gt=timezone.now() - REFUSED_SHOWN)
    found: dict[str, Refused] = {}
    for row in rows.order_by("-last_at"):
        before = found.get(row.reason)
        if before is None:
            found[row.reason] = Refused(row.reason, row.detail, row.count, row.last_at)
        else:
            found[row.reason] = Refused(before.reason, before.detail, before.count + row.count, before.last_at)
    return list(found.values())


def latest_conversation(connection: Connection, address: str) -> UUID | None:
    """The id of the conversation at an address of the connection that began last."""
    rows = ConversationLink.objects.filter(connection=connection, address=address)
    return rows.order_by("-conversation__started_at").values_list("conversation_id", flat=True).first()
