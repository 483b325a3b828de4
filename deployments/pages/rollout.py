"""The Rollout tab of a deployment: try a version or a theme on some visitors, compare, keep it or take it back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from convoship.lib import parsers
from convoship.lib.amounts import percent, whole
from convoship.lib.problems import Problem
from deployments import chance, figures, rollouts, test_links
from deployments.chance import Share, Verdict
from deployments.figures import OfVariant
from deployments.models import AssistantVersion, Deployment, Rollout
from deployments.pages import queries
from deployments.rollouts import LEAST_SHARE, MOST_SHARE, Tried
from workspaces import refusals
from workspaces.access import WorkspaceRequest, workspace_page

MOST_VERSIONS = 50
LONGEST_THEME = 50_000
DRAFT = "draft"
USUAL_SHARE = 20
_A_SHARE = f"A whole number from {LEAST_SHARE} to {MOST_SHARE}."


class ShareForm(forms.Form):
    """Percent of the visitors."""

    share = forms.IntegerField(
        min_value=LEAST_SHARE,
        max_value=MOST_SHARE,
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), _A_SHARE),
        widget=forms.NumberInput(attrs={"min": LEAST_SHARE, "max": MOST_SHARE, "inputmode": "numeric"}),
    )


class RolloutForm(ShareForm):
    """What to try, and on how many."""

    theme = forms.CharField(
        required=False,
        max_length=LONGEST_THEME,
        widget=forms.Textarea(
            attrs={"rows": 6, "class": "mono", "spellcheck": "false", "autocapitalize": "off", "autocomplete": "off"}
        ),
    )

    def __init__(self, deployment: Deployment, data: Any = None) -> None:
        super().__init__(data, initial={"share": USUAL_SHARE})
        choices = forms.ChoiceField(
            required=False,
            choices=version_choices(deployment),
            error_messages={"invalid_choice": "There is no such version."},
        )
        self.fields["version"] = choices

    def clean_theme(self) -> object:
        """The theme that was typed, None for none. What isn't JSON is said with its place."""
        typed = self.cleaned_data["theme"]
        if not typed:
            return None
        try:
            return parsers.loads(typed)
        except parsers.BadJSON as refused:
            raise forms.ValidationError(str(refused).replace("The body", "This")) from None

    @property
    def tried(self) -> Tried:
        """What the act takes."""
        chosen = self.cleaned_data["version"]
        return Tried(
            version=int(chosen) if chosen.isdigit() else None,
            draft=chosen == DRAFT,
            theme=self.cleaned_data["theme"],
        )


def version_choices(deployment: Deployment) -> list[tuple[str, str]]:
    """What can be tried: nothing else than the theme, the draft where it differs, any version but the live one."""
    assistant = deployment.assistant
    live = assistant.published
    if live is None:
        return []
    choices = [("", f"Version {live.number}, as now: only the theme differs")]
    if assistant.has_unpublished_changes:
        choices.append((DRAFT, "The draft as it is now"))
    others = AssistantVersion.objects.filter(assistant=assistant).exclude(id=live.id).order_by("-number")
    rows = others.values_list("number", "note")[:MOST_VERSIONS]
    return choices + [(str(number), f"Version {number}{f': {note}' if note else ''}") for number, note in rows]


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
            chance.judge(Share(a.alone, a.settled), Share(b.alone, b.settled), more_is_better=True),
        ),
        Line(
            "With an error",
            _of(a.failed, a.sessions),
            _of(b.failed, b.sessions),
            chance.judge(Share(a.failed, a.sessions), Share(b.failed, b.sessions), more_is_better=False),
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
    request: WorkspaceRequest, row: Deployment, form: RolloutForm | None = None, share_form: ShareForm | None = None
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
        "theme": json.dumps(row.theme, indent=2, ensure_ascii=False),
        "may_write": request.actor.may("deployments.write"),
    }
    return render(request, "deployments/rollout.html", context, status=422 if failed else 200)


@require_POST
@workspace_page("deployments.write")
def rollout_start(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Start one."""
    row = queries.deployment(deployment_id)
    form = RolloutForm(row, request.POST)
    if form.is_valid():
        share = form.cleaned_data["share"]
        try:
            with transaction.atomic():
                rollouts.start(request.actor, row, form.tried, share=share)
            messages.success(request, f"Started: {share}\N{NO-BREAK SPACE}% of the visitors meet b from now on.")
            return redirect("deployment_rollout", deployment_id)
        except Problem as problem:
            if problem.code == "conflict":
                messages.error(request, refusals.words_of(problem))
                return redirect("deployment_rollout", deployment_id)
            _put_on(form, problem)
    return _page(request, row, form)


def _put_on(form: RolloutForm, problem: Problem) -> None:
    """As `refusals.put_on`, with the paths of a theme's faults, which are many keys in one field."""
    for path, said in problem.errors.items():
        field, _, inside = path.partition(".")
        for words in said:
            form.add_error(field if field in form.fields else None, f"{inside}: {words}" if inside else words)


@require_POST
@workspace_page("deployments.write")
def rollout_share(request: WorkspaceRequest, deployment_id: UUID) -> HttpResponse:
    """Change the share."""
    row = queries.deployment(deployment_id)
    form = ShareForm(request.POST)
    if not form.is_valid():
        return _page(request, row, share_form=form)
    with refusals.said_as_message(request):
        changed = rollouts.change_share(request.actor, row, form.cleaned_data["share"])
        messages.success(request, f"{changed.share}\N{NO-BREAK SPACE}% of the visitors meet b from now on.")
    return redirect("deployment_rollout", deployment_id)


@require_POST
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


@require_POST
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
