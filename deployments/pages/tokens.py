"""A deployment's tokens on its pages: shown once, rotated, ended."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from convoship.lib.problems import Problem
from deployments import deploying, snippets, token_uses
from deployments.deploying import NewDeployment
from deployments.models import Assistant, DeploymentToken
from deployments.pages import overlaps, overview, queries
from workspaces import once, refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page


def already_made(request: WorkspaceRequest, assistant: Assistant) -> HttpResponse:
    """What a reload of a page with a token leads to: nothing new is made, and the token isn't shown again."""
    messages.info(
        request, "That was done already, and a token is shown only once. If you lost it, press Rotate and copy."
    )
    return redirect("deploy", assistant.id)


def token_page(request: WorkspaceRequest, made: NewDeployment, *, rotated: bool = False) -> HttpResponse:
    """The page that shows a full token, the only time. The form that led here is spent."""
    once.spend(request)
    context = {
        "deployment": made.deployment,
        "assistant": made.deployment.assistant,
        "token": made.token,
        "snippet": made.embed_snippet,
        "variants": snippets.variants(made.deployment.assistant_id, made.token)[1:],
        "rotated": rotated,
    }
    return render(request, "deployments/token.html", context)


@form_of("deployment")
@never_cache
@workspace_page("deployments.write")
def deployment_rotate(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Make a new token and show it, this once; the old one goes on for as long as was chosen."""
    row = queries.deployment(deployment_id)
    if once.was_sent(request):
        return already_made(request, row.assistant)
    try:
        with transaction.atomic():
            made = deploying.rotate(request.actor, row, overlap_seconds=overlaps.seconds_of(request.POST))
    except Problem as problem:
        if "overlap_seconds" in problem.errors:
            return overview.page(request, row, rotating=overlaps.Typed.refused(request.POST))
        messages.error(request, refusals.words_of(problem))
        return redirect("deployment", row.id)
    return token_page(request, made, rotated=True)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page("deployments.write")
def deployment_token_end(request: WorkspaceRequest, deployment_id: UUID, token_id: UUID) -> HttpResponse:
    """End an older token. One that somebody used in the last day is asked about first."""
    row = queries.deployment(deployment_id)
    token = get_object_or_404(DeploymentToken, id=token_id, deployment=row)
    found = next((item for item in token_uses.in_use(row) if item.token.id == token.id), None)
    is_sure = "sure" in request.POST or found is None or not found.was_used_lately
    if request.method == "POST" and is_sure:
        with refusals.said_as_message(request):
            deploying.end_token(request.actor, row, token)
            messages.success(request, f"The token {token.prefix}… is over. Chats that are under way go on.")
        return redirect("deployment", row.id)
    context = {
        "deployment": row,
        "item": found,
        "question": f"End the token {token.prefix}… now?",
        "button": "End it now",
        "back": reverse("deployment", args=[row.id]),
    }
    return render(request, "deployments/token_end.html", context)
