"""The Answers tab of an assistant: what answers its visitors, by what, and what is done when that fails."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from uuid import UUID

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from convoship.lib.problems import Problem
from deployments import publishing, sounding, thinking, trying
from deployments.models import Assistant
from deployments.pages import answers_kinds, queries
from deployments.pages.answers_form import AnswersForm
from deployments.sounding import Sounded
from workspaces import refusals
from workspaces.access import WorkspaceRequest, entered, form_of, waiting_page, workspace_page

CHANGED = (
    "Somebody else changed what answers meanwhile. What you typed is kept here: save it again, and it takes the place "
    "of theirs. Values of secrets have to be typed again."
)


@dataclass
class Shown:
    """What a page says beside the form."""

    notice: str = ""
    status: int = 200
    focus: str = ""
    sounded: Sounded | None = None


@require_safe
@workspace_page("assistants.read")
def answers(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """What answers, as the draft has it."""
    row = queries.assistant(assistant_id)
    return _page(request, row, AnswersForm.of(row), Shown())


@form_of("assistant_answers")
@waiting_page("assistants.write")
def answers_save(request: HttpRequest, assistant_id: UUID) -> HttpResponse:
    """Save the form into the draft; or add a row to it, or take one out; or save it and ask what answers once.

    The question is asked between the transaction that saves and the one that shows what came back.
    """
    with entered(request, "assistants.write") as inside:
        done = _save(inside, assistant_id)
        if isinstance(done, HttpResponse):
            return done
        setting = trying.of_draft(done)
    found = async_to_sync(sounding.sound)(setting)
    with entered(request, "assistants.write") as inside:
        row = queries.assistant(assistant_id)
        sounding.note(row, setting, found)
        row = queries.assistant(assistant_id)
        return _page(inside, row, AnswersForm.of(row), Shown(sounded=found))


def _save(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse | Assistant:
    """The page after saving, or the assistant that is to be asked."""
    row = queries.assistant(assistant_id, lock=True)
    op, form = request.POST.get("op", "save"), AnswersForm.of_post(request.POST)
    if form.change_rows(op):
        return _page(request, row, form, Shown(focus=op))
    if request.POST.get("seen", _mark(row)) != _mark(row):
        return _page(request, row, form, Shown(notice=CHANGED, status=409))
    # A secret that is written stays, whatever else is wrong: its value could not be given back.
    if request.actor.may("secrets.write") and not form.write_secrets(request.actor):
        return _page(request, row, form, Shown(status=422))
    parts = form.contents()
    try:
        with transaction.atomic():
            publishing.change_draft(
                request.actor,
                row,
                responder=form.responder,
                parts=parts,
                secret_values=form.secret_values(),
            )
            if form.unread():
                raise Problem("invalid", "Some of it can't be read.")
    except Problem as problem:
        form.put(problem.errors)
        if not form.has_errors:
            form.rest.append(refusals.words_of(problem))
        return _page(request, queries.assistant(assistant_id), form, Shown(status=422))
    if op == "test" and answers_kinds.kind_of(row.responder).can_be_tested:
        return row
    messages.success(request, "Saved in the draft. Visitors meet it once you publish it.")
    return redirect("assistant_answers", row.id)


def _mark(row: Assistant) -> str:
    """Which parts a form was made of."""
    made_of = {"responder": row.responder, **{name: row.draft.get(name) for name in thinking.PARTS}}
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:16]


def _page(request: WorkspaceRequest, row: Assistant, form: AnswersForm, shown: Shown) -> HttpResponse:
    context = {
        "assistant": row,
        "tab": "answers",
        "form": form,
        "shown": shown,
        "seen": _mark(row),
        "may_write": request.actor.may("assistants.write"),
        "may_write_secrets": request.actor.may("secrets.write"),
    }
    # htmx draws only what came with 200.
    status = 200 if request.headers.get("HX-Request") else shown.status
    return render(request, "deployments/answers.html", context, status=status)
