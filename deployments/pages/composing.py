"""The composer of a conversation's page: an answer to the visitor, or a note for the other members.

Its form works without JavaScript; with it (htmx) the answer is the part that changes, and what the composer itself has
to say comes as an event: `replied`, `refused` or `asked`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render

from convoship.lib.problems import Problem
from deployments import carriers, conversations, handoff, notes
from deployments.pages import queries
from deployments.pages.composer_files import PERMISSION, Added, added, shown
from deployments.pages.conversation import found, live_context, page_context
from deployments.safe_text import TextRefused, clean_text
from workspaces import refusals
from workspaces.access import WorkspaceRequest, entered, form_of, waiting_page

LARGEST_SEQ = 2**31 - 1
MOST_UNMET = 3


@dataclass(frozen=True)
class Typed:
    """What the composer sent. `seen_seq` is the last message that its page showed when this was begun, if it says."""

    kind: str
    text: str
    client_id: str
    seen_seq: int | None
    files: Added = field(default_factory=Added)

    @classmethod
    def of(cls, request: WorkspaceRequest) -> Typed:
        """As it came; whatever is wrong with the text is said later."""
        kind = "note" if request.POST.get("kind") == "note" else "reply"
        seen = request.POST.get("head_seq", "")
        is_number = seen.isascii() and seen.isdigit() and len(seen) <= len(str(LARGEST_SEQ))
        client_id = request.POST.get("client_id", "").replace("\x00", "")[:64]
        return cls(kind, request.POST.get("text", ""), client_id, int(seen) if is_number else None)

    def with_text(self, text: str) -> Typed:
        """The same with another text."""
        return replace(self, text=text)


@dataclass(frozen=True)
class Outcome:
    """How sending went: `error` says why it did not, `asked` what the sender should know before it does; `said` what
    they should know of what was sent."""

    error: str = ""
    asked: str = ""
    said: str = ""

    @property
    def is_sent(self) -> bool:
        """Whether it was."""
        return not (self.error or self.asked)


@form_of("conversation")
@waiting_page(PERMISSION)
def conversation_reply(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """Answer the visitor, taking over first, or write a note. What was typed comes back where it could not be sent."""
    with refusals.missing_is_404():
        typed = replace(Typed.of(request), files=added(request, conversation_id))
    with entered(request, PERMISSION) as inside:
        return _answered(inside, conversation_id, typed)


def _answered(request: WorkspaceRequest, conversation_id: UUID, typed: Typed) -> HttpResponse:
    try:
        with transaction.atomic():
            outcome = _send(request, conversation_id, typed)
    except TextRefused as refused:
        outcome = Outcome(error=refused.message)
    except Problem as problem:
        if problem.code == "not_found":
            found(conversation_id)  # raises the 404 that every missing page gives
        said = [words for field in problem.errors.values() for words in field]
        outcome = Outcome(error=" ".join(said) or refusals.words_of(problem))
    if request.headers.get("HX-Request"):
        return _fragment(request, conversation_id, typed, outcome)
    if outcome.is_sent:
        if outcome.said:
            messages.warning(request, outcome.said)
        return redirect("conversation", conversation_id)
    return shown_again(request, conversation_id, typed, outcome)


def _send(request: WorkspaceRequest, conversation_id: UUID, typed: Typed) -> Outcome:
    text = clean_text(typed.text).strip()
    row = conversations.lock(conversation_id)
    if typed.files.errors:
        # Beside the field, where there is one.
        has_field = row.is_active and carriers.files_of(row) is not None
        return Outcome(error="A file could not be added." if has_field else " ".join(typed.files.errors))
    if not text and (typed.kind == "note" or not typed.files.ids):
        return Outcome(error="Write something first.")
    if typed.kind == "note":
        if typed.files.ids:
            return Outcome(error="A note takes no files. Send them in a reply, or take them out.")
        return Outcome(said=_of_unmet(notes.add(request.actor, row, text, typed.client_id or None).unmet))
    if typed.seen_seq is not None and not queries.is_posted(row, typed.client_id):
        others = queries.answered_since(row, request.user, typed.seen_seq)
        if others:
            return Outcome(asked=f"{others} answered meanwhile. Send anyway?")
        other = handoff.taken_by_other(row, request.user, "")
        if other and queries.is_told_since(row, typed.seen_seq):
            return Outcome(asked=f"{other} took it over meanwhile. Send anyway?")
    handoff.reply(request.actor, request.user, row, text, typed.client_id or None, typed.files.ids)
    return Outcome()


def _of_unmet(names: Sequence[str]) -> str:
    """That nobody is mentioned by these, though they stand behind an `@`."""
    shown = ", ".join(f"@{name[:40]}" for name in names[:MOST_UNMET])
    return f"{shown}: nobody by that name, or several, so nobody was mailed for it." if shown else ""


def shown_again(
    request: WorkspaceRequest, conversation_id: UUID, typed: Typed, outcome: Outcome, **said: Any
) -> HttpResponse:
    """The whole page with what was typed in its composer."""
    more: dict[str, Any] = {"text": typed.text, "client_id": typed.client_id, "kind": typed.kind, **said}
    row = found(conversation_id)
    more |= shown(request, row, typed.files)
    context = page_context(request, row, error=outcome.error, asked=outcome.asked, **more)
    return render(request, "deployments/conversation.html", context, status=200 if outcome.is_sent else 422)


def _fragment(request: WorkspaceRequest, conversation_id: UUID, typed: Typed, outcome: Outcome) -> HttpResponse:
    context = live_context(request, found(conversation_id))
    response = render(request, "deployments/conversation_anew.html", context)
    # Beside the field, and not in the part that every event fetches again: the reason stays until the next try.
    if outcome.error:
        happened = json.dumps({"refused": {"words": outcome.error, "kind": typed.kind}})
    elif outcome.asked:
        happened = json.dumps({"asked": {"words": outcome.asked}})
    else:
        happened = json.dumps({"replied": {"words": outcome.said}}) if outcome.said else "replied"
    response["HX-Trigger-After-Swap"] = happened
    return response
