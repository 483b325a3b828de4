"""Rehearsals: begin one, speak as the other side, tell the stand-in how to behave, and see what went over the wire."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from channels_app import hiding
from channels_app.models import Connection, Delivery, RehearsalLine
from channels_app.models.rehearsal import LineKind, Reports
from channels_app.pages import queries, timeline
from channels_app.pages.connection import head
from channels_app.providers.registry import PROVIDERS
from channels_app.rehearsal import calling, pictures, rehearsing
from channels_app.rehearsal.base import StandIn
from channels_app.rehearsal.registry import STAND_INS
from channels_app.rehearsal.telephone.telling import cut
from convoship.lib import limiting
from convoship.lib.problems import Problem
from deployments import checking, file_kinds
from deployments.api import one_file
from deployments.file_kinds import Checked
from deployments.models import Assistant
from workspaces import once, refusals
from workspaces.access import WorkspaceRequest, entered, form_of, waiting_page, workspace_page

LINES_SHOWN = 40
# What goes over the wire many times in a row stands there once: more has to be looked at than is shown.
LINES_READ = 160
LONGEST_TEXT = 160
MOST_ADDRESSES = 8
# How many of the next calls a fault is for; 0: all of them.
CALLS = ((1, "the next call"), (3, "the next 3 calls"), (0, "every call, until I choose another"))


class BeginForm(forms.Form):
    """Which assistant answers."""

    assistant: forms.ModelChoiceField[Assistant] = forms.ModelChoiceField(
        queryset=None,
        empty_label=None,
        error_messages={"required": "Choose an assistant.", "invalid_choice": "Choose one of your assistants."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        published = Assistant.objects.filter(published__isnull=False)
        self.fields["assistant"].queryset = published.order_by("name", "created_at")  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page("connections.write")
def rehearsal_new(request: WorkspaceRequest, kind: str) -> HttpResponse:
    """Who answers, and then it begins."""
    provider = PROVIDERS.get(kind)
    if provider is None:
        raise Http404
    form = BeginForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        if once.was_sent(request):
            return redirect("channels")
        made = rehearsing.begin(request.actor, kind=kind, assistant_id=form.cleaned_data["assistant"].id)
        once.spend(request)
        return redirect("rehearsal", made.connection.id)
    context = {
        "form": form,
        "kind": provider,
        "stand_in": STAND_INS[kind],
        "once": once.mark(),
        "has_assistants": form.fields["assistant"].queryset.exists(),  # type: ignore[attr-defined]
    }
    return render(request, "channels_app/rehearsal_new.html", context, status=422 if form.is_bound else 200)


@form_of("connection")
@workspace_page("connections.write")
def connection_rehearse(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """A rehearsal set up like this connection."""
    row = queries.connection(connection_id)
    if once.was_sent(request):
        return redirect("channels")
    try:
        with transaction.atomic():
            made = rehearsing.begin(request.actor, kind=row.kind, assistant_id=row.assistant_id, like=row)
    except Problem as problem:
        said = [words for found in (problem.errors or {}).values() for words in found]
        messages.error(request, " ".join(said) or problem.detail)
        return redirect("connection", row.id)
    once.spend(request)
    return redirect("rehearsal", made.connection.id)


def _player(connection_id: UUID) -> StandIn:
    """The rehearsal's stand-in, held; Http404 where there is none."""
    queries.rehearsal(queries.connection(connection_id))
    return rehearsing.held(connection_id)


# --- The screen -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """A line as the screen shows it; `delivery` with its tone where it is one."""

    at: dt.datetime
    line: RehearsalLine | None
    tone: str = ""
    # What became of what they wrote, where that is worth a word.
    words: str = ""
    # What never left, and why.
    held_back: Delivery | None = None
    pictures: list[pictures.Shown] = field(default_factory=list)


