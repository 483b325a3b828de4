"""A web embed of one assistant, and the tokens that open it."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from convoship.lib.tenancy import TenantManager, TenantModel
from deployments.models.assistant import Assistant


class Deployment(TenantModel):
    """Where an assistant may appear. Revoked once and for all by `revoked_at`."""

    assistant = models.ForeignKey(Assistant, on_delete=models.CASCADE, related_name="deployments")
    name = models.CharField(max_length=100)
    allowed_origins = ArrayField(models.CharField(max_length=300), default=list)
    theme = models.JSONField(default=dict, blank=True)
    allow_server_callers = models.BooleanField(default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    # Counts changes of what lets a visitor in (revocation, origins); open sockets check again when it moves.
    access_rev = models.PositiveIntegerField(default=0)
    # Written at most once a minute, from the session start.
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_origin = models.CharField(max_length=300, blank=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [models.Index(fields=["workspace", "assistant", "-created_at"])]

    def __str__(self) -> str:
        return self.name

    @property
    def status(self) -> str:
        """`live` or `revoked`."""
        return "revoked" if self.revoked_at else "live"


class DeploymentToken(TenantModel):
    """One `cdp_` token of a deployment: the newest is the one in the snippet; rotation lets an older one overlap."""

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="tokens")
    prefix = models.CharField(max_length=12)
    digest = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [models.Index(fields=["deployment", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.prefix}..."

    @property
    def is_expired(self) -> bool:
        """Whether rotation has ended this token."""
        return self.expires_at is not None and self.expires_at <= timezone.now()
