"""Celery's doors."""

from __future__ import annotations

from uuid import UUID

from celery import bootsteps, current_app, shared_task
from celery.signals import worker_shutting_down

from channels_app import drain as draining
from channels_app.rehearsal import calling


@shared_task(name="channels_app.tasks.drain")
def drain() -> None:
    """The bell: what is due is found in the database by this worker's drain."""
    draining.start_in_worker()
    draining.ring()


@shared_task(name="channels_app.tasks.rehearse")
def rehearse(workspace_id: str, connection_id: str) -> None:
    """A rehearsal's stand-in calls us with what it has to report."""
    calling.bring(UUID(workspace_id), UUID(connection_id))


class DrainStep(bootsteps.StartStopStep):
    """A worker drains from its start on, whether or not a bell ever rings, or the broker is there.

    It comes before the consumer, which waits for the broker; `worker_ready` would come after that.
    """

    requires = ("celery.worker.components:Pool",)

    def start(self, parent: object) -> None:
        """Begin."""
        draining.start_in_worker()

    def stop(self, parent: object) -> None:
        """What is under way ends before the worker does."""
        draining.stop_in_worker()


current_app.steps["worker"].add(DrainStep)


@worker_shutting_down.connect
def start_nothing_more(**kwargs: object) -> None:
    """At once: the worker may take seconds until it gets to its steps."""
    draining.end_in_worker()
