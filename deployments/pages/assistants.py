"""Assistants: the list, a new one, the editor, and deleting one."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from convoship.lib.problems import Problem
from deployments import publishing
from deployments.models import Assistant
from deployments.pages import editor, queries
from deployments.pages.editor_drawing import EditorForm, draw
from deployments.responders.templates import TEMPLATES
from workspaces import refusals
from workspaces.access import WorkspaceRequest, workspace_page


class NewAssistantForm(forms.Form):
    """A name, and what to begin with."""

    name = forms.CharField(max_length=100, error_messages={"required": "Give the assistant a name: visitors see it."})
    template = forms.ChoiceField(choices=[("", "Blank"), *((key, key) for key in TEMPLATES)], required=False)


@require_safe
@workspace_page("assistants.read")
def assistants(request: WorkspaceRequest) -> HttpResponse:
    """Every assistant of the workspace."""
    context = {"assistants": queries.assistants(), "may_write": request.actor.may("assistants.write")}
    return render(request, "deployments/assistants.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page("assistants.write")
def assistant_new(request: WorkspaceRequest) -> HttpResponse:
    """Make an assistant, blank or from a template."""
    form = NewAssistantForm(request.POST or None, initial={"template": next(iter(TEMPLATES))})
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                made = publishing.create_assistant(
                    request.actor, name=form.cleaned_data["name"], template=form.cleaned_data["template"] or None
                )
        except Problem as problem:
            refusals.put_on(form, problem)
        else:
            messages.success(request, f"{made.name} is there as a draft. Visitors meet it once you publish it.")
            return redirect("assistant", made.id)
    context = {"form": form, "templates": TEMPLATES.values(), "chosen": form["template"].value() or ""}
    return render(request, "deployments/assistant_new.html", context, status=422 if form.errors else 200)


def _assistant(assistant_id: UUID) -> Assistant:
    return get_object_or_404(Assistant.objects.select_related("published"), id=assistant_id)


@require_safe
@workspace_page("assistants.read")
def assistant(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """The editor."""
    row = _assistant(assistant_id)
    form = draw(editor.from_content(row.name, row.draft["scripted"]))
    return _editor_page(request, row, form)


def _editor_page(
    request: WorkspaceRequest,
    row: Assistant,
    form: EditorForm,
    *,
    status: int = 200,
    seen: str = "",
    is_conflict: bool = False,
    is_unsaved: bool = False,
) -> HttpResponse:
    context = {
        "assistant": row,
        "tab": "edit",
        "form": form,
        "actions": editor.ACTIONS,
        "seen": seen or row.draft_changed_at.isoformat(),
        "note": request.POST.get("note", ""),
        "is_conflict": is_conflict,
        "is_unsaved": is_unsaved,
        "may_write": request.actor.may("assistants.write"),
    }
    return render(request, "deployments/assistant.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page("assistants.write")
def assistant_save(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """Save the draft, publish it, or add and move rows without JavaScript: one form, by the button that was pressed."""
    row = _assistant(assistant_id)
    if request.method != "POST":
        return redirect("assistant", row.id)
    typed, operation = editor.from_post(request.POST), request.POST.get("op", "save")
    seen = request.POST.get("seen", "")
    if ":" in operation:
        focus = editor.apply(typed, operation)
        return _editor_page(request, row, draw(typed, focus=focus), seen=seen, is_unsaved=True)
    editor.drop_empty(typed)
    verb, _, anyway = operation.partition("-")
    if not anyway and seen != row.draft_changed_at.isoformat():
        form = draw(typed)
        return _editor_page(request, row, form, status=409, seen=seen, is_conflict=True, is_unsaved=True)
    errors = _save(request, row, typed, note=request.POST.get("note", "").strip(), publish=verb == "publish")
    if errors:
        row = _assistant(assistant_id)
        form = draw(typed, errors)
        return _editor_page(request, row, form, status=422, seen=seen if anyway == "" else "", is_unsaved=True)
    return redirect("assistant", row.id)


def _save(
    request: WorkspaceRequest, row: Assistant, typed: editor.Typed, *, note: str, publish: bool
) -> dict[str, list[str]]:
    """Save, and publish where that was asked for: both or neither. Answers the errors by path."""
    errors = _name_errors(typed.name.strip())
    content = editor.to_content(typed)
    try:
        with transaction.atomic():
            is_changed = content != row.draft["scripted"]
            publishing.change_draft(
                request.actor,
                row,
                name=None if errors else typed.name.strip(),
                scripted=content if is_changed else None,
            )
            if errors:
                transaction.set_rollback(True)
            elif publish:
                _publish(request, row, note)
            else:
                messages.success(request, "The draft is saved. Visitors meet it once you publish it.")
    except Problem as problem:
        errors.update(problem.errors or {"name": [refusals.words_of(problem)]})
    return errors


def _name_errors(name: str) -> dict[str, list[str]]:
    if not name:
        return {"name": ["Give the assistant a name: visitors see it."]}
    if len(name) > editor.LONGEST_ASSISTANT_NAME:
        return {
            "name": [f"This is too long: {len(name)} characters, at most {editor.LONGEST_ASSISTANT_NAME} are possible."]
        }
    if "\x00" in name:
        return {"name": ["This contains a character that can't be stored. Type the text again."]}
    return {}


def _publish(request: WorkspaceRequest, row: Assistant, note: str) -> None:
    if not row.has_unpublished_changes:
        messages.info(request, "There is nothing new to publish: visitors meet this already.")
        return
    version = publishing.publish(request.actor, row.id, note=note[:200])
    messages.success(
        request, f"Version {version.number} is live. Conversations under way end with the version they began with."
    )


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page("assistants.write")
def assistant_delete(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """Ask, naming what goes with it, then delete the assistant."""
    row = _assistant(assistant_id)
    if request.method == "POST":
        name = row.name
        with refusals.said_as_message(request):
            publishing.delete_assistant(request.actor, row)
            messages.success(request, f"{name} is deleted.")
        return redirect("assistants")
    context = {
        "assistant": row,
        "deployments": queries.deployments(row),
        "conversation_count": row.conversations.count(),
        "question": f"Delete {row.name}?",
        "button": "Delete it for good",
        "back": reverse("assistant", args=[row.id]),
    }
    return render(request, "deployments/assistant_delete.html", context)
