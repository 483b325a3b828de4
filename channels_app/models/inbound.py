"""What providers call us with: events under a unique key, and counts of what was refused."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from channels_app.models.connection import Connection
from convoship.lib.tenancy import TenantManager, TenantModel
from deployments.models import Conversation, Message


class EventState(models.TextChoices):
    """What became of an event."""

    RECEIVED = "received", "Received"
    HANDLED = "handled", "Handled"
    IGNORED = "ignored", "Kept, not used"
    FAILED = "failed", "Failed"


class InboundEvent(TenantModel):
    """A signed event, stored before its request was answered. The same key again is no second one."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="events")
    key = models.CharField(max_length=255)
    kind = models.CharField(max_length=20)
    # Events of one address are handled in the order they came.
    lane = models.CharField(max_length=255)
    # What the provider's parser made of it (`ProviderEvent.as_json`).
    content = models.JSONField()
    # SHA-256 of the raw body, where a provider gives its events no key.
    body_digest = models.BinaryField(max_length=32)
    state = models.CharField(max_length=10, choices=EventState, default=EventState.RECEIVED)
    reason = models.CharField(max_length=300, blank=True)
    remedy = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # How often in a row its process went away while this was in hand.
    cuts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    claim = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    conversation = models.ForeignKey(Conversation, null=True, on_delete=models.SET_NULL, related_name="+")
    message = models.ForeignKey(Message, null=True, on_delete=models.SET_NULL, related_name="+")
    # Of a status: the delivery that it is about. Of what was said in a call: the one with its answer.
    delivery = models.ForeignKey("Delivery", null=True, on_delete=models.SET_NULL, related_name="events")
    # How often the provider sent it.
    copies = models.PositiveIntegerField(default=1)
    received_at = models.DateTimeField(auto_now_add=True)
    handled_at = models.DateTimeField(null=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "key"], name="one_event_per_key"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["connection", "-received_at"]),
            models.Index(fields=["due_at"], condition=models.Q(state="received"), name="event_due"),
            models.Index(
                fields=["workspace", "lane"],
                condition=models.Q(kind="message", state="handled", message=None),
                name="event_unheard",
            ),
            models.Index(
                fields=["connection", "lane", "received_at"],
                condition=models.Q(state="received"),
                name="event_lane",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class RefusedRequest(TenantModel):
    """How many requests were refused in an hour, by reason: the one trace that a forged or mis-signed call leaves."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="refusals")
    reason = models.CharField(max_length=40)
    # In words, of the last one: which URL was signed, say.
    detail = models.CharField(max_length=500)
    hour = models.DateTimeField()
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "reason", "hour"], name="one_count_per_reason_and_hour"),
        ]

    def __str__(self) -> str:
        return f"{self.reason} ({self.count})"
