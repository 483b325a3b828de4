"""*Try it*: talking to an assistant as a visitor would, with how each answer was found beside it.

The panel is a page of its own and a part of the editor's. Its script asks for the panel alone (`HX-Request`), and for
an answer piece by piece (`try_stream`); without it the whole page comes. Nothing that is said is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from convoship.lib.actors import Actor
from convoship.lib.problems import Problem
from deployments import test_cases, testing, trying
from deployments.models import Assistant
from deployments.pages import queries, try_form, try_panel, try_stream
from deployments.pages import talk as talks
from deployments.pages.talk import NotATalk, Talk
from deployments.pages.try_form import TryForm
from deployments.pages.try_panel import Panel
from deployments.safe_text import TextRefused, clean_text
from deployments.trying import Setting
from workspaces import refusals
from workspaces.access import WorkspaceRequest, entered, form_of, waiting_page, workspace_page

LOST = "What was said before could not be read any more, so this is a new conversation."
OVER = "This conversation has ended. Start over to go on."


def new_panel(assistant: Assistant) -> Panel:
    """A panel whose conversation is about to begin, with the draft as it is saved. Inside `tenant()`."""
    values = try_form.default_values(assistant)
    wanted, seen = try_form.setting(assistant, values)
    talk, refused = _begun(wanted, seen)
    return try_panel.draw(assistant, talk, TryForm(initial=values), values, seen, refused=refused)


def _begun(wanted: Setting, seen: str) -> tuple[Talk, str]:
    """A new conversation; why the assistant can't begin one."""
    try:
        return talks.begin(wanted, seen), ""
    except Problem as problem:
        return Talk(seen=seen), refusals.words_of(problem)


def _page(request: WorkspaceRequest, row: Assistant, panel: Panel, *, status: int = 200) -> HttpResponse:
    is_part = request.headers.get("HX-Request") == "true"
    template = "deployments/try_panel.html" if is_part else "deployments/try.html"
    context = {
        "assistant": row,
        "tab": "try",
        "panel": panel,
        "is_answer": request.method == "POST",
        "may_write": request.actor.may("assistants.write"),
        "in_editor": request.POST.get("beside") == "editor",
    }
    return render(request, template, context, status=200 if is_part else status)


@require_http_methods(["GET", "HEAD", "POST"])
@waiting_page("assistants.read")
def assistant_try(request: HttpRequest, assistant_id: UUID) -> HttpResponse:
    """The page; and one more thing said, a button tapped, a silence, or a new conversation, by what was pressed."""
    if request.method != "POST":
        with entered(request, "assistants.read") as inside:
            row = queries.assistant(assistant_id)
            return _page(inside, row, new_panel(row))
    with entered(request, "assistants.read") as inside:
        actor = inside.actor
        row = queries.assistant(assistant_id)
        bell = try_stream.bell_of(row.workspace_id, request.POST.get("bell", ""))
        if request.POST.get("op") == "stop":
            try_stream.ring(bell)
            return HttpResponse(status=204)
        form, values = _read(request, row)
        wanted, seen = try_form.setting(row, values)
    talk, refused = _talk_of(request, row, wanted, seen)
    operation, _, place = request.POST.get("op", "say").partition(":")
    tap = request.POST.get("tap", "")
    problem: Problem | None = None

    def drawn() -> HttpResponse:
        with entered(request, "assistants.read") as inside:
            row = queries.assistant(assistant_id)
            opened = place if operation == "case" else ""
            panel = try_panel.draw(row, talk, form, values, seen, opened=opened, refused=refused)
            status = problem.status if problem is not None else 422 if form.errors or refused else 200
            page = _page(inside, row, panel, status=status)
        if problem is not None and problem.retry_after is not None:
            page["Retry-After"] = str(problem.retry_after)
        return page

    if form.is_valid() and not refused:
        if operation == "restart":
            talk, refused = _begun(wanted, seen)
        elif operation == "silence":
            talks.stay_silent(talk)
        elif operation == "say" or tap:
            typed = values["text"]
            meant = _meant(talk, values, tap)
            problem = None if isinstance(meant, str) else _refusal(actor, row, wanted)
            if isinstance(meant, str):
                refused = meant
            elif problem is not None:
                refused, values["text"] = refusals.words_of(problem), typed
            elif request.headers.get("Accept") == try_stream.MEDIA_TYPE:
                pieces = partial(talks.said, talk, wanted, meant.text, meant.payload)
                # Pages are typed as whole answers; whatever stands around them takes one that streams as well.
                return try_stream.TryStream(pieces, lambda: drawn().content.decode(), bell)  # type: ignore[return-value]
            else:
                talks.say(talk, wanted, meant.text, meant.payload)
    return drawn()


