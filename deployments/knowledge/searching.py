"""Finding the passages that answer a question: PostgreSQL's full text, spellings by trigrams, embeddings where set.

`ts_rank` knows how often a word is in a passage and under which heading, and not how rare it is among all of them; so
each word of the question is ranked for itself and weighed by its rarity, as BM25 does (Robertson & Zaragoza 2009, 3.4).
A word counts once, by the surest of what it may stand for: itself in any of its forms, a synonym, or, where no passage
has it, the words that it resembles. The score is the share of the question's weight that a passage has.

Where passages have embeddings, both orders are fused by their ranks (reciprocal rank fusion, Cormack et al. 2009).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from convoship.lib.tenancy import entered_workspace_id
from deployments.knowledge import asked, vocabulary
from deployments.knowledge.asked import Term
from deployments.responders.base import Passage

MOST = 50
# What a word counts in a passage's text (D), its document's title (C), its heading (B); the last is for A, unused.
PLACES = [0.6, 0.4, 1.0, 1.0]
MUCH = 1.2  # what it counts at most, however often it is there: `ts_rank` of once in a text is 0.608 * PLACES[0]
AND_OTHERS = 0.15  # what a passage's further words of the same meaning add
UNKNOWN = 0.6  # what a word that no passage has weighs, in parts of a rare one
LEAST_ASKED = 0.8  # what a question weighs at least, in parts of a rare word
PAIR = 0.3  # for two words of the question that stand together, in parts of what both weigh
MOST_VARIANTS = 6
FEW = 100  # passages: an assistant that knows less is weighed as if it had as many
CONSTANT = 60  # of reciprocal rank fusion
LOOKED_AT = 40
MOST_RANKED = 300


@dataclass(frozen=True)
class _Part:
    """One way in which a passage can have a word: a query, and what it is worth."""

    query: str
    worth: float


@dataclass(frozen=True)
class _Weighed:
    parts: list[_Part]
    whole: float


def find(assistant_id: UUID, text: str, limit: int = 5, *, embedding: Sequence[float] | None = None) -> list[Passage]:
    """The passages that answer the text best, the best first; none where nothing fits. Within the tenant.

    `embedding`: of the text, where the assistant's passages have them (`embedding.of_question`).
    """
    about = vocabulary.about(assistant_id)
    if about is None or not text.strip():
        return []
    limit = min(limit, MOST)
    scores = _by_words(assistant_id, text, about, max(limit, LOOKED_AT if embedding else limit))
    if embedding is None:
        return _passages(scores, list(scores)[:limit])
    near = _by_embedding(assistant_id, embedding, LOOKED_AT)
    order = _fused(list(scores), list(near))
    together = {chunk: max(scores.get(chunk, 0.0), near.get(chunk, 0.0)) for chunk in order}
    return _passages(together, order[:limit])


def _fused(*orders: list[UUID]) -> list[UUID]:
    points: dict[UUID, float] = {}
    for order in orders:
        for rank, chunk in enumerate(order, start=1):
            points[chunk] = points.get(chunk, 0.0) + 1 / (CONSTANT + rank)
    return sorted(points, key=lambda chunk: -points[chunk])


def _by_words(assistant_id: UUID, text: str, about: vocabulary.About, limit: int) -> dict[UUID, float]:
    """Passages that have words of the text, with their scores, the best first."""
    terms = asked.terms(text, asked.lexicon_of(about.languages))
    if not terms:
        return {}
    weighed = _weighed(assistant_id, terms, about)
    parts = [part for one in weighed for part in one.parts]
    if not parts:
        return {}
    # Of a question that hardly says anything a passage has all too easily.
    whole = max(sum(one.whole for one in weighed), LEAST_ASKED * _rarity(0, about.passages))
    ranks, covers = [], []
    rank_values: list[Any] = []
    cover_values: list[Any] = []
    for one in weighed:
        if not one.parts:
            continue
        each = ["%s * least(ts_rank(%s::real[], words, %s::tsquery), %s)" for _ in one.parts]
        counted = [value for part in one.parts for value in (part.worth, PLACES, part.query, MUCH)]
        ranks.append(f"(1 - {AND_OTHERS}) * greatest({', '.join(each)}) + {AND_OTHERS} * ({' + '.join(each)})")
        rank_values += counted * 2
        covers.append(f"greatest({', '.join('%s * (words @@ %s::tsquery)::integer' for _ in one.parts)})")
        cover_values += [value for part in one.parts for value in (min(part.worth, one.whole), part.query)]
    for query, worth in _pairs(terms, weighed):
        ranks.append("%s * (words @@ %s::tsquery)::integer")
        rank_values += [worth, query]
    # Of many that have some word those with the most of the question are ranked: that takes longer than to look.
    likely = (
        f"SELECT id, words, {' + '.join(covers)} AS cover FROM deployments_knowledgechunk"  # noqa: S608 (of constants)
        " WHERE assistant_id = %s AND words @@ %s::tsquery ORDER BY cover DESC, id LIMIT %s"
    )
    sql = f"SELECT id, cover / %s FROM ({likely}) AS likely ORDER BY {' + '.join(ranks)} DESC, id LIMIT %s"  # noqa: S608
    anything = " | ".join(dict.fromkeys(part.query for part in parts))
    entered_workspace_id()
    with connection.cursor() as cursor:
        cursor.execute(sql, [whole, *cover_values, assistant_id, anything, MOST_RANKED, *rank_values, limit])
        return {chunk: min(1.0, round(float(score), 4)) for chunk, score in cursor.fetchall()}


def _weighed(assistant_id: UUID, terms: list[Term], about: vocabulary.About) -> list[_Weighed]:
    """For each word what passages may have of it; words that the passages lack are put right first."""
    counts, lexemes = _counted(assistant_id, terms, about)
    strange = [
        term
        for term in terms
        # A word that says nothing in its language is no stranger.
        if not term.is_extra
        and lexemes[term.form]
        and not term.form.isdigit()
        and not any(counts.get(lexeme) for lexeme in lexemes[term.form])
    ]
    if strange:
        near = vocabulary.resembling(assistant_id, [term.form for term in strange])
        for term in strange:
            asked.put_right(term, near[term.form])
        counts, lexemes = _counted(assistant_id, terms, about)
    return [_one(term, counts, lexemes, about) for term in terms]


def _one(term: Term, counts: dict[str, int], lexemes: dict[str, list[str]], about: vocabulary.About) -> _Weighed:
    own = lexemes.get(term.form, [])
    if not own and not term.is_extra:
        return _Weighed([], 0.0)
    sure: dict[str, float] = {}
    for form, how_sure in term.variants.items():
        for lexeme in lexemes.get(form, ()):
            sure[lexeme] = max(how_sure, sure.get(lexeme, 0.0))
    compounds = not asked.COMPOUNDING.isdisjoint(about.languages)
    for lexeme in own:
        if len(lexeme) >= asked.LEAST_SHARED - compounds and not term.is_extra:
            for other, how_sure in asked.akin(lexeme, counts, compounds=compounds).items():
                sure[other] = max(how_sure, sure.get(other, 0.0))
    worth = {
        lexeme: term.weight * how_sure * _rarity(counts[lexeme], about.passages)
        for lexeme, how_sure in sure.items()
        if counts.get(lexeme)
    }
    known = [lexeme for lexeme in own if lexeme in worth]
    kept = sorted(worth, key=lambda lexeme: (lexeme not in known, -worth[lexeme]))[:MOST_VARIANTS]
    if term.is_extra:
        return _Weighed([_Part(_quoted(lexeme), worth[lexeme]) for lexeme in kept], 0.0)
    if known:
        # What it is itself tells how much is missing where a passage lacks it; a rarer synonym adds no more.
        whole = max(worth[lexeme] for lexeme in known)
        return _Weighed([_Part(_quoted(lexeme), min(worth[lexeme], whole)) for lexeme in kept], whole)
    whole = max([term.weight * UNKNOWN * _rarity(0, about.passages), *worth.values()])
    return _Weighed([_Part(_quoted(lexeme), worth[lexeme]) for lexeme in kept], whole)


def _counted(
    assistant_id: UUID, terms: list[Term], about: vocabulary.About
) -> tuple[dict[str, int], dict[str, list[str]]]:
    forms = list(dict.fromkeys(form for term in terms for form in (term.form, *term.variants)))
    lexemes = vocabulary.lexemes_of(forms, about.languages)
    around = [lexeme for term in terms if not term.is_extra for lexeme in lexemes[term.form]]
    return vocabulary.counts_of(
        assistant_id, [one for each in lexemes.values() for one in each], around=around
    ), lexemes


def _rarity(often: int, passages: int) -> float:
    # Where there are few passages, a word that one of them has is no common one yet.
    return math.log(1 + (max(passages, FEW) - often + 0.5) / (often + 0.5))


def _pairs(terms: list[Term], weighed: list[_Weighed]) -> list[tuple[str, float]]:
    """Neighbours in the question, near each other in a passage."""
    found = []
    for at in range(len(terms) - 1):
        if terms[at].is_extra or terms[at + 1].is_extra:
            continue
        first, second = weighed[at], weighed[at + 1]
        if terms[at + 1].place - terms[at].place > 2 or not first.parts or not second.parts:
            continue
        one = " | ".join(part.query for part in first.parts[:2])
        other = " | ".join(part.query for part in second.parts[:2])
        query = f"(({one}) <-> ({other})) | (({one}) <2> ({other}))"
        found.append((query, PAIR * (first.parts[0].worth + second.parts[0].worth) / 2))
    return found


def _quoted(lexeme: str) -> str:
    escaped = lexeme.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _by_embedding(assistant_id: UUID, embedding: Sequence[float], limit: int) -> dict[UUID, float]:
    """The passages whose embeddings point the same way, by cosine (pgvector's `<=>` is one minus it).

    All of an assistant's are looked at: they are few thousands, and an index over all workspaces would give others'.
    """
    entered_workspace_id()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, 1 - (embedding::vector <=> %s::real[]::vector) AS nearness FROM deployments_knowledgechunk"
            " WHERE assistant_id = %s AND array_length(embedding, 1) = %s ORDER BY nearness DESC, id LIMIT %s",
            [list(embedding), assistant_id, len(embedding), limit],
        )
        return {chunk: max(0.0, min(1.0, round(float(near), 4))) for chunk, near in cursor.fetchall()}


def _passages(scores: dict[UUID, float], order: list[UUID]) -> list[Passage]:
    if not order:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.id, coalesce(nullif(p.title, ''), s.title), c.heading, coalesce(nullif(p.url, ''), s.url), c.text"
            "  FROM deployments_knowledgechunk c JOIN deployments_knowledgepage p ON p.id = c.page_id"
            "  JOIN deployments_knowledgesource s ON s.id = p.source_id WHERE c.id = ANY(%s)",
            [order],
        )
        rows = {row[0]: row for row in cursor.fetchall()}
    found = []
    for chunk in order:
        if chunk in rows:
            _, title, heading, url, text = rows[chunk]
            named = f"{title} › {heading}" if heading and heading != title else title
            found.append(Passage(str(chunk), named, url, text, scores[chunk]))
    return found
