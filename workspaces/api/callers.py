"""Who calls the admin API: an API key, or a signed-in member whose browser sent a CSRF token."""

from __future__ import annotations

import re
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.datastructures import MultiValueDict

from convoship.lib import client_ip
from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, not_found
from convoship.lib.tenancy import tenant
from workspaces import api_keys
from workspaces.access import chosen_workspace
from workspaces.api.ids import parsed_id
from workspaces.members import actor_of, workspaces_of
from workspaces.models import Membership, User

_BEARER = re.compile(r"Bearer +(\S{1,200})", re.IGNORECASE)


def identify(request: HttpRequest) -> tuple[UUID, Actor]:
    """The workspace that the request is about and who acts in it; 401, 403 or 404 otherwise."""
    header = request.headers.get("Authorization", "").strip()
    if header:
        return api_keys.authenticate(_bearer(header), client_ip.of_request(request))
    if request.user.is_authenticated:
        return _member(request, request.user)
    raise Problem(
        "token_missing",
        "This call needs an API key.",
        hint="Send Authorization: Bearer csk_... Keys are made under Workspace, API keys.",
    )


def _bearer(header: str) -> str:
    match = _BEARER.fullmatch(header)
    if match is None:
        raise Problem(
            "token_malformed", "The Authorization header is not of the form: Bearer csk_...", hint="Send it like that."
        )
    return match[1]


def _member(request: HttpRequest, user: User) -> tuple[UUID, Actor]:
    _check_csrf(request)
    workspace_id = _wanted_workspace(request, user)
    with tenant(workspace_id):
        membership = Membership.objects.filter(user=user).first()
    if membership is None:
        raise not_found()
    return workspace_id, actor_of(user, membership.role, client_ip.of_request(request))


def _wanted_workspace(request: HttpRequest, user: User) -> UUID:
    """The one that `X-Workspace-Id` names, else the one this browser works in. Another's is as if it did not exist."""
    named = request.headers.get("X-Workspace-Id")
    if named is not None:
        workspace_id = parsed_id(named)
        if workspace_id is None or workspace_id not in workspaces_of(user):
            raise not_found()
        return workspace_id
    chosen = chosen_workspace(request, user)
    if chosen is None:
        raise Problem("scope_missing", "You belong to no workspace yet.", hint="Make one in Convoship first.")
    return chosen


class _Csrf(CsrfViewMiddleware):
    """Django's own check, which answers with the reason instead of a page."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        raise Problem(
            "csrf_failed",
            f"{reason.removesuffix('.')}.",
            hint="A signed-in browser sends its CSRF token as X-CSRFToken; a program uses an API key instead.",
        )


def _not_exempt(request: HttpRequest) -> HttpResponse:
    raise NotImplementedError("a stand-in for the view, which is exempt from the middleware")


def _check_csrf(request: HttpRequest) -> None:
    # The views are exempt from the middleware, because a call with an API key carries no cookie to be abused.
    if request.content_type == "multipart/form-data":
        # The check would read the whole form for a token in it. Here it is in the header, and the form is the view's.
        request._post, request._files = QueryDict(), MultiValueDict()  # type: ignore[attr-defined]
    check = _Csrf(lambda _: HttpResponse())
    check.process_request(request)
    check.process_view(request, _not_exempt, (), {})
