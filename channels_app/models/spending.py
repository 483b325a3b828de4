"""What was let go in a time, counted: what sending costs is bounded by these rows."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from channels_app.models.connection import Connection
from convoship.lib.tenancy import TenantManager, TenantModel


class SpendingKind(models.TextChoices):
    """What a row counts."""

    UNITS = "units", "Units of a day"
    UNASKED = "unasked", "To one number in an hour, unasked"
    CONFIRMED = "confirmed", "Answers to STOP and START to one number in an hour"
    COLD = "cold", "To one range of numbers in an hour"
    RUNG = "rung", "Calls to members' telephones in an hour"


class SpendingCount(TenantModel):
    """A count from `since` on, for a day or an hour. Raised by one conditional statement, never past its bound.

    Without a connection it is the workspace's: what goes to one number, over whichever of its connections.
    """

    connection = models.ForeignKey(Connection, null=True, on_delete=models.CASCADE, related_name="spending")
    what = models.CharField(max_length=10, choices=SpendingKind)
    # The number, or what numbers of a range begin with; nothing for a day's units.
    whose = models.CharField(max_length=255, blank=True)
    since = models.DateTimeField()
    count = models.PositiveIntegerField()

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "what", "whose", "since"], name="one_count_per_time"),
            models.UniqueConstraint(
                fields=["workspace", "what", "whose", "since"],
                condition=models.Q(connection=None),
                name="one_count_of_all_per_time",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["connection", "since"], name="spending_by_age")]

    def __str__(self) -> str:
        return f"{self.get_what_display()} {self.whose}: {self.count}"
