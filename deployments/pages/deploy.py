"""The Deploy page of an assistant: where it is embedded, and how each of its deployments stands."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from deployments import deploying
from deployments.models import Assistant, Deployment
from deployments.pages import deployment_cards, deployment_form, origin_rows, overlaps, overview, queries, tokens
from deployments.pages.deployment_form import DeploymentForm
from workspaces import once, refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page


@require_safe
@workspace_page("deployments.read")
def deploy(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """The deployments of an assistant."""
    return _deploy_page(request, queries.assistant(assistant_id), DeploymentForm())


def _deploy_page(request: WorkspaceRequest, assistant: Assistant, form: DeploymentForm) -> HttpResponse:
    rows = queries.standings(assistant)
    live, revoked = ([row for row in rows if (row.revoked_at is None) is is_live] for is_live in (True, False))
    filters, shows_revoked = deployment_cards.filters(request, live), request.GET.get("show") == "revoked"
    page = deployment_cards.page(request, revoked if shows_revoked else [row for row in live if filters.lets(row)])
    context = {
        "assistant": assistant,
        "tab": "deploy",
        "form": form,
        "once": once.mark(),
        "has_live": bool(live),
        "page": page,
        "cards": deployment_cards.cards(list(queries.deployments(assistant).filter(id__in=page.ids))),
        "shows_revoked": shows_revoked,
        "refused": queries.with_refusals(assistant),
        "filters": filters,
        "revoked_count": len(revoked),
        "overlaps": overlaps.OVERLAPS,
        "rotating": overlaps.Typed(),
        "may_write": request.actor.may("deployments.write"),
    }
    return render(request, "deployments/deploy.html", context, status=422 if form.is_bound and form.errors else 200)


@form_of("deploy")
@never_cache
@workspace_page("deployments.write")
def deployment_create(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """Make a deployment and show its token, this once."""
    assistant = queries.assistant(assistant_id)
    if origin_rows.wants_rows(request):
        return _deploy_page(request, assistant, DeploymentForm.typed(origin_rows.with_rows(request.POST)))
    form = DeploymentForm(request.POST)
    if not form.is_valid():
        return _deploy_page(request, assistant, form)
    if once.was_sent(request):
        return tokens.already_made(request, assistant)
    made = deployment_form.create(request, form, assistant)
    return tokens.token_page(request, made) if made else _deploy_page(request, assistant, form)


@require_safe
@workspace_page("deployments.read")
def deployment(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """One deployment: how it stands, its tokens, its snippet."""
    return overview.page(request, queries.deployment(deployment_id))


@form_of("deployment")
@workspace_page("deployments.write")
def deployment_pause(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Let nobody in until it is resumed."""
    row = queries.deployment(deployment_id)
    with refusals.said_as_message(request):
        deploying.pause(request.actor, row)
        words = "is paused. Who has its chat open reads so within a few seconds; nothing that was said is lost."
        messages.success(request, f"{row.name} {words}")
    return _back(request, row)


@form_of("deployment")
@workspace_page("deployments.write")
def deployment_resume(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Let visitors in again."""
    row = queries.deployment(deployment_id)
    with refusals.said_as_message(request):
        deploying.resume(request.actor, row)
        messages.success(request, f"{row.name} goes on: chats that were open continue where they were.")
    return _back(request, row)


def _back(request: WorkspaceRequest, row: Deployment) -> HttpResponse:
    """To the page whose button was pressed."""
    if request.POST.get("from") == "deploy":
        return redirect("deploy", row.assistant_id)
    return redirect("deployment", row.id)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page("deployments.write")
def deployment_revoke(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Ask, then revoke at once."""
    row = queries.deployment(deployment_id)
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
