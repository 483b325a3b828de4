"""Tenants, the people who work in them, and their keys."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from convoship.lib.tenancy import TenantManager, TenantModel
from workspaces.permissions import Role


class UserManager(BaseUserManager["User"]):
    """Makes users by e-mail address, kept in lower case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A user who can sign in; without a password only by link."""
        if not email:
            raise ValueError("a user needs an e-mail address")
        user = self.model(email=email.lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Staff with every right in Django admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in. Belongs to workspaces by memberships; not tenant data itself."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField("e-mail", max_length=254, unique=True)
    name = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    objects = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(Lower("email"), name="one_user_per_email")]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def display_name(self) -> str:
        """What colleagues see: the name, or the first half of the address."""
        return self.name or self.email.split("@")[0]

    @property
    def public_name(self) -> str:
        """What visitors see of a person who answers: the name, "" without one, never any part of the address."""
        return self.name


class SignInLink(models.Model):
    """A link that signs one user in once; what `make run` prints."""

    digest = models.BinaryField(max_length=32, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    workspace_id = models.UUIDField(null=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"sign-in link of {self.user}"


class WorkspaceManager(models.Manager["Workspace"]):
    """The workspace's own row is behind the wall too."""


class Workspace(models.Model):
    """The tenant. Owns everything below."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)

    TENANT_FIELD = "id"
    objects = TenantManager()

    class Meta:
        base_manager_name = "objects"

    def __str__(self) -> str:
        return self.name


class Membership(TenantModel):
    """A user's place and role in a workspace."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    role = models.CharField(max_length=12, choices=Role)
    created_at = models.DateTimeField(auto_now_add=True)
    # Since when they take no conversations; None while they are on duty.
    away_since = models.DateTimeField(null=True, blank=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "user"], name="one_membership_per_user"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"


class ApiKey(TenantModel):
    """A `csk_` key: digest only, prefix readable, scopes and an optional expiry."""

    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12)
    digest = models.BinaryField(max_length=32, unique=True)
    scopes = ArrayField(models.CharField(max_length=40))
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [models.Index(fields=["workspace", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}...)"

    @property
    def state(self) -> str:
        """`live`, `expired` or `revoked`."""
        if self.revoked_at:
            return "revoked"
        if self.expires_at and self.expires_at <= timezone.now():
            return "expired"
        return "live"


class AuditEvent(TenantModel):
    """One line of the audit log: who did what to what, and when. Never changed, never deleted by the product."""

    actor_kind = models.CharField(max_length=12)
    actor_id = models.UUIDField(null=True)
    actor_label = models.CharField(max_length=254)
    action = models.CharField(max_length=60)
    target_type = models.CharField(max_length=60)
    target_id = models.CharField(max_length=60)
    target_label = models.CharField(max_length=254)
    data = models.JSONField(default=dict)
    ip = models.GenericIPAddressField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [models.Index(fields=["workspace", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.actor_label} {self.action} {self.target_label}"


class IdempotencyKey(TenantModel):
    """What a creating POST with an `Idempotency-Key` answered, so that its replay answers the same resource."""

    key = models.CharField(max_length=255)
    route = models.CharField(max_length=200)
    body_digest = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    answer = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "route", "key"], name="one_answer_per_idempotency_key"),
        ]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"


class Secret(TenantModel):
    """A credential of the workspace's own: written, used by its key, never read back (workspaces/secret_store.py)."""

    key = models.CharField(max_length=64)
    sealed = models.BinaryField()
    # The value's last four characters, where it is long enough that they give nothing away.
    hint = models.CharField(max_length=4, blank=True)
    set_by_label = models.CharField(max_length=254)
    set_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [models.UniqueConstraint(fields=["workspace", "key"], name="one_secret_per_key")]

    def __str__(self) -> str:
        return self.key


class SecretHost(TenantModel):
    """A host that a secret may be sent to, beside those that a provider's kind names (workspaces/secret_hosts.py)."""

    key = models.CharField(max_length=64)
    # scheme://host[:port]
    host = models.CharField(max_length=300)
    granted_by_label = models.CharField(max_length=254)
    granted_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "key", "host"], name="one_grant_per_host"),
        ]

    def __str__(self) -> str:
        return f"{self.key} to {self.host}"
