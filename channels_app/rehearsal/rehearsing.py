"""Rehearsals: begun, told how to behave, spoken into, begun anew."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils import timezone

from channels_app import accounts, connections, hiding
from channels_app.connections import MADE_UP, NewConnection
from channels_app.models import (
    Connection,
    Consent,
    Rehearsal,
    RehearsalLine,
    RehearsalPicture,
    ServiceWindow,
)
from channels_app.models.rehearsal import LineKind, Reports
from channels_app.providers.registry import PROVIDERS
from channels_app.providers.speech_fields import SPEECH_KEYS
from channels_app.rehearsal.base import StandIn, Unsayable
from channels_app.rehearsal.desk import DeskStandIn
from channels_app.rehearsal.registry import STAND_INS
from convoship.lib.actors import Actor
from convoship.lib.problems import invalid, not_found
from deployments.file_kinds import Checked
from workspaces import audit, secret_store

# Older lines of a rehearsal are forgotten.
MOST_LINES = 500
SHOWN_BODY = 8000


def begin(actor: Actor, *, kind: str, assistant_id: UUID | None, like: Connection | None = None) -> NewConnection:
    """A connection that talks with a stand-in, set up like another one or by itself; 422 where nothing can answer."""
    stand_in = STAND_INS.get(kind)
    if stand_in is None:
        raise invalid({"kind": [f"There is no kind {kind!r} to rehearse."]})
    keys = {}
    for field, value in stand_in.credentials().items():
        keys[field] = f"{MADE_UP}{field}_{secrets.token_hex(4)}"
        secret_store.write(actor, keys[field], value)
    label = PROVIDERS[kind].label
    made = connections.create(
        actor,
        kind=kind,
        name=f"{like.name}, rehearsed" if like else f"Rehearsal of {label}",
        assistant_id=assistant_id,
        config=stand_in.config(like.config if like else {}),
        # The provider is made up; what hears and speaks in calls is not.
        credentials={**_speech_keys(like), **keys},
        is_rehearsal=True,
    )
    contents = stand_in.contents(str(made.connection.config.get("account_sid", "")))
    Rehearsal.objects.create(connection=made.connection, contents=contents)
    return made


def _speech_keys(like: Connection | None) -> dict[str, str]:
    """The names of the secrets that the engines of a connection's calls take."""
    return {name: key for name, key in (like.credentials if like else {}).items() if name in SPEECH_KEYS}


def held(connection_id: UUID) -> StandIn:
    """The stand-in of a rehearsal, whose row is held until the transaction ends; 404 where there is none."""
    try:
        rehearsal = (
            Rehearsal.objects.select_related("connection")
            .select_for_update(of=("self",), no_key=True)
            .get(connection_id=connection_id, connection__is_rehearsal=True)
        )
    except Rehearsal.DoesNotExist:
        raise not_found() from None
    return of(rehearsal)


def of(rehearsal: Rehearsal) -> StandIn:
    """The stand-in of a rehearsal."""
    connection = rehearsal.connection
    stand_in = STAND_INS[connection.kind].set_up(connection.config)
    return stand_in(connection, rehearsal, accounts.to_receive(connection).account)


# --- How it behaves -------------------------------------------------------------------------------------------------


def behave(actor: Actor, stand_in: StandIn, *, fault: str, calls: int | None, reports: str, reads: bool) -> None:
    """Misbehave in this way at the next `calls` (None: until told otherwise), and report like this; 422 for others.

    `reads`: people there let it be known that they have read something.
    """
    errors = {}
    if fault and fault not in {one.word for one in stand_in.faults_for(stand_in.connection.config)}:
        errors["fault"] = ["Choose one of the list."]
    if reports not in Reports.values:
        errors["reports"] = ["Choose one of the list."]
    if errors:
        raise invalid(errors)
    row = stand_in.rehearsal
    row.fault, row.fault_calls, row.reports = fault, calls if fault else None, reports
    row.reads = reads
    row.save(update_fields=["fault", "fault_calls", "reports", "reads"])
    audit.record(actor, "rehearsal.told", stand_in.connection, fault=fault, reports=reports)


def act(actor: Actor, stand_in: StandIn, typed: Mapping[str, str]) -> str:
    """Do what a button of its screen stands for; what was done, in words. 422 where it can't be."""
    try:
        done = stand_in.act(actor, typed)
    except Unsayable as wrong:
        raise invalid(wrong.errors) from None
    audit.record(actor, done.action, stand_in.connection, **done.details)
    return done.words


def next_fault(rehearsal: Rehearsal) -> str:
    """The fault of the call that is answered now, of those that are left. The row is held."""
    fault = rehearsal.fault
    if fault and rehearsal.fault_calls is not None:
        rehearsal.fault_calls -= 1
        if rehearsal.fault_calls <= 0:
            rehearsal.fault, rehearsal.fault_calls = "", None
        rehearsal.save(update_fields=["fault", "fault_calls"])
    return fault


def start_over(actor: Actor, stand_in: StandIn) -> None:
    """Forget what was said and who opted out, and behave. Conversations and deliveries stay."""
    RehearsalLine.objects.filter(connection=stand_in.connection).delete()
    RehearsalPicture.objects.filter(connection=stand_in.connection).delete()
    row = stand_in.rehearsal
    row.fault, row.fault_calls, row.reports, row.opted_out = "", None, Reports.STRAIGHT, []
    row.reads, row.phones = True, {}
    if isinstance(stand_in, DeskStandIn):
        row.contents = stand_in.contents("")
    row.save()
    Connection.objects.filter(id=stand_in.connection.id).update(
        rests_until=None, stopped_since=None, failures=0, failing_since=None, fault="", fault_remedy=""
    )
    Consent.objects.filter(connection=stand_in.connection).delete()
    # They have not written yet, here as there.
    ServiceWindow.objects.filter(connection=stand_in.connection).delete()
    audit.record(actor, "rehearsal.started_over", stand_in.connection)


