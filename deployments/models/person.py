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

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(
                fields=["workspace", "visitor_id"], condition=~models.Q(visitor_id=""), name="person_by_visitor"
            )
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "external_id"], name="one_person_per_external_id"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """A name to show: their own, or one made from their id that stays the same."""
        return self.name or self.email or f"Visitor {str(self.id)[:4].upper()}"


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
