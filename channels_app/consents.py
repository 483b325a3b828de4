"""The consent ledger: who may not be written to over a connection, since when, and how that came about.

Somebody's number is asked in all its forms (`same_number`): STOP from one holds for each.
"""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from channels_app import address_locks
from channels_app.models import Connection, Consent, ConsentChange
from channels_app.models.consent import ConsentState
from convoship.lib import same_number
from deployments import erased_addresses

FORGOTTEN = "Erased with its person."


def withdrawal(connection: Connection, address: str, *, lock: bool = False) -> Consent | None:
    """The opt-out that holds for this address here; None where it may be written to.

    It is the connection's own, or that of another one of the workspace whose STOP holds for every channel, unless they
    opted in here since. With `lock` the address can't opt out until the transaction ends, nor did it since.
    """
    if lock:
        # Shared, as many messages may leave at once; a STOP waits for those that are just leaving.
        address_locks.share(connection, address)
    rows = _rows_of(address)
    mine = [row for row in rows if row.connection_id == connection.id]
    # Of rows that were made for different forms, one that says no holds.
    own = max(mine, key=lambda row: (row.state == ConsentState.WITHDRAWN, row.changed_at), default=None)
    if own is not None and own.state == ConsentState.WITHDRAWN:
        return own
    elsewhere = [row for row in rows if row.connection_id != connection.id and _holds_for(row, connection)]
    newest = max(elsewhere, key=lambda row: row.changed_at, default=None)
    return newest if newest is not None and (own is None or own.changed_at < newest.changed_at) else None


def _rows_of(address: str) -> list[Consent]:
    """How an address stands over each connection; of who was erased it is kept as a digest."""
    names = [*same_number.forms(address), *_digests_of(address)]
    return list(Consent.objects.filter(address__in=names).select_related("connection"))


def _digests_of(address: str) -> list[str]:
    """As each form of it is known once its person was erased; none where nobody ever was."""
    known = (erased_addresses.known_as(form) for form in same_number.forms(address))
    return [digest for digest in known if digest]


def own_of(connection: Connection, address: str) -> Consent | None:
    """What the connection's own ledger says of an address last; None: they never said anything over it."""
    rows = Consent.objects.filter(connection=connection, address__in=same_number.forms(address))
    return rows.order_by("-changed_at").first()


def _holds_for(row: Consent, connection: Connection) -> bool:
    """Whether an opt-out over another connection holds here. What is rehearsed concerns nobody else."""
    other = row.connection
    is_of_all = bool(other.config.get("stop_everywhere")) and other.is_rehearsal == connection.is_rehearsal
    return row.state == ConsentState.WITHDRAWN and is_of_all


def is_withdrawn(connection: Connection, address: str, *, lock: bool = False) -> bool:
    """Whether this address has opted out, as `withdrawal` has it."""
    return withdrawal(connection, address, lock=lock) is not None


def words_of(found: Consent, connection: Connection) -> tuple[str, str]:
    """Why nothing is sent to who has opted out, and what can be done about it."""
    if found.connection_id == connection.id:
        return (
            "They have opted out, so nothing is sent to them.",
            "They can opt in again with START. Nobody else can do it for them.",
        )
    where = found.connection.name
    return (
        f"They have opted out over {where}, and STOP there holds for every channel."[:300],
        f"They can opt in again with START, here or there. {where}'s settings say whether its STOP holds here."[:300],
    )


def note(
    connection: Connection, address: str, *, withdrawn: bool, source: str, said_at: dt.datetime | None = None
) -> bool:
    """Write how an address stands from now on, with a line in the ledger; whether that is a change.

    What was `said_at` a time before the last change is overtaken, and changes nothing.
    """
    state = ConsentState.WITHDRAWN if withdrawn else ConsentState.GIVEN
    if _stands(connection, address, state):
        return False
    address_locks.own(connection, address)
    _know_again(connection, address)
    now = timezone.now()
    known = Consent.objects.filter(connection=connection, address__in=same_number.forms(address))
    rows = list(known) or [
        Consent.objects.create(connection=connection, address=address, state=ConsentState.GIVEN, changed_at=now)
    ]
    is_first = not ConsentChange.objects.filter(consent__in=rows).exists()
    is_overtaken = said_at is not None and said_at < max(row.changed_at for row in rows)
    if not is_first and (is_overtaken or _stands(connection, address, state)):
        return False
    for consent in rows:
        consent.state, consent.changed_at = state, now
        consent.save(update_fields=["state", "changed_at"])
        ConsentChange.objects.create(consent=consent, state=state, source=source[:200], at=now)
    return True


def note_told(connection: Connection, address: str, source: str) -> bool:
    """Somebody else says that they agreed; whether that is a change. An opt-out is theirs alone to take back."""
    address_locks.own(connection, address)
    if is_withdrawn(connection, address):
        return False
    return note(connection, address, withdrawn=False, source=source)


def _stands(connection: Connection, address: str, state: ConsentState) -> bool:
    """Whether the ledger says so already; an opt-in only where no opt-out from elsewhere holds since."""
    forms = same_number.forms(address)
    known = Consent.objects.filter(connection=connection, address__in=forms, state=state, changes__isnull=False)
    return known.exists() and (state == ConsentState.WITHDRAWN or not is_withdrawn(connection, address))


def _know_again(connection: Connection, address: str) -> None:
    """Who was erased and says something of it again is known by their address again, and stands where they stood."""
    theirs = list(
        Consent.objects.filter(connection=connection, address__in=_digests_of(address)).order_by("-changed_at")
    )
    for again in theirs[:1]:
        again.address = address
        again.save(update_fields=["address"])
    Consent.objects.filter(id__in=[one.id for one in theirs[1:]]).delete()


def forget(connection: Connection, address: str) -> int:
    """Forget how an address came to stand as it does, and the address; an opt-out goes on holding. How many rows.

    The address is owned (`address_locks`).
    """
    rows = Consent.objects.filter(connection=connection, address__in=same_number.forms(address))
    gone = 0
    for consent in rows:
        gone += 1
        if consent.state != ConsentState.WITHDRAWN:
            consent.delete()
            continue
        consent.address = erased_addresses.digest_of(same_number.key(address))
        Consent.objects.filter(connection=connection, address=consent.address).exclude(id=consent.id).delete()
        consent.save(update_fields=["address"])
        ConsentChange.objects.filter(consent=consent).update(source=FORGOTTEN)
    return gone


def wrote(text: str) -> str:
    """The source of a change that somebody asked for in a message."""
    return f"They wrote {text.strip()[:40]!r}."
