"""The inbox: the list of conversations, and one of them, live, where a member may take over and answer."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from convoship.lib.problems import Problem
from deployments import carriers, file_kinds, handoff
from deployments import conversations as acts
from deployments.handoff_history import LONGEST_SUMMARY
from deployments.models import Conversation, Message, Turn
from deployments.models.conversation import AuthorKind, Control, MessageStatus
from deployments.pages import handoff_drawing, queries
from deployments.safe_text import TextRefused, clean_text, render_markdown
from deployments.wire import attachment_json
from workspaces import refusals
from workspaces.access import WorkspaceRequest, form_of, workspace_page

FILTER_LABELS = {
    "all": "All",
    "waiting": "Waiting",
    "mine": "Mine",
    "missed": "Missed",
    "active": "Active",
    "ended": "Ended",
}
LONGEST_SEARCH = 100


# --- The list ---------------------------------------------------------------------------------------------------------


@require_safe
@workspace_page("conversations.read")
def conversations(request: WorkspaceRequest) -> HttpResponse:
    """The list."""
    return render(request, "deployments/conversations.html", _listing(request))


@require_safe
@workspace_page("conversations.read")
def conversations_rows(request: WorkspaceRequest) -> HttpResponse:
    """The list's rows alone, fetched again when something changed."""
    return render(request, "deployments/conversations_live.html", _listing(request))


def _listing(request: WorkspaceRequest) -> dict[str, Any]:
    chosen = request.GET.get("show", "all")
    chosen = chosen if chosen in FILTER_LABELS else "all"
    text = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH]
    cursor = request.GET.get("after", "")
    page = queries.conversations_page(filter_name=chosen, user=request.user, text=text, cursor=cursor)
    return {
        "conversations": page.conversations,
        "next": _query(chosen, text, page.next) if page.next else "",
        "query": _query(chosen, text, cursor),
        "filters": [(key, label, _query(key, text)) for key, label in FILTER_LABELS.items()],
        "chosen": chosen,
        "text": text,
        "is_first_page": not cursor,
    }


def _query(chosen: str, text: str, cursor: str = "") -> str:
    parts = {"show": chosen if chosen != "all" else "", "q": text, "after": cursor}
    return "?" + urlencode({name: value for name, value in parts.items() if value})


# --- One conversation -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Card:
    """A card, or an item of a list."""

    title: str
    html: SafeString


@dataclass(frozen=True)
class Attached:
    """A file of a message; `url` is good for an hour."""

    name: str
    size: int
    url: str
    is_image: bool


@dataclass(frozen=True)
class Line:
    """A message as the transcript shows it."""

    message: Message
    html: SafeString
    side: str
    author: str
    turn: Turn | None
    trace: list[tuple[str, str]]
    buttons: list[str] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    files: list[Attached] = field(default_factory=list)
    # The badge of a message that did not arrive (so far): its words and tone; and where its story is told.
    trouble: tuple[str, str] | None = None
    story: str = ""


# What has not arrived, the words and the tone of each.
_TROUBLES = {
    MessageStatus.QUEUED: ("Waiting to be sent", ""),
    MessageStatus.PARKED: ("Parked", "warn"),
    MessageStatus.FAILED: ("Not delivered", "bad"),
    MessageStatus.UNKNOWN: ("Nobody knows whether it arrived", "warn"),
    MessageStatus.SUPPRESSED: ("Held back", "warn"),
}


def _lines(messages: list[Message]) -> list[Line]:
    """The transcript's lines, those in trouble with the way to their story."""
    undelivered = [message for message in messages if message.status in _TROUBLES]
    stories = carriers.stories_of(undelivered) if undelivered else {}
    return [_line(message, stories.get(message.id, "")) for message in messages]


def _line(message: Message, story: str = "") -> Line:
    turn = getattr(message, "turn", None) if message.author_kind == AuthorKind.VISITOR else None
    side = {AuthorKind.VISITOR: "", AuthorKind.ASSISTANT: "ours", AuthorKind.AGENT: "ours agent"}
    author = message.author_name or AuthorKind(message.author_kind).label
    return Line(
        message=message,
        html=SafeString(render_markdown(message.text)),
        side=side.get(AuthorKind(message.author_kind), "system"),
        author=author,
        turn=turn,
        trace=_facts_of(turn.trace) if turn else [],
        buttons=[str(button.get("label", "")) for block in message.blocks for button in block.get("buttons", [])],
        cards=[
            Card(str(card.get("title", "")), SafeString(render_markdown(str(card.get("text", "")))))
            for block in message.blocks
            for card in _cards_of(block)
        ],
        files=[_attached(attachment_json(message, item)) for item in message.attachments],
        trouble=_TROUBLES.get(MessageStatus(message.status)) if message.reason or story else None,
        story=story,
    )


