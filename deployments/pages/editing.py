"""The assistant's editor: opened, saved and published by its buttons, and saved by itself while somebody types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from convoship.lib.problems import Problem
from deployments import drafting, publishing, test_cases
from deployments.models import Assistant
from deployments.pages import editor, editor_words, queries
from deployments.pages.editor_drawing import EditorForm, draw
from deployments.pages.editor_kinds import Row
from deployments.pages.publish_button import publish
from workspaces.access import WorkspaceRequest, entered, form_of, waiting_page, workspace_page

MOST_MENDS = 20  # faults that an answer to an autosave names

Errors = dict[str, list[str]]


# --- The page -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Said:
    """What the page says besides the form."""

    status: int = 200
    seen: str = ""
    is_conflict: bool = False
    is_unsaved: bool = False
    refusal: Problem | None = None


@require_safe
@workspace_page("assistants.read")
def assistant(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """The editor, with what was typed last even where it can't be published yet."""
    row = queries.assistant(assistant_id)
    if row.draft_typed is None:
        return _page(request, row, draw(editor.from_content(row.name, row.draft["scripted"])))
    script = editor.from_kept(row.draft_typed)
    editor.drop_empty(script)
    errors = _faults(script)
    return _page(request, row, draw(script, errors), _Said(is_unsaved=not errors))


def _page(request: WorkspaceRequest, row: Assistant, form: EditorForm, said: _Said | None = None) -> HttpResponse:
    said = said or _Said()
    context = {
        "assistant": row,
        "tab": "edit",
        "form": form,
        "options": editor_words.OPTIONS,
        "languages": editor_words.LANGUAGES,
        "seen": said.seen or row.draft_changed_at.isoformat(),
        "note": request.POST.get("note", ""),
        "said": said,
        "may_write": request.actor.may("assistants.write"),
    }
    return render(request, "deployments/assistant.html", context, status=said.status)


# --- Saved by its buttons -----------------------------------------------------------------------------------------


@form_of("assistant")
@waiting_page("assistants.write")
def assistant_save(request: HttpRequest, assistant_id: UUID) -> HttpResponse:
    """Save the draft, publish it, or add and move rows without JavaScript: one form, by the button that was pressed.

    To publish, the test cases are run between the transaction that saves and the one that publishes.
    """
    with entered(request, "assistants.write") as inside:
        done = _save_by_button(inside, assistant_id)
    if isinstance(done, HttpResponse):
        return done
    test_cases.run(done.row.content_of_draft(), done.row.test_cases)
    with entered(request, "assistants.write") as inside:
        return _publish_saved(inside, done)


@dataclass(frozen=True)
class _Saved:
    """A draft that was saved in order to be published, and the form that it was saved from."""

    row: Assistant
    script: Row
    despite_tests: bool


def _save_by_button(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse | _Saved:
    row = queries.assistant(assistant_id, lock=True)
    operation = request.POST.get("op", "save")
    if operation == "discard":
        drafting.drop_typed(request.actor, row)
        messages.success(request, "What was unfinished is gone. This is the draft as it was saved last.")
        return redirect("assistant", row.id)
    script, seen = editor.from_post(request.POST), request.POST.get("seen", "")
    if ":" in operation:
        focus = editor.apply(script, operation)
        return _page(request, row, draw(script, focus=focus), _Said(seen=seen, is_unsaved=True))
    verb, _, how = operation.partition("-")
    if how != "anyway" and seen != row.draft_changed_at.isoformat():
        conflict = _Said(409, seen=seen, is_conflict=True, is_unsaved=True)
        return _page(request, row, draw(script), conflict)
    errors = _save(request, row, script)
    if errors:
        return _page(request, row, draw(script, errors), _Said(422))
    if verb == "publish":
        return _Saved(row, script, despite_tests=how == "despite")
    messages.success(request, "The draft is saved. Visitors meet it once you publish it.")
    return redirect("assistant", row.id)


def _publish_saved(request: WorkspaceRequest, saved: _Saved) -> HttpResponse:
    row, seen = queries.assistant(saved.row.id, lock=True), saved.row.draft_changed_at
    if row.draft_changed_at != seen:
        conflict = _Said(409, seen=seen.isoformat(), is_conflict=True, is_unsaved=True)
        return _page(request, row, draw(saved.script), conflict)
    if refusal := publish(request, row.id, despite_tests=saved.despite_tests):
        return _page(request, row, draw(saved.script), _Said(refusal.status, refusal=refusal))
    return redirect("assistant", row.id)


def _save(request: WorkspaceRequest, row: Assistant, script: Row, **how: Any) -> Errors:
    """Make the form the draft; where it can't be, keep it as it was typed. Drops its empty rows; answers the errors."""
    typed = editor.to_kept(script)
    editor.drop_empty(script)
    name = script["name"].strip()
    errors = _name_errors(name)
    if not errors:
        try:
            publishing.change_draft(request.actor, row, name=name, scripted=editor.to_content(script), **how)
        except Problem as problem:
            errors = problem.errors
    else:
        errors |= _content_errors(script)
    if errors:
        drafting.keep_typed(request.actor, row, typed)
    return errors


# --- Saved by itself ----------------------------------------------------------------------------------------------


@form_of("assistant")
@workspace_page("assistants.write")
def assistant_autosave(request: WorkspaceRequest, assistant_id: UUID) -> JsonResponse:
    """Save the form as it stands, without a word about it in the log for every pause in somebody's typing.

    200 `{saved: true, seen, faults, mend, has_unpublished_changes}`: without faults it is the draft now; with some it
    is kept as it was typed, and `mend` names where (`[{where, words, field}]`). 409 `{saved: false}`: it was changed
    elsewhere since `seen`, and nothing is overwritten.
    """
    row = queries.assistant(assistant_id, lock=True)
    if request.POST.get("seen", "") != row.draft_changed_at.isoformat():
        return JsonResponse({"saved": False}, status=409)
    script = editor.from_post(request.POST)
    errors = _save(request, row, script, noted_within=drafting.EDITING)
    faults = draw(script, errors).faults if errors else []
    return JsonResponse(
        {
            "saved": True,
            "seen": row.draft_changed_at.isoformat(),
            "faults": len(faults),
            "mend": [
                {"where": fault.where, "words": fault.words, "field": editor.field_of(script, fault.path)}
                for fault in faults[:MOST_MENDS]
            ],
            "has_unpublished_changes": row.has_unpublished_changes,
        }
    )


# --- What is wrong ------------------------------------------------------------------------------------------------


def _faults(script: Row) -> Errors:
    return _name_errors(script["name"].strip()) | _content_errors(script)


def _content_errors(script: Row) -> Errors:
    try:
        publishing.parsed_script(editor.to_content(script))
    except Problem as problem:
        return problem.errors
    return {}


def _name_errors(name: str) -> Errors:
    if not name:
        return {"name": ["Give the assistant a name: visitors see it."]}
    if len(name) > editor.LONGEST_ASSISTANT_NAME:
        return {
            "name": [f"This is too long: {len(name)} characters, at most {editor.LONGEST_ASSISTANT_NAME} are possible."]
        }
    if "\x00" in name:
        return {"name": ["This contains a character that can't be stored. Type the text again."]}
    return {}