def _refusal(actor: Actor, row: Assistant, wanted: Setting) -> Problem | None:
    """Why nothing is asked now: of who may not, or of too much at once."""
    try:
        trying.admit(actor, row.workspace_id, wanted)
    except Problem as problem:
        return problem
    return None


def _read(request: HttpRequest, row: Assistant) -> tuple[TryForm, dict[str, str]]:
    """The form, and what its fields hold: as typed where they are wrong, as new where they are missing."""
    form = TryForm(request.POST)
    form.is_valid()
    values = try_form.default_values(row)
    typed = {name: request.POST[name] for name in values if name in request.POST}
    good = {name: value for name, value in form.cleaned_data.items() if name in typed}
    chosen = {name: values[name] for name in ("channel", "source") if not good.get(name, "-")}
    return form, values | typed | good | chosen


def _talk_of(request: HttpRequest, row: Assistant, wanted: Setting, seen: str) -> tuple[Talk, str]:
    """The conversation that came back, or a new one with the reason."""
    try:
        return talks.unpacked(request.POST.get("talk", ""), row.id), ""
    except NotATalk:
        talk, refused = _begun(wanted, seen)
        return talk, refused or (LOST if request.POST.get("talk") else "")


@dataclass(frozen=True)
class _Meant:
    """What is to be said: a text, or a button's."""

    text: str
    payload: str | None = None


def _meant(talk: Talk, values: dict[str, str], tap: str) -> _Meant | str:
    """What is to be said next, or why nothing is. What was typed goes out of its field."""
    if talk.is_over:
        return OVER
    if tap:
        button = talk.button(tap)
        return _Meant(*button) if button else "This button isn't there any more. Start over to get it again."
    try:
        text = clean_text(values["text"]).strip()
    except TextRefused as refused:
        return refused.message
    if not text:
        return "Write something first, as a visitor would."
    values["text"] = ""
    return _Meant(text)


@form_of("assistant_try")
@workspace_page("assistants.write")
def assistant_try_case(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """Keep something that was said as a test case."""
    row = queries.assistant(assistant_id)
    form, values = _read(request, row)
    wanted, seen = try_form.setting(row, values)
    talk, refused = _talk_of(request, row, wanted, seen)
    number = request.POST.get("case", "")
    turn = talk.turn(number)
    told = ""
    if not refused and (turn is None or not turn["text"]):
        refused = "This is not in the conversation any more, so it is no test case yet."
    elif turn is not None and not talk.is_utterance(turn):
        refused = "This answers a question, so it says nothing of an intent and can't be a test case."
    elif turn is not None:
        refused = _keep(request, row, turn["text"], request.POST.get("expected", ""))
        told = "" if refused else "This is a test case now."
    row = queries.assistant(assistant_id)
    opened = number if refused else ""
    panel = try_panel.draw(row, talk, form, values, seen, opened=opened, refused=refused, told=told)
    return _page(request, row, panel, status=422 if refused else 200)


def _keep(request: WorkspaceRequest, row: Assistant, text: str, expected: str) -> str:
    """Add the case; why it can't be one."""
    try:
        with transaction.atomic():
            testing.add_cases(request.actor, row.id, test_cases.parsed([{"utterance": text, "expected": expected}]))
    except Problem as problem:
        said: list[Any] = [word for words in problem.errors.values() for word in words]
        return f"This can't be a test case. {said[0]}" if said else refusals.words_of(problem)
    return ""
