"""The Overview tab of a deployment, which also shows what was refused of the forms on it."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from deployments import token_uses
from deployments.models import Deployment
from deployments.pages import budget_troubles, deployment_cards, overlaps
from workspaces import once
from workspaces.access import WorkspaceRequest


def page(request: WorkspaceRequest, row: Deployment, *, rotating: overlaps.Typed | None = None) -> HttpResponse:
    """How the deployment stands, its tokens, its snippet. `rotating`: the form that rotates, if it was refused."""
    (card,) = deployment_cards.cards([row])
    troubles, more_troubles = budget_troubles.shown(request, row) if row.revoked_at is None else ([], 0)
    context = {
        "card": card,
        "troubles": troubles,
        "more_troubles": more_troubles,
        "deployment": row,
        "assistant": row.assistant,
        "refused": [row] if getattr(row, "refused_lately", 0) else [],
        "tokens": token_uses.in_use(row),
        "once": once.mark(),
        "overlaps": overlaps.OVERLAPS,
        "rotating": rotating or overlaps.Typed(),
        "may_write": request.actor.may("deployments.write") and row.revoked_at is None,
    }
    return render(request, "deployments/deployment.html", context, status=422 if rotating else 200)
