"""The outbox: what has to be carried to providers, and every attempt at it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from channels_app.models.connection import Connection
from convoship.lib.tenancy import TenantManager, TenantModel
from deployments.models import Conversation, Message
from deployments.models.conversation import MessageStatus


class DeliveryStatus(models.TextChoices):
    """Where a delivery stands: words of messages (CONTRACT section 1). `queued` is all that is still to be sent.

    `parked` is sent by nobody: the other side asks for it.
    """

    QUEUED = MessageStatus.QUEUED.value, "Waiting to be sent"
    PARKED = "parked", "Waiting to be asked for"
    ACCEPTED = MessageStatus.ACCEPTED.value, "Taken by the provider"
    SENT = MessageStatus.SENT.value, "Sent"
    DELIVERED = MessageStatus.DELIVERED.value, "Delivered"
    READ = MessageStatus.READ.value, "Read"
    FAILED = MessageStatus.FAILED.value, "Failed"
    UNKNOWN = MessageStatus.UNKNOWN.value, "Unknown"
    SUPPRESSED = MessageStatus.SUPPRESSED.value, "Held back"


class Purpose(models.TextChoices):
    """Why something is sent. What holds for it (consent, the clock, what it counts as) goes by this."""

    CONVERSATION = "conversation", "Of a conversation"
    TEST = "test", "A test"
    CONFIRMATION = "confirmation", "The answer to STOP or START"


class Delivery(TenantModel):
    """One request that has to reach a provider. Written in the transaction of what it carries; its id is its key there.

    A claim is a conditional UPDATE that sets `claim` (the fencing token) and `leased_until`; whoever lost it writes
    nothing more. Within a `lane` (a conversation) the one with the lowest `position` goes first.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="deliveries")
    conversation = models.ForeignKey(Conversation, null=True, on_delete=models.CASCADE, related_name="deliveries")
    # The messages that it carries: those of others than the visitor from `first_seq` to `message`'s seq.
    message = models.ForeignKey(Message, null=True, on_delete=models.CASCADE, related_name="deliveries")
    first_seq = models.PositiveIntegerField(null=True)
    lane = models.UUIDField()
    position = models.PositiveBigIntegerField()
    address = models.CharField(max_length=255)
    purpose = models.CharField(
        max_length=12, choices=Purpose, default=Purpose.CONVERSATION, db_default=Purpose.CONVERSATION
    )
    # What its provider made of the message, ready to be sent; `what` is its name for people.
    what = models.CharField(max_length=40)
    content = models.JSONField()
    status = models.CharField(max_length=10, choices=DeliveryStatus, default=DeliveryStatus.QUEUED)
    reason = models.CharField(max_length=300, blank=True)
    remedy = models.CharField(max_length=300, blank=True)
    code = models.CharField(max_length=40, blank=True)
    # The provider's id of what was sent.
    provider_id = models.CharField(max_length=100, blank=True)
    # That of what came back because its person's window was closed: reports on it say nothing of what goes out later.
    refused_id = models.CharField(max_length=100, blank=True, default="", db_default="")
    is_test = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Since it was queued or replayed: what the ladder and the count of crashes go by.
    tries = models.PositiveSmallIntegerField(default=0)
    # How often in a row its process went away while this was in hand.
    cuts = models.PositiveSmallIntegerField(default=0)
    first_tried_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField()
    # It waits in the queue for something that is not its own to mend: the next day, or other credentials.
    is_parked = models.BooleanField(default=False)
    # Parked until its person writes again: it holds nothing up that may go meanwhile (`windows`).
    awaits_window = models.BooleanField(default=False, db_default=False)
    # Since when it does, or did: part of its story.
    awaits_since = models.DateTimeField(null=True)
    # When it was counted and let go, where sending costs money; further tries are not counted again.
    let_go_at = models.DateTimeField(null=True)
    claim = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    # An attempt may have reached the provider, and nobody knows.
    is_in_doubt = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    accepted_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    # Of a dead letter: when somebody put it aside.
    dismissed_at = models.DateTimeField(null=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        verbose_name_plural = "deliveries"
        indexes: ClassVar = [
            models.Index(fields=["connection", "-created_at"]),
            models.Index(fields=["due_at"], condition=models.Q(status="queued"), name="delivery_due"),
            models.Index(fields=["lane", "position"], condition=models.Q(status="queued"), name="delivery_lane"),
            models.Index(
                fields=["connection", "address"],
                condition=models.Q(awaits_window=True),
                name="delivery_awaits_window",
            ),
            models.Index(
                fields=["workspace"],
                condition=models.Q(status__in=["failed", "unknown"], dismissed_at=None),
                name="delivery_dead",
            ),
            models.Index(
                fields=["connection", "address"],
                condition=models.Q(let_go_at__isnull=False),
                name="delivery_let_go",
            ),
            models.Index(
                fields=["connection", "provider_id"], condition=~models.Q(provider_id=""), name="delivery_by_id"
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(claim__isnull=True, leased_until__isnull=True)
                | models.Q(claim__isnull=False, leased_until__isnull=False, status="queued"),
                name="only_what_is_queued_is_claimed",
            ),
        ]

    def __str__(self) -> str:
        # Not to whom: the audit log keeps this, and keeps it for ever.
        return f"{self.what} {str(self.id)[:8]}"

    @property
    def standing(self) -> DeliveryStatus:
        """Its status for others than the queue: what waits in it for something else is `parked`."""
        return DeliveryStatus.PARKED if self.is_parked else DeliveryStatus(self.status)

    @property
    def called(self) -> str:
        """That in words."""
        return "Parked" if self.is_parked else str(DeliveryStatus(self.status).label)


class AttemptOutcome(models.TextChoices):
    """How an attempt ended; `running` is one whose end nobody has written."""

    RUNNING = "running", "Under way"
    ACCEPTED = "accepted", "Taken"
    FOUND = "found", "Found at the provider"
    RETRY = "retry", "To be tried again"
    FAILED = "failed", "Failed"
    UNKNOWN = "unknown", "Unknown"
    CUT = "cut", "Cut off"


class DeliveryAttempt(TenantModel):
    """One try: when, how long, what the provider said."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="tried")
    number = models.PositiveSmallIntegerField()
    claim = models.UUIDField()
    outcome = models.CharField(max_length=10, choices=AttemptOutcome, default=AttemptOutcome.RUNNING)
    http_status = models.PositiveSmallIntegerField(null=True)
    code = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    # The beginning of the provider's answer, without what looks like a credential.
    answer = models.CharField(max_length=2000, blank=True)
    milliseconds = models.PositiveIntegerField(null=True)
    started_at = models.DateTimeField()

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["delivery", "number"], name="one_attempt_per_number"),
        ]

    def __str__(self) -> str:
        return f"attempt {self.number}"
