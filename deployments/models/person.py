"""Someone a workspace talks with."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from convoship.lib.tenancy import TenantManager, TenantModel


class Person(TenantModel):
    """A person across channels. What a browser says of them is what they typed, not who they are."""

    name = models.CharField(max_length=100, blank=True)
    email = models.EmailField(max_length=254, blank=True)
    # Groups one browser's visits for reports; random, from the widget, and grants nothing.
    visitor_id = models.CharField(max_length=64, blank=True)
    # Who the customer's own server says this is: the `sub` of a `user_token` whose signature was good.
    external_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 (NULLs stay out of the unique index)
    verified_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # Who said the `name` and the `email`: "member" or "token"; left out: they themselves, unproved.
    known_by = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()), blank=True)
    # Values of the workspace's own fields (`PersonField`) by their keys.
    fields = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()), blank=True)
    # Nothing they write is answered, and nothing is sent to them.
    blocked_at = models.DateTimeField(null=True, blank=True)
    blocked_reason = models.CharField(max_length=300, blank=True, default="", db_default="")
    # Another row is this person now (`merging`): this one only leads there.
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="merged")
    # From when they are being erased until they are; `erasing` says who asked and what is gone already, in counts.
    erasing_at = models.DateTimeField(null=True, blank=True)
    erasing = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()), blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(
                fields=["workspace", "visitor_id"], condition=~models.Q(visitor_id=""), name="person_by_visitor"
            ),
            models.Index(fields=["workspace", "-created_at", "-id"], name="person_newest"),
            models.Index(
                fields=["erasing_at"],
                condition=models.Q(erasing_at__isnull=False, erased_at=None),
                name="person_erasing",
            ),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "external_id"], name="one_person_per_external_id"),
        ]

    def __str__(self) -> str:
        # Not their name: the audit log keeps this, and keeps it for ever.
        return f"person {str(self.id)[:8]}"

    @property
    def label(self) -> str:
        """A name to show: their own, or one made from their id that stays the same."""
        return self.label_as("Visitor")

    def label_as(self, what: str) -> str:
        """The same, where who is not known by name is called something else (`Caller`)."""
        return self.name or self.email or f"{what} {str(self.id)[:4].upper()}"

    @property
    def state(self) -> str:
        """`active`, `blocked`, `merged`, `erasing` or `erased`."""
        if self.erased_at is not None:
            return "erased"
        if self.erasing_at is not None:
            return "erasing"
        if self.merged_into_id is not None:
            return "merged"
        return "blocked" if self.blocked_at is not None else "active"


class IdentityKind(models.TextChoices):
    """By what a person is known on a channel."""

    PHONE = "phone", "Phone number"
    WHATSAPP = "whatsapp", "WhatsApp account"
    BRIDGE = "bridge", "Key at a bridge"


class Identity(TenantModel):
    """An address at which a person is known: a phone number in E.164, a WhatsApp account's id (`WaId`), or a bridge's
    key after its connection's id.
    """

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="identities")
    kind = models.CharField(max_length=10, choices=IdentityKind)
    value = models.CharField(max_length=300)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        verbose_name_plural = "identities"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "kind", "value"], name="one_person_per_identity"),
        ]

    def __str__(self) -> str:
        return self.value
