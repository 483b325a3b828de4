"""The Install tab of a deployment: the snippet in every form, what a policy has to list, where it has been seen, the
test page, and Check a page."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from convoship.lib import limiting, tokens
from convoship.lib.problems import Problem
from deployments import deploying, page_check, page_policies, page_snippet, seen, snippets, test_links
from deployments.models import Deployment
from deployments.pages import queries
from workspaces import refusals
from workspaces.access import WorkspaceRequest, entered, form_of, waiting_page, workspace_page


class TokenForm(forms.Form):
    """The token, to fill it into the snippets. It is kept nowhere."""

    token = forms.CharField(max_length=200, error_messages={"required": "Paste the token, which begins with cdp_."})


class PageForm(forms.Form):
    """The address of a page to check."""

    page = forms.CharField(
        max_length=page_check.LONGEST_ADDRESS,
        error_messages={"required": "Type the address of a page, such as https://www.example.com/."},
    )


@require_safe
@workspace_page("deployments.read")
def install(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """How this deployment gets onto pages, and whether it is there."""
    typed = request.GET.get("page", "")
    return _page(request, queries.deployment(deployment_id), page_form=PageForm(initial={"page": typed}))


def _page(
    request: WorkspaceRequest,
    row: Deployment,
    *,
    token: str = "",
    token_form: TokenForm | None = None,
    page_form: PageForm | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    stand_in = deploying.current_token(row).prefix + tokens.PLACEHOLDER_SUFFIX
    forms_of_it = snippets.variants(row.assistant_id, token or stand_in)
    context = {
        "deployment": row,
        "assistant": row.assistant,
        "variants": forms_of_it,
        "is_filled": bool(token),
        "policy": ";\n".join(page_policies.lines(row, forms_of_it[0].code if token else "")),
        "seen": seen.seen_on(row),
        "token_form": token_form or TokenForm(),
        "page_form": page_form or PageForm(),
        "may_write": request.actor.may("deployments.write") and row.revoked_at is None,
        **more,
    }
    return render(request, "deployments/install.html", context, status=status)


@form_of("deployment_install")
@never_cache
@workspace_page("deployments.read")
def install_fill(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Show the snippets with the token in them, if it is this deployment's."""
    row, form = queries.deployment(deployment_id), TokenForm(request.POST)
    if form.is_valid():
        _, found = page_snippet.of_token(row, form.cleaned_data["token"])
        if found.level == "good" or found.code == "token_ending":
            return _page(request, row, token=form.cleaned_data["token"], filled=found)
        form.add_error("token", found.words)
    return _page(request, row, token_form=form, status=422)


@form_of("deployment_install")
@never_cache
@workspace_page("deployments.write")
def install_link(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Make a link to the test page, and show it."""
    row = queries.deployment(deployment_id)
    try:
        return _page(request, row, link=test_links.make(request.actor, row))
    except Problem as problem:
        messages.error(request, refusals.words_of(problem))
        return redirect("deployment_install", deployment_id)


@form_of("deployment_install")
@never_cache
@waiting_page("deployments.read")
def install_check(request: HttpRequest, deployment_id: UUID) -> HttpResponse:
    """Fetch a page and say what it means for this deployment. No transaction waits for the page."""
    form = PageForm(request.POST)
    with entered(request, "deployments.read") as inside:
        row = queries.deployment(deployment_id)
        if not form.is_valid():
            return _page(inside, row, page_form=form, status=422)
        workspace_id = inside.workspace.id
    try:
        limiting.hit("page_checks", str(workspace_id), words="Too many checks")
    except Problem as problem:
        form.add_error("page", problem.detail)
        with entered(request, "deployments.read") as inside:
            return _page(inside, queries.deployment(deployment_id), page_form=form, status=429)
    seen_page = page_check.look(form.cleaned_data["page"])
    with entered(request, "deployments.read") as inside:
        row = queries.deployment(deployment_id)
        return _page(inside, row, page_form=form, report=page_check.judge(row, seen_page))


@form_of("deployment_install")
@workspace_page("deployments.write")
def install_allow(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Add the origin of a page that was checked to the allowed ones."""
    row, origin = queries.deployment(deployment_id), request.POST.get("origin", "")
    with refusals.said_as_message(request):
        deploying.allow_origin(request.actor, row, origin)
        messages.success(request, f"{origin} is allowed from now on. Check the page again.")
    back = reverse("deployment_install", args=[deployment_id])
    return redirect(f"{back}?{urlencode({'page': request.POST.get('page', '')})}#check")
