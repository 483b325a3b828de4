"""What is done with a person on their page: notes, blocking, exporting, erasing."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from convoship.lib.problems import Problem
from deployments import blocking, erasing, person_changes, person_export
from deployments.downloads import download
from deployments.models import Conversation, Person
from deployments.pages.people import person_of, shown
from workspaces import refusals
from workspaces.access import WorkspaceRequest, entered, form_of, waiting_page, workspace_page

SURE = "erase"


@form_of("person")
@workspace_page("people.write")
def person_note(request: WorkspaceRequest, person_id: UUID) -> HttpResponse:
    """Note something about them."""
    row, text = person_of(person_id), request.POST.get("text", "")
    try:
        with transaction.atomic():
            person_changes.add_note(request.actor, row, text)
    except Problem as problem:
        said = problem.errors.get("text", [refusals.words_of(problem)])
        return shown(request, row, note=text, error=said[0], status=422)
    return redirect("person", row.id)


@form_of("person")
@workspace_page("people.write")
def person_note_delete(request: WorkspaceRequest, person_id: UUID, note_id: UUID) -> HttpResponse:
    """Delete a note."""
    row = person_of(person_id)
    with refusals.missing_is_404():
        person_changes.delete_note(request.actor, row, note_id)
    messages.success(request, "The note is deleted.")
    return redirect("person", row.id)


@form_of("person")
@workspace_page("people.write")
def person_block(request: WorkspaceRequest, person_id: UUID) -> HttpResponse:
    """Block them."""
    row = person_of(person_id)
    with refusals.said_as_message(request):
        blocking.block(request.actor, row, request.POST.get("reason", "").replace("\x00", ""))
        messages.success(
            request, f"{row.label} is blocked: nothing they write is answered, and nothing is sent to them."
        )
    return redirect("person", row.id)


@form_of("person")
@workspace_page("people.write")
def person_unblock(request: WorkspaceRequest, person_id: UUID) -> HttpResponse:
    """Let them in again."""
    row = person_of(person_id)
    blocking.unblock(request.actor, row)
    messages.success(
        request, f"{row.label} is let in again. What was ended stays ended; their next message begins anew."
    )
    return redirect("person", row.id)


@require_safe
@waiting_page("people.manage")
def person_export_file(request: HttpRequest, person_id: UUID, form: str) -> HttpResponse:
    """All that is known of them, as JSON or as a zip with their files."""
    with entered(request, "people.manage") as inside:
        workspace_id = inside.workspace.id
    try:
        kept = person_export.export(workspace_id, person_id, form)
    except Problem as problem:
        if problem.code == "not_found":
            raise Http404 from None
        raise
    with entered(request, "people.manage") as inside:
        person_export.note(inside.actor, kept)
    # Doors of pages are typed for whole responses; a long export is sent piece by piece.
    sent = download(request, kept.content, kept.name, person_export.CONTENT_TYPES[form], kept.size)
    return cast(HttpResponse, sent)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page("people.manage")
def person_erase(request: WorkspaceRequest, person_id: UUID) -> HttpResponse:
    """Say what will be gone and have a word typed; then erase them."""
    row = person_of(person_id)
    if request.method != "POST":
        return _asked(request, row)
    if request.POST.get("sure", "").strip().lower() != SURE:
        return _asked(request, row, error=f"Type {SURE} to erase this person.", status=422)
    erased = erasing.begin(request.actor, row)
    erased.refresh_from_db()
    if erased.erased_at is not None:
        messages.success(request, "The person is erased.")
    else:
        messages.info(request, "The person is being erased. There is much of them, so it takes a while.")
    return redirect("person", erased.id)


def _asked(request: WorkspaceRequest, row: Person, *, error: str = "", status: int = 200) -> HttpResponse:
    context = {
        "person": row,
        "conversations": Conversation.objects.filter(person=row).count(),
        "sure": SURE,
        "error": error,
    }
    return render(request, "deployments/person_erase.html", context, status=status)
