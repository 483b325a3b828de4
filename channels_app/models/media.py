"""Files that came with messages over a connection, and wait to be fetched from where its provider keeps them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from channels_app.models.connection import Connection
from convoship.lib.tenancy import TenantManager, TenantModel
from deployments.models import Conversation, File, Message


class MediaState(models.TextChoices):
    """Where a file that came with a message stands."""

    WAITING = "waiting", "Being fetched"
    FETCHED = "fetched", "Fetched"
    # Trying again may help, and somebody may ask for it.
    FAILED = "failed", "Not fetched"
    # It was looked at and is not taken, or its address is not one that is called.
    REFUSED = "refused", "Not taken"


class InboundMedia(TenantModel):
    """One file of a message. Its id is that of the message's attachment until the file itself takes its place.

    `file` is what was kept of it: already while its content is being stored, so that a worker that is stopped then
    leaves nothing behind that nobody knows of.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="media")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="+")
    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="media")
    # Its place among the message's attachments, from 0.
    place = models.PositiveSmallIntegerField()
    # Where it is to be fetched, as the provider named it; nothing is believed of it (`Provider.fetch`).
    url = models.CharField(max_length=2000)
    # What the provider says that it is, which decides nothing.
    said_type = models.CharField(max_length=100, blank=True)
    state = models.CharField(max_length=10, choices=MediaState, default=MediaState.WAITING)
    reason = models.CharField(max_length=300, blank=True)
    remedy = models.CharField(max_length=300, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    claim = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    file = models.ForeignKey(File, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["message", "place"], name="one_media_per_place"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=models.Q(state="waiting"), name="media_due"),
        ]

    def __str__(self) -> str:
        return f"media {self.place} of {self.message_id}"


class RehearsalPicture(TenantModel):
    """A file that the phone of a rehearsal sent, as its stand-in keeps it for us to fetch."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="rehearsal_pictures")
    # The stand-in's own ids of the message and of the file.
    message_sid = models.CharField(max_length=40)
    sid = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=150)
    content_type = models.CharField(max_length=100)
    content = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    def __str__(self) -> str:
        return self.name
