"""What desks outside the house call the cases that they were told of. Inside `tenant()`."""

from __future__ import annotations

import datetime as dt
import re
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from channels_app import accounts
from channels_app.models import Delivery, DeskCase, InboundEvent
from channels_app.providers.base import Capability
from channels_app.providers.desk_port import CaseThere, KnownCase
from deployments.desks import Case
from deployments.models import Handoff

# Our own keys: the hand-over's id, and how often it was offered (`deployments.desks.Case`).
_KEY = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([0-9]{1,9})")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Of what was written into a case so many are known again where the desk tells of them.
MOST_SENT = 500
# A case that was closed here is looked at for so long: what is said there meanwhile has reached nobody.
AFTER_CLOSING = dt.timedelta(hours=1)


def is_key(address: str) -> bool:
    """Whether this is a case's key of ours."""
    return _KEY.fullmatch(address) is not None


def key_of(connection_id: UUID, address: str) -> str:
    """The key of the case that a desk calls by our key, or by its own id or number: of that the last one; "": none.

    A desk that knows our conversations by their ids may speak before we have heard that it took the case.
    """
    if is_key(address):
        return address
    if not address:
        return ""
    meant = Q(ref=address)
    if _ID.fullmatch(address) is not None:
        meant |= Q(ref="", conversation_id=UUID(address))
    rows = DeskCase.objects.filter(connection_id=connection_id).order_by("-opened_at").values_list("key", flat=True)
    return rows.filter(meant).first() or rows.filter(number=address).first() or ""


def offered(key: str) -> tuple[Handoff, int] | None:
    """The hand-over that a key is of, and which of its offers."""
    found = _KEY.fullmatch(key)
    handoff = Handoff.objects.filter(id=UUID(found[1])).first() if found else None
    return (handoff, int(found[2])) if found and handoff else None


def begin(connection_id: UUID, case: Case) -> None:
    """A case is about to be told to its desk. The conversation is locked."""
    DeskCase.objects.create(
        connection_id=connection_id,
        conversation=case.conversation,
        handoff=case.handoff,
        key=case.key,
        workspace_id=case.conversation.workspace_id,
    )


def known(delivery: Delivery) -> KnownCase | None:
    """The case that a delivery is of, as its desk knows it; None where it is of none."""
    if not is_key(delivery.address):
        return None
    row = DeskCase.objects.filter(connection=delivery.connection_id, key=delivery.address).first()
    return of_row(row) if row is not None else None


def of_row(row: DeskCase) -> KnownCase:
    """A case with what this desk had before of its conversation, and what was written into it."""
    mine = DeskCase.objects.filter(connection=row.connection_id, conversation=row.conversation_id).exclude(ref="")
    earlier = mine.filter(opened_at__lt=row.opened_at).order_by("-opened_at").first()
    keys = DeskCase.objects.filter(connection=row.connection_id, conversation=row.conversation_id).values("key")
    sent = Delivery.objects.filter(connection=row.connection_id, address__in=keys).exclude(provider_id="")
    ids = sent.order_by("-created_at").values_list("provider_id", flat=True)[:MOST_SENT]
    before = there(earlier) if earlier is not None else None
    return KnownCase(row.key, there(row), before, frozenset(ids), row.conversation.last_activity_at)


def is_heard(row: DeskCase) -> bool:
    """Whether the desk called us about a case, by either name of it, or a look has found how it stands."""
    if row.looked_at is not None:
        return True
    lanes = [row.key, *([row.ref] if row.ref else [])]
    events = InboundEvent.objects.filter(connection=row.connection_id, lane__in=lanes, received_at__gte=row.opened_at)
    return events.exists()


def there(row: DeskCase) -> CaseThere | None:
    """The case as its desk knows it; None before it was taken."""
    return CaseThere(row.ref, row.number, row.url, row.about) if row.ref else None


def note_there(delivery: Delivery, case: CaseThere) -> None:
    """The desk took what opens a case, or has moved it. The conversation is locked."""
    row = DeskCase.objects.select_for_update().filter(connection=delivery.connection_id, key=delivery.address).first()
    if row is None:
        return
    is_new, now = row.taken_at is None, timezone.now()
    write_there(row, case)
    if is_new:
        row.taken_at, row.look_at = now, first_look(row, now)
    row.save(update_fields=["ref", "number", "url", "about", "taken_at", "look_at"])
    if row.number:
        Handoff.objects.filter(id=row.handoff_id, desk=str(row.connection_id)).update(case_ref=row.number[:200])


def write_there(row: DeskCase, case: CaseThere) -> None:
    """Put what the desk says of a case into its row, which the caller saves."""
    row.ref, row.number, row.url = case.ref[:100], case.number[:60], case.url[:500]
    row.about = {**row.about, **case.about}


def first_look(row: DeskCase, now: dt.datetime) -> dt.datetime | None:
    """When somebody looks at a case that was just taken."""
    kind = accounts.kind_of(row.connection)
    seconds = kind.first_look(row.connection.config) if kind.can(Capability.DESK_LOOKS) else None
    return None if seconds is None else now + dt.timedelta(seconds=seconds)


def carry_on(connection_id: UUID, key: str, case: Case) -> None:
    """What a desk calls by its own id goes on as another case of ours."""
    row = DeskCase.objects.get(connection_id=connection_id, key=key)
    DeskCase.objects.create(
        connection_id=connection_id,
        conversation=case.conversation,
        handoff=case.handoff,
        key=case.key,
        ref=row.ref,
        number=row.number,
        url=row.url,
        about=row.about,
        taken_at=timezone.now(),
        look_at=first_look(row, timezone.now()),
        workspace_id=row.workspace_id,
    )
    # One row looks from now on.
    DeskCase.objects.filter(id=row.id).update(look_at=None)


def is_long_closed(row: DeskCase, now: dt.datetime) -> bool:
    """Whether nobody looks at it any more."""
    return row.closed_at is not None and now - row.closed_at > AFTER_CLOSING


def note_closed(connection_id: UUID, key: str) -> None:
    """The case is not there any more, whoever ended it."""
    DeskCase.objects.filter(connection_id=connection_id, key=key, closed_at=None).update(closed_at=timezone.now())


def stir(connection_id: UUID, key: str) -> None:
    """Something happened in the case: somebody looks at it at once."""
    rows = DeskCase.objects.filter(connection_id=connection_id, key=key).exclude(ref="")
    rows.update(look_at=timezone.now(), failures=0)
