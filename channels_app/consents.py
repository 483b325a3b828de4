"""The consent ledger: who may not be written to over a connection, since when, and how that came about."""

from __future__ import annotations

from django.utils import timezone

from channels_app.models import Connection, Consent, ConsentChange
from channels_app.models.consent import ConsentState


def is_withdrawn(connection: Connection, address: str, *, lock: bool = False) -> bool:
    """Whether this address has opted out. With `lock` it can't opt out until the transaction ends, nor did it since."""
    rows = Consent.objects.filter(connection=connection, address=address)
    if lock:
        # Shared, as many messages may leave at once; a STOP waits for those that are just leaving.
        found = rows.raw(
            "SELECT * FROM channels_app_consent WHERE connection_id = %s AND address = %s FOR SHARE",
            [connection.id, address],
        )
        return any(row.state == ConsentState.WITHDRAWN for row in found)
    return rows.filter(state=ConsentState.WITHDRAWN).exists()


def note(connection: Connection, address: str, *, withdrawn: bool, source: str) -> Consent:
    """Write how an address stands from now on; a line in the ledger where that is a change."""
    state = ConsentState.WITHDRAWN if withdrawn else ConsentState.GIVEN
    now = timezone.now()
    consent, _ = Consent.objects.get_or_create(
        connection=connection, address=address, defaults={"state": ConsentState.GIVEN, "changed_at": now}
    )
    consent = Consent.objects.select_for_update().get(id=consent.id)
    is_first = not ConsentChange.objects.filter(consent=consent).exists()
    if consent.state != state or is_first:
        consent.state, consent.changed_at = state, now
        consent.save(update_fields=["state", "changed_at"])
        ConsentChange.objects.create(consent=consent, state=state, source=source[:200], at=now)
    return consent
