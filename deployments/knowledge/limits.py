"""How much an assistant and a workspace may know; whoever runs the server sets it (docs/configuration.md)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Sum

from convoship.lib.problems import Problem
from convoship.lib.tenancy import entered_workspace_id
from deployments.models import Assistant, KnowledgePage, KnowledgeSource

LARGEST_FILE = 10 * 1024 * 1024  # bytes
LONGEST_TEXT = 200_000  # characters of a pasted text
LARGEST_PAGE = 5 * 1024 * 1024  # bytes of a fetched document, unpacked
LARGEST_SITEMAP = 10 * 1024 * 1024
MOST_SITEMAPS = 30  # of an index


@dataclass(frozen=True)
class Room:
    """What an assistant's knowledge takes, and may take."""

    sources: int
    pages: int
    characters: int
    most_sources: int
    most_pages: int
    most_characters: int


def room_of(assistant: Assistant) -> Room:
    """As it is now."""
    pages = KnowledgePage.objects.filter(source__assistant=assistant)
    return Room(
        sources=KnowledgeSource.objects.filter(assistant=assistant).count(),
        pages=pages.count(),
        characters=pages.aggregate(size=Sum("size"))["size"] or 0,
        most_sources=settings.LIMITS["knowledge_sources"],
        most_pages=settings.LIMITS["knowledge_pages"],
        most_characters=settings.LIMITS["knowledge_characters"],
    )


def require_source(assistant: Assistant) -> None:
    """429 where the assistant has as many sources as it may, or no page more."""
    room = room_of(assistant)
    if room.sources >= room.most_sources:
        raise _full(f"This assistant has {room.sources} sources of knowledge, and takes no more.")
    if room.pages >= room.most_pages:
        raise _full(f"This assistant knows {room.pages} documents, and takes no more.")


def _full(words: str) -> Problem:
    return Problem(
        "quota_exceeded", words, hint="Remove a source first, or ask whoever runs this installation for more."
    )


def hold_workspace() -> None:
    """Nobody else adds to what the workspace knows until the transaction ends, so that sums are exact."""
    with connection.cursor() as cursor:
        key = int.from_bytes(entered_workspace_id().bytes[:8], "big", signed=True)
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])


def lacking_room(assistant_id: UUID, characters: int) -> str:
    """Why so many characters more don't fit; "" where they do. `hold_workspace` first."""
    of_all = KnowledgePage.objects.aggregate(size=Sum("size"))["size"] or 0
    pages = KnowledgePage.objects.filter(source__assistant_id=assistant_id)
    own = pages.aggregate(size=Sum("size"))["size"] or 0
    if own + characters > (most := settings.LIMITS["knowledge_characters"]):
        return f"The assistant's knowledge is full: it may hold {most:,} characters."
    if of_all + characters > (most := settings.LIMITS["knowledge_workspace_characters"]):
        return f"The workspace's knowledge is full: all assistants together may hold {most:,} characters."
    return ""


def room_for_pages(assistant_id: UUID) -> int:
    """How many documents more the assistant may know."""
    held = KnowledgePage.objects.filter(source__assistant_id=assistant_id).count()
    return max(0, int(settings.LIMITS["knowledge_pages"]) - held)
