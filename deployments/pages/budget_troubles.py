"""Budgets that are spent or nearly so, wherever pages show them: who used it, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from deployments import budget_notices, budget_words, usage
from deployments.budget_notices import Trouble
from deployments.budgets import words_of
from deployments.models import Deployment
from deployments.models.spending import Per
from workspaces.access import WorkspaceRequest

MOST_SHOWN = 5


@dataclass(frozen=True)
class User:
    """A visitor who used much of it; `person_id` is "" for one who is forgotten."""

    name: str
    person_id: str
    taken: str


@dataclass(frozen=True)
class Shown:
    """A budget in trouble as a page has it; an address is "" for who may not go there."""

    it: Trouble
    of_whom: str
    size: str
    taken: str
    where: str  # the origin whose it is
    users: list[User]
    raise_at: str
    block_at: str
    model_at: str

    @property
    def tone(self) -> str:
        """How it is coloured: one visitor who has spent what is theirs keeps nobody else from an answer."""
        return "bad" if self.it.is_spent and self.it.budget.per != Per.VISITOR else "warn"

    @property
    def headline(self) -> str:
        """What is the matter, in a sentence."""
        return budget_words.headline(self.it.budget, is_spent=self.it.is_spent)

    @property
    def may_mend(self) -> bool:
        """Whether there is anything that this member can do."""
        return bool(self.raise_at or self.block_at or self.model_at)


def shown(request: WorkspaceRequest, deployment: Deployment | None = None) -> tuple[list[Shown], int]:
    """What stands above a page, and how many more there are: of everything, or of what holds for a deployment."""
    found = budget_notices.troubles(deployment)
    return [_shown(request, it) for it in found[:MOST_SHOWN]], max(0, len(found) - MOST_SHOWN)


def _shown(request: WorkspaceRequest, it: Trouble) -> Shown:
    budget, may = it.budget, request.actor.may
    users = [User(row.words, row.key if row.words else "", _taken(it, row)) for row in it.users]
    page = reverse("deployment_budgets", args=[budget.deployment_id]) if budget.deployment_id else reverse("usage")
    blocked = next((user.person_id for user in users if user.person_id), "")
    answers = reverse("assistant_answers", args=[budget.deployment.assistant_id]) if budget.deployment else ""
    may_raise = may("deployments.write") if budget.deployment_id else may("workspace.write")
    return Shown(
        it,
        budget_words.of_whom(budget),
        budget_words.size_of(budget),
        f"{words_of(budget.measure, it.count)} of it are taken" if it.count is not None else "",
        it.whose if budget.per == Per.ORIGIN else "",
        users,
        f"{page}#id_{budget.measure}_{budget.per}" if may_raise else "",
        reverse("person", args=[blocked]) if blocked and may("people.write") else "",
        answers if may("assistants.write") else "",
    )


def _taken(it: Trouble, row: usage.Row) -> str:
    return budget_words.used(it.budget.measure, messages=row.messages, tokens=row.tokens, cost=row.cost)
