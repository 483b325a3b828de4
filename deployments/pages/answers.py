"""The Answers tab of an assistant: what answers its visitors, by what, and what is done when that fails."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from asgiref.sync import async_to_sync
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from convoship.lib.outbound import OutboundError, checked, foreseen
from convoship.lib.problems import Problem
from deployments import publishing, sounding, thinking, trying, webhook_secrets
from deployments.models import Assistant
from deployments.pages import answers_kinds, queries, webhook_secret
from deployments.pages.answers_form import AnswersForm
from deployments.pages.answers_llm import LLMFields
from deployments.responders import answering, llm_models
from deployments.responders.base import ResponderError
from deployments.sounding import Sounded
from deployments.trying import Setting
from workspaces import once, refusals, secret_hosts
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
    # What the endpoint lists, or why it lists nothing.
    models: Sequence[str] = ()
    models_failure: str = ""


@require_safe
@workspace_page("assistants.read")
def answers(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """What answers, as the draft has it."""
    row = queries.assistant(assistant_id)
    return _page(request, row, AnswersForm.of(row), Shown())


@form_of("assistant_answers")
@never_cache
@waiting_page("assistants.write")
def answers_save(request: HttpRequest, assistant_id: UUID) -> HttpResponse:
    """Save the form into the draft; or add a row to it, or take one out; or ask what answers once.

    The question is asked between the transaction that saves and the one that shows what came back.
    """
    op = request.POST.get("op", "save")
    if op == _MODELS:
        return _with_models(request, assistant_id)
    with entered(request, "assistants.write") as inside:
        setting = _asked(assistant_id, op) if op in _ASKS else _save(inside, assistant_id)
        if isinstance(setting, HttpResponse):
            return setting
    found = async_to_sync(sounding.sound)(setting)
    with entered(request, "assistants.write") as inside:
        row = queries.assistant(assistant_id)
        sounding.note(row, setting, found)
        row = queries.assistant(assistant_id)
        return _page(inside, row, AnswersForm.of(row), Shown(sounded=found))


_MODELS = "llm-models"


def _with_models(request: HttpRequest, assistant_id: UUID) -> HttpResponse:
    """The form as it was sent, with the names of the models that its endpoint lists; nothing is saved.

    The endpoint is asked between two transactions. A key goes only where it may go already.
    """
    part = LLMFields.of_post(request.POST)
    with entered(request, "assistants.write"):
        reach = trying.of_draft(queries.assistant(assistant_id)).reach
        may_go = not part.key.chosen or secret_hosts.may_go(part.key.chosen.replace("\x00", ""), part.base_url)
    shown = Shown(focus=_MODELS)
    try:
        checked(part.base_url)
        if part.key.new_value.strip() or not may_go:
            raise ResponderError(
                "The key goes to no host that it was not saved for.", "Save the draft, then list them."
            )
        shown.models = async_to_sync(llm_models.listed)(part.base_url, part.key.chosen, reach)
    except OutboundError:
        shown.models_failure = "Give the address of the endpoint first."
    except ResponderError as error:
        shown.models_failure = f"{error.reason} {error.remedy}"
    with entered(request, "assistants.write") as inside:
        return _page(inside, queries.assistant(assistant_id), AnswersForm.of_post(request.POST), shown)


# Buttons outside the form, which save nothing: they ask the draft, or what visitors meet.
_DRAFT, _PUBLISHED = "ask-draft", "ask-published"
_ASKS = frozenset({_DRAFT, _PUBLISHED})


def _asked(assistant_id: UUID, op: str) -> HttpResponse | Setting:
    """What is to be asked; the tab, where a script answers, of which nothing is asked over the network."""
    row = queries.assistant(assistant_id)
    is_live = op == _PUBLISHED and row.published is not None
    setting = trying.of_version(row.published) if is_live and row.published else trying.of_draft(row)
    kind = answers_kinds.kind_of(setting.whole["responder"])
    return setting if kind.can_be_tested else redirect("assistant_answers", row.id)


def _save(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse | Setting:
    """The page after saving, or what is to be asked."""
    row = queries.assistant(assistant_id, lock=True)
    op, form = request.POST.get("op", "save"), AnswersForm.of_post(request.POST)
    if form.change_rows(op):
        return _page(request, row, form, Shown(focus=op))
    if once.FIELD in request.POST and once.was_sent(request):
        messages.info(request, webhook_secret.DONE_ALREADY)
        return redirect("assistant_answers", row.id)
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
            made = webhook_secrets.first(request.actor, row)
    except Problem as problem:
        form.put(problem.errors)
        if not form.has_errors:
            form.rest.append(refusals.words_of(problem))
        return _page(request, queries.assistant(assistant_id), form, Shown(status=422))
    if op != "test":
        _warn(request, row)
    if made is not None:
        # Its bot doesn't know it yet, so there is nothing to test so far.
        return webhook_secret.shown_once(request, row, made)
    if op == "test" and answers_kinds.kind_of(row.responder).can_be_tested:
        return trying.of_draft(row)
    messages.success(request, "Saved in the draft. Visitors meet it once you publish it.")
    return redirect("assistant_answers", row.id)


def _warn(request: WorkspaceRequest, row: Assistant) -> None:
    """Of addresses that were taken, and would not be called as the server is set up."""
    for url in dict.fromkeys(thinking.addresses({**row.draft, "responder": row.responder})):
        if words := foreseen(url):
            messages.warning(request, words)


def _mark(row: Assistant) -> str:
    """Which parts a form was made of."""
    made_of = {"responder": row.responder, **{name: row.draft.get(name) for name in thinking.PARTS}}
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:16]


def _page(request: WorkspaceRequest, row: Assistant, form: AnswersForm, shown: Shown) -> HttpResponse:
    secrets = webhook_secrets.live(row)
    context = {
        "assistant": row,
        "tab": "answers",
        "signing": secrets,
        "is_unsigned": not secrets and webhook_secrets.PART in row.draft,
        "once": "" if secrets else once.mark(),
        "samples": webhook_secret.samples(),
        "form": form,
        "shown": shown,
        "seen": _mark(row),
        "longest": round(answering.THINKING_SECONDS),
        "may_write": request.actor.may("assistants.write"),
        "may_write_secrets": request.actor.may("secrets.write"),
    }
    # htmx draws only what came with 200.
    status = 200 if request.headers.get("HX-Request") else shown.status
    return render(request, "deployments/answers.html", context, status=status)
