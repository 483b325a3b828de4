"""The Settings tab of a connection: what the wizard asked for, its own secrets, a pause, the end."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from channels_app import accounts, connections, releasing
from channels_app.models import Connection, ConnectionSecret, ConversationLink, Delivery, InboundEvent
from channels_app.models.connection import SecretKind
from channels_app.pages import queries
from channels_app.pages.connection import head
from channels_app.pages.connection_form import ConnectionForm
from convoship.lib.problems import Problem
from deployments.pages import overlaps
from workspaces import once, refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page


@dataclass(frozen=True)
class OwnSecret:
    """One of the connection's own secrets, with its live values, the newest first."""

    which: str
    label: str
    values: list[ConnectionSecret]


def own_secrets(row: Connection) -> list[OwnSecret]:
    """Those that its kind has."""
    now = timezone.now()
    live = ConnectionSecret.objects.filter(Q(expires_at=None) | Q(expires_at__gt=now), connection=row)
    found = list(live.order_by("-created_at"))
    return [
        OwnSecret(which, SecretKind(which).label, [value for value in found if value.which == which])
        for which in accounts.kind_of(row).own_secrets
    ]


@require_http_methods(["GET", "HEAD"])
@workspace_page("connections.read")
def connection_settings(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """The settings as they are."""
    row = queries.connection(connection_id)
    return _page(request, row, ConnectionForm(accounts.kind_of(row), of=row))


def _page(request: WorkspaceRequest, row: Connection, form: ConnectionForm) -> HttpResponse:
    context = {
        **head(request, row, "settings"),
        "form": form,
        "secrets": own_secrets(row),
        "overlaps": overlaps.OVERLAPS,
        "once": once.mark(),
        "may_write_secrets": request.actor.may("secrets.write"),
    }
    return render(request, "channels_app/connection_settings.html", context, status=422 if form.has_errors else 200)


@form_of("connection_settings")
@workspace_page("connections.write")
def connection_change(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """Change them. What waits for its next try goes out at once, as the change may have mended it."""
    row = queries.connection(connection_id)
    form = ConnectionForm(accounts.kind_of(row), request.POST, of=row)
    has_waiting = releasing.has_waiting(row)
    try:
        with transaction.atomic(), refusals.missing_is_404():
            form.write_secrets(request.actor)
            connections.change(request.actor, connections.held(row.id), form.values())
            transaction.set_rollback(form.has_errors)
    except Problem as problem:
        form.put(problem)
    if form.has_errors:
        form.take_back_secrets()
        return _page(request, queries.connection(connection_id), form)
    messages.success(request, "Saved. What waited for its next try goes out now." if has_waiting else "Saved.")
    return redirect("connection_settings", row.id)


@form_of("connection_settings")
@never_cache
@workspace_page("connections.write")
def connection_rotate(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """Make a new value of one of its own secrets and show it, this once."""
    row = queries.connection(connection_id)
    if once.was_sent(request):
        messages.info(request, "That was done already, and a secret is shown only once. If you lost it, rotate it.")
        return redirect("connection_settings", row.id)
    which, seconds = request.POST.get("which", ""), overlaps.seconds_of(request.POST)
    try:
        with transaction.atomic(), refusals.missing_is_404():
            made = connections.rotate_secret(
                request.actor, connections.held(row.id), which=which, overlap_seconds=seconds
            )
    except Problem as problem:
        said = next(iter(problem.errors.values()), [refusals.words_of(problem)])
        messages.error(request, f"Nothing was rotated. {said[0]}")
        return redirect("connection_settings", row.id)
    once.spend(request)
    context = {
        "connection": row,
        "called": SecretKind(which).label,
        "value": made.value,
        "is_inbound": which == SecretKind.INBOUND,
        "earlier": next(one.values[1:] for one in own_secrets(row) if one.which == which),
    }
    return render(request, "channels_app/connection_secret.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page("connections.write")
def connection_delete(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """Ask, naming what is lost; then delete."""
    row = queries.connection(connection_id)
    if request.method == "POST":
        with refusals.said_as_message(request):
            connections.delete(request.actor, connections.held(row.id))
            messages.success(request, f"{row.name} is deleted. Its conversations are still there.")
        return redirect("channels")
    counts = Delivery.objects.filter(connection=row).aggregate(
        all=Count("id"), waiting=Count("id", filter=queries.DELIVERIES["waiting"])
    )
    context = {
        "connection": row,
        "deliveries": counts["all"],
        "waiting": counts["waiting"],
        "events": InboundEvent.objects.filter(connection=row).count(),
        "open_conversations": ConversationLink.objects.filter(connection=row, conversation__status="active").count(),
        "question": f"Delete {row.name}?",
        "button": "Delete the connection",
        "back": reverse("connection_settings", args=[row.id]),
    }
    return render(request, "channels_app/connection_delete.html", context)
