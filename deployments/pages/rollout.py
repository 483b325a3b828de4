"""The Rollout tab of a deployment: try a version or a theme on some visitors, compare, keep it or take it back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from convoship.lib.amounts import percent, whole
from convoship.lib.problems import Problem
from deployments import chance, figures, going_back, rollouts, test_links, testing
from deployments.chance import Share, Verdict
from deployments.figures import OfVariant
from deployments.models import Deployment, Rollout
from deployments.models.deployment import RolloutOutcome
from deployments.pages import queries
from deployments.pages.rollout_form import USUAL_SHARE, RolloutForm, ShareForm, put_on
from workspaces import refusals
from workspaces.access import WorkspaceRequest, entered, form_of, waiting_page, workspace_page

ANYWAY = "start-anyway"
_TRIED = "the tried one"


@dataclass(frozen=True)
class Line:
    """One measure of both variants; `verdict` where a difference of shares can be judged."""

    name: str
    a: str
    b: str
    verdict: Verdict | None = None


def compared(sides: Mapping[str, OfVariant]) -> list[Line]:
    """Both variants beside each other."""
    a, b = sides["a"].figures, sides["b"].figures
    return [
        Line("Visitors", whole(sides["a"].visitors), whole(sides["b"].visitors)),
        Line("Conversations", whole(a.sessions), whole(b.sessions)),
        Line("Messages", whole(a.messages), whole(b.messages)),
        Line("Ended", _of(a.ended, a.sessions), _of(b.ended, b.sessions)),
        Line(
            "Answered without a person",
            _of(a.alone, a.settled),
            _of(b.alone, b.settled),
            chance.judge(Share(a.alone, a.settled), Share(b.alone, b.settled), more_is_better=True, tried=_TRIED),
        ),
        Line(
            "With an error",
            _of(a.failed, a.sessions),
            _of(b.failed, b.sessions),
            chance.judge(Share(a.failed, a.sessions), Share(b.failed, b.sessions), more_is_better=False, tried=_TRIED),
        ),
    ]


def _of(hits: int, of: int) -> str:
    return f"{percent(hits / of)} ({whole(hits)} of {whole(of)})" if of else "–"


@dataclass(frozen=True)
class Shown:
    """A rollout with its numbers."""

    rollout: Rollout
    lines: list[Line]


def shown(rows: list[Rollout]) -> list[Shown]:
    """The rollouts with their numbers, by one query."""
    found = figures.of_rollouts(row.id for row in rows)
    return [Shown(row, compared(found[row.id])) for row in rows]


# --- Views --------------------------------------------------------------------------------------------------------


@require_safe
@workspace_page("deployments.read")
def rollout(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """What runs now, or the form to start; and the earlier ones."""
    return _page(request, queries.deployment(deployment_id))


def _page(
    request: WorkspaceRequest,
    row: Deployment,
    form: RolloutForm | None = None,
    share_form: ShareForm | None = None,
    *,
    is_held_back: bool = False,
) -> HttpResponse:
    running = rollouts.running(row)
    earlier = rollouts.earlier(row)
    numbers = shown([*([running] if running else []), *earlier])
    failed = (form is not None and form.errors) or (share_form is not None and share_form.errors)
    context = {
        "deployment": row,
        "assistant": row.assistant,
        "running": numbers[0] if running else None,
        "meanwhile": rollouts.published_meanwhile(running) if running else None,
        "earlier": numbers[1:] if running else numbers,
        "form": form or RolloutForm(row),
        "share_form": share_form or ShareForm(initial={"share": running.share if running else USUAL_SHARE}),
        "is_held_back": is_held_back,
        "last": None if running else _last(row),
        "theme": _json(row.theme),
        "tried_theme": _json(running.theme) if running else "",
        "may_write": request.actor.may("deployments.write"),
    }
    return render(request, "deployments/rollout.html", context, status=422 if failed else 200)


def _json(theme: Any) -> str:
    return json.dumps(theme, indent=2, ensure_ascii=False)


@form_of("deployment_rollout")
@waiting_page("deployments.write")
def rollout_start(request: HttpRequest, deployment_id: UUID) -> HttpResponse:
    """Start one. Where the draft is tried, its test cases are run before the transaction that freezes it."""
    with entered(request, "deployments.write") as inside:
        row = queries.deployment(deployment_id)
        form = RolloutForm(row, request.POST)
        if not form.is_valid():
            return _page(inside, row, form)
    if form.tried.draft:
        testing.rehearse_draft(row.assistant)
    with entered(request, "deployments.write") as inside:
        return _start(inside, row, form)


def _start(request: WorkspaceRequest, row: Deployment, form: RolloutForm) -> HttpResponse:
    share, anyway = form.cleaned_data["share"], request.POST.get("op") == ANYWAY
    try:
        with transaction.atomic():
            rollouts.start(request.actor, row, form.tried, share=share, despite_tests=anyway)
    except Problem as problem:
        if "test_report" in problem.extra:
            form.add_error("version", refusals.words_of(problem))
            return _page(request, row, form, is_held_back=True)
        if problem.code != "conflict":
            put_on(form, problem)
            return _page(request, row, form)
        messages.error(request, refusals.words_of(problem))
    else:
        messages.success(request, f"Started: {_meet(share)} from now on.")
    return redirect("deployment_rollout", row.id)


def _meet(share: int) -> str:
    return f"{share}\N{NO-BREAK SPACE}% of the visitors meet what is tried"


@form_of("deployment_rollout")
@workspace_page("deployments.write")
def rollout_share(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Change the share."""
    row = queries.deployment(deployment_id)
    form = ShareForm(request.POST)
    if not form.is_valid():
        return _page(request, row, share_form=form)
    with refusals.said_as_message(request):
        changed = rollouts.change_share(request.actor, row, form.cleaned_data["share"])
        messages.success(request, f"{_meet(changed.share)} from now on.")
    return redirect("deployment_rollout", deployment_id)


