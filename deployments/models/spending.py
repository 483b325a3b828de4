"""What answers of models and bots may cost, what they have cost, and what a model costs."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from convoship.lib.tenancy import TenantManager, TenantModel
from deployments.models.deployment import Deployment


class Measure(models.TextChoices):
    """What a budget counts."""

    MESSAGES = "messages", "Messages"
    TOKENS = "tokens", "Tokens"
    MONEY = "money", "Money"


class Per(models.TextChoices):
    """Whose a budget is. All but `whole` begin anew with each UTC day."""

    VISITOR = "visitor", "each visitor a day"
    ORIGIN = "origin", "each origin a day"
    DAY = "day", "all together a day"
    WHOLE = "whole", "all together, once and for all"


class ModelPrice(TenantModel):
    """What a model costs from a day on: the workspace's own word, which goes before the product's table.

    `model` is a name, or the beginning of names with a `*` after it. Prices are US dollars for a million tokens.
    """

    model = models.CharField(max_length=200)
    price_in = models.DecimalField(max_digits=12, decimal_places=6)
    price_out = models.DecimalField(max_digits=12, decimal_places=6)
    valid_from = models.DateField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "model", "valid_from"], name="one_price_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.model} from {self.valid_from}"


class Budget(TenantModel):
    """How much may be taken: of a deployment, or of the whole workspace where there is none.

    `most` is messages, tokens, or billionths of a US dollar. It counts from when it was made.
    """

    deployment = models.ForeignKey(Deployment, null=True, blank=True, on_delete=models.CASCADE, related_name="budgets")
    measure = models.CharField(max_length=10, choices=Measure)
    per = models.CharField(max_length=10, choices=Per)
    most = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    # When something was last refused because of it, and whose that was (a visitor's id, an origin; "" for all).
    spent_at = models.DateTimeField(null=True, blank=True)
    spent_by = models.CharField(max_length=300, blank=True, default="")

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "deployment", "measure", "per"], name="one_budget_each", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return f"{self.measure} of {self.per}"


class BudgetCount(TenantModel):
    """What is taken of a budget in a day, what is set aside included."""

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="counts")
    # A visitor's id, an origin, or "".
    whose = models.CharField(max_length=300, blank=True)
    # Of `whole`: the day on which the budget was made.
    day = models.DateField()
    count = models.BigIntegerField()

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["budget", "whose", "day"], name="one_budget_count"),
        ]

    def __str__(self) -> str:
        return f"{self.count} on {self.day}"


class Spending(TenantModel):
    """One call of a model or of a bot: what it took, or at most takes while `held_until` is set.

    Whoever called gives back what it did not take; one whose process died does by the end of its lease.
    """

    deployment = models.ForeignKey(Deployment, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    # Plain ids: what was spent stays spent when who spent it is forgotten.
    visitor = models.UUIDField(null=True, blank=True)
    turn = models.UUIDField(null=True, blank=True)
    # The origin of the page, or the channel where there is none; "" for a try.
    origin = models.CharField(max_length=300, blank=True)
    day = models.DateField()
    model = models.CharField(max_length=200, blank=True)
    # 1, or 0 for a further call of the same turn.
    messages = models.PositiveSmallIntegerField(default=1)
    tokens_in = models.BigIntegerField(default=0)
    tokens_out = models.BigIntegerField(default=0)
    # Billionths of a US dollar; None: the model has no price.
    cost = models.BigIntegerField(null=True, blank=True)
    # US dollars for a million tokens, as they were when it was called.
    price_in = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    price_out = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    # What was counted where: [[id of a BudgetCount, measure, amount]].
    counted = models.JSONField(default=list)
    held_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TenantManager()

    class Meta(TenantModel.Meta):
        indexes: ClassVar = [
            models.Index(fields=["workspace", "day"], name="spending_day"),
            models.Index(fields=["turn"], name="spending_turn"),
            models.Index(fields=["visitor"], condition=models.Q(visitor__isnull=False), name="spending_visitor"),
            models.Index(fields=["held_until"], condition=models.Q(held_until__isnull=False), name="spending_held"),
        ]

    def __str__(self) -> str:
        return f"{self.model or 'a bot'} on {self.day}"
