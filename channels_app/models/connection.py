"""A workspace's lasting link to a provider, its own secrets, and the conversations that run over it."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from convoship.lib.tenancy import TenantManager, TenantModel
from deployments.models import Assistant, Conversation


class ConnectionState(models.TextChoices):
    """Whether anything goes over a connection."""

    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    DISABLED = "disabled", "Disabled"


class Connection(TenantModel):
    """A link to a provider. `credentials` holds *keys* of workspace secrets by field, never values.

    While paused or disabled nothing is sent and nothing answered, and nothing is lost: what comes in is kept.
    """

    kind = models.CharField(max_length=24)
    name = models.CharField(max_length=100)
    # None: the assistant that answered is deleted, and another has to be chosen.
    assistant = models.ForeignKey(Assistant, null=True, on_delete=models.SET_NULL, related_name="connections")
    config = models.JSONField(default=dict)
    credentials = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=ConnectionState, default=ConnectionState.ACTIVE)
    state_reason = models.CharField(max_length=300, blank=True)
    state_at = models.DateTimeField(auto_now_add=True)
    # Talks with a stand-in of ours instead of the provider; counts nowhere.
    is_rehearsal = models.BooleanField(default=False)

    # What is wrong with the connection itself (a refused credential, say), until something succeeds.
    fault = models.CharField(max_length=300, blank=True)
    fault_remedy = models.CharField(max_length=300, blank=True)
    # What *Test* found last, of the settings as they are: `is_good`, `words` and `remedy` of each thing it looked at.
    tested = models.JSONField(default=list, db_default=models.Value([], models.JSONField()), blank=True)
    tested_at = models.DateTimeField(null=True, blank=True)
    last_inbound_at = models.DateTimeField(null=True, blank=True)
    last_outbound_at = models.DateTimeField(null=True, blank=True)
    # Failures without a success between them, and since when.
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    # Since when nothing can go over it at all (`ProviderError.stops`), until something goes or may be mended.
    stopped_since = models.DateTimeField(null=True, blank=True)
    # Nothing is sent before: the breaker is open, or the sender's rate is used up.
    rests_until = models.DateTimeField(null=True, blank=True)
    # Until then what it may send in a day is used up (`spending`).
    spent_until = models.DateTimeField(null=True, blank=True)

    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [models.Index(fields=["workspace", "created_at"])]

    def __str__(self) -> str:
        return self.name


class SecretKind(models.TextChoices):
    """Which of a connection's own secrets: what signs towards us, and what we sign with."""

    INBOUND = "inbound_secret", "Inbound secret"
    SIGNING = "signing_secret", "Signing secret"


class ConnectionSecret(TenantModel):
    """One value of a connection's own secret; two are live while it is rotated. Shown once, when it is made."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="secrets")
    which = models.CharField(max_length=20, choices=SecretKind)
    sealed = models.BinaryField()
    hint = models.CharField(max_length=4)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    def __str__(self) -> str:
        return f"{self.get_which_display()} …{self.hint}"

    @property
    def is_live(self) -> bool:
        """Whether it still counts."""
        return self.expires_at is None or self.expires_at > timezone.now()


class ConversationLink(TenantModel):
    """Where at the provider a conversation takes place: a phone number, a bridge's key, a call."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="links")
    conversation = models.OneToOneField(Conversation, on_delete=models.CASCADE, related_name="link")
    address = models.CharField(max_length=255)
    # Of a connection's conversations at one address only one goes on.
    is_current = models.BooleanField(default=True)
    # The place of the last thing sent over it; `sequence` of custom webhooks.
    position = models.PositiveBigIntegerField(default=0)
    # Of a call: what was posted up to here has been put into an answer.
    told_seq = models.PositiveIntegerField(default=0)
    # What the other side has been told of the conversation's state.
    told_control = models.CharField(max_length=10, default="assistant")
    told_status = models.CharField(max_length=10, default="active")

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["connection", "address"],
                condition=models.Q(is_current=True),
                name="one_current_conversation_per_address",
            ),
        ]

    def __str__(self) -> str:
        return self.address
