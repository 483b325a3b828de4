"""The words of an assistant's passages, counted after each change: which words there are, and in how many passages.

Searching asks this one row instead of counting over all passages for every word of a question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import connection

from convoship.lib import rows
from convoship.lib.tenancy import entered_workspace_id
from deployments.models import KnowledgeChunk, KnowledgeVocabulary
from deployments.models.assistant import Assistant

MOST_WORDS = 60_000
LEAST_SHARED = 4  # letters of what is within another word
_STATS = "SELECT words FROM deployments_knowledgechunk WHERE assistant_id = '{}'::uuid"


@dataclass(frozen=True)
class About:
    """What is known of an assistant's passages as a whole."""

    passages: int
    languages: list[str] = field(default_factory=list)


def renew(assistant_id: UUID) -> None:
    """Count anew. Within the tenant; two at once wait for each other."""
    if Assistant.objects.select_for_update(no_key=True).filter(id=assistant_id).first() is None:
        return
    chunks = KnowledgeChunk.objects.filter(assistant_id=assistant_id)
    count = chunks.count()
    if not count:
        KnowledgeVocabulary.objects.filter(assistant_id=assistant_id).delete()
        return
    languages = list(chunks.order_by("language").values_list("language", flat=True).distinct())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT word, ndoc FROM ts_stat(%s) ORDER BY ndoc DESC LIMIT %s", [_query(assistant_id), MOST_WORDS]
        )
        counted = cursor.fetchall()
        cursor.execute(
            "SELECT word FROM deployments_knowledgechunk, "
            "LATERAL regexp_split_to_table(concat_ws(' ', folded_title, folded_head, folded), ' ') AS word"
            " WHERE assistant_id = %s AND length(word) BETWEEN 3 AND 40 AND word !~ '[0-9]'"
            " GROUP BY word ORDER BY count(*) DESC LIMIT %s",
            [assistant_id, MOST_WORDS],
        )
        words = [word for (word,) in cursor.fetchall()]
    KnowledgeVocabulary.objects.update_or_create(
        assistant_id=assistant_id,
        defaults={
            "words": words,
            "lexemes": [word for word, _ in counted],
            "counts": [often for _, often in counted],
            "languages": languages,
            "passages": count,
        },
    )


def _query(assistant_id: UUID) -> str:
    # `ts_stat` takes a query as text; a UUID can hold nothing else.
    return _STATS.format(UUID(str(assistant_id)))


_there: set[str] = set()


def has_extension(name: str) -> bool:
    """Whether the database has an extension; one that it has is not asked for again."""
    if name not in _there:
        with connection.cursor() as cursor:
            cursor.execute("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = %s)", [name])
            if cursor.fetchone() != (True,):
                return False
        _there.add(name)
    return True


def about(assistant_id: UUID) -> About | None:
    """How many passages in which languages; None where the assistant knows nothing."""
    row = rows.one(
        "SELECT passages, languages FROM deployments_knowledgevocabulary WHERE assistant_id = %s", [assistant_id]
    )
    return About(*row) if row else None


def lexemes_of(words: list[str], languages: list[str]) -> dict[str, list[str]]:
    """What PostgreSQL makes of each word in these languages; an empty list for one that says nothing in any of them."""
    found: dict[str, dict[str, None]] = {word: {} for word in words}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT word, tsvector_to_array(to_tsvector(language::regconfig, word))"
            " FROM unnest(%s::text[]) AS word, unnest(%s::text[]) AS language",
            [words, [f"pg_catalog.{language}" for language in languages]],
        )
        for word, lexemes in cursor.fetchall():
            found[word] |= dict.fromkeys(lexemes)
    return {word: list(lexemes) for word, lexemes in found.items()}


def counts_of(assistant_id: UUID, lexemes: list[str], *, around: Sequence[str] = ()) -> dict[str, int]:
    """In how many passages these are; one that is in none is missing.

    `around`: lexemes of which also those count that begin or end with one of them, or that one begins or ends with.
    """
    entered_workspace_id()
    # They are letters and digits, which mean nothing else in a pattern.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT lexeme, often FROM deployments_knowledgevocabulary v,"
            " LATERAL unnest(v.lexemes, v.counts) AS known(lexeme, often)"
            " WHERE v.assistant_id = %s AND (lexeme = ANY(%s) OR length(lexeme) >= %s AND EXISTS ("
            "   SELECT FROM unnest(%s::text[]) AS own WHERE starts_with(lexeme, own) OR starts_with(own, lexeme)"
            "       OR right(lexeme, length(own)) = own OR right(own, length(lexeme)) = lexeme))",
            [assistant_id, lexemes, LEAST_SHARED, list(around)],
        )
        return dict(cursor.fetchall())


def resembling(assistant_id: UUID, strange: list[str], limit: int = 12) -> dict[str, list[str]]:
    """For each word that the passages don't have: words they have that share many of its trigrams, the nearest first.

    A compound's part and what it is part of are among them (`versandkosten`, `versand`).
    """
    entered_workspace_id()
    found: dict[str, list[str]] = {word: [] for word in strange}
    if not has_extension("pg_trgm"):
        return found
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT strange, known FROM unnest(%s::text[]) AS strange, LATERAL ("
            "   SELECT known FROM deployments_knowledgevocabulary v, LATERAL unnest(v.words) AS known"
            "    WHERE v.assistant_id = %s AND similarity(known, strange) > 0.25"
            "    ORDER BY similarity(known, strange) DESC, known LIMIT %s) AS near",
            [strange, assistant_id, limit],
        )
        for word, known in cursor.fetchall():
            found[word].append(known)
    return found
