"""Owners are told of a budget, once for each of its periods, and of what does not answer, once for each outage."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from convoship.lib.tenancy import TenantManager, TenantModel
from deployments.models.health import ResponderHealth
from deployments.models.spending import Budget


class Level(models.TextChoices):
    """How far a budget is taken when its owner is told; DOWN is told of what answers, and is no budget's."""

    NEAR = "near", "Four fifths are taken"
    SPENT = "spent", "Something was refused"
    DOWN = "down", "A model or a bot doesn't answer"


class BudgetNotice(TenantModel):
    """A mail about a budget, or about the health of what answers.

    While `due_at` is set it is to be sent; `attempts` that failed move it on.
    """

    budget = models.ForeignKey(Budget, null=True, blank=True, on_delete=models.CASCADE, related_name="notices")
    health = models.ForeignKey(ResponderHealth, null=True, blank=True, on_delete=models.CASCADE, related_name="notices")
    level = models.CharField(max_length=10, choices=Level)
    # As that of a BudgetCount: a UTC day; of `whole` the day on which the budget was made; of health that on which
    # it failed first.
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
            # It goes once an answer comes: the next outage is another.
            models.UniqueConstraint(fields=["health"], name="one_notice_of_an_outage"),
            models.CheckConstraint(
                condition=models.Q(budget__isnull=False, health=None) | models.Q(budget=None, health__isnull=False),
                name="notice_of_one_thing",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=models.Q(due_at__isnull=False), name="budget_notice_due"),
        ]

    def __str__(self) -> str:
        return f"{self.level} on {self.day}"
