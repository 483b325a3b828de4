"""Until when somebody may be written to in free words."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from channels_app.models.connection import Connection
from convoship.lib.tenancy import TenantManager, TenantModel


class ServiceWindow(TenantModel):
    """The customer service window of an address: opened by each message of theirs. No row: they never wrote."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="windows")
    address = models.CharField(max_length=255)
    wrote_at = models.DateTimeField()
    closes_at = models.DateTimeField()

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "address"], name="one_window_per_address"),
        ]

    def __str__(self) -> str:
        return f"{self.address} until {self.closes_at:%Y-%m-%d %H:%M}"
