"""What is said of an origin while it is typed: a part of the form, for its script."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from deployments import origin_answers
from deployments.pages.origin_rows import Row
from workspaces.access import WorkspaceRequest, workspace_page


@require_safe
@workspace_page("deployments.read")
def origin_check(request: WorkspaceRequest) -> HttpResponse:
    """Its normal form, what is wrong with it, what it would let in and what not."""
    typed = request.GET.get("origin", "").strip()[: origin_answers.LONGEST_TYPED]
    number = request.GET.get("row", "")
    answer = origin_answers.of_typed(typed) if typed else None
    at = int(number) if number.isdecimal() and len(number) < 4 else 0
    row = Row(at, typed, answer, asks=bool(answer and answer.wildcard))
    return render(request, "deployments/origin_answer.html", {"row": row, "is_typing": True})
