"""A workspace whose assistant is a model at a local endpoint, and its budgets."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments.budgets import Who
from deployments.models import Budget, BudgetCount, Spending
from deployments.reaching import WorkspaceReach
from tests import factories
from tests.models.conftest import model  # noqa: F401 (a fixture)
from tests.models.test_at_the_door import office  # noqa: F401 (a fixture)
from tests.runtime.conftest import site  # noqa: F401 (a fixture)
from workspaces.models import Workspace


@dataclass
class Till:
    """What is spent in a workspace, without a model."""

    workspace: Workspace
    deployment_id: uuid.UUID

    def reach(self, **who: Any) -> WorkspaceReach:
        usual: dict[str, Any] = {
            "deployment_id": self.deployment_id,
            "visitor_id": uuid.uuid4(),
            "origin": "https://shop.example",
        }
        who = usual | who
        return WorkspaceReach(self.workspace.id, uuid.uuid4(), Who(**who))

    async def read(self, what: Callable[[], Any]) -> Any:
        def run() -> Any:
            with tenant(self.workspace.id):
                return what()

        return await in_thread(run)

    async def budget(self, measure: str, per: str, most: int, *, of_all: bool = False) -> Budget:
        deployment = None if of_all else self.deployment_id
        made: Budget = await self.read(
            lambda: Budget.objects.create(deployment_id=deployment, measure=measure, per=per, most=most)
        )
        return made

    async def counts(self, budget: Budget) -> list[int]:
        found: list[int] = await self.read(
            lambda: sorted(BudgetCount.objects.filter(budget=budget).values_list("count", flat=True))
        )
        return found

    async def spendings(self) -> list[Spending]:
        found: list[Spending] = await self.read(lambda: list(Spending.objects.order_by("created_at")))
        return found


@pytest.fixture
async def till(transactional_db: None) -> Till:
    def make() -> Till:
        workspace = factories.make_workspace()
        with tenant(workspace.id):
            made = factories.make_deployment(workspace)
        return Till(workspace, made.deployment.id)

    return await in_thread(make)
