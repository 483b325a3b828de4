"""`record()`: the only way a line gets into the audit log. Every act that changes something calls it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import models
from django.utils import timezone

from convoship.lib.actors import Actor
from workspaces.models import AuditEvent


def record(actor: Actor, action: str, target: models.Model, **data: Any) -> AuditEvent:
    """Write one line, in the act's own transaction. `data` holds what changed, and never a secret."""
    return AuditEvent.objects.create(
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_label=actor.label[:254],
        action=action,
        target_type=target._meta.label_lower,
        target_id=str(target.pk),
        target_label=str(target)[:254],
        data=data,
        ip=actor.ip or None,
    )


def record_once(actor: Actor, action: str, target: models.Model, *, within: dt.timedelta, **data: Any) -> None:
    """As `record`, unless this actor did the same to the same within this time: for what a page saves by itself."""
    earlier = AuditEvent.objects.filter(
        actor_kind=actor.kind,
        actor_id=actor.id,
        action=action,
        target_type=target._meta.label_lower,
        target_id=str(target.pk),
        created_at__gt=timezone.now() - within,
    )
    if not earlier.exists():
        record(actor, action, target, **data)
