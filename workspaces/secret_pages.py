"""Pages of the workspace's secrets: listed, written, replaced, deleted. No page ever carries a value.

Each address of a form answers GET with that form, so that a reload never ends at an address that shows nothing.
"""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from convoship.lib.problems import Problem
from workspaces import refusals, secret_hosts, secret_store
from workspaces.access import WorkspaceRequest, workspace_page
from workspaces.forms import NewSecretForm, SecretValueForm
from workspaces.models import Secret

_ASKED_OR_SENT = require_http_methods(["GET", "HEAD", "POST"])
_HIDE_VALUE = sensitive_post_parameters("value")


@require_safe
@workspace_page("secrets.read")
def secrets(request: WorkspaceRequest) -> HttpResponse:
    """The workspace's secrets with what uses each, and keys that something uses and nobody has written."""
    uses, hosts = secret_store.uses(), secret_hosts.granted()
    rows = list(Secret.objects.order_by("key"))
    missing = sorted(uses.keys() - {row.key for row in rows})
    context = {
        "rows": [
            {
                "secret": row,
                "uses": uses.get(row.key, []),
                "hosts": hosts.get(row.key, []),
                "is_readable": secret_store.is_readable(row),
            }
            for row in rows
        ],
        "missing": [{"key": key, "uses": uses[key]} for key in missing],
        "may_write": request.actor.may("secrets.write"),
    }
    return render(request, "workspaces/secrets.html", context)


@_HIDE_VALUE
@_ASKED_OR_SENT
@workspace_page("secrets.write")
def secret_new(request: WorkspaceRequest) -> HttpResponse:
    """Write a secret under a key that has none. `?key=` fills the key in, for what is missing."""
    if request.method != "POST":
        form = NewSecretForm(initial={"key": request.GET.get("key", "")[:64]})
        return render(request, "workspaces/secret_new.html", {"form": form})
    form = NewSecretForm(request.POST)
    form.full_clean()
    try:
        with transaction.atomic():
            secret = secret_store.make(request.actor, form.key_sent, form.value_sent)
    except Problem as problem:
        form.refuse(problem)
        return render(request, "workspaces/secret_new.html", {"form": form}, status=422)
    messages.success(request, f"{secret.key} is written. Its value is never shown again.")
    return redirect("secrets")


@_HIDE_VALUE
@_ASKED_OR_SENT
@workspace_page("secrets.write")
def secret_replace(request: WorkspaceRequest, key: str) -> HttpResponse:
    """Write another value in place of a secret's; what uses it takes the new one at once."""
    secret = _found(key)
    uses = secret_store.uses().get(secret.key, [])
    context = {"secret": secret, "uses": uses, "is_readable": secret_store.is_readable(secret)}
    if request.method != "POST":
        return render(request, "workspaces/secret_replace.html", {"form": SecretValueForm(), **context})
    form = SecretValueForm(request.POST)
    form.full_clean()
    try:
        with transaction.atomic():
            secret_store.write(request.actor, secret.key, form.value_sent)
    except Problem as problem:
        form.refuse(problem)
        return render(request, "workspaces/secret_replace.html", {"form": form, **context}, status=422)
    messages.success(request, f"{secret.key} is replaced. {_taken_by(len(uses))}")
    return redirect("secrets")


def _taken_by(count: int) -> str:
    if not count:
        return "Nothing uses it yet."
    return f"{'What uses it takes' if count == 1 else f'All {count} that use it take'} the new value from now on."


@_ASKED_OR_SENT
@workspace_page("secrets.write")
def secret_delete(request: WorkspaceRequest, key: str) -> HttpResponse:
    """Ask, naming what would break, then delete the secret."""
    secret = _found(key)
    if request.method == "POST":
        with refusals.said_as_message(request):
            secret_store.delete(request.actor, secret.key)
            messages.success(request, f"{secret.key} is deleted.")
        return redirect("secrets")
    context = {
        "secret": secret,
        "uses": secret_store.uses().get(secret.key, []),
        "question": f"Delete {secret.key}?",
        "button": "Delete the secret",
        "back": reverse("secrets"),
    }
    return render(request, "workspaces/secret_delete.html", context)


@_ASKED_OR_SENT
@workspace_page("secrets.write")
def secret_withdraw(request: WorkspaceRequest, key: str) -> HttpResponse:
    """Ask, then send the secret to this `host` no more."""
    secret = _found(key)
    host = (request.POST if request.method == "POST" else request.GET).get("host", "")
    granted = next((one for one in secret_hosts.granted().get(secret.key, []) if one.row.host == host), None)
    if granted is None:
        messages.info(request, f"{secret.key} isn't sent there: it may go to the hosts that stand beside it.")
        return redirect("secrets")
    if request.method == "POST":
        with refusals.said_as_message(request):
            secret_hosts.withdraw(request.actor, secret.key, host)
            messages.success(request, f"{secret.key} is not sent to {host} any more.")
        return redirect("secrets")
    context = {
        "secret": secret,
        "granted": granted,
        "uses": secret_store.uses().get(secret.key, []) if granted.is_used else [],
        "question": f"Send {secret.key} to {host} no more?",
        "button": "Withdraw it",
        "back": reverse("secrets"),
    }
    return render(request, "workspaces/secret_withdraw.html", context)


def _found(key: str) -> Secret:
    with refusals.missing_is_404():
        return secret_store.get(key)
