"""The page on which a template is sent in a conversation: the one that suits best is chosen and filled in already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from channels_app import template_choice, template_use, windows
from channels_app.pages import template_preview
from channels_app.pages.template_form import CATEGORIES
from channels_app.template_choice import Suggestion
from convoship.lib.problems import Problem
from deployments import carriers, conversations, template_sending
from deployments.models import Conversation, Message
from deployments.models.conversation import AuthorKind
from deployments.pages.conversation import found
from deployments.safe_text import TextRefused, clean_text
from workspaces import refusals
from workspaces.access import WorkspaceRequest, workspace_page

_BEFORE = "v-"
_LARGEST_SEQ = 2**31 - 1


@dataclass(frozen=True)
class Field:
    """A variable to fill in."""

    name: str
    value: str
    sample: str
    errors: Sequence[str]
    # It is the first that is empty.
    is_next: bool = False

    @property
    def id(self) -> str:
        """Of its input."""
        return f"{_BEFORE}{self.name}"


@dataclass(frozen=True)
class Typed:
    """What the form sent; of the address alone where nothing was sent yet (`values` is None)."""

    sid: str
    seq: int | None
    client_id: str
    drops: bool | None = None
    values: Mapping[str, str] | None = None

    @classmethod
    def of(cls, request: WorkspaceRequest) -> Typed:
        """As it came; what makes no sense counts as nothing."""
        is_sent = request.method == "POST"
        data = request.POST if is_sent else request.GET
        given = str(data.get("message", ""))
        is_number = given.isascii() and given.isdigit() and len(given) <= len(str(_LARGEST_SEQ))
        return cls(
            sid=str(data.get("template", "")).replace("\x00", "")[:64],
            seq=int(given) if is_number and int(given) <= _LARGEST_SEQ else None,
            client_id=str(data.get("client_id", "")).replace("\x00", "")[:64] if is_sent else str(uuid4()),
            drops=data.get("parked") == "drop" if is_sent else None,
            values={key.removeprefix(_BEFORE): str(value) for key, value in data.items() if key.startswith(_BEFORE)}
            if is_sent
            else None,
        )


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page("conversations.write")
def conversation_template(request: WorkspaceRequest, conversation_id: UUID) -> HttpResponse:
    """Choose (`?template=`), fill in and send; `?message=` is one that waits, and in whose place it may go."""
    row = found(conversation_id)
    typed = Typed.of(request)
    if template_use.link_of(row) is None:
        raise Http404
    if request.method != "POST":
        return _page(request, row, typed)
    errors: dict[str, list[str]] = {}
    words = ""
    try:
        with transaction.atomic():
            message = _send(request, row, typed)
    except TextRefused as refused:
        words = refused.message
    except Problem as problem:
        errors = {path: list(said) for path, said in problem.errors.items()}
        named = {f"variables.{name}" for name in typed.values or {}}
        above = [said for path, each in errors.items() if path not in named for said in each]
        words = " ".join(above) if errors else refusals.words_of(problem)
    else:
        messages.success(request, "The template is on its way.")
        return redirect(f"{reverse('conversation', args=[row.id])}#m-{message.seq}")
    return _page(request, row, typed, errors=errors, words=words)


def _send(request: WorkspaceRequest, row: Conversation, typed: Typed) -> Message:
    values = {name: clean_text(value).strip() for name, value in (typed.values or {}).items()}
    sent = template_sending.send(
        request.actor,
        request.user,
        conversations.lock(row.id),
        typed.sid,
        values,
        client_id=typed.client_id or None,
        instead_of=typed.seq if typed.drops else None,
    )
    if typed.seq is not None:
        template_use.put_aside(request.actor, row, typed.seq)
    return sent


def _page(
    request: WorkspaceRequest,
    row: Conversation,
    typed: Typed,
    *,
    errors: Mapping[str, Sequence[str]] | None = None,
    words: str = "",
) -> HttpResponse:
    link = template_use.link_of(row)
    assert link is not None  # noqa: S101 (asked by who calls)
    parked = template_use.parked(row, typed.seq) if typed.seq is not None else None
    refused = template_use.refused(row, typed.seq) if typed.seq is not None and parked is None else None
    # A line of the house is nothing to pay for by itself: whoever wants to reach them now writes what it is to say.
    is_written = parked is not None and parked.author_kind != AuthorKind.SYSTEM
    text = parked.text if parked and is_written else template_use.text_of(refused) if refused else ""
    offered = template_choice.ranked(link.connection, text=text, name=row.person.name)
    proposed = template_choice.proposed(offered, is_for_text=parked is not None or bool(text))
    chosen = next((one for one in offered if one.template.sid == typed.sid), proposed)
    window = windows.of(link.connection, link.address)
    place = carriers.place_of(row)
    context: dict[str, Any] = {
        "conversation": row,
        "connection": link.connection,
        "place": place,
        "is_open": windows.is_open(window),
        "why_closed": windows.reason(link.connection, link.address),
        "parked": parked,
        "files": [str(item["name"]) for item in parked.attachments if not item.get("deleted")] if parked else [],
        "refused": refused,
        "offered": [(one, one is chosen) for one in offered],
        "client_id": typed.client_id,
        "words": words,
        "may_make": request.actor.may("connections.write"),
    }
    if chosen is not None:
        context |= _chosen(chosen, typed, errors or {}, has_files=bool(context["files"]))
    if not offered:
        context["stands"] = template_use.stands(link.connection)
    failed = bool(errors or words)
    return render(request, "channels_app/template_chooser.html", context, status=422 if failed else 200)


def _chosen(
    chosen: Suggestion, typed: Typed, errors: Mapping[str, Sequence[str]], *, has_files: bool
) -> dict[str, Any]:
    template = chosen.template
    values = typed.values if typed.values is not None else chosen.values
    names = template_choice.variables_of(template)
    empty = next((name for name in names if not values.get(name, "").strip()), "")
    return {
        "chosen": template,
        "costs": CATEGORIES.get(template.category, ""),
        "preview": template_preview.of(template, values),
        "fields": [
            Field(
                name,
                values.get(name, ""),
                str(template.variables.get(name, "")),
                errors.get(f"variables.{name}", ()),
                is_next=name == empty,
            )
            for name in names
        ],
        "is_filled": not empty,
        "holds": chosen.holds,
        # It would arrive twice where the template has all of it; a file goes in none.
        "drops": chosen.holds and not has_files if typed.drops is None else typed.drops,
    }
