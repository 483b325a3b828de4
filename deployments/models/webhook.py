"""What signs the questions to somebody's bot, and where the bot posts an answer that takes it longer."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from convoship.lib.tenancy import TenantManager, TenantModel
from deployments.models.assistant import Assistant
from deployments.models.conversation import Turn


class WebhookSecret(TenantModel):
    """What an assistant's questions are signed with. Kept encrypted, shown once; rotation lets several overlap."""

    assistant = models.ForeignKey(Assistant, on_delete=models.CASCADE, related_name="webhook_secrets")
    sealed = models.BinaryField()  # by `convoship.lib.crypto`
    hint = models.CharField(max_length=4)  # its last four characters
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [models.Index(fields=["assistant", "-created_at"], name="webhook_secret_of_assistant")]

    def __str__(self) -> str:
        return f"...{self.hint}"


class WebhookCallback(TenantModel):
    """An address that takes the answer of one turn, once; without a turn it is a try's."""

    turn = models.ForeignKey(Turn, null=True, on_delete=models.CASCADE, related_name="callbacks")
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    # What was posted, as `responders.webhook_answer` takes it.
    answer = models.JSONField(null=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["workspace", "expires_at"], name="webhook_callback_expiry"),
            models.Index(fields=["expires_at"], name="webhook_callback_due"),
        ]

    def __str__(self) -> str:
        return f"callback of {self.turn_id or 'a try'}"
