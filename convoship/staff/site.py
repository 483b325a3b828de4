"""The admin site. Each of its views runs inside the workspace that staff have entered; without one, tenants' tables
lead to the page where one is picked."""

from __future__ import annotations

from functools import wraps
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import SimpleTemplateResponse, TemplateResponse
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from workspaces import staff
from workspaces.models import User, Workspace
from workspaces.tenant_admin import TenantAdmin


class StaffSite(admin.AdminSite):
    """Django admin, behind the wall."""

    site_header = "Convoship staff"
    site_title = "Convoship staff"
    index_title = "All tables"
    site_url = "/"

    def get_urls(self) -> list[Any]:
        """Django's own, and the door into a workspace."""
        # Not through our own admin_view: who enters another workspace must be outside of the first.
        outside = super().admin_view
        return [
            path("workspace/", outside(require_http_methods(["GET", "POST"])(self.pick)), name="pick_workspace"),
            path("workspace/leave/", outside(require_POST(self.leave)), name="leave_workspace"),
            *super().get_urls(),
        ]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Staff only, as always; then inside the workspace they are in."""
        inner = super().admin_view(view, cacheable)
        of_tenants = isinstance(getattr(view, "__self__", None), TenantAdmin)

        @wraps(view)
        def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not self.has_permission(request):
                return cast(HttpResponseBase, inner(request, *args, **kwargs))
            workspace_id = staff.entered(request, cast(User, request.user))
            if workspace_id is None:
                return _to_picker(request) if of_tenants else cast(HttpResponseBase, inner(request, *args, **kwargs))
            with tenant(workspace_id):
                workspace = Workspace.objects.filter(id=workspace_id).first()
                if workspace is None:
                    staff.leave(request)
                    return _to_picker(request)
                request.staff_workspace = workspace  # type: ignore[attr-defined]
                response = cast(HttpResponseBase, inner(request, *args, **kwargs))
                # A template asks the database too, so it is drawn in here and not when the view has returned.
                return response.render() if isinstance(response, SimpleTemplateResponse) else response

        return run

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """The page's bar tells where one is."""
        return {**super().each_context(request), "staff_workspace": getattr(request, "staff_workspace", None)}

    def pick(self, request: HttpRequest) -> HttpResponseBase:
        """Find a workspace and enter it."""
        user = cast(User, request.user)
        if not user.has_perm("workspaces.view_workspace"):
            raise PermissionDenied("Entering a workspace needs the permission to view workspaces.")
        onward = _onward(request)
        if request.method == "POST":
            return self._enter(request, user, onward)
        query = request.GET.get("q", "").replace("\x00", "").strip()[:254]
        context = {
            **self.each_context(request),
            "title": "Enter a workspace",
            "query": query,
            "found": staff.find(user, query),
            "onward": onward,
        }
        return TemplateResponse(request, "admin/pick_workspace.html", context)

    def _enter(self, request: HttpRequest, user: User, onward: str) -> HttpResponseBase:
        try:
            staff.enter(request, user, UUID(request.POST.get("workspace", "")))
        except (ValueError, Problem) as error:
            raise Http404("No such workspace.") from error
        messages.info(request, "You are inside the workspace. Its audit log says so.")
        return redirect(onward)

    def leave(self, request: HttpRequest) -> HttpResponseBase:
        """Leave the workspace."""
        staff.leave(request)
        return redirect("admin:index")


def _to_picker(request: HttpRequest) -> HttpResponseBase:
    return redirect(f"{reverse('admin:pick_workspace')}?{urlencode({'next': request.get_full_path()})}")


def _onward(request: HttpRequest) -> str:
    """Where to go on: a page of the admin, or its index."""
    index = reverse("admin:index")
    wanted = request.POST.get("next") or request.GET.get("next") or index
    safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts=None) and wanted.startswith(index)
    return wanted if safe else index