def _attached(item: dict[str, Any]) -> Attached:
    return Attached(item["name"], item["size"], item["url"], file_kinds.is_image(item["content_type"]))


def _cards_of(block: dict[str, Any]) -> list[dict[str, Any]]:
    match block.get("type"):
        case "card":
            return [block]
        case "carousel":
            return list(block.get("cards", []))
        case "list":
            return list(block.get("items", []))
        case _:
            return []


def _facts_of(trace: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (str(key).replace("_", " "), _plain(value)) for key, value in trace.items() if value not in (None, "", [], {})
    ]


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, list):
        return "; ".join(_plain(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(_plain(item) for item in value.values())
    return str(value)


def _conversation(conversation_id: UUID) -> Conversation:
    rows = Conversation.objects.select_related("person", "assistant", "version", "deployment", "assigned_to")
    return get_object_or_404(rows, id=conversation_id)


def _context(request: WorkspaceRequest, row: Conversation, **more: Any) -> dict[str, Any]:
    lines, is_cut = queries.transcript(row)
    return {
        "conversation": row,
        "lines": _lines(lines),
        "place": carriers.place_of(row) if row.channel != "web" else None,
        "is_cut": is_cut,
        "may_write": request.actor.may("conversations.write"),
        "is_mine": row.control == Control.HUMAN and row.assigned_to_id == request.user.id,
        "case": handoff.current(row),
        "handoffs": handoff_drawing.drawn(row),
        "client_id": uuid4(),
        "text": "",
        "error": "",
        **more,
    }


@require_safe
@workspace_page("conversations.read")
def conversation(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """The transcript, what is known of the visitor, and the reply form."""
    return render(request, "deployments/conversation.html", _context(request, _conversation(conversation_id)))


@require_safe
@workspace_page("conversations.read")
def conversation_live(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """The part that changes: state and transcript, fetched again when something happened."""
    return render(request, "deployments/conversation_live.html", _context(request, _conversation(conversation_id)))


@form_of("conversation")
@workspace_page("conversations.write")
def conversation_reply(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """Answer the visitor, taking over first. What was typed comes back where it could not be sent."""
    typed, client_id = request.POST.get("text", ""), request.POST.get("client_id", "")[:64]
    error = ""
    try:
        with transaction.atomic():
            text = clean_text(typed).strip()
            if text:
                row = acts.lock(conversation_id)
                handoff.reply(request.actor, request.user, row, text, client_id or None)
            else:
                error = "Write something first."
    except TextRefused as refused:
        error = refused.message
    except Problem as problem:
        if problem.code == "not_found":
            return _missing(conversation_id)
        error = refusals.words_of(problem)
    is_fragment = bool(request.headers.get("HX-Request"))
    if not error and not is_fragment:
        return redirect("conversation", conversation_id)
    more = {"error": error, **({"text": typed, "client_id": client_id} if error else {})}
    context = _context(request, _conversation(conversation_id), **more)
    template = "conversation_live.html" if is_fragment else "conversation.html"
    status = 422 if error and not is_fragment else 200
    response = render(request, f"deployments/{template}", context, status=status)
    if is_fragment:
        # Beside the field, and not in the part that every event fetches again: the reason stays until the next try.
        response["HX-Trigger-After-Swap"] = json.dumps({"refused": error}) if error else "replied"
    return response


def _missing(conversation_id: UUID) -> HttpResponse:
    _conversation(conversation_id)  # raises the 404 that every missing page gives
    raise AssertionError("unreachable")


@form_of("conversation")
@workspace_page("conversations.write")
def conversation_take(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """Take the conversation over."""
    with refusals.said_as_message(request):
        handoff.join(request.actor, request.user, acts.lock(conversation_id))
    return redirect("conversation", conversation_id)


@form_of("conversation")
@workspace_page("conversations.write")
def conversation_return(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """Hand it back to the assistant, with what was done. What was typed comes back where it can't be kept."""
    typed = request.POST.get("summary", "")
    try:
        summary = clean_text(typed).strip()
        if len(summary) > LONGEST_SUMMARY:
            raise TextRefused("invalid", f"At most {LONGEST_SUMMARY:,} characters are possible.")
    except TextRefused as refused:
        more = {"summary": typed, "summary_errors": [refused.message]}
        context = _context(request, _conversation(conversation_id), **more)
        return render(request, "deployments/conversation.html", context, status=422)
    with refusals.said_as_message(request):
        handoff.give_back(request.actor, acts.lock(conversation_id), summary)
    return redirect("conversation", conversation_id)


@form_of("conversation")
@workspace_page("conversations.write")
def conversation_resolve(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """End it."""
    with refusals.said_as_message(request):
        handoff.resolve(request.actor, request.user.public_name, acts.lock(conversation_id))
        messages.success(request, "Resolved. If the visitor writes again, a new conversation begins.")
    return redirect("conversation", conversation_id)
