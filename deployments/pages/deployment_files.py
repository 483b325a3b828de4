"""The pages of files, a deployment's and channels': how much room they take, their scanner, and deleting old ones."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.views.decorators.http import require_safe

from deployments import file_clearing, scanning
from deployments.file_clearing import LONGEST_DAYS
from deployments.models import Deployment
from deployments.pages import queries
from workspaces.access import WorkspaceRequest, form_of, workspace_page

# As many of those that were refused as the page shows.
MOST_INFECTED = 20

_DAYS = f"A whole number of days from 1 to {LONGEST_DAYS:,}."


class ClearForm(forms.Form):
    """Which files are to be deleted, and that it is meant."""

    days = forms.RegexField(
        r"^[0-9]{1,4}$",
        initial="90",
        error_messages={"required": _DAYS, "invalid": _DAYS},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    sure = forms.BooleanField(error_messages={"required": "Tick this if you want them deleted."})

    def clean_days(self) -> int:
        """The number of days."""
        days = int(self.cleaned_data["days"])
        if not 1 <= days <= LONGEST_DAYS:
            raise forms.ValidationError(_DAYS)
        return days


@require_safe
@workspace_page("deployments.read")
def deployment_files(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """How much room files take."""
    return _page(request, queries.deployment(deployment_id), ClearForm())


@form_of("deployment_files")
@workspace_page("deployments.write")
def deployment_files_delete(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Delete old files for good; their messages stay."""
    row, form = queries.deployment(deployment_id), ClearForm(request.POST)
    if not form.is_valid():
        return _page(request, row, form)
    _clear(request, row, form)
    return redirect("deployment_files", row.id)


@require_safe
@workspace_page("deployments.read")
def channel_files(request: WorkspaceRequest) -> HttpResponse:
    """How much room the files take that belong to no deployment."""
    return _of_channels(request, ClearForm())


@form_of("channel_files")
@workspace_page("deployments.write")
def channel_files_delete(request: WorkspaceRequest) -> HttpResponse:
    """Delete old ones of those for good; their messages stay."""
    form = ClearForm(request.POST)
    if not form.is_valid():
        return _of_channels(request, form)
    _clear(request, None, form)
    return redirect("channel_files")


def _of_channels(request: WorkspaceRequest, form: ClearForm) -> HttpResponse:
    context = {
        "room": file_clearing.room(None),
        "form": form,
        "may_write": request.actor.may("deployments.write"),
    }
    return render(request, "deployments/channel_files.html", context, status=422 if form.is_bound else 200)


def _clear(request: WorkspaceRequest, row: Deployment | None, form: ClearForm) -> None:
    """Delete them, and say how many it were."""
    cleared = file_clearing.clear(request.actor, row, form.cleaned_data["days"])
    if not cleared.files:
        messages.info(request, "No file that came with a message is as old as that.")
    else:
        number = "1 file was" if cleared.files == 1 else f"{cleared.files:,} files were"
        more = f" {cleared.left:,} more are as old: press the button again for them." if cleared.left else ""
        messages.success(request, f"{number} deleted, {filesizeformat(cleared.bytes)}.{more}")


def _page(request: WorkspaceRequest, row: Deployment, form: ClearForm) -> HttpResponse:
    context: dict[str, Any] = {
        "deployment": row,
        "assistant": row.assistant,
        "room": file_clearing.room(row),
        "scans": scanning.is_on(),
        "infected": scanning.refused(MOST_INFECTED),
        "form": form,
        "may_write": request.actor.may("deployments.write"),
    }
    return render(request, "deployments/files.html", context, status=422 if form.is_bound else 200)
