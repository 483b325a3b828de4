"""The switch in the sidebar by which a member goes away and comes back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from deployments import duty as acts
from workspaces.access import WorkspaceRequest, form_of, workspace_page


@form_of("dashboard")
@workspace_page("conversations.write")
def duty(request: WorkspaceRequest) -> HttpResponse:
    """Go away (`away=yes`), or come on duty; then back to the page that one was on."""
    if request.POST.get("away") == "yes":
        acts.go_away(request.actor, request.membership)
        messages.success(request, "You are away: nobody is sent to you, and you get no mail about who waits.")
    else:
        acts.come(request.actor, request.membership)
        messages.success(request, "You are on duty.")
    back = request.POST.get("back", "")
    is_ours = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith("/")
    return redirect(back if is_ours else reverse("dashboard"))
