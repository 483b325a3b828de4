"""A web embed of one assistant, and the tokens that open it."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from convoship.lib.tenancy import TenantManager, TenantModel
from deployments.models.assistant import Assistant
from workspaces.models import ApiKey


class Deployment(TenantModel):
    """Where an assistant may appear. Revoked once and for all by `revoked_at`."""

    assistant = models.ForeignKey(Assistant, on_delete=models.CASCADE, related_name="deployments")
    name = models.CharField(max_length=100)
    allowed_origins = ArrayField(models.CharField(max_length=300), default=list)
    theme = models.JSONField(default=dict, blank=True)
    allow_server_callers = models.BooleanField(default=False)
    # The environment, in the workspace's own words: production, staging, ...
    label = models.CharField(max_length=30, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    # Limits of this deployment that are narrower than the server's (`deployments/deployment_settings.py`).
    limits = models.JSONField(default=dict, blank=True)
    # The languages it speaks, the first one for everybody else; empty: whatever the visitor's browser says.
    languages = ArrayField(models.CharField(max_length=35), default=list, blank=True)
    # When people are there, in words: said to a visitor who asks for one.
    hours_text = models.CharField(max_length=300, blank=True)
    identity_required = models.BooleanField(default=False)
    # Whether visitors may send files, and which (`deployments/file_settings.py`); empty: they may not.
    files = models.JSONField(default=dict, db_default={}, blank=True)
    # When a visitor's file was last refused because the workspace had no room for it; written once a minute at most.
    files_refused_at = models.DateTimeField(null=True, blank=True)
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
    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def status(self) -> str:
        """`live`, `paused`, `expired` or `revoked`."""
        if self.revoked_at:
            return "revoked"
        if self.is_expired:
            return "expired"
        return "paused" if self.paused_at else "live"


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


class TokenUse(TenantModel):
    """How often a token was used from an origin ("" is a program that sends none). Written by `tallies`, in batches."""

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="+")
    token = models.ForeignKey(DeploymentToken, on_delete=models.CASCADE, related_name="uses")
    origin = models.CharField(max_length=300, blank=True)
    loads = models.PositiveBigIntegerField(default=0)  # pages that asked for the config
    sessions = models.PositiveBigIntegerField(default=0)  # conversations begun or resumed
    first_used_at = models.DateTimeField()
    last_used_at = models.DateTimeField()

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["token", "origin"], name="one_use_per_origin")]
        indexes: ClassVar = [models.Index(fields=["deployment", "-last_used_at"])]

    def __str__(self) -> str:
        return self.origin or "a program"


class RefusedOrigin(TenantModel):
    """An origin that was not let in: how often, when last, on which page and by which rule. Written by `tallies`."""

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="refused_origins")
    origin = models.CharField(max_length=300, blank=True)  # as it came, printable; "" where the header was missing
    rule = models.CharField(max_length=40)  # `origins.Refusal.rule`, or `origin_missing`
    page = models.CharField(max_length=2000, blank=True)
    count = models.PositiveBigIntegerField(default=0)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["deployment", "origin"], name="one_refusal_per_origin"),
        ]
        indexes: ClassVar = [models.Index(fields=["deployment", "-last_seen_at"])]

    def __str__(self) -> str:
        return self.origin or "no origin"


class IdentitySecret(TenantModel):
    """What a customer's server signs `user_token`s with. Kept encrypted, shown once; rotation lets two overlap."""

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="identity_secrets")
    sealed = models.BinaryField()  # by `convoship.lib.crypto`
    hint = models.CharField(max_length=4)  # its last four characters
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [models.Index(fields=["deployment", "-created_at"])]

    def __str__(self) -> str:
        return f"...{self.hint}"


class PreviewToken(TenantModel):
    """A `cpt_` token: stands for `cdp_` on our own origin for 15 minutes; its conversations are tests.

    One with a `conversation` continues that one, which is no test, and opens no other.
    """

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="+")
    digest = models.BinaryField(max_length=32, unique=True)
    # Which variant of a running rollout it shows; "" is what stands.
    variant = models.CharField(max_length=1, blank=True)
    # Who made it; for a test link, who made the link. It opens nothing any more once they lose the permission.
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    made_by_key = models.ForeignKey(ApiKey, null=True, on_delete=models.CASCADE, related_name="+")
    permission = models.CharField(max_length=40, default="deployments.read")
    conversation = models.ForeignKey("Conversation", null=True, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [models.Index(fields=["expires_at"])]

    def __str__(self) -> str:
        return f"preview of {self.deployment_id}"


class RolloutOutcome(models.TextChoices):
    """How a staged rollout ended."""

    KEPT = "kept", "Kept for everybody"
    UNDONE = "undone", "Taken back"


class Rollout(TenantModel):
    """A share of a deployment's visitors meets another version of the assistant, another theme, or both.

    Variant `a` is what stands (`base_version`, and the deployment's theme), `b` is what is tried.
    """

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="rollouts")
    base_version = models.ForeignKey("AssistantVersion", on_delete=models.RESTRICT, related_name="+")
    version = models.ForeignKey("AssistantVersion", null=True, on_delete=models.RESTRICT, related_name="+")
    theme = models.JSONField(null=True)
    share = models.PositiveSmallIntegerField()  # percent of visitors who get `b`
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    # What keeping it replaced, which is the way back; null where that was not replaced.
    replaced_version = models.ForeignKey("AssistantVersion", null=True, on_delete=models.RESTRICT, related_name="+")
    replaced_theme = models.JSONField(null=True)
    outcome = models.CharField(max_length=10, choices=RolloutOutcome, blank=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["deployment"], condition=models.Q(ended_at__isnull=True), name="one_rollout_at_a_time"
            ),
            models.CheckConstraint(condition=models.Q(share__gte=1, share__lte=99), name="a_share_of_visitors"),
            models.CheckConstraint(
                condition=models.Q(version__isnull=False) | models.Q(theme__isnull=False),
                name="something_is_tried",
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True, outcome="")
                | (models.Q(ended_at__isnull=False) & ~models.Q(outcome="")),
                name="ended_has_an_outcome",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.share} % of {self.deployment_id}"
