"""Deliveries that wait are due at once, whoever says so: all hold them in one order, so that nobody blocks another."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone

from channels_app.models import Delivery


def make_due(waiting: QuerySet[Delivery]) -> None:
    """They are looked at next. What a claim has in hand is waited for, as it may park it."""
    held = list(waiting.select_for_update(no_key=True).order_by("id").values_list("id", flat=True))
    Delivery.objects.filter(id__in=held).update(due_at=timezone.now())
