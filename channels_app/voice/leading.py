"""The worker leads calls by the provider's API: those that belong elsewhere, and those of which nothing is heard.

A due course is claimed by one conditional UPDATE with a lease, and led outside of any transaction. A worker that dies
with it leaves a lease that runs out; leading a call twice does no harm, since it is asked anew where it belongs.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from uuid import UUID

from django.db import connection as database
from django.utils import timezone

from channels_app import accounts
from channels_app.models import Call, CallCourse, CallTransfer
from channels_app.models.call import StepKind, TransferManner, TransferState
from channels_app.models.transfer import CoursePlace
from channels_app.providers.base import Account, ProviderError
from channels_app.providers.twilio import calls as at_twilio
from channels_app.voice import courses, ending, record, transfer_failures, transfers
from convoship.lib.failpoints import failpoint
from convoship.lib.tenancy import in_tenant

logger = logging.getLogger(__name__)

LEASE = dt.timedelta(seconds=40)
AGAIN_AFTER = tuple(dt.timedelta(seconds=seconds) for seconds in (1, 3, 8, 20))
# What can't be led for good is tried again so much later, as long as the call goes on.
LATER = dt.timedelta(seconds=60)
# A telephone that doesn't ring is rung once more.
MOST_RINGS = 2

_CLAIM = """
    WITH picked AS MATERIALIZED (
        SELECT id FROM channels_app_callcourse
         WHERE workspace_id = %(workspace)s AND due_at <= now() AND (leased_until IS NULL OR leased_until < now())
         ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
    UPDATE channels_app_callcourse AS c
       SET claim = gen_random_uuid(), leased_until = now() + make_interval(secs => %(lease)s), attempts = c.attempts + 1
      FROM picked WHERE c.id = picked.id
 RETURNING c.id, c.claim
"""


@dataclass(frozen=True)
class ClaimedCourse:
    """A course in hand."""

    workspace_id: UUID
    course_id: UUID
    claim: UUID


@dataclass(frozen=True)
class _Order:
    """What the provider is told: this call is to ask at `url`."""

    account: Account
    sid: str
    url: str


def claim(workspace_id: UUID, limit: int) -> list[ClaimedCourse]:
    """Take up to `limit` due courses. Inside `tenant()`."""
    with database.cursor() as cursor:
        cursor.execute(_CLAIM, {"workspace": workspace_id, "limit": limit, "lease": LEASE.total_seconds()})
        return [ClaimedCourse(workspace_id, *row) for row in cursor.fetchall()]


async def lead(claimed: ClaimedCourse) -> None:
    """Lead the call where it belongs, if it is not there by now."""
    failpoint("F3")
    try:
        order = await in_tenant(_order)(claimed.workspace_id, claimed)
        if order is None:
            return
        is_taken = await at_twilio.redirect(order.account, order.sid, url=order.url)
    except ProviderError as error:
        await in_tenant(_refused)(claimed.workspace_id, claimed, error)
        return
    failpoint("F4")
    await in_tenant(_led)(claimed.workspace_id, claimed, is_taken=is_taken)


def _held(claimed: ClaimedCourse) -> tuple[Call, CallCourse] | None:
    """The call and its course, where it is still this worker's; a call that is over has no course any more."""
    found = CallCourse.objects.filter(id=claimed.course_id).values_list("call_id", flat=True).first()
    if found is None:
        return None
    call = record.lock(found)
    course = CallCourse.objects.select_for_update().get(id=claimed.course_id)
    if course.claim != claimed.claim or course.due_at is None:
        return None
    if not call.goes_on or not call.conversation.is_active:
        _rest(course, None)
        return None
    return call, course


def _order(claimed: ClaimedCourse) -> _Order | None:
    held = _held(claimed)
    if held is None:
        return None
    call, course = held
    way = courses.way_of(call.conversation, call)
    if way.transfer is not None and courses.is_there(course, way) and not _is_looked_after(call, course, way.transfer):
        return None
    # What failed above wants the call led somewhere else, which is what is done here.
    CallCourse.objects.filter(id=course.id).update(claim=claimed.claim, leased_until=timezone.now() + LEASE)
    # Unlike the earlier ones: the same request would get the same answer.
    stamp = int(timezone.now().timestamp() * 1000)
    url = f"{accounts.inbound_url(call.connection, 'lead')}?at={stamp}"
    return _Order(accounts.to_send(call.connection).account, call.sid, url)


def _is_looked_after(call: Call, course: CallCourse, transfer: CallTransfer) -> bool:
    """Whether a call of which nothing was heard at a telephone or in a queue has to be led; it may be well there."""
    if transfer.state == TransferState.BRIDGED:
        _rest(course, None)
        return False
    if course.place == CoursePlace.HOLD and not transfers.is_number(transfer.to):
        # Who is taken from a queue by others asks for no more rounds of waiting; when they part, the queue says so.
        transfers.bridged(call.conversation, transfer)
        _rest(course, None)
        return False
    if course.place != CoursePlace.DIAL:
        return True
    if transfer.child_sid or transfer.rings >= MOST_RINGS or transfer.manner == TransferManner.QUEUE:
        transfers.failed(call.conversation, transfer, transfer_failures.LATE)
    else:
        transfers.ring(transfer)
    return True


def _led(claimed: ClaimedCourse, *, is_taken: bool) -> None:
    held = _held(claimed)
    if not is_taken:
        # The provider says that the call goes on no more.
        found = held[0] if held is not None else None
        if found is not None:
            ending.over(found.id)
        return
    if held is not None:
        # Its own request follows at once, and takes the course from here; where it doesn't come, this is done again.
        _rest(held[1], timezone.now() + courses.NOT_RUNG)


def _refused(claimed: ClaimedCourse, error: ProviderError) -> None:
    held = _held(claimed)
    if held is None:
        return
    call, course = held
    course.reason, course.remedy = error.words[:300], error.remedy[:300]
    is_final = error.permanent or course.attempts > len(AGAIN_AFTER)
    if not is_final:
        _rest(course, timezone.now() + AGAIN_AFTER[course.attempts - 1])
        return
    logger.warning("call %s can't be led: %s", call.id, error.words)
    record.note(call, StepKind.ERROR, f"It could not be led: {error.words}", error.remedy, code=error.code)
    way = courses.way_of(call.conversation, call)
    course.attempts = 0
    _rest(course, timezone.now() + LATER)
    if way.transfer is not None and way.transfer.state != TransferState.BRIDGED and not courses.is_there(course, way):
        transfers.failed(call.conversation, way.transfer, transfer_failures.NOT_LED)


def _rest(course: CallCourse, due_at: dt.datetime | None) -> None:
    course.due_at, course.claim, course.leased_until = due_at, None, None
    course.save(update_fields=["due_at", "claim", "leased_until", "attempts", "reason", "remedy"])
