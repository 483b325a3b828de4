"""The door of every signed-in page: who is it, which workspace, may they, and then the view inside `tenant()`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, cast
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect

from convoship.lib import client_ip
from convoship.lib.actors import Actor
from convoship.lib.tenancy import tenant
from workspaces.members import actor_of, workspaces_of
from workspaces.models import Membership, User, Workspace

SESSION_KEY = "workspace_id"


class WorkspaceRequest(HttpRequest):
    """A request inside a workspace: what `workspace_page` adds."""

    user: User
    workspace: Workspace
    membership: Membership
    actor: Actor


View = Callable[..., HttpResponse]


def chosen_workspace(request: HttpRequest, user: User) -> UUID | None:
    """The workspace this browser works in: the one it chose if the user still belongs to it, else their first."""
    ids = workspaces_of(user)
    chosen = request.session.get(SESSION_KEY)
    for workspace_id in ids:
        if str(workspace_id) == chosen:
            return workspace_id
    return ids[0] if ids else None


class NoWorkspace(Exception):
    """The user belongs to no workspace."""


@contextmanager
def entered(request: HttpRequest, permission: str) -> Iterator[WorkspaceRequest]:
    """Be in the chosen workspace with this permission, in one transaction; PermissionDenied without it."""
    user = cast(User, request.user)
    workspace_id = chosen_workspace(request, user)
    if workspace_id is None:
        raise NoWorkspace
    with tenant(workspace_id):
        inside = cast(WorkspaceRequest, request)
        inside.membership = Membership.objects.select_related("workspace").get(user=user)
        inside.workspace = inside.membership.workspace
        inside.actor = actor_of(user, inside.membership.role, client_ip.of_request(request))
        if not inside.actor.may(permission):
            raise PermissionDenied(f"Your role ({inside.membership.get_role_display()}) may not do this.")
        yield inside


def workspace_page(permission: str) -> Callable[[View], View]:
    """Run the view signed in, inside the chosen workspace, with this permission; 403 page without it.

    The whole view is one transaction, so it returns a finished response (never a TemplateResponse) and awaits nothing.
    """

    def decorate(view: View) -> View:
        @_signed_in(permission)
        @wraps(view)
        def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            with entered(request, permission) as inside:
                return view(inside, *args, **kwargs)

        return run

    return decorate


def waiting_page(permission: str) -> Callable[[View], View]:
    """As `workspace_page`, for a view that waits for the network: it enters the workspace itself, by `entered`.

    Who may not is turned away before the view begins.
    """

    def decorate(view: View) -> View:
        @_signed_in(permission)
        @wraps(view)
        def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            with entered(request, permission):
                pass
            return view(request, *args, **kwargs)

        return run

    return decorate


def form_of(page: str) -> Callable[[View], View]:
    """For the address that a page's form is sent to: there is nothing to see at it, so who asks is led to that page.

    A form that was refused leaves the browser there, and its user reloads it or finds it in the history. `page` takes
    the first of the address's arguments, if it has any.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method in {"GET", "HEAD"}:
                return redirect(page, **dict([*kwargs.items()][:1]))
            if request.method != "POST":
                return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
            return view(request, *args, **kwargs)

        return run

    return decorate


def _signed_in(permission: str) -> Callable[[View], View]:
    """What every signed-in page has around it; its permission can be read off it."""

    def decorate(view: View) -> View:
        @login_required
        @wraps(view)
        def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                return view(request, *args, **kwargs)
            except NoWorkspace:
                return redirect("workspace_new")

        run.permission = permission  # type: ignore[attr-defined]
        return run

    return decorate
