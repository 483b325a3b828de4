"""A new connection: one form for its kind, and the page that shows its own secrets, this once."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from channels_app import accounts, connections
from channels_app.connections import NewConnection
from channels_app.models.connection import SecretKind
from channels_app.pages.connection import addresses, ways_to_try
from channels_app.pages.connection_form import ConnectionForm
from channels_app.providers.registry import PROVIDERS
from convoship.lib.problems import Problem
from workspaces import once
from workspaces.access import WorkspaceRequest, workspace_page


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@workspace_page("connections.write")
def connection_new(request: WorkspaceRequest, kind: str) -> HttpResponse:
    """The form, and what comes of it."""
    provider = PROVIDERS.get(kind)
    if provider is None:
        raise Http404
    if request.method != "POST":
        return _page(request, ConnectionForm(provider))
    if once.was_sent(request):
        messages.info(request, "That connection was made already, and its secrets are shown only once.")
        return redirect("channels")
    form = ConnectionForm(provider, request.POST)
    made = _create(request, form)
    if made is None:
        return _page(request, form)
    once.spend(request)
    return render(request, "channels_app/connection_made.html", made_context(made))


def _create(request: WorkspaceRequest, form: ConnectionForm) -> NewConnection | None:
    made = None
    try:
        with transaction.atomic():
            form.write_secrets(request.actor)
            made = connections.create(request.actor, kind=form.provider.kind, **form.values())
            transaction.set_rollback(form.has_errors)
    except Problem as problem:
        form.put(problem)
    if form.has_errors:
        form.take_back_secrets()
        return None
    return made


def _page(request: WorkspaceRequest, form: ConnectionForm) -> HttpResponse:
    context = {
        "form": form,
        "kind": form.provider,
        "once": once.mark(),
        "may_write_secrets": request.actor.may("secrets.write"),
    }
    return render(request, "channels_app/connection_new.html", context, status=422 if form.has_errors else 200)


def made_context(made: NewConnection) -> dict[str, object]:
    """What the page after it was made shows."""
    return {
        "connection": made.connection,
        "kind": accounts.kind_of(made.connection),
        "secrets": [(which, SecretKind(which).label, value) for which, value in made.secrets.items()],
        "addresses": addresses(made.connection),
        **ways_to_try(made.connection),
        "may_write": True,
    }
