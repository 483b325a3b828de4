"""Celery's doors."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from celery import shared_task

from deployments import erasing, files, sweeping, webhook_callbacks
from deployments.knowledge import embedding, rounds


@shared_task(name="deployments.tasks.sweep")
def sweep() -> int:
    """Beat rings every few seconds; what is due is found in the database."""
    return async_to_sync(sweeping.sweep)()


@shared_task(name="deployments.tasks.sweep_mails")
def sweep_mails() -> int:
    """The mails that are due, apart from all else: a mail server may take its time."""
    return sweeping.sweep_mails()


@shared_task(name="deployments.tasks.sweep_files")
def sweep_files() -> int:
    """Files that nobody sent, and the content of those that are deleted."""
    return files.sweep()


@shared_task(name="deployments.tasks.sweep_people")
def sweep_people() -> int:
    """People who are being erased, a batch of each."""
    return erasing.go_on_due()


@shared_task(name="deployments.tasks.sweep_callbacks")
def sweep_callbacks() -> int:
    """Addresses that took the answers of bots, and those answers."""
    return webhook_callbacks.sweep()


@shared_task(name="deployments.tasks.read_knowledge")
def read_knowledge() -> int:
    """Sources of knowledge that are due, and passages that have no embedding yet."""
    return rounds.read_due() + embedding.embed_due()
