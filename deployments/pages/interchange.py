"""An assistant as a file: taken out, made from one, and its draft replaced by one after a look at what changes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from convoship.lib.problems import Problem
from deployments import differences, interchange, publishing, versions
from deployments.interchange import Imported
from deployments.models import Assistant
from deployments.pages import diff_drawing, queries
from deployments.pages.versions import side_of
from workspaces import refusals
from workspaces.access import WorkspaceRequest, workspace_page


class NewImportForm(forms.Form):
    """What a new assistant is called, where its file isn't to decide that."""

    name = forms.CharField(max_length=100, required=False)


@dataclass(frozen=True)
class Given:
    """What came with the form: the text it keeps, and what was read in it or what is wrong with it."""

    text: str = ""
    imported: Imported | None = None
    faults: Sequence[tuple[str, str]] = field(default=())


@require_safe
@workspace_page("assistants.read")
def export(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """The draft or a version, as a file to keep."""
    row = queries.assistant(assistant_id)
    side = side_of(request.GET.get("version", versions.DRAFT))
    with refusals.missing_is_404():
        document = interchange.exported(row, side)
    return HttpResponse(
        json.dumps(document, ensure_ascii=False, indent=2) + "\n",
        content_type="application/json",
        headers={"Content-Disposition": interchange.disposition(row, side), "Cache-Control": "no-store"},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page("assistants.write")
def import_new(request: WorkspaceRequest) -> HttpResponse:
    """Make an assistant from a file or from pasted JSON."""
    form, given = NewImportForm(request.POST or None), _given(request)
    if request.method == "POST" and given.imported is not None and form.is_valid():
        try:
            with transaction.atomic():
                made = interchange.create(request.actor, given.imported, name=form.cleaned_data["name"])
        except Problem as problem:
            refusals.put_on(form, problem)
        else:
            messages.success(request, f"{made.name} is there as a draft. Visitors meet it once you publish it.")
            _tell_of_left_out(request, given.imported)
            return redirect("assistant", made.id)
    failed = bool(form.errors or given.faults)
    return render(request, "deployments/import_new.html", {"form": form, "given": given}, status=422 if failed else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page("assistants.write")
def import_draft(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """Show what a file would change in the draft; replace the draft once that was seen."""
    row, given = queries.assistant(assistant_id), _given(request)
    if given.imported is None:
        context = {"assistant": row, "tab": "versions", "given": given}
        return render(request, "deployments/import_draft.html", context, status=422 if given.faults else 200)
    seen, now = request.POST.get("seen"), row.draft_changed_at.isoformat()
    if request.POST.get("op") != "replace" or seen != now:
        return _preview(request, row, given, is_outdated=request.POST.get("op") == "replace")
    row = publishing.held(row.id)
    if row.draft_changed_at.isoformat() != seen:  # by who saved between our look and our hold
        return _preview(request, row, given, is_outdated=True)
    with refusals.said_as_message(request):
        interchange.replace(request.actor, row, given.imported)
        messages.success(request, "The draft is replaced. Visitors meet it once you publish it.")
        _tell_of_left_out(request, given.imported)
    return redirect("assistant_versions", row.id)


def _tell_of_left_out(request: WorkspaceRequest, imported: Imported) -> None:
    for words in imported.words_left_out:
        messages.warning(request, words)


def _preview(request: WorkspaceRequest, row: Assistant, given: Given, *, is_outdated: bool) -> HttpResponse:
    assert given.imported is not None  # noqa: S101 (its caller made sure)
    changes = differences.compare(row.content_of_draft(), given.imported.content_for(row))
    drawn, left_out = diff_drawing.draw(changes)
    cases = given.imported.test_cases
    context = {
        "assistant": row,
        "tab": "versions",
        "given": given,
        "changes": drawn,
        "left_out": left_out,
        "summary": differences.summary(changes),
        "test_cases": None if cases is None or cases == row.test_cases else len(cases),
        "draft_test_cases": len(row.test_cases),
        "seen": row.draft_changed_at.isoformat(),
        "is_outdated": is_outdated,
    }
    return render(request, "deployments/import_preview.html", context, status=409 if is_outdated else 200)


def _given(request: HttpRequest) -> Given:
    """What a file or the text field brought; a file that was chosen wins, and its text is kept like a pasted one."""
    if request.method != "POST":
        return Given()
    text, file = request.POST.get("text", ""), request.FILES.get("file")
    try:
        if isinstance(file, UploadedFile):
            text = _text_of(file)
        return Given(text, imported=interchange.read_text(text))
    except Problem as problem:
        said = problem.errors or {"": [problem.detail]}
        faults = [(path, words) for path, each in said.items() for words in each]
        return Given(text, faults=faults)


def _text_of(file: UploadedFile) -> str:
    if (file.size or 0) > interchange.LARGEST_FILE:
        raise interchange.too_large()
    return interchange.text_of(file.read())