# --- Speaking into it -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """What is to be posted to our webhook now, in order."""

    line_ids: Sequence[UUID]
    address: str


def say(actor: Actor, stand_in: StandIn, typed: Mapping[str, str], sent: Checked | None = None) -> Said:
    """Let the other side say what was typed, signed wrongly or twice where that was wished; 422 with field errors.

    `sent`: a file that goes with it.
    """
    stand_in.sent = sent
    try:
        saying = stand_in.say(typed)
    except Unsayable as wrong:
        raise invalid(wrong.errors) from None
    stand_in.rehearsal.save(update_fields=["opted_out", "phones", "contents"])
    if not saying.url:
        note(stand_in.connection, kind=LineKind.ASIDE, address=saying.address, text=saying.text)
        audit.record(actor, "rehearsal.said", stand_in.connection)
        return Said([], saying.address)
    line = note(
        stand_in.connection,
        kind=LineKind.SAID,
        address=saying.address,
        text=saying.text,
        url=saying.url,
        body=saying.body,
        media=[dict(item) for item in saying.media],
        provider_id=saying.key,
        extras=dict(saying.extras),
        is_signed_wrongly=bool(typed.get("wrongly")),
        due_at=timezone.now(),
    )
    ids = [line.id]
    if typed.get("twice"):
        copy = note(
            stand_in.connection,
            kind=LineKind.SAID_AGAIN,
            address=saying.address,
            text=saying.text,
            url=saying.url,
            body=saying.body,
            media=[dict(item) for item in saying.media],
            extras=dict(saying.extras),
            is_signed_wrongly=bool(typed.get("wrongly")),
            due_at=timezone.now(),
        )
        ids.append(copy.id)
    if saying.aside and not typed.get("wrongly"):
        note(
            stand_in.connection,
            kind=LineKind.ASIDE,
            address=saying.address,
            text=saying.aside,
        )
    audit.record(actor, "rehearsal.said", stand_in.connection)
    return Said(ids, saying.address)


def note(connection: Connection, **values: Any) -> RehearsalLine:
    """A line of what passed, without secrets; the oldest make room."""
    values = _without_secrets(connection, values)
    line: RehearsalLine = RehearsalLine.objects.create(connection=connection, **values)
    lines = RehearsalLine.objects.filter(connection=connection)
    old = lines.order_by("-created_at").values_list("created_at", flat=True)[MOST_LINES : MOST_LINES + 1]
    for created_at in old:
        lines.filter(created_at__lte=created_at, due_at=None).delete()
    return line


def _without_secrets(connection: Connection, values: Mapping[str, Any]) -> dict[str, Any]:
    """What is still to be posted goes as it is; it is shown without them all the same."""
    hider = hiding.of(connection)
    names = ("answer",) if values.get("due_at") else ("url", "body", "answer")
    kept: dict[str, Any] = {name: hider.text(str(values[name])) for name in names if name in values}
    if "headers" in values:
        kept["headers"] = hider.headers(values["headers"])
    return {**values, **kept}


# --- What it has still to call us for -------------------------------------------------------------------------------

# How far one report is from the next, and how long one that nobody sent is left to its sender.
STEP = dt.timedelta(milliseconds=600)
LEASE = dt.timedelta(seconds=30)
# How far along what it reports of something is.
_RANK = {"": 0, "sent": 1, "delivered": 2, "read": 3, "undelivered": 4, "failed": 4}


def overdue(connection: Connection) -> int:
    """How many calls should have been made long ago: the worker is away, say."""
    lines = RehearsalLine.objects.filter(connection=connection, due_at__lt=timezone.now() - 2 * STEP)
    return lines.count()


def next_due(connection_id: UUID) -> dt.datetime | None:
    """When the next call is due. Its rehearsal's row is held: what is lined up meanwhile is seen, or sees this."""
    held(connection_id)
    lines = RehearsalLine.objects.filter(connection_id=connection_id, due_at__isnull=False)
    return lines.order_by("due_at").values_list("due_at", flat=True).first()


def take_due(connection_id: UUID, line_id: UUID | None = None) -> RehearsalLine | None:
    """Take the next call that is due, or this one, so that nobody else makes it before the lease ends."""
    lines = RehearsalLine.objects.filter(connection_id=connection_id, due_at__lte=timezone.now())
    lines = lines.filter(id=line_id) if line_id else lines
    line = lines.select_for_update(skip_locked=True).order_by("due_at").first()
    if line is not None:
        line.due_at = timezone.now() + LEASE
        if line.kind == LineKind.REPORT:
            # It stands where it went over the wire, not where it was lined up.
            line.created_at = timezone.now()
        line.save(update_fields=["due_at", "created_at"])
    return line


def finish(line: RehearsalLine, *, status: int | None, answer: str, words: str) -> None:
    """Write what our webhook answered; `words` where nothing could be reached."""
    answer = hiding.of(line.connection).text(answer[:SHOWN_BODY].replace("\x00", ""))
    known = {"answer_status": status, "answer": answer[:SHOWN_BODY], "due_at": None}
    RehearsalLine.objects.filter(id=line.id).update(**known, **({"note": words[:300]} if words else {}))
    if line.kind == LineKind.REPORT and status is not None and status < 300:
        taken = RehearsalLine.objects.filter(
            connection_id=line.connection_id, kind=LineKind.CAUGHT, provider_id=line.provider_id
        )
        # A report that comes late, or again, says nothing new.
        rank = _RANK.get(line.status, 0)
        taken.filter(status__in=[word for word, other in _RANK.items() if other < rank]).update(status=line.status)
