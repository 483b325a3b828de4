"""The workspace's tags: how often each is used, renamed and deleted."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from convoship.lib.problems import Problem
from deployments import tagging
from deployments.models import Tag
from workspaces import refusals
from workspaces.access import WorkspaceRequest, workspace_page

_ASKED_OR_SENT = require_http_methods(["GET", "HEAD", "POST"])


class TagForm(forms.Form):
    """A tag's name, checked by `tagging`."""

    name = forms.CharField(
        max_length=Tag.LONGEST_NAME,
        error_messages={"required": "Write a word for the tag."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


@require_safe
@workspace_page("conversations.read")
def tags(request: WorkspaceRequest) -> HttpResponse:
    """All of them, by name."""
    context = {
        "tags": Tag.objects.annotate(uses=Count("tagged")).order_by("name", "id"),
        "may_write": request.actor.may("conversations.write"),
    }
    return render(request, "deployments/tags.html", context)


@_ASKED_OR_SENT
@workspace_page("conversations.write")
def tag(request: WorkspaceRequest, tag_id: UUID) -> HttpResponse:
    """Give one another name."""
    row = _found(tag_id)
    before = row.name
    form = TagForm(request.POST) if request.method == "POST" else TagForm(initial={"name": before})
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                tagging.rename(request.actor, row, form.cleaned_data["name"])
        except Problem as problem:
            refusals.put_on(form, problem)
        else:
            messages.success(request, f"The tag is called {row.name}.")
            return redirect("tags")
    context = {"form": form, "name": before}
    return render(request, "deployments/tag.html", context, status=422 if form.errors else 200)


@_ASKED_OR_SENT
@workspace_page("conversations.write")
def tag_delete(request: WorkspaceRequest, tag_id: UUID) -> HttpResponse:
    """Ask, saying how many conversations have it, then delete it."""
    row = _found(tag_id)
    if request.method == "POST":
        tagging.delete(request.actor, row)
        messages.success(request, f"The tag {row.name} is deleted.")
        return redirect("tags")
    context = {
        "uses": row.tagged.count(),
        "question": f"Delete the tag {row.name}?",
        "button": "Delete the tag",
        "back": reverse("tags"),
    }
    return render(request, "deployments/tag_delete.html", context)


def _found(tag_id: UUID) -> Tag:
    with refusals.missing_is_404():
        return tagging.get(tag_id)
