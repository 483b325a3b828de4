"""Pages of accounts and workspaces: signing in by link, one's own account, workspace settings, API keys."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from allauth.account.internal.flows import email_verification
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_safe

from convoship.lib import client_ip
from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from workspaces import accounts, api_keys, members, once, refusals, sign_in_links
from workspaces.access import SESSION_KEY, WorkspaceRequest, chosen_workspace, form_of, workspace_page
from workspaces.forms import ApiKeyForm, NameForm, WorkspaceForm
from workspaces.models import ApiKey, Membership, User, Workspace
from workspaces.permissions import of_scopes

SIGN_IN_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


# --- Signing in, one's own account ----------------------------------------------------------------------------------


@require_GET
@never_cache
def sign_in_link(request: HttpRequest, secret: str) -> HttpResponse:
    """Sign in by a one-time link and open its workspace."""
    if "prefetch" in request.headers.get("Sec-Purpose", ""):
        return HttpResponse(status=503)  # a browser that only looks ahead must not spend the link
    link = sign_in_links.use(secret)
    if link is None:
        return render(request, "workspaces/sign_in_link_over.html", status=410)
    login(request, link.user, backend=SIGN_IN_BACKEND)
    if link.workspace_id:
        request.session[SESSION_KEY] = str(link.workspace_id)
    return redirect("dashboard")


@login_required
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """One's own account."""
    return _account_page(request, NameForm(instance=cast(User, request.user)))


@login_required
@form_of("account_email")
def account_rename(request: HttpRequest) -> HttpResponse:
    """Change one's name."""
    user = cast(User, request.user)
    form = NameForm(request.POST, instance=user)
    if not form.is_valid():
        user.refresh_from_db()
        return _account_page(request, form, status=422)
    accounts.rename_user(user, form.cleaned_data["name"])
    messages.success(request, "Your name is saved.")
    return redirect("account_email")


def _account_page(request: HttpRequest, form: NameForm, status: int = 200) -> HttpResponse:
    address = accounts.own_address(cast(User, request.user))
    return render(request, "workspaces/account.html", {"form": form, "address": address}, status=status)


@login_required
@form_of("account_email")
def account_verify(request: HttpRequest) -> HttpResponse:
    """Send the mail with the verification link again."""
    address = accounts.own_address(cast(User, request.user))
    if address.verified:
        messages.info(request, "Your e-mail address is verified already.")
    elif not email_verification.send_verification_email_to_address(request, address):
        messages.warning(
            request, "A mail was sent only a moment ago. Look in your inbox, or try again in a few minutes."
        )
    return redirect("account_email")


# --- Workspaces -----------------------------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def workspace_new(request: HttpRequest) -> HttpResponse:
    """Make a workspace, and open it."""
    user = cast(User, request.user)
    form = WorkspaceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        workspace = members.create_workspace(user, form.cleaned_data["name"], ip=client_ip.of_request(request))
        request.session[SESSION_KEY] = str(workspace.id)
        return redirect("dashboard")
    context = {"form": form, "is_first": not members.workspaces_of(user)}
    return render(request, "workspaces/new.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def workspace_choose(request: HttpRequest) -> HttpResponse:
    """The workspaces one belongs to; choose the one to work in."""
    user = cast(User, request.user)
    ids = members.workspaces_of(user)
    if request.method == "POST":
        chosen = request.POST.get("workspace", "")
        if chosen in map(str, ids):
            request.session[SESSION_KEY] = chosen
            return redirect("dashboard")
        messages.error(request, "You don't belong to that workspace.")
    workspaces = [_as_seen_by(user, workspace_id) for workspace_id in ids]
    context = {"workspaces": workspaces, "current": chosen_workspace(request, user)}
    return render(request, "workspaces/choose.html", context)


def _as_seen_by(user: User, workspace_id: UUID) -> Membership:
    with tenant(workspace_id):
        return Membership.objects.select_related("workspace").get(user=user)


@require_safe
@workspace_page("workspace.read")
def workspace(request: WorkspaceRequest) -> HttpResponse:
    """The workspace's settings: name, members, API keys."""
    return _workspace_page(request)


def _workspace_page(
    request: WorkspaceRequest,
    name_form: WorkspaceForm | None = None,
    key_form: ApiKeyForm | None = None,
) -> HttpResponse:
    may_read_keys = request.actor.may("api_keys.read")
    context = {
        "name_form": name_form or WorkspaceForm(instance=Workspace.objects.get()),
        "key_form": key_form or ApiKeyForm(auto_id="key_%s"),
        "once": once.mark(),
        "members": Membership.objects.select_related("user").order_by("created_at"),
        "keys": list(ApiKey.objects.select_related("created_by").order_by("-created_at")) if may_read_keys else [],
        "may_read_keys": may_read_keys,
        "may_write_keys": request.actor.may("api_keys.write"),
        "may_write": request.actor.may("workspace.write"),
        "grantable": [scope for scope in ApiKeyForm.base_fields["scopes"].choices if _may_grant(request, scope[0])],  # type: ignore[attr-defined]
    }
    return render(request, "workspaces/workspace.html", context, status=422 if name_form or key_form else 200)


def _may_grant(request: WorkspaceRequest, scope: str) -> bool:
    return of_scopes([scope]) <= request.actor.permissions


@form_of("workspace")
@workspace_page("workspace.write")
def workspace_rename(request: WorkspaceRequest) -> HttpResponse:
    """Give the workspace another name."""
    form = WorkspaceForm(request.POST)
    if not form.is_valid():
        return _workspace_page(request, name_form=form)
    members.rename_workspace(request.actor, request.workspace, form.cleaned_data["name"])
    messages.success(request, "The name is saved.")
    return redirect("workspace")


@form_of("workspace")
@never_cache
@workspace_page("api_keys.write")
def api_key_create(request: WorkspaceRequest) -> HttpResponse:
    """Make an API key and show its token, this once."""
    form = ApiKeyForm(request.POST, auto_id="key_%s")
    if not form.is_valid():
        return _workspace_page(request, key_form=form)
    if once.was_sent(request):
        messages.warning(
            request, "This form has made its key already, and a key is shown only once. Make another if you need it."
        )
        return redirect("workspace")
    try:
        with transaction.atomic():
            made = api_keys.create(
                request.actor,
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                expires_at=form.expires_at,
            )
    except Problem as problem:
        refusals.put_on(form, problem)
        return _workspace_page(request, key_form=form)
    once.spend(request)
    return render(request, "workspaces/api_key_made.html", {"key": made.key, "token": made.token})


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page("api_keys.write")
def api_key_revoke(request: WorkspaceRequest, key_id: UUID) -> HttpResponse:
    """Ask, then revoke the key."""
    key = get_object_or_404(ApiKey.objects, id=key_id)
    if request.method == "POST":
        api_keys.revoke(request.actor, key)
        messages.success(request, f"{key.name} is revoked: it is refused from now on.")
        return redirect("workspace")
    context = {"key": key, "question": f"Revoke {key.name}?", "button": "Revoke the key", "back": reverse("workspace")}
    return render(request, "workspaces/api_key_revoke.html", context)
