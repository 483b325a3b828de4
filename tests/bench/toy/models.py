"""Tables of schema.sql."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Token(models.Model):
    """What a caller shows."""

    tenant_id = models.IntegerField()
    key_hash = models.CharField(max_length=64, unique=True)
    objects: ClassVar[models.Manager[Token]] = models.Manager()

    class Meta:
        managed = False
        app_label = "toy"
        db_table = "token"

    def __str__(self) -> str:
        return str(self.pk)


class Session(models.Model):
    """A visit."""

    tenant_id = models.IntegerField()
    token_id = models.BigIntegerField()
    public_id = models.CharField(max_length=40)
    created = models.DateTimeField(auto_now_add=True)
    objects: ClassVar[models.Manager[Session]] = models.Manager()

    class Meta:
        managed = False
        app_label = "toy"
        db_table = "session"

    def __str__(self) -> str:
        return self.public_id


class Message(models.Model):
    """A line."""

    tenant_id = models.IntegerField()
    session_id = models.BigIntegerField()
    role = models.CharField(max_length=10)
    text = models.TextField()
    created = models.DateTimeField(auto_now_add=True)
    objects: ClassVar[models.Manager[Message]] = models.Manager()

    class Meta:
        managed = False
        app_label = "toy"
        db_table = "message"

    def __str__(self) -> str:
        return str(self.pk)
