"""Celery's doors."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from celery import shared_task

from deployments import sweeping


@shared_task(name="deployments.tasks.sweep")
def sweep() -> int:
    """Beat rings every few seconds; what is due is found in the database."""
    return async_to_sync(sweeping.sweep)()
