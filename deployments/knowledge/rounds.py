"""Reading what is due: a worker claims a source, does a piece of its round, and lets go.

A round reads a source's documents once. A sitemap's may be hundreds, so a piece of work is bounded in time, each
document is kept in a transaction of its own, and whoever comes next goes on with those that are still due. A worker
that dies leaves a claim that runs out. Workspaces take turns: one with hundreds of slow sources has others wait for a
piece of one of them. Nothing is fetched or parsed within a transaction.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
import uuid
from collections.abc import Callable
from uuid import UUID

from django.db import connection
from django.db.models import F, Q
from django.utils import timezone

from convoship.lib.tenancy import tenant
from deployments import doors
from deployments.knowledge import keeping, limits, parsing, sources, vocabulary
from deployments.knowledge.fetching import NotFetched, Reader
from deployments.knowledge.keeping import Answered
from deployments.models import KnowledgeEmbedding, KnowledgePage, KnowledgeSource, KnowledgeUpload
from deployments.models.knowledge import EmbeddingStatus, PageStatus, SourceKind, SourceStatus

logger = logging.getLogger(__name__)

LEASE = dt.timedelta(minutes=5)
SLICE_SECONDS = 20.0
BATCH = 20
MOST_ATTEMPTS = 3  # that ended without a word: the worker was stopped each time
# After a failure of the whole a source that is fetched by itself is tried again sooner than it would be.
TRIED_AGAIN_AFTER = dt.timedelta(hours=1)
# Held in the database by whoever reads: a site that is slow holds one of the workers' threads, and never all.
LOCK = 0x6B6E6F77


class _Lost(Exception):
    """The source was removed or claimed by another: what was read is not kept."""


def read_due() -> int:
    """Do pieces of what is due for a while; returns how many there were, 0 while another worker does so."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        (is_mine,) = cursor.fetchone() or (False,)
    if not is_mine:
        return 0
    until, done = time.monotonic() + SLICE_SECONDS, 0
    try:
        for workspace_id, source_id in doors.due_knowledge(BATCH):
            if time.monotonic() > until:
                break
            try:
                done += read(workspace_id, source_id, until=until)
            except Exception:
                logger.exception("reading the source %s failed, it stays due", source_id)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    return done


def read(workspace_id: UUID, source_id: UUID, *, until: float | None = None) -> bool:
    """A piece of one source's round, if it is due and nobody else has it. Outside of `tenant()`."""
    until = until if until is not None else time.monotonic() + SLICE_SECONDS
    with tenant(workspace_id):
        source = _claimed(source_id)
    if source is None:
        return False
    try:
        if source.attempts > MOST_ATTEMPTS:
            stopped = f"Reading it was stopped {MOST_ATTEMPTS} times in the middle."
            _finish(source, failure=NotFetched(stopped, "Fetch it again. If it stays so, split it into smaller parts."))
        elif source.is_from_web:
            _read_web(source, until)
        else:
            _read_upload(source)
    except _Lost:
        logger.info("the source %s was taken away while it was read", source_id)
    return True


def _claimed(source_id: UUID) -> KnowledgeSource | None:
    now = timezone.now()
    free = Q(leased_until__isnull=True) | Q(leased_until__lt=now)
    taken = KnowledgeSource.objects.filter(free, id=source_id, due_at__lte=now).update(
        claim=uuid.uuid4(), leased_until=now + LEASE, attempts=F("attempts") + 1, tried_at=now
    )
    return KnowledgeSource.objects.get(id=source_id) if taken else None


def _hold(source: KnowledgeSource) -> None:
    """Go on with the claim for another while; within the tenant."""
    kept = KnowledgeSource.objects.filter(id=source.id, claim=source.claim)
    if not kept.update(leased_until=timezone.now() + LEASE, attempts=1):
        raise _Lost


def _write(source: KnowledgeSource, act: Callable[[], None]) -> None:
    """One transaction, if the claim still stands."""
    with tenant(source.workspace_id):
        _hold(source)
        act()


# --- Texts and files --------------------------------------------------------------------------------------------------


def _read_upload(source: KnowledgeSource) -> None:
    with tenant(source.workspace_id):
        upload = KnowledgeUpload.objects.filter(source=source).first()
    if upload is None:
        lacking = NotFetched("Its content is gone.", "Remove it and add it again.")
        _finish(source, failure=lacking)
        return
    form = "markdown" if source.kind == SourceKind.TEXT else parsing.form_of_name(upload.name)
    try:
        document = parsing.parse(form, bytes(upload.content))
    except parsing.Unreadable as unreadable:
        _finish(source, failure=NotFetched(unreadable.reason, unreadable.remedy))
        return
    is_named = source.kind == SourceKind.TEXT or source.title != upload.name
    title = source.title if is_named else document.title or source.title
    ready = keeping.prepared(document, title=title, language=source.language)

    def keep() -> None:
        page, _ = KnowledgePage.objects.get_or_create(source=source, defaults={"title": title[:300]})
        keeping.keep(source, page.id, ready)
        # Its text is kept: the bytes have served their purpose.
        upload.delete()

    _write(source, keep)
    _finish(source)


# --- The web ----------------------------------------------------------------------------------------------------------


