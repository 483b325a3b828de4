"""Mails with what people answered to a visitor who had left."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from convoship.lib.tenancy import TenantManager, TenantModel
from deployments.models.conversation import Conversation


class ReplyMailState(models.TextChoices):
    """What became of a mail."""

    QUEUED = "queued", "Waiting to be sent"
    SENT = "sent", "Sent"
    FAILED = "failed", "Not sent"
    BOUNCED = "bounced", "Came back"
    COMPLAINED = "complained", "Reported as unwanted"
    CANCELLED = "cancelled", "Not needed"


class ReplyMail(TenantModel):
    """One mail with the messages of people from `from_seq` to `to_seq` that the visitor had not read.

    It waits until `due_at`, in case the visitor reads them, and is the visitor's way back: its link opens the
    conversation once, until `link_until`.
    """

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="reply_mails")
    address = models.EmailField(max_length=254)
    from_seq = models.PositiveIntegerField()
    to_seq = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=ReplyMailState, default=ReplyMailState.QUEUED)
    # Why it is so, and what to do about it; for the workspace's people.
    reason = models.CharField(max_length=500, blank=True)
    remedy = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField()
    # How often it was begun anew after a server had refused it for good: each of these is another mail to mail servers.
    renewals = models.PositiveSmallIntegerField(default=0, db_default=0)
    # Who sends it now, and until when nobody else does.
    claim = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    # A member had it sent again, whatever became of earlier mails to this address.
    is_again = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    link_until = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)
    # The visitor wants no more mails about this conversation.
    stopped_at = models.DateTimeField(null=True, blank=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["conversation"], condition=models.Q(state="queued"), name="one_reply_mail_waits"
            ),
            models.CheckConstraint(
                condition=models.Q(from_seq__lte=models.F("to_seq")), name="a_reply_mail_has_messages"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=models.Q(state="queued"), name="reply_mail_due"),
            models.Index(fields=["conversation", "created_at"], name="reply_mail_of"),
            models.Index(
                fields=["workspace", "address"],
                condition=models.Q(state__in=["bounced", "complained"]),
                name="reply_mail_unwanted",
            ),
        ]

    def __str__(self) -> str:
        return f"mail to {self.shown_address}"

    @property
    def shown_address(self) -> str:
        """The address as far as it has to be shown: `g…@navy.example`."""
        name, _, host = self.address.rpartition("@")
        return f"{name[:1]}…@{host}"

    @property
    def can_go_again(self) -> bool:
        """Whether sending it once more may help."""
        return self.state in (ReplyMailState.FAILED, ReplyMailState.BOUNCED)
