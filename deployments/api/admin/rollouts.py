"""Staged rollouts: listed, started, their share changed, kept or taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from convoship.lib.problems import not_found
from convoship.lib.tenancy import tenant
from convoship.lib.times import maybe_moment, moment
from deployments import chance, figures, going_back, rollouts, testing
from deployments.api.admin import schema_figures as schema
from deployments.api.admin.deployments import deployment_of
from deployments.api.admin.figures import figures_json
from deployments.chance import Share
from deployments.figures import OfVariant
from deployments.models import Rollout
from deployments.rollouts import Tried
from workspaces.api import queries
from workspaces.api.base import WorkspaceView, refusal
from workspaces.api.bodies import Body
from workspaces.api.pages import PARAMETERS, Order, page
from workspaces.api.replays import Answer, idempotent
from workspaces.api.schema import PAGE_PARAMETERS

ORDER = Order("started_at")
PUBLISHES = "assistants.write"

_NEW = Body(schema.NEW_ROLLOUT)
_SHARE = Body(schema.NEW_SHARE)


def rollout_json(rollout: Rollout, sides: Mapping[str, OfVariant]) -> dict[str, Any]:
    """A rollout with its numbers."""
    a, b = sides["a"].figures, sides["b"].figures
    alone = chance.judge(Share(a.alone, a.settled), Share(b.alone, b.settled), more_is_better=True)
    failed = chance.judge(Share(a.failed, a.sessions), Share(b.failed, b.sessions), more_is_better=False)
    return {
        "id": str(rollout.id),
        "deployment_id": str(rollout.deployment_id),
        "base_version": rollout.base_version.number,
        "version": rollout.version.number if rollout.version else None,
        "theme": rollout.theme,
        "share": rollout.share,
        "started_at": moment(rollout.started_at),
        "ended_at": maybe_moment(rollout.ended_at),
        "outcome": rollout.outcome or None,
        "replaced_version": rollout.replaced_version.number if rollout.replaced_version else None,
        "replaced_theme": rollout.replaced_theme,
        **{name: {"visitors": side.visitors, "figures": figures_json(side.figures)} for name, side in sides.items()},
        "answered_alone": asdict(alone),
        "with_errors": asdict(failed),
    }


def _shown(rollout: Rollout) -> dict[str, Any]:
    return rollout_json(rollout, figures.of_rollouts([rollout.id])[rollout.id])


class RolloutsView(WorkspaceView):
    """A deployment's rollouts."""

    permissions = {"GET": "deployments.read", "POST": "deployments.write"}

    def before(self, request: Request, **ids: UUID) -> None:
        """A draft's test cases are run before the transaction that freezes it."""
        if request.method != "POST":
            return
        with tenant(self.workspace_id):
            assistant_id = deployment_of(ids["deployment_id"]).assistant_id
        if isinstance(request.data, dict) and request.data.get("draft") is True:
            testing.rehearse(self.workspace_id, assistant_id)

    @extend_schema(operation_id="rollouts_list", responses={200: schema.ROLLOUTS}, parameters=PAGE_PARAMETERS)
    def get(self, request: Request, deployment_id: UUID) -> Response:
        """The rollouts with their numbers, the newest first: where one runs, its `ended_at` is null."""
        deployment = deployment_of(deployment_id)
        queries.only(request, *PARAMETERS)
        rows = Rollout.objects.filter(deployment=deployment).select_related(
            "base_version", "version", "replaced_version"
        )
        answer = page(request, rows, ORDER, lambda row: {"row": row})
        found = [each["row"] for each in answer.data["results"]]
        numbers = figures.of_rollouts(row.id for row in found)
        answer.data["results"] = [rollout_json(row, numbers[row.id]) for row in found]
        return answer

    @extend_schema(operation_id="rollouts_start", request=_NEW.documented, responses={201: schema.ROLLOUT})
    @idempotent
    def post(self, request: Request, deployment_id: UUID) -> Response:
        """Let a share of the visitors meet another version, the draft, a theme, or a theme with one of those.

        409 where one is running on this deployment already; and, with `test_report`, where the draft is tried and fewer
        of its test cases pass than the assistant's threshold says.
        """
        deployment = deployment_of(deployment_id)
        wanted = _NEW.read(request)
        tried = Tried(wanted.get("version"), wanted.get("draft", False), wanted.get("theme"))
        if tried.draft and not self.actor.may(PUBLISHES):
            raise refusal(self.actor, PUBLISHES)
        begun = rollouts.start(
            self.actor,
            deployment,
            tried,
            share=int(wanted["share"]),
            despite_tests=wanted.get("despite_tests", False),
        )
        return Answer(_shown(begun))


class CurrentRolloutView(WorkspaceView):
    """The rollout that runs."""

    permissions = {"PATCH": "deployments.write"}

    @extend_schema(operation_id="rollouts_change", request=_SHARE.documented, responses={200: schema.ROLLOUT})
    def patch(self, request: Request, deployment_id: UUID) -> Response:
        """Change the share. Conversations that run are not touched."""
        deployment = deployment_of(deployment_id)
        share = int(_SHARE.read(request)["share"])
        return Response(_shown(rollouts.change_share(self.actor, deployment, share)))


class KeepView(WorkspaceView):
    """Keeping."""

    permissions = {"POST": "deployments.write"}

    @extend_schema(operation_id="rollouts_keep", request=None, responses={200: schema.ROLLOUT})
    def post(self, request: Request, deployment_id: UUID) -> Response:
        """What is tried becomes what stands: the theme of this deployment, the published version of its assistant.

        So a version reaches the assistant's other deployments too, and takes `assistants:write` as well.
        """
        deployment = deployment_of(deployment_id)
        running = rollouts.running(deployment)
        if running is not None and running.version_id is not None and not self.actor.may(PUBLISHES):
            raise refusal(self.actor, PUBLISHES)
        return Response(_shown(rollouts.keep(self.actor, deployment)))


class UndoView(WorkspaceView):
    """Taking back."""

    permissions = {"POST": "deployments.write"}

    @extend_schema(operation_id="rollouts_undo", request=None, responses={200: schema.ROLLOUT})
    def post(self, request: Request, deployment_id: UUID) -> Response:
        """Who begins a conversation meets what stands again: the published version, with the deployment's theme."""
        return Response(_shown(rollouts.undo(self.actor, deployment_of(deployment_id))))


class BackView(WorkspaceView):
    """Going back on how the last one ended."""

    permissions = {"POST": "deployments.write"}

    @extend_schema(operation_id="rollouts_back", request=None, responses={200: schema.ROLLOUT})
    def post(self, request: Request, deployment_id: UUID, rollout_id: UUID) -> Response:
        """Take back the decision on the rollout that ended last.

        What keeping it replaced stands again; one that was taken back starts again, and the answer is the new one. 409
        where something else was published or painted since, or another one began. Bringing a version back reaches the
        assistant's other deployments, so it takes `assistants:write` as well.
        """
        deployment = deployment_of(deployment_id)
        last = Rollout.objects.filter(deployment=deployment, id=rollout_id).first()
        if last is None:
            raise not_found()
        if last.replaced_version_id is not None and not self.actor.may(PUBLISHES):
            raise refusal(self.actor, PUBLISHES)
        return Response(_shown(going_back.go_back(self.actor, deployment, str(rollout_id))))