def _read_web(source: KnowledgeSource, until: float) -> None:
    reader = Reader()
    if source.round_began_at is None:
        try:
            addresses = reader.listed(source.url) if source.kind == SourceKind.SITEMAP else [source.url]
        except NotFetched as failure:
            _finish(source, failure=failure)
            return
        _write(source, lambda: _begin(source, addresses))
    while page := _next_page(source):
        _read_page(source, page, reader)
        if time.monotonic() > until:
            break
    else:
        _finish(source)
        return
    _let_go(source)


def _begin(source: KnowledgeSource, addresses: list[str]) -> None:
    """Mark what is to be read in this round; what is listed no more is forgotten."""
    pages = {page.url: page for page in KnowledgePage.objects.filter(source=source)}
    KnowledgePage.objects.filter(source=source).exclude(url__in=addresses).delete()
    new = [address for address in addresses if address not in pages]
    room = limits.room_for_pages(source.assistant_id)
    KnowledgePage.objects.bulk_create(
        KnowledgePage(workspace_id=source.workspace_id, source=source, url=address, is_due=True)
        for address in new[:room]
    )
    KnowledgePage.objects.filter(source=source).update(is_due=True)
    for position, address in enumerate(addresses):
        KnowledgePage.objects.filter(source=source, url=address).exclude(position=position).update(position=position)
    source.round_began_at = timezone.now()
    source.reason = source.remedy = ""
    if len(new) > room:
        source.reason = f"{len(new) - room} of its pages are not read: the assistant may know no more documents."
        source.remedy = keeping.FULL
    source.save(update_fields=["round_began_at", "reason", "remedy"])


def _next_page(source: KnowledgeSource) -> KnowledgePage | None:
    with tenant(source.workspace_id):
        return KnowledgePage.objects.filter(source=source, is_due=True).order_by("position", "id").first()


def _read_page(source: KnowledgeSource, page: KnowledgePage, reader: Reader) -> None:
    known = Answered(page.etag, page.last_modified) if page.status == PageStatus.READY else None
    try:
        had = reader.document(page.url, known)
    except NotFetched as failure:
        said, is_gone = (failure.reason, failure.remedy), failure.is_gone
        if failure.is_forbidden:
            _write(source, lambda: keeping.left_out(source, page.id, *said))
        else:
            _write(source, lambda: keeping.failed(source, page.id, *said, is_gone=is_gone))
        return
    document = had.document
    if document is None:
        _write(source, lambda: keeping.unchanged(source, page.id))
    elif document.is_noindex and source.kind == SourceKind.SITEMAP:
        words = "The page says that it is not to be listed (noindex)."
        _write(source, lambda: keeping.left_out(source, page.id, words, "Add it as a web page if it is to be known."))
    else:
        ready = keeping.prepared(document, title=sources.own_title(source), language=source.language)
        _write(source, lambda: keeping.keep(source, page.id, ready, had.answered))


# --- The end of a round -----------------------------------------------------------------------------------------------


def _let_go(source: KnowledgeSource) -> None:
    """For whoever comes next, after those that wait."""
    with tenant(source.workspace_id):
        KnowledgeSource.objects.filter(id=source.id, claim=source.claim).update(
            claim=None, leased_until=None, attempts=0, due_at=timezone.now()
        )
        vocabulary.renew(source.assistant_id)


def _finish(source: KnowledgeSource, *, failure: NotFetched | None = None) -> None:
    with tenant(source.workspace_id):
        _hold(source)
        now = timezone.now()
        source.refresh_from_db()
        counts = {status.value: 0 for status in PageStatus}
        for status in KnowledgePage.objects.filter(source=source).values_list("status", flat=True):
            counts[status] += 1
        if failure is not None:
            source.status, source.reason, source.remedy = (
                SourceStatus.FAILED,
                failure.reason[:400],
                failure.remedy[:400],
            )
        else:
            source.fetched_at = now
            _judge(source, counts)
        source.due_at = None
        if source.refetch_hours is not None:
            interval = dt.timedelta(hours=source.refetch_hours)
            source.due_at = now + (min(interval, TRIED_AGAIN_AFTER) if failure else interval)
        source.round_began_at = source.claim = source.leased_until = None
        source.attempts = 0
        source.save()
        vocabulary.renew(source.assistant_id)
        # A failed endpoint waits for somebody to mend it.
        KnowledgeEmbedding.objects.filter(assistant_id=source.assistant_id, due_at__isnull=True).exclude(
            status=EmbeddingStatus.FAILED
        ).update(due_at=now)


def _judge(source: KnowledgeSource, counts: dict[str, int]) -> None:
    """Status, reason and remedy of what was read to its end."""
    whole, ready = sum(counts.values()), counts[PageStatus.READY]
    others = KnowledgePage.objects.filter(source=source).exclude(status=PageStatus.READY).order_by("position")
    if whole == ready and ready and not source.reason:
        page = KnowledgePage.objects.filter(source=source).exclude(reason="").first()
        source.status, source.reason, source.remedy = SourceStatus.READY, "", ""
        if page is not None:
            source.status, source.reason, source.remedy = SourceStatus.PARTLY, page.reason, page.remedy
        return
    first = others.first()
    if not ready:
        source.status = SourceStatus.FAILED
        if first is not None:
            source.reason, source.remedy = first.reason, first.remedy
        return
    source.status = SourceStatus.PARTLY
    if not source.reason:
        source.reason = f"{whole - ready} of {whole} pages could not be read or were left out."
        source.remedy = "Each of them says why."
