"""One conversation, live: what was said and noted, what is known of the visitor, and where it stands."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from deployments import calls, carriers, handoff, notes, person_fields, person_words, reading
from deployments.models import CannedReply, Conversation
from deployments.models.conversation import Channel, Control
from deployments.pages import handoff_drawing, queries, transcript
from deployments.pages.composer_files import Added, shown
from workspaces.access import WorkspaceRequest, workspace_page
from workspaces.members import members_with


def found(conversation_id: UUID) -> Conversation:
    """The workspace's conversation with what its page names; Http404 where there is none."""
    rows = Conversation.objects.select_related("person", "assistant", "version", "deployment", "assigned_to")
    return get_object_or_404(rows, id=conversation_id)


def live_context(request: WorkspaceRequest, row: Conversation) -> dict[str, Any]:
    """What changes while the page is open: state, transcript, and who the visitor is."""
    around = _around(request)
    call = calls.told(row) if row.channel == Channel.VOICE else None
    shown = transcript.transcript(row, around, call)
    may_write = request.actor.may("conversations.write")
    return {
        "conversation": row,
        "call": call,
        "entries": shown.entries,
        "head_seq": shown.head_seq,
        "place": carriers.place_of(row) if row.channel != "web" else None,
        "part": shown.part,
        "around": around if shown.part.has_later else None,
        "may_write": may_write,
        "assignable": members_with("conversations.write") if may_write and row.is_active else [],
        "is_mine": row.control == Control.HUMAN and row.assigned_to_id == request.user.id,
        "case": handoff.current(row),
        "handoffs": handoff_drawing.drawn(row),
        "after_nobody": calls.after_nobody_words(row),
        "email_known_by": person_words.said_by(row.person, "email"),
        "person_fields": person_fields.values_of(row.person),
    }


def _around(request: WorkspaceRequest) -> int | None:
    """The message that a search found (`?m=`), if the address names one."""
    given = request.GET.get("m", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else None


def page_context(request: WorkspaceRequest, row: Conversation, **typed: Any) -> dict[str, Any]:
    """What the whole page shows; `typed` is what the composer has again, where it could not be sent."""
    kind = "reply" if row.is_active else "note"
    return {
        **live_context(request, row),
        "kind": kind,
        "client_id": uuid4(),
        "text": "",
        "error": "",
        "asked": "",
        "missing": (),
        "earlier": queries.earlier(row),
        "began_by": queries.began_by(row),
        "canned_replies": CannedReply.objects.order_by("shortcut").only("workspace", "shortcut", "title"),
        "handles": _handles_of_others(request),
        **shown(request, row, Added()),
        **typed,
    }


def _handles_of_others(request: WorkspaceRequest) -> list[str]:
    """What can be written after `@`, in order of the names."""
    found = notes.handles(members_with("conversations.read"))
    return [handle for user, handle in found.items() if user != request.user]


@require_safe
@workspace_page("conversations.read")
def conversation(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """The transcript, what is known of the visitor, and the composer."""
    row = found(conversation_id)
    context = page_context(request, row)
    if context["is_mine"]:
        # Asked for by who will read it; the page says of itself what it shows later (presence.js).
        reading.by_member(row.id, request.user, context["head_seq"])
    return render(request, "deployments/conversation.html", context)


@require_safe
@workspace_page("conversations.read")
def conversation_live(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """What changes, fetched again when something happened."""
    return render(request, "deployments/conversation_anew.html", live_context(request, found(conversation_id)))
