"""What the questions to an assistant's own bot are signed with: shown once, rotated, and what the bot does with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from convoship.lib.problems import Problem
from deployments import webhook_secrets
from deployments.models import Assistant
from deployments.pages import overlaps, queries
from deployments.pages.overlaps import Typed
from deployments.responders.stand_in_bot import name_of
from deployments.webhook_secrets import PART, NewSecret
from workspaces import once, refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page

DONE_ALREADY = "That was done already, and a secret is shown only once. If you lost it, rotate it."
_SAMPLES = {"Python": "bot.py", "Node, in a stream": "bot.mjs", "Python, by a call back": "calls_back.py"}


@dataclass(frozen=True)
class Sample:
    """A bot; the very file that the tests run."""

    language: str
    slug: str
    text: str


@cache
def samples() -> list[Sample]:
    """The samples of docs/samples/webhook."""
    folder = settings.BASE_DIR / "docs" / "samples" / "webhook"
    return [Sample(name, slugify(file), (folder / file).read_text(encoding="utf-8")) for name, file in _SAMPLES.items()]


@require_safe
@workspace_page("assistants.read")
def webhook_secret(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """The secrets that sign now, by their last characters, and the form that makes another."""
    return _page(request, queries.assistant(assistant_id), Typed())


def _page(request: WorkspaceRequest, row: Assistant, rotating: Typed) -> HttpResponse:
    context = {
        "assistant": row,
        "secrets": webhook_secrets.live(row),
        "is_asked": webhook_secrets.is_wanted(row),
        "overlaps": overlaps.OVERLAPS,
        "rotating": rotating,
        "once": once.mark(),
        "may_write": request.actor.may("assistants.write"),
    }
    return render(request, "deployments/webhook_secret.html", context, status=422 if rotating.error else 200)


@form_of("webhook_secret")
@never_cache
@workspace_page("assistants.write")
def webhook_secret_rotate(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """Make a secret and show it, this once; the earlier ones sign beside it for as long as was chosen."""
    row = queries.assistant(assistant_id, lock=True)
    if once.was_sent(request):
        messages.info(request, DONE_ALREADY)
        return redirect("webhook_secret", row.id)
    # The first one has nothing that could overlap, and its form does not ask.
    seconds = overlaps.seconds_of(request.POST) if "overlap" in request.POST else 0
    try:
        with transaction.atomic():
            made = webhook_secrets.rotate(request.actor, row, overlap_seconds=seconds)
    except Problem as problem:
        if "overlap_seconds" in problem.errors:
            return _page(request, row, Typed.refused(request.POST))
        messages.error(request, refusals.words_of(problem))
        return redirect("webhook_secret", row.id)
    return shown_once(request, row, made)


def shown_once(request: WorkspaceRequest, row: Assistant, made: NewSecret) -> HttpResponse:
    """The page that shows a secret, the only time. The form that led here is spent."""
    if once.FIELD in request.POST:
        once.spend(request)
    url = row.draft.get(PART, {}).get("url", "")
    context = {
        "assistant": row,
        "secret": made.value,
        "url": url,
        "is_rehearsed": name_of(url) is not None,
        "earlier": [each for each in webhook_secrets.live(row) if each.id != made.row.id],
        "samples": samples(),
        "is_chosen": row.responder == PART,
    }
    return render(request, "deployments/webhook_secret_shown.html", context)
