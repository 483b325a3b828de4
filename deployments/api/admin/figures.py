"""A deployment's numbers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.times import maybe_moment, moment
from deployments import figures
from deployments.api.admin import schema_figures as schema
from deployments.api.admin.deployments import deployment_of
from deployments.figures import DEFAULT_PERIOD, PERIODS, Figures, Numbers
from workspaces.api import queries
from workspaces.api.base import WorkspaceView


def figures_json(it: Figures) -> dict[str, Any]:
    """What was counted."""
    return {
        "sessions": it.sessions,
        "messages": it.messages,
        "over": it.settled,
        "alone": it.alone,
        "alone_share": it.alone_share,
        "errors": it.errors,
        "with_errors": it.failed,
        "ended": it.ended,
    }


def numbers_json(found: Numbers) -> dict[str, Any]:
    """The numbers of a period."""
    return {
        "period": found.period.key,
        "step": "hour" if found.period.is_hourly else "day",
        "starts_at": moment(found.starts_at),
        "ends_at": moment(found.ends_at),
        "total": figures_json(found.total),
        "before": figures_json(found.before),
        "over_time": [{"at": moment(step.at), "figures": figures_json(step.figures)} for step in found.steps],
        "origins": [
            {"origin": each.origin, "last_at": moment(each.last_at), "figures": figures_json(each.figures)}
            for each in found.origins
        ],
        "more_origins": found.more_origins,
        "refused": {
            "origins": found.refused.origins,
            "times": found.refused.times,
            "since": maybe_moment(found.refused.since),
        },
    }


class NumbersView(WorkspaceView):
    """How a deployment does."""

    permissions = {"GET": "deployments.read"}

    @extend_schema(operation_id="deployments_numbers", responses={200: schema.NUMBERS}, parameters=[schema.PERIOD])
    def get(self, request: Request, deployment_id: UUID) -> Response:
        """Conversations, messages, answers without a person and errors: now and before, over time and by origin."""
        queries.only(request, "period")
        period = PERIODS[queries.choice(request, "period", PERIODS) or DEFAULT_PERIOD.key]
        return Response(numbers_json(figures.of(deployment_of(deployment_id), period)))
