"""The Knowledge tab of an assistant: its sources, what is found for a question, and the endpoint of embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from convoship.lib import limiting
from convoship.lib.problems import Problem
from deployments.knowledge import embedding, limits, listing, parsing, sources, uploads
from deployments.models import Assistant, KnowledgePage, KnowledgeSource
from deployments.models.knowledge import PageStatus, SourceKind, SourceStatus
from deployments.pages import queries
from deployments.pages.knowledge_forms import AskForm, ChangeForm, EmbeddingsForm, FileForm, TextForm, WebForm, hours_of
from deployments.pages.trace_words import Score
from deployments.responders import llm_content
from deployments.responders.base import Passage
from deployments.responders.dialogue import KIND as SCRIPTED
from deployments.responders.quoting import ENOUGH
from workspaces import refusals
from workspaces.access import WorkspaceRequest, entered, form_of, waiting_page, workspace_page

WRITE, READ, CONNECT = "assistants.write", "assistants.read", "connections.write"
LLM = "llm"
PAGE_SIZE = 100
SHOWN_CHARACTERS = 20_000
FOUND = 5


@dataclass
class Forms:
    """The page's forms: as they are, or as they were sent and refused."""

    text: TextForm = field(default_factory=TextForm)
    file: FileForm = field(default_factory=FileForm)
    web: WebForm = field(default_factory=lambda: WebForm(initial={"kind": "page", "refetch_hours": "168"}))
    ask: AskForm = field(default_factory=AskForm)
    embeddings: EmbeddingsForm | None = None

    @property
    def opened(self) -> str:
        """Which of them stands open: the one that was refused."""
        for name in ("text", "file", "web"):
            if getattr(self, name).errors:
                return name
        return ""


@dataclass(frozen=True)
class Row:
    """A source, with its documents counted and how it stands in words."""

    source: KnowledgeSource
    ready: int
    whole: int
    badge: str
    words: str


@dataclass(frozen=True)
class Found:
    """A passage, and how well it fits."""

    passage: Passage
    score: Score
    is_enough: bool


_BADGES = {
    SourceStatus.WAITING: ("", "Being read"),
    SourceStatus.READY: ("good", "Ready"),
    SourceStatus.PARTLY: ("warn", "Partly read"),
    SourceStatus.FAILED: ("bad", "Failed"),
}
_PAGE_BADGES = {
    PageStatus.WAITING: ("", "Waiting"),
    PageStatus.READY: ("good", "Ready"),
    PageStatus.SKIPPED: ("warn", "Left out"),
    PageStatus.FAILED: ("bad", "Failed"),
}


def _row(source: KnowledgeSource) -> Row:
    counts = listing.counts_of(source)
    badge, words = _BADGES[SourceStatus(source.status)]
    return Row(source, counts["ready"], sum(counts.values()), badge, words)


# --- The list ---------------------------------------------------------------------------------------------------------


