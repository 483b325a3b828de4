"""The switch in the sidebar by which a member goes away and comes back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from deployments import duty as acts
from workspaces.access import WorkspaceRequest, form_of, workspace_page


@form_of("dashboard")
@workspace_page("conversations.write")
def duty(request: WorkspaceRequest) -> HttpResponse:
    """Go away (`away=yes`), or come on duty; then back to the page that one was on.

    A page that stays as it is (`duty.js`) gets the switches and the words alone.
    """
    if request.POST.get("away") == "yes":
        acts.go_away(request.actor, request.membership)
        said = "You are away: nobody is sent to you, and you get no mail about who waits."
    else:
        acts.come(request.actor, request.membership)
        said = "You are on duty."
    back = request.POST.get("back", "")
    is_ours = url_has_allowed_host_and_scheme(back, allowed_hosts=None) and back.startswith("/")
    where = back if is_ours else reverse("dashboard")
    if request.headers.get("HX-Request"):
        request.membership.refresh_from_db(fields=["away_since"])
        return render(request, "components/duty_drawn.html", {"said": said, "duty_back": where})
    messages.success(request, said)
    return redirect(where)
