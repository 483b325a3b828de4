"""Looking at cases at desks: what was said there comes in as events do, under keys of its own.

A desk that calls us says at once that something happened; what it was is read there, so that nothing depends on what a
call brought or whether it came. Whoever looks has a lease and a token, as with deliveries.
"""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import logging
import uuid
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from channels_app import accounts, desk_cases, inbound
from channels_app.models import DeskCase
from channels_app.models.connection import ConnectionState
from channels_app.providers.base import InboundRequest, Provider, ProviderError
from channels_app.providers.desk_port import KnownCase, Looked
from convoship.lib.tenancy import in_tenant

logger = logging.getLogger(__name__)

# Of one workspace.
AT_ONCE = 8
LEASE = dt.timedelta(seconds=60)
LONGEST_LOOK_SECONDS = 20.0
# After looks in vain; a desk that asks for time gets it.
AGAIN_AFTER = tuple(dt.timedelta(seconds=seconds) for seconds in (5, 15, 60, 300, 900))


@dataclass(frozen=True)
class ClaimedLook:
    """A case in hand, by whom it is looked at, and when the look began."""

    workspace_id: UUID
    case_id: UUID
    token: UUID
    provider: Provider
    case: KnownCase
    began_at: dt.datetime


def claim(workspace_id: UUID, limit: int) -> list[ClaimedLook]:
    """Take up to so many that are due. Inside `tenant()`."""
    now = timezone.now()
    rows = DeskCase.objects.select_for_update(of=("self",), skip_locked=True).select_related("connection")
    due = rows.filter(Q(leased_until=None) | Q(leased_until__lt=now), look_at__lte=now).exclude(ref="")
    claimed = []
    # What is stopped, or was asked for time, is asked nothing.
    rests = Q(connection__rests_until=None) | Q(connection__rests_until__lte=now)
    free = due.filter(rests, connection__state=ConnectionState.ACTIVE, connection__stopped_since=None)
    for row in free.order_by("look_at")[:limit]:
        try:
            provider = accounts.to_send(row.connection)
        except ProviderError as error:
            _fail(row, error, now)
            continue
        row.claim, row.leased_until = uuid.uuid4(), now + LEASE
        row.save(update_fields=["claim", "leased_until"])
        claimed.append(ClaimedLook(workspace_id, row.id, row.claim, provider, _case_of(row), now))
    return claimed


def _case_of(row: DeskCase) -> KnownCase:
    return dataclasses.replace(desk_cases.of_row(row), is_heard=desk_cases.is_heard(row))


async def run(claimed: ClaimedLook) -> None:
    """Look, and store what was said; a look in vain is said where the case is shown, and repeated."""
    try:
        async with asyncio.timeout(LONGEST_LOOK_SECONDS):
            looked = await claimed.provider.look_at(claimed.case)
    except ProviderError as error:
        await in_tenant(_in_vain)(claimed.workspace_id, claimed, error)
    except TimeoutError:
        words = f"{claimed.provider.label} did not answer within {LONGEST_LOOK_SECONDS:.0f} seconds."
        await in_tenant(_in_vain)(claimed.workspace_id, claimed, ProviderError(words))
    except Exception:
        logger.exception("case %s could not be looked at", claimed.case_id)
        words = "Something broke in Convoship while the case was looked at. It has been logged."
        await in_tenant(_in_vain)(claimed.workspace_id, claimed, ProviderError(words, blame="message"))
    else:
        await in_tenant(_store)(claimed.workspace_id, claimed, looked)


def _held(claimed: ClaimedLook) -> DeskCase | None:
    rows = DeskCase.objects.select_for_update(of=("self",)).select_related("connection")
    return rows.filter(id=claimed.case_id, claim=claimed.token).first()


def _store(claimed: ClaimedLook, looked: Looked) -> None:
    """The events first: what was read counts as read in the same transaction."""
    row = _held(claimed)
    if row is None:
        return
    now = timezone.now()
    if looked.events:
        inbound.record(row.connection, looked.events, _request(claimed, now), is_called=False)
    if looked.there is not None:
        desk_cases.write_there(row, looked.there)
    again: dt.datetime | None = now + dt.timedelta(seconds=looked.again)
    if row.look_at is not None and row.look_at > claimed.began_at:
        # Something happened there while it was being looked at.
        again = row.look_at
    elif desk_cases.is_long_closed(row, now):
        again = None
    row.look_at, row.looked_at, row.claim, row.leased_until = again, now, None, None
    row.failures, row.trouble, row.trouble_remedy = 0, "", ""
    row.save()


def _request(claimed: ClaimedLook, now: dt.datetime) -> InboundRequest:
    """What stands for the request that such events come with: nobody sent one."""
    return InboundRequest("GET", "", "", {}, {}, "", str(claimed.case_id).encode(), arrived_at=now)


def _in_vain(claimed: ClaimedLook, error: ProviderError) -> None:
    row = _held(claimed)
    if row is not None:
        _fail(row, error, timezone.now())


def _fail(row: DeskCase, error: ProviderError, now: dt.datetime) -> None:
    gap = AGAIN_AFTER[min(row.failures, len(AGAIN_AFTER) - 1)]
    if error.retry_after is not None:
        gap = dt.timedelta(seconds=error.retry_after)
    row.look_at = None if desk_cases.is_long_closed(row, now) else now + gap
    row.failures = min(row.failures + 1, 30_000)
    row.trouble, row.trouble_remedy = error.words[:300], error.remedy[:300]
    row.claim, row.leased_until = None, None
    row.save()
