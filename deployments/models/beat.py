"""Signs of life: which processes give answers that wait, written by themselves."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models


class AnswererBeat(models.Model):
    """One process that answers. No workspace's: it says nothing of what is answered."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Host and process, for people.
    name = models.CharField(max_length=100)
    # When it last looked for turns that wait.
    looked_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["looked_at"], name="answerer_looked")]

    def __str__(self) -> str:
        return self.name
