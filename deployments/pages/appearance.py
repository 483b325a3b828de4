"""The Appearance tab of a deployment: how its chat looks and what it says, beside the real chat that shows it."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from csp.decorators import csp_replace
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_safe

from convoship.lib.problems import Problem
from deployments import deploying, embed_build, previewing
from deployments import theme as themes
from deployments.models import Deployment
from deployments.pages import appearance_form as forms
from deployments.pages import appearance_panel as panel
from deployments.pages import queries
from deployments.pages.appearance_form import Appearance, Fault
from deployments.theme import EVERYBODY
from workspaces.access import WorkspaceRequest, form_of, workspace_page


@require_safe
@workspace_page("deployments.read")
def appearance(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """The theme as it is kept."""
    row = queries.deployment(deployment_id)
    return _page(request, row, Appearance.of(row.theme))


def _page(
    request: WorkspaceRequest, row: Deployment, edited: Appearance, *, status: int = 200, **more: Any
) -> HttpResponse:
    good = edited.check()
    languages = forms.languages(row, edited.theme, edited.language)
    # The preview speaks the language whose texts are shown, else the one for everybody else.
    spoken = list(dict.fromkeys([*([] if edited.language == EVERYBODY else [edited.language]), *languages]))
    context = {
        "deployment": row,
        "assistant": row.assistant,
        "edited": edited,
        "faults": forms.told(edited),
        "groups": forms.groups(edited),
        "texts": forms.texts(edited),
        "languages": languages,
        "spoken": spoken,
        "resolved": json.dumps(themes.resolved(row.theme if good is None else good, spoken[0], row.languages)),
        "everybody": EVERYBODY,
        "seen": forms.seen(row.theme),
        "saved": forms.as_text(row.theme),
        "base": forms.as_text(edited.theme if isinstance(edited.theme, dict) else row.theme),
        "may_write": request.actor.may("deployments.write") and row.revoked_at is None,
        **more,
    }
    return render(request, "deployments/appearance.html", context, status=status)


@form_of("deployment_appearance")
@workspace_page("deployments.write")
def appearance_save(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Save one side of the form; or show it again after a button that only changes what is in it."""
    row = queries.deployment(deployment_id)
    # Held from here on, so that what was seen is what is replaced.
    row.theme = deploying.held(row.id).theme
    edited = forms.sent(request.POST, row.theme)
    if (changed := _changed(request, edited)) is not None:
        return _page(request, row, changed, is_unsaved=True)
    theme = edited.check()
    if theme is None:
        return _page(request, row, edited, status=422, is_unsaved=True)
    if request.POST.get("seen") != forms.seen(row.theme) and theme != row.theme:
        return _page(request, row, edited, status=409, is_unsaved=True, differing=forms.differing(theme, row.theme))
    try:
        if theme != row.theme:
            deploying.change(request.actor, row, {"theme": theme})
    except Problem as problem:
        edited.faults = [Fault("", problem.detail)]
        return _page(request, row, edited, status=problem.status, is_unsaved=True)
    messages.success(request, "Saved. Visitors see it when they load a page the next time.")
    return redirect("deployment_appearance", deployment_id)


def _changed(request: WorkspaceRequest, edited: Appearance) -> Appearance | None:
    """The form after *Use this colour*, *Reset to default* or the choice of a language; None for a save."""
    op = request.POST.get("op", "")
    if op == "reset":
        return Appearance.of({}, edited.language)
    if op == "language":
        chosen = request.POST.get("other_language", "").strip() or request.POST.get("language", EVERYBODY)
        edited.language = forms.language_of(chosen) or edited.language
        return edited
    path, _, value = request.POST.get("use", "").partition("=")
    if path in {setting.path for setting in panel.SETTINGS} and isinstance(edited.theme, dict):
        panel.put(edited.theme, path, value)
        return Appearance.of(edited.theme, edited.language)
    return None


@require_safe
@never_cache
@xframe_options_sameorigin
@csp_replace({"frame-ancestors": ["'self'"]})
@workspace_page("deployments.read")
def appearance_preview(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """The page in the preview's frame: the real chat by a preview token. Who frames it says what it shall look like."""
    row = queries.deployment(deployment_id)
    context = {
        "deployment": row,
        "preview": None if row.revoked_at else previewing.mint(request.actor, row),
        "loader": embed_build.LOADER,
        "api_url": settings.PUBLIC_BASE_URL,
    }
    return render(request, "deployments/appearance_preview.html", context)