def _screen(request: WorkspaceRequest, connection_id: UUID) -> dict[str, Any]:
    row = queries.connection(connection_id)
    rehearsal, stand_in = queries.rehearsal(row), STAND_INS[row.kind].set_up(row.config)
    # Not of those: reports are many, and would push what was said off the screen.
    talks = list(queries.rehearsal_lines(row).filter(kind__in=_TALK).exclude(address="")[:LINES_SHOWN])
    addresses = list(dict.fromkeys(line.address for line in talks))[:MOST_ADDRESSES]
    wanted = request.GET.get("with", "").replace("\x00", "")[:255]
    address = wanted or (addresses[0] if addresses else "")
    if wanted and wanted not in addresses:
        addresses = [wanted, *addresses]
    return {
        **head(request, row, "rehearsal"),
        **stand_in.shown(row, rehearsal, address),
        "rehearsal": rehearsal,
        "stand_in": stand_in,
        "faults": stand_in.faults_for(row.config),
        "address": address,
        "conversation_id": queries.latest_conversation(row, address) if address else None,
        "addresses": [(one, "?" + urlencode({"with": one})) for one in addresses],
        "query": "?" + urlencode({"with": address}) if wanted else "",
        "talk": _talk(row, [line for line in talks if line.address == address], address),
        "wire": _wire(row, stand_in),
        "overdue": rehearsing.overdue(row),
        "waiting": queries.deliveries(row, "waiting", "").count(),
    }


@dataclass(frozen=True)
class Wired:
    """What went over the wire, `times` in a row alike; `words` tell what it was. The rest is without secrets."""

    line: RehearsalLine
    words: str
    times: int = 1
    hider: hiding.Hider = field(default_factory=hiding.Hider)

    @property
    def url(self) -> str:
        """Where it went."""
        return self.hider.text(self.line.url)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """What stood above it."""
        return list(self.hider.headers(self.line.headers).items())

    @property
    def body(self) -> str:
        """What it brought."""
        return self.hider.text(self.line.body)

    @property
    def answer(self) -> str:
        """What it was answered."""
        return self.hider.text(self.line.answer)


def _wire(row: Connection, stand_in: type[StandIn]) -> list[Wired]:
    lines = queries.rehearsal_lines(row)
    if stand_in.has_telephone:
        # What a call that rings will be told of, unless it is answered, is nobody's yet.
        lines = lines.exclude(due_at__gt=timezone.now())
    found: list[Wired] = []
    hider = hiding.of(row)
    for line in lines[:LINES_READ]:
        words = line.note or (cut(line.text, LONGEST_TEXT) if line.kind in _CAUGHT else "")
        if found and _alike(found[-1], line, words):
            # Under the oldest one's id, which stays as the row grows.
            found[-1] = Wired(line, words, found[-1].times + 1, hider)
        elif len(found) == LINES_SHOWN:
            break
        else:
            found.append(Wired(line, words, hider=hider))
    return found


def _alike(before: Wired, line: RehearsalLine, words: str) -> bool:
    """Whether a request says nothing that the one after it did not say."""
    return (
        line.kind == LineKind.ASKS
        and (before.line.kind, before.words, before.line.address) == (line.kind, words, line.address)
        and (before.line.answer_status, before.line.provider_id) == (line.answer_status, line.provider_id)
    )


_CAUGHT = (LineKind.CAUGHT, LineKind.COPY, LineKind.TURNED_AWAY)
_TALK = (LineKind.SAID, LineKind.SAID_AGAIN, LineKind.ASIDE, LineKind.CAUGHT, LineKind.TURNED_AWAY, LineKind.COPY)


def _talk(row: Connection, lines: list[RehearsalLine], address: str) -> list[Shown]:
    """What was said at an address and what was not, the oldest first."""
    reasons = queries.reasons_of_events(row, [line.provider_id for line in lines if line.is_said])
    shown = [
        Shown(
            line.created_at,
            line,
            timeline.tone_of(line.delivery) if line.delivery else "",
            reasons.get(line.provider_id, "") if line.is_said else "",
            pictures=pictures.shown(line),
        )
        for line in lines
    ]
    if lines:
        since = lines[-1].created_at
        shown += [
            Shown(one.created_at, None, timeline.tone_of(one), held_back=one)
            for one in queries.never_sent(row, address, since)
        ]
    return sorted(shown, key=lambda one: one.at)


def page(
    request: WorkspaceRequest, connection_id: UUID, *, typed: dict[str, str] | None = None, **more: Any
) -> HttpResponse:
    context = {
        **_screen(request, connection_id),
        "reports": Reports.choices,
        "calls": CALLS,
        "typed": typed or {},
        "accept": file_kinds.accepted(pictures.TAKEN.kinds),
        "max_bytes": pictures.TAKEN.max_bytes,
        "replied": _replied(connection_id, (typed or {}).get("reply_to") or request.GET.get("reply", "")),
        **more,
    }
    return render(request, context["stand_in"].page, context, status=422 if more else 200)


