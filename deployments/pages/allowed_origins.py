"""The Origins tab of a deployment: who may come in, whether a page would, and who was turned away."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from deployments import deploying, origin_answers, refused_origins
from deployments.models import Deployment, RefusedOrigin
from deployments.pages import deployment_form, origin_rows, queries
from deployments.pages.deployment_form import OriginsForm
from workspaces import refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page


@require_safe
@never_cache
@workspace_page("deployments.read")
def deployment_origins(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """The allowed origins, and those that were refused. `page`: an address to say yes or no to."""
    row = queries.deployment(deployment_id)
    typed = request.GET.get("page", "").strip()[: origin_answers.LONGEST_TYPED]
    answer = origin_answers.would_let_in(row, typed) if typed else None
    if request.headers.get("HX-Request") == "true":
        return render(request, "widget/test_page_answer.html", {"answer": answer})
    return _page(request, row, OriginsForm.of(row), typed=typed, answer=answer)


def _page(request: WorkspaceRequest, row: Deployment, form: OriginsForm, **more: object) -> HttpResponse:
    context = {
        "deployment": row,
        "assistant": row.assistant,
        "form": form,
        "refused": refused_origins.listed(row),
        "may_write": request.actor.may("deployments.write") and row.revoked_at is None,
        **more,
    }
    return render(request, "deployments/origins.html", context, status=422 if form.is_bound and form.errors else 200)


@form_of("deployment_origins")
@workspace_page("deployments.write")
def deployment_origins_save(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Change who may come in; it holds at once, also for chats that are open."""
    row = queries.deployment(deployment_id)
    if origin_rows.wants_rows(request):
        data = origin_rows.with_rows(request.POST)
        return _page(request, row, OriginsForm.typed(data, known=row.allowed_origins))
    form = OriginsForm(request.POST, known=row.allowed_origins)
    if not form.is_valid() or not deployment_form.change(request, form, form.values, row):
        return _page(request, queries.deployment(deployment_id), form)
    messages.success(request, "Saved. It holds from now on, also for pages that are open.")
    return redirect("deployment_origins", row.id)


@form_of("deployment_origins")
@workspace_page("deployments.write")
def refused_origin_allow(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Let in an origin that was refused."""
    row, origin = queries.deployment(deployment_id), request.POST.get("origin", "")
    with refusals.said_as_message(request):
        deploying.allow_origin(request.actor, row, origin)
        messages.success(
            request, f"{origin} is allowed from now on. Its visitors get in when they load the page again."
        )
    return redirect("deployment_origins", row.id)


@form_of("deployment_origins")
@workspace_page("deployments.write")
def refused_origin_forget(request: WorkspaceRequest, deployment_id: UUID, refused_id: UUID) -> HttpResponse:
    """Take one origin out of the list of refused ones."""
    row = queries.deployment(deployment_id)
    refused_origins.forget(request.actor, row, get_object_or_404(RefusedOrigin, id=refused_id, deployment=row))
    messages.success(request, "Forgotten. It is listed again when it knocks again.")
    return redirect("deployment_origins", row.id)


@form_of("deployment_origins")
@workspace_page("deployments.write")
def refused_origins_forget(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Empty the list of refused origins."""
    row = queries.deployment(deployment_id)
    refused_origins.forget_all(request.actor, row)
    messages.success(request, "All are forgotten. Whoever knocks again is listed again.")
    return redirect("deployment_origins", row.id)
