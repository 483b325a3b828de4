"""That the owner of a budget is told of it, once for each of its periods."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from convoship.lib.tenancy import TenantManager, TenantModel
from deployments.models.spending import Budget


class Level(models.TextChoices):
    """How far a budget is taken when its owner is told."""

    NEAR = "near", "Four fifths are taken"
    SPENT = "spent", "Something was refused"


class BudgetNotice(TenantModel):
    """A mail about a budget. While `due_at` is set it is to be sent; `attempts` that failed move it on."""

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="notices")
    level = models.CharField(max_length=10, choices=Level)
    # As that of a BudgetCount: a UTC day; of `whole` the day on which the budget was made.
    day = models.DateField()
    # Whose it was (a visitor's id, an origin; "" for all), and how much was asked for when it was refused.
    whose = models.CharField(max_length=300, blank=True)
    amount = models.BigIntegerField(default=0)
    noted_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    mailed_at = models.DateTimeField(null=True, blank=True)
    # Why no mail left, in words for the owner.
    trouble = models.CharField(max_length=300, blank=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["budget", "level", "day"], name="one_budget_notice"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="budget_notice_due"),
        ]

    def __str__(self) -> str:
        return f"{self.level} on {self.day}"
