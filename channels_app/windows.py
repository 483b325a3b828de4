"""The customer service window: so long after their last message somebody may be written to in free words.

It is asked in the very transaction that lets a message go, never when the message was written. What comes too late is
parked, and goes by itself when they write again; a template may go meanwhile.
"""

from __future__ import annotations

import datetime as dt

from django.db import connection as database
from django.db.models import F, QuerySet
from django.utils import timezone

from channels_app import accounts, address_locks, hastening, template_faults
from channels_app.message_templates import as_template
from channels_app.models import Connection, Delivery, MessageTemplate, ServiceWindow
from channels_app.models.template import Approval
from channels_app.providers.base import BadVariables, Capability
from convoship.lib import same_number

# WhatsApp's own (developers.facebook.com, Cloud API, customer service windows), less what clocks may differ and a
# message may take on its way.
LASTS, MARGIN = dt.timedelta(hours=24), dt.timedelta(minutes=5)
# What is parked is looked at this often, should nobody write.
LOOKED_AGAIN = dt.timedelta(hours=12)

# Of a template that came back with what WhatsApp says of free words after the 24 hours.
REFUSED = "WhatsApp did not take this for a template: the 24 hours are over, and it is not approved for this sender."
REFUSED_REMEDY = "Synchronise the connection's Templates, and send one that is approved for its sender."

REMEDY = "Use a template, or wait until they write: then it goes by itself."


def has_one(connection: Connection) -> bool:
    """Whether free words are bound to a window over this connection."""
    return accounts.kind_of(connection).can(Capability.WINDOW)


def note_message(connection: Connection, address: str, wrote_at: dt.datetime) -> None:
    """They wrote: the window is open from then on, and what waits for it is due."""
    address_locks.own(connection, address)
    closes_at = wrote_at + LASTS - MARGIN
    known = of(connection, address)
    with database.cursor() as cursor:
        cursor.execute(
            """INSERT INTO channels_app_servicewindow AS kept
                      (id, workspace_id, connection_id, address, wrote_at, closes_at)
               VALUES (gen_random_uuid(), %s, %s, %s, %s, %s)
               ON CONFLICT (connection_id, address) DO UPDATE
                  SET wrote_at = greatest(kept.wrote_at, excluded.wrote_at),
                      closes_at = greatest(kept.closes_at, excluded.closes_at)""",
            [connection.workspace_id, connection.id, known.address if known else address, wrote_at, closes_at],
        )
    if closes_at > timezone.now():
        forms = same_number.forms(address)
        waiting = Delivery.objects.filter(connection=connection, address__in=forms, awaits_window=True)
        hastening.make_due(waiting)


def note_closed(connection: Connection, address: str) -> None:
    """The provider says that it is closed, whatever we reckoned."""
    address_locks.own(connection, address)
    now = timezone.now()
    _rows_of(connection, address).filter(closes_at__gt=now).update(closes_at=now)


def let_pass(connection: Connection, address: str, time: dt.timedelta) -> None:
    """Let so much time have gone by since they wrote. Only in a rehearsal: the clock of people is nobody's to move."""
    if not connection.is_rehearsal:
        raise ValueError("Time passes by itself on a connection with people behind it.")
    address_locks.own(connection, address)
    rows = _rows_of(connection, address)
    rows.update(wrote_at=F("wrote_at") - time, closes_at=F("closes_at") - time)


def of(connection: Connection, address: str) -> ServiceWindow | None:
    """The window of an address; None where they never wrote."""
    return _rows_of(connection, address).order_by("-closes_at").first()


def _rows_of(connection: Connection, address: str) -> QuerySet[ServiceWindow]:
    """One, or one for each form of the number that it was kept under."""
    return ServiceWindow.objects.filter(connection=connection, address__in=same_number.forms(address))


def is_open(window: ServiceWindow | None) -> bool:
    """Whether free words may be sent now."""
    return window is not None and window.closes_at > timezone.now()


def holds_back(delivery: Delivery) -> bool:
    """Whether a claimed delivery needs an open window, and there is none. Its address is held (`address_locks`)."""
    connection: Connection = delivery.connection
    kind = accounts.kind_of(connection)
    if not kind.can(Capability.WINDOW) or not kind.needs_window(delivery.content):
        return False
    return not is_open(of(connection, delivery.address))


def can_wait(delivery: Delivery) -> bool:
    """Whether a delivery goes once the window is open. A template doesn't need one, so that it could only come back."""
    return accounts.kind_of(delivery.connection).needs_window(delivery.content)


def put_in_template(delivery: Delivery) -> bool:
    """Let the connection's own template carry what may not go freely; False where none can."""
    if delivery.content.get("files"):
        # A template would carry the words and drop the file.
        return False
    sid = str(delivery.connection.config.get("window_template") or "")
    rows = MessageTemplate.objects.filter(connection=delivery.connection, sid=sid, approval=Approval.APPROVED)
    template = rows.filter(is_gone=False).first() if sid else None
    kind = accounts.kind_of(delivery.connection)
    names = kind.variables_of(as_template(template)) if template else []
    if template is None or len(names) != 1 or not template_faults.may_go_in(delivery, sid):
        return False
    text = " ".join(str(delivery.content.get("text", "")).split())
    try:
        planned = kind.fill(as_template(template), {names[0]: text})
    except BadVariables:
        # Too long for it: it waits, as without any.
        return False
    template_faults.put(delivery, planned)
    return True


def reason(connection: Connection, address: str) -> str:
    """Why what is parked waits."""
    window = of(connection, address)
    if window is None:
        return "They have not written yet, and until they do WhatsApp takes only a template."
    return "More than 24 hours have passed since they last wrote, so WhatsApp takes only a template."
