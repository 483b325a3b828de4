"""Assistants: the list, a new one, and deleting one."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from convoship.lib.problems import Problem
from deployments import publishing
from deployments.models import Assistant
from deployments.pages import queries
from deployments.responders.templates import TEMPLATES
from workspaces import refusals
from workspaces.access import WorkspaceRequest, workspace_page


class NewAssistantForm(forms.Form):
    """A name, and what to begin with."""

    name = forms.CharField(max_length=100, error_messages={"required": "Give the assistant a name: visitors see it."})
    template = forms.ChoiceField(choices=[("", "Blank"), *((key, key) for key in TEMPLATES)], required=False)


@require_safe
@workspace_page("assistants.read")
def assistants(request: WorkspaceRequest) -> HttpResponse:
    """Every assistant of the workspace."""
    context = {"assistants": queries.assistants(), "may_write": request.actor.may("assistants.write")}
    return render(request, "deployments/assistants.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page("assistants.write")
def assistant_new(request: WorkspaceRequest) -> HttpResponse:
    """Make an assistant, blank or from a template."""
    form = NewAssistantForm(request.POST or None, initial={"template": next(iter(TEMPLATES))})
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                made = publishing.create_assistant(
                    request.actor, name=form.cleaned_data["name"], template=form.cleaned_data["template"] or None
                )
        except Problem as problem:
            refusals.put_on(form, problem)
        else:
            messages.success(request, f"{made.name} is there as a draft. Visitors meet it once you publish it.")
            return redirect("assistant", made.id)
    context = {"form": form, "templates": TEMPLATES.values(), "chosen": form["template"].value() or ""}
    return render(request, "deployments/assistant_new.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page("assistants.write")
def assistant_delete(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """Ask, naming what goes with it, then delete the assistant."""
    row = get_object_or_404(Assistant.objects.select_related("published"), id=assistant_id)
    if request.method == "POST":
        name = row.name
        with refusals.said_as_message(request):
            publishing.delete_assistant(request.actor, row)
            messages.success(request, f"{name} is deleted.")
        return redirect("assistants")
    context = {
        "assistant": row,
        "deployments": queries.deployments(row),
        "conversation_count": row.conversations.count(),
        "answers_on": publishing.answers_on(row),
        "question": f"Delete {row.name}?",
        "button": "Delete it for good",
        "back": reverse("assistant", args=[row.id]),
    }
    return render(request, "deployments/assistant_delete.html", context)
