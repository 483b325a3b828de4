"""Budgets, usage and prices of models."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.amounts import NANO
from convoship.lib.problems import invalid
from convoship.lib.times import maybe_moment
from deployments import budget_settings, budgets, model_prices, usage
from deployments.api.admin import schema_budgets as schema
from deployments.api.admin.deployments import deployment_of
from deployments.models import ModelPrice
from deployments.models.spending import Measure
from deployments.usage import DEFAULT_DAYS, MOST_DAYS, Row
from workspaces.api import queries
from workspaces.api.base import WorkspaceView
from workspaces.api.bodies import Body
from workspaces.api.replays import Answer, idempotent

_BUDGETS = Body(schema.NEW_BUDGETS)
_PRICE = Body(schema.NEW_MODEL_PRICE)


def budgets_json(deployment_id: UUID | None) -> dict[str, Any]:
    """The budgets of a deployment, None for the workspace's, and how they stand."""
    return {"budgets": [_budget_json(it) for it in budgets.standings(deployment_id)]}


def _budget_json(it: budgets.Standing) -> dict[str, Any]:
    budget = it.budget
    unit = NANO if budget.measure == Measure.MONEY else 1
    return {
        "measure": budget.measure,
        "per": budget.per,
        "most": budget.most / unit if unit > 1 else budget.most,
        "taken": it.count / unit if unit > 1 else it.count,
        "whose": it.whose,
        "spent": it.is_spent,
        "spent_at": maybe_moment(budget.spent_at),
        "spent_by": budget.spent_by,
    }


def row_json(row: Row) -> dict[str, Any]:
    """One line of the usage."""
    return {
        "key": row.key,
        "messages": row.messages,
        "calls": row.calls,
        "tokens_in": row.tokens_in,
        "tokens_out": row.tokens_out,
        "cost": row.cost / NANO,
        "unpriced": row.unpriced,
    }


def price_json(row: ModelPrice) -> dict[str, Any]:
    """One of the workspace's own prices."""
    return {
        "id": str(row.id),
        "model": row.model,
        "price_in": float(row.price_in),
        "price_out": float(row.price_out),
        "valid_from": row.valid_from.isoformat(),
    }


class DeploymentBudgetsView(WorkspaceView):
    """The budgets of a deployment."""

    permissions = {"GET": "deployments.read", "PUT": "deployments.write"}

    @extend_schema(operation_id="deployment_budgets_read", responses={200: schema.BUDGETS})
    def get(self, request: Request, deployment_id: UUID) -> Response:
        """What answers here may take, and how much of it is taken."""
        queries.only(request)
        return Response(budgets_json(deployment_of(deployment_id).id))

    @extend_schema(
        operation_id="deployment_budgets_change", request=_BUDGETS.documented, responses={200: schema.BUDGETS}
    )
    def put(self, request: Request, deployment_id: UUID) -> Response:
        """Have these budgets and no others; what is taken of those that stay keeps its count."""
        deployment = deployment_of(deployment_id)
        budget_settings.replace(self.actor, deployment, _BUDGETS.read(request)["budgets"])
        return Response(budgets_json(deployment.id))


class BudgetsView(WorkspaceView):
    """The budgets of the whole workspace."""

    permissions = {"GET": "workspace.read", "PUT": "workspace.write"}

    @extend_schema(operation_id="budgets_read", responses={200: schema.BUDGETS})
    def get(self, request: Request) -> Response:
        """What all deployments and channels together may take, and how much of it is taken."""
        queries.only(request)
        return Response(budgets_json(None))

    @extend_schema(operation_id="budgets_change", request=_BUDGETS.documented, responses={200: schema.BUDGETS})
    def put(self, request: Request) -> Response:
        """Have these budgets and no others."""
        budget_settings.replace(self.actor, None, _BUDGETS.read(request)["budgets"])
        return Response(budgets_json(None))


class UsageView(WorkspaceView):
    """What models and bots took."""

    permissions = {"GET": "deployments.read"}

    @extend_schema(
        operation_id="usage_read", responses={200: schema.USAGE}, parameters=[schema.DAYS, schema.OF_DEPLOYMENT]
    )
    def get(self, request: Request) -> Response:
        """By day, and by the visitors, origins and models that took most."""
        queries.only(request, "days", "deployment_id")
        wanted = queries.an_id(request, "deployment_id")
        found = usage.of(deployment_of(wanted).id if wanted else None, _days(request))
        return Response(
            {
                "since": found.since.isoformat(),
                "total": row_json(found.total),
                "days": [row_json(row) for row in found.days],
                "visitors": [row_json(row) for row in found.visitors],
                "origins": [row_json(row) for row in found.origins],
                "models": [row_json(row) for row in found.models],
                "tried": row_json(found.tried),
            }
        )


def _days(request: Request) -> int:
    said = request.query_params.get("days", str(DEFAULT_DAYS))
    if not (said.isascii() and said.isdigit() and len(said) < 4 and 1 <= int(said) <= MOST_DAYS):
        raise invalid({"days": [f"A whole number from 1 to {MOST_DAYS}."]})
    return int(said)


class ModelPricesView(WorkspaceView):
    """What models cost."""

    permissions = {"GET": "workspace.read", "POST": "workspace.write"}

    @extend_schema(operation_id="model_prices_list", responses={200: schema.MODEL_PRICES})
    def get(self, request: Request) -> Response:
        """The workspace's own prices, and the product's with their date."""
        queries.only(request)
        own = [price_json(row) for row in ModelPrice.objects.order_by("model", "-valid_from")]
        ours = [
            {
                "id": None,
                "model": it.model,
                "price_in": float(it.price_in),
                "price_out": float(it.price_out),
                "valid_from": it.valid_from.isoformat(),
            }
            for it in model_prices.defaults()
        ]
        return Response({"prices": own + ours, "source": model_prices.about()})

    @extend_schema(operation_id="model_prices_add", request=_PRICE.documented, responses={201: schema.MODEL_PRICE})
    @idempotent
    def post(self, request: Request) -> Response:
        """Say what a model costs from a day on."""
        return Answer(price_json(budget_settings.add_price(self.actor, **_PRICE.read(request))))


class ModelPriceView(WorkspaceView):
    """One of the workspace's own prices."""

    permissions = {"DELETE": "workspace.write"}

    @extend_schema(operation_id="model_prices_delete", responses={204: None})
    def delete(self, request: Request, price_id: UUID) -> Response:
        """Say it no more; what was spent by it stays."""
        budget_settings.delete_price(self.actor, budget_settings.price(price_id))
        return Response(status=204)
