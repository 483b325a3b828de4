"""Signs of life: what each worker's drain does, written by itself."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models


class WorkerBeat(models.Model):
    """One worker's drain. No workspace's: it says nothing of what is sent."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Host and process, for people.
    name = models.CharField(max_length=100)
    looked_at = models.DateTimeField()
    # When it last began or ended something.
    worked_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["looked_at"])]

    def __str__(self) -> str:
        return self.name


class MediaBeat(models.Model):
    """One process that carries the sound of calls. No workspace's: it says only how many they are."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Host and process, for people.
    name = models.CharField(max_length=100)
    looked_at = models.DateTimeField()
    calls = models.PositiveIntegerField(default=0)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["looked_at"], name="media_looked")]

    def __str__(self) -> str:
        return self.name
