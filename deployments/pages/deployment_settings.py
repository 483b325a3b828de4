"""The Settings tab of a deployment: name, environment, end, limits, languages, hours."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from deployments import file_settings
from deployments.models import Deployment
from deployments.pages import deployment_form, queries
from deployments.pages.settings_form import SettingsForm
from workspaces.access import WorkspaceRequest, form_of, workspace_page


@require_safe
@workspace_page("deployments.read")
def deployment_settings(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """The settings as they are."""
    row = queries.deployment(deployment_id)
    return _page(request, row, SettingsForm.of(row))


def _page(request: WorkspaceRequest, row: Deployment, form: SettingsForm) -> HttpResponse:
    context = {
        "deployment": row,
        "assistant": row.assistant,
        "form": form,
        "may_write": request.actor.may("deployments.write") and row.revoked_at is None,
    }
    return render(request, "deployments/settings.html", context, status=422 if form.is_bound and form.errors else 200)


@form_of("deployment_settings")
@workspace_page("deployments.write")
def deployment_change(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Change the settings."""
    row = queries.deployment(deployment_id)
    took_files = file_settings.of(row.files).on
    form = SettingsForm(request.POST, **SettingsForm.so_far(row))
    if not form.is_valid() or not deployment_form.change(request, form, form.values, row):
        return _page(request, queries.deployment(deployment_id), form)
    words = "Saved. It holds from now on, also for pages that are open."
    if file_settings.of(form.values["files"]).on != took_files:
        words += " The chat's paper clip comes or goes when a page is loaded again."
    messages.success(request, words)
    return redirect("deployment_settings", row.id)
