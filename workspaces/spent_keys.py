"""How long the keys of calls and forms that happen once are kept, and clearing old ones away."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from workspaces.models import IdempotencyKey

KEPT_FOR = dt.timedelta(hours=24)
SWEPT_AT_ONCE = 50


def sweep() -> None:
    """Clear some of the workspace's old keys away, waiting for nobody. Whoever makes one does it; inside `tenant()`."""
    outdated = timezone.now() - KEPT_FOR
    old = IdempotencyKey.objects.select_for_update(skip_locked=True).filter(created_at__lt=outdated)
    ids = list(old.values_list("id", flat=True)[:SWEPT_AT_ONCE])
    if ids:
        IdempotencyKey.objects.filter(id__in=ids).delete()