@form_of("deployment_rollout")
@workspace_page("deployments.write")
def rollout_undo(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Take it back, at once."""
    with refusals.said_as_message(request):
        rollouts.undo(request.actor, queries.deployment(deployment_id))
        messages.success(
            request,
            "Taken back: everybody who begins a conversation meets what stands. Chats that run go on as they are.",
        )
    return redirect("deployment_rollout", deployment_id)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page("deployments.write")
def rollout_keep(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Ask with all that it reaches, then keep it for everybody."""
    row = queries.deployment(deployment_id)
    back = reverse("deployment_rollout", args=[deployment_id])
    if request.method == "POST":
        with refusals.said_as_message(request):
            rollouts.keep(request.actor, row)
            messages.success(request, "Kept: every visitor who begins a conversation meets it from now on.")
        return redirect(back)
    running = rollouts.running(row)
    if running is None:
        messages.error(request, "No rollout is running on this deployment. It may have been ended meanwhile.")
        return redirect(back)
    context = {
        "deployment": row,
        "rollout": running,
        "meanwhile": rollouts.published_meanwhile(running),
        "others": rollouts.also_reached(running),
        "back": back,
    }
    return render(request, "deployments/rollout_keep.html", context)


@dataclass(frozen=True)
class Last:
    """How the last rollout ended: what one click would do, or why there is none; whom else it would reach."""

    rollout: Rollout
    why_not: str
    others: int


def _last(row: Deployment) -> Last | None:
    found = going_back.last_decided(row)
    if found is None:
        return None
    found.deployment = row
    is_kept = found.outcome == RolloutOutcome.KEPT
    others = len(rollouts.reached_beside(row)) if is_kept and found.replaced_version_id else 0
    return Last(found, going_back.why_no_way_back(found), others)


@form_of("deployment_rollout")
@workspace_page("deployments.write")
def rollout_back(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Go back on how the last one ended: what it replaced stands again, or it runs again."""
    row = queries.deployment(deployment_id)
    with refusals.said_as_message(request):
        after = going_back.go_back(request.actor, row, request.POST.get("rollout", ""))
        if after.ended_at is None:
            messages.success(request, f"Started again: {_meet(after.share)} from now on.")
        else:
            messages.success(
                request, "Back: who begins a conversation meets what stood before. Chats go on as they are."
            )
    return redirect("deployment_rollout", deployment_id)


@form_of("deployment_rollout")
@workspace_page("deployments.write")
def rollout_preview(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Open the test page with one of the variants."""
    row, variant = queries.deployment(deployment_id), "b" if request.POST.get("variant") == "b" else "a"
    try:
        link = test_links.make(request.actor, row)
    except Problem as problem:
        messages.error(request, refusals.words_of(problem))
        return redirect("deployment_rollout", deployment_id)
    return redirect(f"{urlsplit(link.url).path}?variant={variant}")