@require_safe
@workspace_page(READ)
def assistant_knowledge(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """All sources, and the forms that add to them."""
    return _page(request, queries.assistant(assistant_id), Forms())


@require_safe
@workspace_page(READ)
def assistant_knowledge_rows(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """The list alone, for a page that stays open while sources are read."""
    row = queries.assistant(assistant_id)
    return render(request, "deployments/knowledge_rows.html", _listed(request, row))


def _listed(request: WorkspaceRequest, row: Assistant) -> dict[str, Any]:
    rows = [_row(source) for source in listing.sources_of(row).order_by("created_at", "id")]
    return {"assistant": row, "rows": rows, "may_write": request.actor.may(WRITE)}


def _page(
    request: WorkspaceRequest,
    row: Assistant,
    forms: Forms,
    *,
    found: list[Found] | None = None,
    status: int = 200,
) -> HttpResponse:
    endpoint = embedding.of_assistant(row.id)
    embedded, passages = embedding.counts(row.id)
    if forms.embeddings is None:
        said = {name: getattr(endpoint, name) for name in ("base_url", "model", "secret")} if endpoint else {}
        forms.embeddings = EmbeddingsForm(initial=said)
    context = {
        **_listed(request, row),
        "tab": "knowledge",
        "forms": forms,
        "found": found,
        "room": limits.room_of(row),
        "taken": parsing.TAKEN,
        "most_megabytes": limits.LARGEST_FILE // 1024 // 1024,
        "endpoint": endpoint,
        "embedded": embedded,
        "passages": passages,
        "is_possible": embedding.is_possible(),
        "without_vector": embedding.WITHOUT_VECTOR,
        "may_connect": request.actor.may(CONNECT),
        "is_on": _is_used(row.draft, row.responder),
        "is_live": _is_live(row),
    }
    return render(request, "deployments/knowledge.html", context, status=status)


def _is_used(content: Mapping[str, Any], responder: str) -> bool:
    """Whether what answers does so from what was read: the model, or the script alone or beside a bot."""
    if responder == LLM:
        return bool(llm_content.whole(content.get(LLM) or {})["knowledge"])
    return bool((content.get(SCRIPTED) or {}).get("uses_knowledge"))


def _is_live(row: Assistant) -> bool:
    return row.published is not None and _is_used(row.published.content, row.published.content["responder"])


# --- Adding -----------------------------------------------------------------------------------------------------------


@form_of("assistant_knowledge")
@workspace_page(WRITE)
def assistant_knowledge_text(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """Add a pasted text."""
    row, form = queries.assistant(assistant_id), TextForm(request.POST)
    try:
        with transaction.atomic():
            source = sources.add_text(request.actor, row, **form.sent)
    except Problem as problem:
        refusals.put_on(form, problem)
        return _page(request, row, Forms(text=form), status=problem.status)
    return _added(request, row, source)


@form_of("assistant_knowledge")
@workspace_page(WRITE)
def assistant_knowledge_web(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """Add a page or a sitemap."""
    row, form = queries.assistant(assistant_id), WebForm(request.POST)
    sent = form.sent
    try:
        with transaction.atomic():
            source = sources.add_web(
                request.actor,
                row,
                kind=SourceKind.SITEMAP if sent["kind"] == "sitemap" else SourceKind.PAGE,
                url=sent["url"],
                refetch_hours=hours_of(sent["refetch_hours"]),
                language=sent["language"],
            )
    except Problem as problem:
        refusals.put_on(form, problem)
        return _page(request, row, Forms(web=form), status=problem.status)
    return _added(request, row, source)


@form_of("assistant_knowledge")
@waiting_page(WRITE)
def assistant_knowledge_file(request: HttpRequest, assistant_id: UUID) -> HttpResponse:
    """Add a file. It may be scanned first, so no transaction waits for it."""
    form = FileForm(request.POST, request.FILES)
    sent = form.sent
    with entered(request, WRITE) as inside:
        row = queries.assistant(assistant_id)
    try:
        source = uploads.add(
            inside.workspace.id, inside.actor, row, *_content_of(sent["file"]), language=sent["language"]
        )
    except Problem as problem:
        refusals.put_on(form, problem)
        with entered(request, WRITE) as inside:
            return _page(inside, queries.assistant(assistant_id), Forms(file=form), status=problem.status)
    with entered(request, WRITE) as inside:
        return _added(inside, queries.assistant(assistant_id), source)


def _content_of(sent: UploadedFile | str) -> tuple[str, bytes]:
    if isinstance(sent, str):
        raise Problem("invalid", "Choose a file.", errors={"file": [f"Choose a file: {parsing.TAKEN}."]})
    if (sent.size or 0) > limits.LARGEST_FILE:
        sources.check_file(sent.name or "", b" " * (limits.LARGEST_FILE + 1))
    return sent.name or "", sent.read()


def _added(request: WorkspaceRequest, row: Assistant, source: KnowledgeSource) -> HttpResponse:
    words = f"“{source.title}” is added and will be read in a moment."
    if not _is_live(row):
        words += " Visitors get answers from it once you publish the assistant."
    messages.success(request, words)
    return redirect("assistant_knowledge", row.id)


# --- One source -------------------------------------------------------------------------------------------------------


def _source(assistant_id: UUID, source_id: UUID, *, lock: bool = False) -> KnowledgeSource:
    with refusals.missing_is_404():
        return sources.get(assistant_id, source_id, lock=lock)


@require_safe
@workspace_page(READ)
def assistant_knowledge_source(request: WorkspaceRequest, assistant_id: UUID, source_id: UUID) -> HttpResponse:
    """A source and each of its documents."""
    row, source = queries.assistant(assistant_id), _source(assistant_id, source_id)
    return _source_page(request, row, source, None)


def _source_page(
    request: WorkspaceRequest, row: Assistant, source: KnowledgeSource, form: ChangeForm | None, *, status: int = 200
) -> HttpResponse:
    begin = _number(request)
    pages = KnowledgePage.objects.filter(source=source).defer("text").order_by("position", "id")
    listed = list(pages[begin : begin + PAGE_SIZE + 1])
    initial = {"title": source.title, "refetch_hours": str(source.refetch_hours or "")}
    initial["text"] = sources.text_of(source) or ""
    context = {
        "assistant": row,
        "tab": "knowledge",
        "row": _row(source),
        "source": source,
        "pages": [(page, *_PAGE_BADGES[PageStatus(page.status)]) for page in listed[:PAGE_SIZE]],
        "begin": begin,
        "next": begin + PAGE_SIZE if len(listed) > PAGE_SIZE else None,
        "previous": max(0, begin - PAGE_SIZE) if begin else None,
        "form": form or ChangeForm(initial=initial),
        "may_write": request.actor.may(WRITE),
    }
    return render(request, "deployments/knowledge_source.html", context, status=status)


@require_safe
@workspace_page(READ)
def assistant_knowledge_page(
    request: WorkspaceRequest, assistant_id: UUID, source_id: UUID, page_id: UUID
) -> HttpResponse:
    """What was read of a document, as answers are made from it."""
    row, source = queries.assistant(assistant_id), _source(assistant_id, source_id)
    page = KnowledgePage.objects.filter(id=page_id, source=source).first()
    if page is None:
        raise Http404
    begin = _number(request)
    end = begin + SHOWN_CHARACTERS
    context = {
        "assistant": row,
        "tab": "knowledge",
        "source": source,
        "document": page,
        "badge": _PAGE_BADGES[PageStatus(page.status)],
        "passages": page.chunks.count(),
        "text": page.text[begin:end],
        "next": end if end < len(page.text) else None,
        "previous": max(0, begin - SHOWN_CHARACTERS) if begin else None,
    }
    return render(request, "deployments/knowledge_page.html", context)


def _number(request: WorkspaceRequest) -> int:
    typed = request.GET.get("from", "")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 8 else 0


@form_of("assistant_knowledge")
@workspace_page(WRITE)
def assistant_knowledge_change(request: WorkspaceRequest, assistant_id: UUID, source_id: UUID) -> HttpResponse:
    """Change a source's title, or how often it is fetched."""
    row, source = queries.assistant(assistant_id), _source(assistant_id, source_id, lock=True)
    form = ChangeForm(request.POST)
    sent = form.sent
    try:
        with transaction.atomic():
            hours = hours_of(sent["refetch_hours"]) if source.is_from_web else None
            # Line ends as browsers send them are no change.
            text = sent["text"].replace("\r\n", "\n") if "text" in request.POST else None
            sources.change(request.actor, source, title=sent["title"], refetch_hours=hours, text=text)
    except Problem as problem:
        refusals.put_on(form, problem)
        return _source_page(request, row, _source(assistant_id, source_id), form, status=problem.status)
    messages.success(request, "Saved.")
    return redirect("assistant_knowledge_source", row.id, source.id)


@form_of("assistant_knowledge")
@workspace_page(WRITE)
def assistant_knowledge_refetch(request: WorkspaceRequest, assistant_id: UUID, source_id: UUID) -> HttpResponse:
    """Fetch a page or a sitemap now."""
    with refusals.said_as_message(request):
        source = sources.get(assistant_id, source_id, lock=True)
        sources.refetch(request.actor, source)
        messages.success(request, f"“{source.title}” will be fetched in a moment.")
    if request.POST.get("back") == "source":
        return redirect("assistant_knowledge_source", assistant_id, source_id)
    return redirect("assistant_knowledge", assistant_id)


@require_http_methods(["GET", "HEAD", "POST"])
@workspace_page(WRITE)
def assistant_knowledge_remove(request: WorkspaceRequest, assistant_id: UUID, source_id: UUID) -> HttpResponse:
    """Ask, then remove a source with all that came of it."""
    row, source = queries.assistant(assistant_id), _source(assistant_id, source_id, lock=request.method == "POST")
    if request.method == "POST":
        title = source.title
        sources.remove(request.actor, source)
        messages.success(request, f"“{title}” is removed.")
        return redirect("assistant_knowledge", row.id)
    context = {
        "assistant": row,
        "source": source,
        "row": _row(source),
        "question": f"Remove “{source.title}”?",
        "button": "Remove it",
        "back": reverse("assistant_knowledge", args=[row.id]),
    }
    return render(request, "deployments/knowledge_remove.html", context)


# --- Trying and embeddings --------------------------------------------------------------------------------------------


@form_of("assistant_knowledge")
@waiting_page(READ)
def assistant_knowledge_ask(request: HttpRequest, assistant_id: UUID) -> HttpResponse:
    """What would be found for a question. It may ask an endpoint of embeddings, so no transaction waits for it."""
    form = AskForm(request.POST)
    asked = " ".join(form.sent["ask"].replace("\x00", " ").split())[:1000]
    with entered(request, READ) as inside:
        row = queries.assistant(assistant_id)
    found: list[Found] | None = None
    try:
        if not asked:
            raise Problem("invalid", "Type a question.", errors={"ask": ["Type a question as a visitor would."]})
        limiting.hit("knowledge_searches", str(inside.workspace.id), words="Much is being searched for")
        passages = embedding.passages_waiting(inside.workspace.id, row.id, asked, FOUND)
        found = [Found(one, Score("", one.score), one.score >= ENOUGH) for one in passages]
    except Problem as problem:
        refusals.put_on(form, problem)
    with entered(request, READ) as inside:
        status = 422 if form.errors else 200
        return _page(inside, queries.assistant(assistant_id), Forms(ask=form), found=found, status=status)


@form_of("assistant_knowledge")
@workspace_page(CONNECT)
def assistant_knowledge_embeddings(request: WorkspaceRequest, assistant_id: UUID) -> HttpResponse:
    """Set the endpoint of embeddings, or leave it out again."""
    row = queries.assistant(assistant_id)
    if request.POST.get("op") == "remove":
        embedding.drop(request.actor, row)
        messages.success(request, "Passages are found by their words alone from now on.")
        return redirect("assistant_knowledge", row.id)
    form = EmbeddingsForm(request.POST)
    try:
        with transaction.atomic():
            embedding.put(request.actor, row, **form.sent)
    except Problem as problem:
        refusals.put_on(form, problem)
        return _page(request, row, Forms(embeddings=form), status=problem.status)
    messages.success(request, "Saved. Passages are sent to the endpoint in a moment.")
    return redirect("assistant_knowledge", row.id)
