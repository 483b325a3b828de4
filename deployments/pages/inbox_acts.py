"""What keeps a conversation in order: its tags, and whether it is put away."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render

from convoship.lib.problems import Problem
from deployments import conversations as acts
from deployments import snoozing, tagging
from deployments.pages import conversation
from deployments.pages.inbox_filters import as_id
from workspaces import refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page


@form_of("conversation")
@workspace_page("conversations.write")
def conversation_tags(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """Put tags on (`add`, some at once between commas) or take one off (`remove`, its id)."""
    typed = request.POST.get("add", "").replace("\x00", "")
    taken_off = as_id(request.POST.get("remove", ""))
    try:
        with transaction.atomic():
            row = acts.lock(conversation_id)
            if taken_off:
                tagging.take_off(request.actor, row, UUID(taken_off))
            else:
                tagging.put(request.actor, row, [name for name in typed.split(",") if name.strip()] or [""])
    except Problem as problem:
        return _refused(request, conversation_id, problem, tags_error=refusals.words_of(problem), tags_typed=typed)
    return redirect(_at(conversation_id, "tags"))


@form_of("conversation")
@workspace_page("conversations.write")
def conversation_snooze(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """Put it away until one of the times (`until`), or one's own (`until=own`, `at`); or bring it back (`wake`)."""
    chosen, own = request.POST.get("until", ""), request.POST.get("at", "").replace("\x00", "")
    where = snoozing.zone(request.POST.get("zone", ""))
    try:
        with transaction.atomic():
            row = acts.lock(conversation_id)
            if chosen == "wake":
                snoozing.wake(request.actor, row)
            else:
                moment = snoozing.typed(own, where) if chosen == "own" else snoozing.preset(chosen, where)
                snoozing.snooze(request.actor, row, moment)
    except Problem as problem:
        return _refused(request, conversation_id, problem, snooze_error=refusals.words_of(problem), snooze_typed=own)
    said = f"Snoozed until {_spoken(moment, where)}." if chosen != "wake" else "It is back on the list."
    messages.success(request, said)
    return redirect(_at(conversation_id, "snooze"))


def _at(conversation_id: UUID, part: str) -> str:
    return f"/app/conversations/{conversation_id}/#{part}"


def _spoken(moment: dt.datetime, where: dt.tzinfo) -> str:
    there = moment.astimezone(where)
    return f"{there:%A, %-d %B, %H:%M}" + (" UTC" if where is dt.UTC else "")


def _refused(request: WorkspaceRequest, conversation_id: UUID, problem: Problem, **said: str) -> HttpResponse:
    """The conversation's page with the reason beside the field, and what was typed in it."""
    if problem.code == "not_found":
        raise Http404 from None
    context = conversation.page_context(request, conversation.found(conversation_id), **said)
    return render(request, "deployments/conversation.html", context, status=422)
