"""The Deploy page of an assistant: where it is embedded, with which token, and who may use it."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from convoship.lib.problems import Problem
from deployments import deploying, snippets
from deployments.deploying import NewDeployment
from deployments.models import Assistant, Deployment
from deployments.pages import deployment_form, queries
from deployments.pages.deployment_form import DeploymentForm
from workspaces import once, refusals
from workspaces.access import WorkspaceRequest, workspace_page


@require_safe
@workspace_page("deployments.read")
def deploy(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """The deployments of an assistant."""
    return _deploy_page(request, _assistant(assistant_id), DeploymentForm())


def _assistant(assistant_id: UUID) -> Assistant:
    return get_object_or_404(Assistant.objects.select_related("published"), id=assistant_id)


def _deployment(deployment_id: UUID) -> Deployment:
    return get_object_or_404(queries.deployments(), id=deployment_id)


def _deploy_page(request: WorkspaceRequest, assistant: Assistant, form: DeploymentForm) -> HttpResponse:
    rows = list(queries.deployments(assistant))
    context = {
        "assistant": assistant,
        "tab": "deploy",
        "form": form,
        "once": once.mark(),
        "live": [shown(row) for row in rows if row.revoked_at is None],
        "revoked": [shown(row) for row in rows if row.revoked_at is not None],
        "overlaps": deployment_form.OVERLAPS,
        "may_write": request.actor.may("deployments.write"),
    }
    return render(request, "deployments/deploy.html", context, status=422 if form.errors else 200)


def shown(deployment: Deployment) -> dict[str, object]:
    """A deployment with what the page shows of its tokens: the newest, and older ones that still work."""
    tokens = sorted(deployment.tokens.all(), key=lambda token: token.created_at, reverse=True)
    return {
        "deployment": deployment,
        "prefix": tokens[0].prefix if tokens else "",
        "older": [token for token in tokens[1:] if not token.is_expired],
        "snippet": deploying.placeholder_snippet(deployment) if tokens else "",
    }


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@workspace_page("deployments.write")
def deployment_create(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """Make a deployment and show its token, this once."""
    assistant = _assistant(assistant_id)
    if request.method != "POST":
        return redirect("deploy", assistant.id)
    if deployment_form.wants_correction(request):
        return _deploy_page(request, assistant, DeploymentForm(deployment_form.corrected(request.POST)))
    form = DeploymentForm(request.POST)
    if not form.is_valid():
        return _deploy_page(request, assistant, form)
    if once.was_sent(request):
        return already_made(request, assistant)
    made = deployment_form.create(request, form, assistant)
    return token_page(request, made) if made else _deploy_page(request, assistant, form)


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


@require_safe
@workspace_page("deployments.read")
def deployment(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """One deployment: its settings and its snippet."""
    row = _deployment(deployment_id)
    return _deployment_page(request, row, DeploymentForm.of(row))


def _deployment_page(request: WorkspaceRequest, row: Deployment, form: DeploymentForm) -> HttpResponse:
    context = {
        **shown(row),
        "assistant": row.assistant,
        "form": form,
        "once": once.mark(),
        "overlaps": deployment_form.OVERLAPS,
        "may_write": request.actor.may("deployments.write") and row.revoked_at is None,
    }
    return render(request, "deployments/deployment.html", context, status=422 if form.errors else 200)


@require_POST
@workspace_page("deployments.write")
def deployment_change(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Change name, allowed origins, or whether programs may call."""
    row = _deployment(deployment_id)
    if deployment_form.wants_correction(request):
        return _deployment_page(request, row, DeploymentForm(deployment_form.corrected(request.POST)))
    form = DeploymentForm(request.POST)
    if not form.is_valid() or not deployment_form.change(request, form, row):
        return _deployment_page(request, _deployment(deployment_id), form)
    messages.success(request, "Saved. It holds from now on, also for pages that are open.")
    return redirect("deployment", deployment_id)


@require_POST
@never_cache
@workspace_page("deployments.write")
def deployment_rotate(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Make a new token and show it, this once; the old one goes on for as long as was chosen."""
    row = _deployment(deployment_id)
    if once.was_sent(request):
        return already_made(request, row.assistant)
    overlap = request.POST.get("overlap", "")
    try:
        with transaction.atomic():
            # What isn't a number is refused by the act, in its words.
            seconds = int(overlap) if overlap in deployment_form.OVERLAPS else -1
            made = deploying.rotate(request.actor, row, overlap_seconds=seconds)
    except Problem as problem:
        messages.error(request, refusals.words_of(problem))
        return redirect("deploy", row.assistant_id)
    return token_page(request, made, rotated=True)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page("deployments.write")
def deployment_revoke(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Ask, then revoke at once."""
    row = _deployment(deployment_id)
    if request.method == "POST":
        with refusals.said_as_message(request):
            deploying.revoke(request.actor, row)
            messages.success(request, f"{row.name} is revoked. Chats that were open on its pages are closed.")
        return redirect("deploy", row.assistant_id)
    context = {
        "deployment": row,
        "question": f"Revoke {row.name}?",
        "button": "Revoke it now",
        "back": reverse("deploy", args=[row.assistant_id]),
    }
    return render(request, "deployments/revoke.html", context)
