"""The inbox's filters kept under a name: saved, renamed, shared, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from convoship.lib.problems import Problem
from deployments import saved_views
from deployments.models import SavedView
from deployments.pages.inbox_filters import Wanted
from workspaces import refusals
from workspaces.access import WorkspaceRequest, workspace_page

_ASKED_OR_SENT = require_http_methods(["GET", "HEAD", "POST"])


class ViewForm(forms.Form):
    """A view's name, and whether the workspace sees it."""

    name = forms.CharField(
        max_length=SavedView.LONGEST_NAME,
        error_messages={"required": "Give the view a name."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    is_shared = forms.BooleanField(required=False, label="Share it with everybody in the workspace")


@_ASKED_OR_SENT
@workspace_page("conversations.read")
def saved_view_new(request: WorkspaceRequest) -> HttpResponse:
    """Keep the filters that stand in the address."""
    wanted = Wanted.read(request.GET).but()
    form = ViewForm(request.POST) if request.method == "POST" else ViewForm()
    if request.method == "POST" and form.is_valid():
        with _put_on(form):
            view = saved_views.make(request.actor, request.user, filters=wanted.filters, **form.cleaned_data)
        if not form.errors:
            messages.success(request, f"Saved as {view.name}.")
            return redirect(reverse("conversations") + wanted.query)
    return _page(request, form, wanted, "Save this view")


@_ASKED_OR_SENT
@workspace_page("conversations.read")
def saved_view(request: WorkspaceRequest, view_id: UUID) -> HttpResponse:
    """Rename it, share it or stop sharing it."""
    view = _seen(request, view_id)
    if not saved_views.may_change(request.actor, request.user, view):
        return _theirs(request, view)
    kept = {"name": view.name, "is_shared": view.is_shared}
    form = ViewForm(request.POST) if request.method == "POST" else ViewForm(initial=kept)
    wanted = Wanted.read(view.filters)
    if request.method == "POST" and form.is_valid():
        with _put_on(form):
            saved_views.change(request.actor, request.user, view, **form.cleaned_data)
        if not form.errors:
            messages.success(request, f"The view {view.name} is saved.")
            return redirect(reverse("conversations") + wanted.query)
    return _page(request, form, wanted, f"View {kept['name']}", view=view)


@_ASKED_OR_SENT
@workspace_page("conversations.read")
def saved_view_delete(request: WorkspaceRequest, view_id: UUID) -> HttpResponse:
    """Ask, then delete it."""
    view = _seen(request, view_id)
    if not saved_views.may_change(request.actor, request.user, view):
        return _theirs(request, view)
    if request.method == "POST":
        saved_views.delete(request.actor, request.user, view)
        messages.success(request, f"The view {view.name} is deleted.")
        return redirect("conversations")
    context = {
        "view": view,
        "question": f"Delete the view {view.name}?",
        "button": "Delete the view",
        "back": reverse("saved_view", args=[view.id]),
    }
    return render(request, "deployments/saved_view_delete.html", context)


def _seen(request: WorkspaceRequest, view_id: UUID) -> SavedView:
    with refusals.missing_is_404():
        return saved_views.get(request.user, view_id)


def _theirs(request: WorkspaceRequest, view: SavedView) -> HttpResponse:
    """Somebody else's: it can be looked at, and that is all."""
    messages.error(request, f"Only who made the view {view.name}, or an admin, can change it.")
    return redirect(reverse("conversations") + Wanted.read(view.filters).query)


def _page(
    request: WorkspaceRequest, form: ViewForm, wanted: Wanted, title: str, view: SavedView | None = None
) -> HttpResponse:
    context = {"form": form, "wanted": wanted, "title": title, "view": view}
    return render(request, "deployments/saved_view.html", context, status=422 if form.errors else 200)


@contextmanager
def _put_on(form: ViewForm) -> Iterator[None]:
    """Run an act; what it refuses stands on the form's fields, and nothing of it is kept."""
    try:
        with transaction.atomic():
            yield
    except Problem as problem:
        refusals.put_on(form, problem)
