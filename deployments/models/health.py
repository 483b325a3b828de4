"""Whether what answers for an assistant does answer."""

from __future__ import annotations

from django.db import models

from convoship.lib.tenancy import TenantManager, TenantModel
from deployments.models.assistant import Assistant


class ResponderHealth(TenantModel):
    """How a model or a bot has answered lately: `code` is "" where all is well (`responders.base.Code` else)."""

    assistant = models.OneToOneField(Assistant, on_delete=models.CASCADE, related_name="health")
    code = models.CharField(max_length=20, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    remedy = models.CharField(max_length=300, blank=True)
    # Failures in a row; `since` is the first of them, `failed_at` the last.
    count = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        verbose_name_plural = "responder health"

    def __str__(self) -> str:
        return self.code or "well"
