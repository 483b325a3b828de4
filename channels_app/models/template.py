"""Message templates at the provider, as it last told us of them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from channels_app.models.connection import Connection
from convoship.lib.tenancy import TenantManager, TenantModel


class Approval(models.TextChoices):
    """What WhatsApp says of a template; only an approved one opens a conversation."""

    UNSUBMITTED = "unsubmitted", "Not submitted"
    RECEIVED = "received", "Submitted"
    PENDING = "pending", "Being looked at"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    PAUSED = "paused", "Paused"
    DISABLED = "disabled", "Disabled"
    UNKNOWN = "unknown", "Unknown"


class Category(models.TextChoices):
    """What a template is for, which decides what it costs (business.whatsapp.com, pricing)."""

    UTILITY = "UTILITY", "Utility"
    MARKETING = "MARKETING", "Marketing"
    AUTHENTICATION = "AUTHENTICATION", "Authentication"


class MessageTemplate(TenantModel):
    """One content of the account's Content API. `variables` are samples by name; `body` has them as {{1}}, {{2}}."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="templates")
    sid = models.CharField(max_length=40)
    name = models.CharField(max_length=512)
    language = models.CharField(max_length=20)
    # `twilio/text`, `twilio/quick-reply`, ...: the first of its types, and what it holds beside the words.
    content_type = models.CharField(max_length=60)
    body = models.TextField(blank=True)
    extras = models.JSONField(default=dict)
    variables = models.JSONField(default=dict)
    category = models.CharField(max_length=20, blank=True)
    approval = models.CharField(max_length=12, choices=Approval, default=Approval.UNSUBMITTED)
    rejection_reason = models.CharField(max_length=500, blank=True)
    # No longer at the provider, as of the last synchronisation.
    is_gone = models.BooleanField(default=False)
    synced_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "sid"], name="one_template_per_sid"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_usable(self) -> bool:
        """Whether it may open a conversation."""
        return self.approval == Approval.APPROVED and not self.is_gone


class TemplateSync(TenantModel):
    """When a connection's templates were last fetched, and what was wrong the last time."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="template_sync")
    synced_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True)
    fault = models.CharField(max_length=300, blank=True)
    fault_remedy = models.CharField(max_length=300, blank=True)

    objects = TenantManager()

    def __str__(self) -> str:
        return f"templates of {self.connection_id}"


class InteractiveContent(TenantModel):
    """Buttons or a list that were put into a content at the provider once: what is the same again goes by its `sid`."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="interactive_contents")
    digest = models.CharField(max_length=64)
    sid = models.CharField(max_length=40)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "digest"], name="one_content_per_digest"),
        ]

    def __str__(self) -> str:
        return self.sid
