"""What *Publish* does, wherever it is pressed: in the editor, and beside the test cases."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import transaction

from convoship.lib.problems import Problem
from deployments import publishing
from deployments.pages import queries
from workspaces.access import WorkspaceRequest

LONGEST_NOTE = 200
# What a path of the API is called on the pages; others have words that stand for themselves.
_CALLED = {
    "llm": "The model",
    "llm.api_key": "The model's key",
    "llm.base_url": "The model's address",
    "llm.model": "The model's name",
    "webhook": "The bot",
    "webhook.url": "The bot's address",
}


def publish(request: WorkspaceRequest, assistant_id: UUID, *, despite_tests: bool) -> Problem | None:
    """Publish the draft with the form's `note` and say so; answers why not.

    What is unfinished in the editor is no part of the draft yet. Whoever presses the button means what they typed, so
    then nothing is published (422), even where the draft from before could be.
    """
    row = queries.assistant(assistant_id, lock=True)
    if row.draft_typed is not None:
        return Problem(
            "invalid",
            "In the editor something is unfinished, so nothing is published.",
            hint="Finish it in the editor, or go back to the last draft without faults there.",
        )
    if row.published is not None and not row.has_unpublished_changes:
        words = f"Nothing changed since version {row.published.number}, so there is nothing to publish"
        messages.info(request, f"{words}: visitors meet this already.")
        return None
    note = request.POST.get("note", "").strip()[:LONGEST_NOTE]
    try:
        with transaction.atomic():
            version = publishing.publish(request.actor, row.id, note=note, despite_tests=despite_tests)
    except Problem as problem:
        return _in_words(problem)
    messages.success(request, f"Version {version.number} is live. Open conversations keep the version they began with.")
    return None


def _in_words(problem: Problem) -> Problem:
    """The same refusal without the paths that programs read."""
    if not problem.errors:
        return problem
    told = [f"{_CALLED[path]}: {said[0]}" if path in _CALLED else said[0] for path, said in problem.errors.items()]
    return Problem(problem.code, " ".join(told), hint=problem.hint, errors=problem.errors)
