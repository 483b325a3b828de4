"""`WorkspaceView`: authenticate, check the permission, then run the handler inside `tenant()`, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem, not_found
from convoship.lib.tenancy import tenant
from workspaces.api.callers import identify
from workspaces.api.ids import Name, parsed_id
from workspaces.permissions import scope_for

METHODS = ("get", "post", "put", "patch", "delete")
# For a route that every key and every member may ask.
ANYONE = ""


class WorkspaceView(APIView):
    """A door of the admin API. Each method of a subclass has its permission named; one without is refused at import.

    A Problem (or any error) that leaves the handler rolls back what it did.
    """

    authentication_classes = ()
    permission_classes = ()
    metadata_class = None
    format_kwarg = None
    http_method_names = [*METHODS, "head"]

    permissions: ClassVar[Mapping[str, str]] = {}

    actor: Actor
    workspace_id: UUID

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        lacking = [name for name in METHODS if hasattr(cls, name) and name.upper() not in cls.permissions]
        if lacking:
            raise TypeError(f"{cls.__name__} names no permission for: {', '.join(lacking)}")

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """DRF's own order, with our two walls between reading the head and running the handler."""
        self.args, self.kwargs = args, kwargs
        self.request: Request = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        try:
            self.initial(self.request, *args, **kwargs)
            response = self.run(self.request, **kwargs)
        except Exception as error:  # noqa: BLE001 (each becomes a problem document; unknown ones are logged)
            response = self.handle_exception(error)
        self.response = self.finalize_response(self.request, response, *args, **kwargs)
        return self.response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Content negotiation only; who calls is `run`'s to find out, once the method is known."""
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(request)

    def run(self, request: Request, **kwargs: str) -> Response:
        """Call the method's handler as the caller, in the caller's workspace."""
        handler = self.handler(request)
        self.admit(request)
        ids = ids_of(kwargs)
        self.before(request, **ids)
        with tenant(self.workspace_id):
            response: Response = handler(request, **ids)
            return response

    def before(self, request: Request, **ids: Any) -> None:
        """What takes its time, and is done before the transaction for that. It changes nothing."""

    def handler(self, request: Request) -> Any:
        """The method's handler, or 405."""
        name = (request.method or "").lower()
        found = getattr(self, name, None) if name in self.http_method_names else None
        return found or self.http_method_not_allowed(request)

    def admit(self, request: Request) -> None:
        """Set `workspace_id` and `actor`; 401 or 403 for who may not."""
        self.workspace_id, self.actor = identify(request._request)
        method = "GET" if request.method == "HEAD" else str(request.method)
        permission = self.permissions[method]
        if permission != ANYONE and not self.actor.may(permission):
            raise refusal(self.actor, permission)

    @property
    def allowed_methods(self) -> list[str]:
        """For the `Allow` header: those that have a handler."""
        return [name.upper() for name in self.http_method_names if hasattr(self, name)]

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Nothing of a workspace belongs in a cache."""
        return {"Allow": ", ".join(self.allowed_methods), "Cache-Control": "no-store", "Vary": "Authorization, Cookie"}


def refusal(actor: Actor, permission: str) -> Problem:
    """403 that names what is missing."""
    scope = scope_for(permission)
    if actor.kind == "api_key":
        return Problem(
            "scope_missing",
            f"This API key lacks the scope {scope}.",
            hint=f"Make a key with {scope}.",
            extra={"scope": scope},
        )
    return Problem(
        "scope_missing",
        f"Your role in this workspace does not include {scope}.",
        hint="Ask an owner or admin of the workspace for another role.",
        extra={"scope": scope},
    )


def ids_of(kwargs: Mapping[str, str | int]) -> dict[str, UUID | int | Name]:
    """The ids, numbers and names of the address; what isn't an id can't exist, so it is the same 404."""
    ids: dict[str, UUID | int | Name] = {}
    for name, value in kwargs.items():
        parsed = value if isinstance(value, int | Name) else parsed_id(value)
        if parsed is None:
            raise not_found()
        ids[name] = parsed
    return ids
