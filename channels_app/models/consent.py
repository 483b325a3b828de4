"""Whether somebody may be written to: a ledger per connection and address."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from channels_app.models.connection import Connection
from convoship.lib.tenancy import TenantManager, TenantModel


class ConsentState(models.TextChoices):
    """Where an address stands."""

    GIVEN = "given", "May be written to"
    WITHDRAWN = "withdrawn", "Opted out"


class Consent(TenantModel):
    """How an address stands now; the rows of `ConsentChange` say how it came to be. No row: never said anything."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="consents")
    address = models.CharField(max_length=255)
    state = models.CharField(max_length=10, choices=ConsentState)
    changed_at = models.DateTimeField()

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "address"], name="one_consent_per_address"),
        ]
        indexes: ClassVar = [models.Index(fields=["workspace", "address"], name="consent_by_address")]

    def __str__(self) -> str:
        return f"{self.address}: {self.get_state_display()}"


class ConsentChange(TenantModel):
    """One line of the ledger. `source` says in words where it came from. Never changed."""

    consent = models.ForeignKey(Consent, on_delete=models.CASCADE, related_name="changes")
    state = models.CharField(max_length=10, choices=ConsentState)
    source = models.CharField(max_length=200)
    at = models.DateTimeField()

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [models.Index(fields=["consent", "-at"])]

    def __str__(self) -> str:
        return f"{self.state} ({self.source})"
