"""Templates as the provider has them: fetched now and then by the drain, and whenever somebody asks."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from channels_app import accounts, bell, message_templates, releasing
from channels_app.models import Connection, MessageTemplate, TemplateSync
from channels_app.models.connection import ConnectionState
from channels_app.models.template import Approval
from channels_app.providers.base import Capability, Provider, ProviderError, Template
from convoship.lib.actors import Actor
from convoship.lib.tenancy import in_tenant
from workspaces import audit

logger = logging.getLogger(__name__)

# WhatsApp takes minutes to look at a template, and sometimes a day.
EVERY, WHILE_PENDING, AFTER_FAULT = dt.timedelta(minutes=30), dt.timedelta(minutes=2), dt.timedelta(minutes=10)
LEASE = dt.timedelta(minutes=3)
_PENDING = (Approval.RECEIVED, Approval.PENDING)


@dataclass(frozen=True)
class ClaimedSync:
    """A connection whose templates are fetched now; no provider where a credential is missing."""

    workspace_id: UUID
    sync_id: UUID
    provider: Provider | None


def begin(connection: Connection) -> None:
    """A new connection's templates are fetched soon."""
    if accounts.kind_of(connection).can(Capability.WINDOW):
        TemplateSync.objects.create(connection=connection, due_at=timezone.now())
        transaction.on_commit(bell.ring)


def ask(actor: Actor, connection: Connection) -> TemplateSync:
    """Fetch them now."""
    due = {"due_at": timezone.now()}
    sync: TemplateSync = TemplateSync.objects.update_or_create(connection=connection, defaults=due)[0]
    audit.record(actor, "connection.templates_synchronised", connection)
    transaction.on_commit(bell.ring)
    return sync


def on_account_changed(connection: Connection) -> None:
    """Those of the account that it had are none of the one that it has: they are gone, and its own are fetched."""
    if not accounts.kind_of(connection).can(Capability.WINDOW):
        return
    # First its row, as whoever writes what was found holds it first.
    TemplateSync.objects.update_or_create(connection=connection, defaults={"due_at": timezone.now()})
    MessageTemplate.objects.filter(connection=connection).update(is_gone=True)
    transaction.on_commit(bell.ring)


def claim(workspace_id: UUID, limit: int) -> list[ClaimedSync]:
    """Take what is due. Inside `tenant()`."""
    now = timezone.now()
    rows = TemplateSync.objects.select_related("connection").select_for_update(of=("self",), skip_locked=True)
    free = rows.filter(Q(leased_until=None) | Q(leased_until__lt=now), due_at__lte=now)
    found = list(free.filter(connection__state=ConnectionState.ACTIVE).order_by("due_at")[:limit])
    claimed = []
    for row in found:
        row.leased_until = now + LEASE
        row.save(update_fields=["leased_until"])
        try:
            provider: Provider | None = accounts.to_send(row.connection)
        except ProviderError as error:
            provider = None
            _fail(row, error)
        if provider is not None:
            claimed.append(ClaimedSync(workspace_id, row.id, provider))
    return claimed


async def run(claimed: ClaimedSync) -> None:
    """Fetch them, and write what there is; a fault is written where the templates are shown."""
    provider = claimed.provider
    assert provider is not None  # noqa: S101 (none is claimed without)
    asked_at = timezone.now()
    try:
        found = await provider.templates()
    except ProviderError as error:
        await in_tenant(_note_fault)(claimed.workspace_id, claimed.sync_id, error)
    else:
        of = provider.account_of(provider.account.config)
        await in_tenant(write)(claimed.workspace_id, claimed.sync_id, found, asked_at, of)


def _note_fault(sync_id: UUID, error: ProviderError) -> None:
    row = TemplateSync.objects.select_for_update().filter(id=sync_id).first()
    if row is not None:
        _fail(row, error)


def _fail(row: TemplateSync, error: ProviderError) -> None:
    row.fault, row.fault_remedy = error.words[:300], error.remedy[:300]
    row.leased_until, row.due_at = None, timezone.now() + AFTER_FAULT
    row.save(update_fields=["fault", "fault_remedy", "leased_until", "due_at"])


def write(sync_id: UUID, found: Sequence[Template], asked_at: dt.datetime, account: str) -> None:
    """What there was when it was asked for, in this account of the provider's.

    One that is gone stays, as messages were sent with it, and says so. What was written of one since then is newer than
    what was found. Where the connection has another account by now, nothing of it counts, and that one is asked.
    """
    sync = TemplateSync.objects.select_related("connection").select_for_update(of=("self",)).filter(id=sync_id).first()
    if sync is None:
        return
    connection, now = sync.connection, timezone.now()
    if accounts.kind_of(connection).account_of(connection.config) != account:
        sync.leased_until, sync.due_at = None, now
        sync.save(update_fields=["leased_until", "due_at"])
        return
    approved = set(
        MessageTemplate.objects.filter(connection=connection, approval=Approval.APPROVED).values_list("sid", flat=True)
    )
    rows = MessageTemplate.objects.filter(connection=connection)
    newer = set(rows.filter(synced_at__gte=asked_at, is_gone=False).values_list("sid", flat=True))
    for template in found:
        if template.sid not in newer:
            message_templates.keep(connection, template)
    rows.exclude(sid__in=[*newer, *(template.sid for template in found)]).update(is_gone=True)
    sync.synced_at, sync.leased_until, sync.fault, sync.fault_remedy = now, None, "", ""
    sync.due_at = now + (WHILE_PENDING if rows.filter(approval__in=_PENDING, is_gone=False).exists() else EVERY)
    sync.save(update_fields=["synced_at", "leased_until", "fault", "fault_remedy", "due_at"])
    own = str(connection.config.get("window_template") or "")
    if own and own not in approved and any(one.sid == own and one.approval == Approval.APPROVED for one in found):
        # What waited for a message of theirs may go in it now.
        releasing.release_awaiting(connection)
