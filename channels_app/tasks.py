"""Celery's doors."""

from __future__ import annotations

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down

from channels_app import drain as draining


@shared_task(name="channels_app.tasks.drain")
def drain() -> None:
    """The bell: what is due is found in the database by this worker's drain."""
    draining.start_in_worker()
    draining.ring()


@worker_ready.connect
def start_drain(**kwargs: object) -> None:
    """A worker drains from its start on, whether or not a bell ever rings."""
    draining.start_in_worker()


@worker_shutting_down.connect
def stop_drain(**kwargs: object) -> None:
    """What is under way ends before the worker does."""
    draining.stop_in_worker()