def _replied(connection_id: UUID, line_id: str) -> RehearsalLine | None:
    """The line that is replied to; None without one."""
    try:
        found = UUID(line_id)
    except ValueError:
        return None
    return queries.rehearsal_lines(queries.connection(connection_id)).filter(id=found).first()


@require_safe
@workspace_page("connections.read")
def rehearsal(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """The screen of the stand-in."""
    return page(request, connection_id)


@require_safe
@workspace_page("connections.read")
def rehearsal_live(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """The part that changes, fetched again every second."""
    return render(request, "channels_app/rehearsal_live.html", _screen(request, connection_id))


@form_of("rehearsal")
@waiting_page("connections.write")
def rehearsal_say(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """Speak as the other side: signed, posted to the real webhook, and its answer noted."""
    typed = {name: str(value) for name, value in request.POST.items()}
    try:
        with entered(request, "connections.write") as inside:
            workspace_id, actor = inside.workspace.id, inside.actor
            limiting.hit("rehearsals", str(workspace_id), words="Too much was said at once")
            sends_files = _player(connection_id).sends_files
        sent = _sent(request, str(actor.id)) if sends_files else None
        with entered(request, "connections.write") as inside:
            said = rehearsing.say(inside.actor, _player(connection_id), typed, sent)
    except Problem as problem:
        with entered(request, "connections.write") as inside:
            errors = {{"file": "picture"}.get(name, name): said for name, said in problem.errors.items()}
            if problem.hint and (problem.status in {413, 415} or set(errors) == {"picture"}):
                # Of the file: which kinds are taken, or what to do about it.
                errors = {"picture": [*errors.get("picture", [problem.detail]), problem.hint]}
            errors = errors or {"picture" if problem.status in {413, 415} else "text": [problem.detail]}
            return page(inside, connection_id, typed=typed, errors=errors)
    for line_id in said.line_ids:
        calling.call_one(workspace_id, connection_id, line_id)
    return redirect(reverse("rehearsal", args=[connection_id]) + "?" + urlencode({"with": said.address}))


def _sent(request: HttpRequest, who: str) -> Checked | None:
    """The file of the form, looked at as any that comes in from outside: this very host gives it out again."""
    file = request.FILES.get("picture")
    if not isinstance(file, UploadedFile) or not file.name:
        return None
    if (file.size or 0) > pictures.TAKEN.max_bytes:
        raise one_file.too_large(pictures.TAKEN.max_bytes)
    return checking.check_waiting(who, file.name, file.read(), pictures.TAKEN)


@form_of("rehearsal")
@workspace_page("connections.write")
def rehearsal_behave(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """How the stand-in takes what is sent from now on."""
    calls = request.POST.get("calls", "")
    with refusals.said_as_message(request):
        rehearsing.behave(
            request.actor,
            _player(connection_id),
            fault=request.POST.get("fault", "")[:20],
            calls={"1": 1, "3": 3}.get(calls),
            reports=request.POST.get("reports", Reports.STRAIGHT)[:20],
            reads="reads" in request.POST,
        )
        messages.success(request, "It behaves like that.")
    return _back(request, connection_id)


@form_of("rehearsal")
@workspace_page("connections.write")
def rehearsal_act(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """What a button of the screen stands for, and nobody says: time passes, something is decided."""
    typed = {name: str(value) for name, value in request.POST.items()}
    with refusals.said_as_message(request):
        messages.success(request, rehearsing.act(request.actor, _player(connection_id), typed))
    return _back(request, connection_id)


@form_of("rehearsal")
@waiting_page("connections.write")
def rehearsal_catch_up(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    """Make the calls that no worker has made."""
    with entered(request, "connections.write") as inside:
        workspace_id = inside.workspace.id
        limiting.hit("rehearsals", str(workspace_id), words="Too much was said at once")
        _player(connection_id)
    calling.call_due(workspace_id, connection_id)
    return _back(request, connection_id)


@form_of("rehearsal")
@workspace_page("connections.write")
def rehearsal_start_over(request: WorkspaceRequest, connection_id: UUID) -> HttpResponse:
    """An empty screen, and a stand-in that behaves."""
    rehearsing.start_over(request.actor, _player(connection_id))
    messages.success(request, "The screen is empty. Conversations and deliveries are kept.")
    return redirect("rehearsal", connection_id)


def _back(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    address = request.POST.get("with", "").replace("\x00", "")[:255]
    query = "?" + urlencode({"with": address}) if address else ""
    return redirect(reverse("rehearsal", args=[connection_id]) + query)
