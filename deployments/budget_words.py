"""Budgets in words, as pages and mails have them."""

from __future__ import annotations

from collections.abc import Mapping

from deployments.budgets import words_of
from deployments.models import Budget
from deployments.models.spending import Measure, Per

TITLES: Mapping[str, str] = {
    Per.VISITOR: "Each visitor, a day",
    Per.ORIGIN: "Each origin, a day",
    Per.DAY: "All together, a day",
    Per.WHOLE: "All together, once and for all",
}
UNITS: Mapping[str, str] = {Measure.MESSAGES: "Messages", Measure.TOKENS: "Tokens", Measure.MONEY: "US dollars"}


_FOR: Mapping[str, str] = {
    Per.VISITOR: "a day for each visitor",
    Per.ORIGIN: "a day for each origin",
    Per.DAY: "a day for all together",
    Per.WHOLE: "once and for all",
}


def size_of(budget: Budget) -> str:
    """`20 messages a day for each visitor`."""
    return f"{words_of(budget.measure, budget.most)} {_FOR[budget.per]}"


def of_whom(budget: Budget) -> str:
    """`“Shop”`, or `all deployments and channels`."""
    return f"“{budget.deployment.name}”" if budget.deployment is not None else "all deployments and channels together"


def headline(budget: Budget, *, is_spent: bool) -> str:
    """What is the matter with it, without its size and without a full stop."""
    if not is_spent:
        return f"Most of a budget of {of_whom(budget)} is taken"
    if budget.per == Per.VISITOR:
        return f"A visitor has spent what {of_whom(budget)} allows each"
    return f"A budget of {of_whom(budget)} is spent"


def used(measure: str, *, messages: int, tokens: int, cost: int) -> str:
    """What somebody took, by what a budget counts: `7 messages`."""
    amounts: Mapping[str, int] = {Measure.MESSAGES: messages, Measure.TOKENS: tokens, Measure.MONEY: cost}
    return words_of(measure, amounts[measure])
