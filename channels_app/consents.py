"""The consent ledger: who may not be written to over a connection, since when, and how that came about."""

from __future__ import annotations

import datetime as dt
import hashlib

from django.db import connection as database
from django.db.models import Count, Q
from django.utils import timezone

from channels_app.models import Connection, Consent, ConsentChange
from channels_app.models.consent import ConsentState
from deployments import erased_addresses

FORGOTTEN = "Erased with its person."


def is_withdrawn(connection: Connection, address: str, *, lock: bool = False) -> bool:
    """Whether this address has opted out. With `lock` it can't opt out until the transaction ends, nor did it since."""
    if lock:
        # Shared, as many messages may leave at once; a STOP waits for those that are just leaving.
        _lock(connection, address, "pg_advisory_xact_lock_shared")
    rows = Consent.objects.filter(connection=connection, state=ConsentState.WITHDRAWN)
    erased = Q(address__startswith=erased_addresses.PREFIX)
    known = rows.aggregate(here=Count("id", filter=Q(address=address)), erased=Count("id", filter=erased))
    if known["here"] or not known["erased"]:
        return bool(known["here"])
    return rows.filter(address=erased_addresses.digest_of(address)).exists()


def note(
    connection: Connection, address: str, *, withdrawn: bool, source: str, said_at: dt.datetime | None = None
) -> Consent:
    """Write how an address stands from now on; a line in the ledger where that is a change.

    What was `said_at` a time before the last change is overtaken, and changes nothing.
    """
    state = ConsentState.WITHDRAWN if withdrawn else ConsentState.GIVEN
    before = Consent.objects.filter(connection=connection, address=address, changes__isnull=False).first()
    if before is not None and before.state == state:
        return before
    _lock(connection, address, "pg_advisory_xact_lock")
    _know_again(connection, address)
    now = timezone.now()
    consent, _ = Consent.objects.get_or_create(
        connection=connection, address=address, defaults={"state": ConsentState.GIVEN, "changed_at": now}
    )
    is_first = not ConsentChange.objects.filter(consent=consent).exists()
    if not is_first and (consent.state == state or (said_at is not None and said_at < consent.changed_at)):
        return consent
    consent.state, consent.changed_at = state, now
    consent.save(update_fields=["state", "changed_at"])
    ConsentChange.objects.create(consent=consent, state=state, source=source[:200], at=now)
    return consent


def _know_again(connection: Connection, address: str) -> None:
    """Who was erased and says something of it again is known by their address again, and stands where they stood."""
    erased = Consent.objects.filter(connection=connection, address__startswith=erased_addresses.PREFIX)
    if erased.exists():
        erased.filter(address=erased_addresses.digest_of(address)).update(address=address)


def forget(connection: Connection, address: str) -> int:
    """Forget how an address came to stand as it does, and the address; an opt-out goes on holding. How many rows."""
    _lock(connection, address, "pg_advisory_xact_lock")
    rows = Consent.objects.filter(connection=connection, address=address)
    gone = 0
    for consent in rows:
        gone += 1
        if consent.state != ConsentState.WITHDRAWN:
            consent.delete()
            continue
        consent.address = erased_addresses.digest_of(address)
        Consent.objects.filter(connection=connection, address=consent.address).exclude(id=consent.id).delete()
        consent.save(update_fields=["address"])
        ConsentChange.objects.filter(consent=consent).update(source=FORGOTTEN)
    return gone


def wrote(text: str) -> str:
    """The source of a change that somebody asked for in a message."""
    return f"They wrote {text.strip()[:40]!r}."


def _lock(connection: Connection, address: str, function: str) -> None:
    """Until the transaction ends; on the address and not on its row, which the first STOP has yet to make."""
    digest = hashlib.sha256(b"consent" + connection.id.bytes + address.encode()).digest()
    with database.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [int.from_bytes(digest[:8], "big", signed=True)])
