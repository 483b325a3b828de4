"""A document that was read, kept as a page and its passages.

What takes time (cutting and folding) is done before the transaction; what is the same as before is left alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone

from deployments.knowledge import chunking, languages, limits
from deployments.knowledge.parsing import MOST_CHARACTERS, Document
from deployments.models import KnowledgeChunk, KnowledgePage, KnowledgeSource
from deployments.models.knowledge import PageStatus
from deployments.responders.reading import forms

FULL = "Remove sources that aren't needed, or ask whoever runs this installation for more room."


@dataclass(frozen=True)
class Folded:
    """A passage, and its words."""

    heading: str
    text: str
    folded_head: str
    folded: str


@dataclass(frozen=True)
class Prepared:
    """A document as it will be kept."""

    title: str
    text: str
    digest: str
    language: str
    folded_title: str
    passages: list[Folded]
    is_cut: bool


@dataclass(frozen=True)
class Answered:
    """What its server said along with a document."""

    etag: str = ""
    last_modified: str = ""


def prepared(document: Document, *, title: str = "", language: str = "") -> Prepared:
    """Cut into passages and folded. `title` and `language` where the source says them."""
    named = title or document.title
    text = "\n\n".join(f"{'#' * level} {said}" if level else said for level, said in document.blocks)
    words = forms(text[:40_000])
    spoken = language or languages.told(words, document.language)
    passages = [
        Folded(chunk.heading, chunk.text, " ".join(forms(chunk.heading)), " ".join(forms(chunk.text)))
        for chunk in chunking.chunks(named, document.blocks)
    ]
    digest = _digest(named, spoken, text)
    return Prepared(named[:300], text, digest, spoken, " ".join(forms(named)), passages, document.is_cut)


def _digest(title: str, language: str, text: str) -> str:
    return hashlib.sha256(f"{title}\0{language}\0{text}".encode()).hexdigest()


def rename(source: KnowledgeSource, title: str) -> None:
    """Its documents are called so from now on, in what is found and in what is cited. Within the tenant."""
    for page in KnowledgePage.objects.select_for_update().filter(source=source).exclude(digest=""):
        page.title, page.digest = title, _digest(title, page.language, page.text)
        page.save(update_fields=["title", "digest"])
        page.chunks.update(folded_title=" ".join(forms(title)), embedding=None)


def keep(source: KnowledgeSource, page_id: UUID, ready: Prepared, answered: Answered | None = None) -> None:
    """Put it in the place of what the page held. Within the tenant, the source claimed by the caller."""
    limits.hold_workspace()
    page = KnowledgePage.objects.select_for_update().filter(id=page_id, source=source).first()
    if page is None:
        return
    answered = answered or Answered()
    page.etag, page.last_modified = answered.etag, answered.last_modified
    page.fetched_at, page.is_due = timezone.now(), False
    is_same = page.digest == ready.digest and page.chunks.exists()
    twin = KnowledgePage.objects.filter(source=source, digest=ready.digest, status=PageStatus.READY).exclude(id=page.id)
    if not is_same and (same := twin.first()) is not None:
        _leave_out(page, f"It says the same as {same.url or same}."[:400], "")
        return
    if not is_same and (lacking := limits.lacking_room(source.assistant_id, len(ready.text) - page.size)):
        _leave_out(page, lacking, FULL)
        return
    page.status, page.reason, page.remedy = PageStatus.READY, "", ""
    if ready.is_cut:
        page.reason = f"Only its first part is kept: {MOST_CHARACTERS:,} characters at most are read of one document."
        page.remedy = "Split it into several documents."
    if not is_same:
        page.title, page.text, page.digest = ready.title, ready.text, ready.digest
        page.language, page.size = ready.language, len(ready.text)
        _write(source, page, ready)
    page.save()


def _write(source: KnowledgeSource, page: KnowledgePage, ready: Prepared) -> None:
    page.chunks.all().delete()
    KnowledgeChunk.objects.bulk_create(
        (
            KnowledgeChunk(
                workspace_id=source.workspace_id,
                assistant_id=source.assistant_id,
                page=page,
                position=position,
                heading=passage.heading,
                text=passage.text,
                language=ready.language,
                folded_title=ready.folded_title,
                folded_head=passage.folded_head,
                folded=passage.folded,
            )
            for position, passage in enumerate(ready.passages)
        ),
        batch_size=200,
    )


def _leave_out(page: KnowledgePage, reason: str, remedy: str) -> None:
    page.status, page.reason, page.remedy = PageStatus.SKIPPED, reason, remedy
    empty(page)


def empty(page: KnowledgePage) -> None:
    """It is no longer known; the row goes on saying why."""
    page.chunks.all().delete()
    page.text, page.digest, page.size, page.etag, page.last_modified = "", "", 0, "", ""
    page.is_due = False
    page.save()


def unchanged(source: KnowledgeSource, page_id: UUID) -> None:
    """Its server says that it is as it was."""
    KnowledgePage.objects.filter(id=page_id, source=source).update(
        fetched_at=timezone.now(), is_due=False, status=PageStatus.READY, reason="", remedy=""
    )


def failed(source: KnowledgeSource, page_id: UUID, reason: str, remedy: str, *, is_gone: bool = False) -> None:
    """It could not be read: what it said before stays to be found, unless its server says that it is gone."""
    page = KnowledgePage.objects.select_for_update().filter(id=page_id, source=source).first()
    if page is None:
        return
    page.status, page.reason, page.remedy, page.is_due = PageStatus.FAILED, reason[:400], remedy[:400], False
    if is_gone:
        empty(page)
    else:
        page.save(update_fields=["status", "reason", "remedy", "is_due"])


def left_out(source: KnowledgeSource, page_id: UUID, reason: str, remedy: str) -> None:
    """It is not to be read."""
    page = KnowledgePage.objects.select_for_update().filter(id=page_id, source=source).first()
    if page is not None:
        _leave_out(page, reason[:400], remedy[:400])
