"""Finding conversations by their words: what was said in them, and the names and addresses of their people.

PostgreSQL finds them through a door of its own (`search_conversations`, migration `0013_list`): the wall's policies
forbid an index of words to whoever has to mind them, so a function of the owner minds the workspace itself. It answers
ids and nothing else.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from convoship.lib.tenancy import entered_workspace_id

LONGEST_SEARCH = 200
# From the newest message back so many are looked at, before the index of words is asked.
LOOK = 8_000
# Characters that no text holds, and that stand around what was found until it is escaped.
MARK_OPEN, MARK_CLOSE = "\x02", "\x03"
_HEADLINE = (
    f"StartSel={MARK_OPEN}, StopSel={MARK_CLOSE}, MaxWords=28, MinWords=14, ShortWord=0, MaxFragments=1,"
    f' FragmentDelimiter=" … "'
)
_SIGNS = re.compile(r"[^\w\s]{1,3}(?!\w)")
_LAST_ID = UUID(int=2**128 - 1)


@dataclass(frozen=True)
class Hit:
    """A conversation that was found, and the newest message with the words: None where its person has them."""

    conversation_id: UUID
    message_id: UUID | None
    seq: int | None
    at: dt.datetime


def clean(text: str) -> str:
    """What is searched for, as it was typed but for what can't be searched for."""
    return " ".join(text.replace("\x00", " ").split())[:LONGEST_SEARCH]


def hits(text: str, *, limit: int, before: tuple[dt.datetime, UUID] | None = None) -> list[Hit]:
    """The conversations with these words, by when they were said, the newest first; those before a hit's place.

    Words as on the web: all of them, "some in this order", one or another, -not. The last one may be unfinished.
    """
    entered_workspace_id()
    moment, last_id = before or (None, _LAST_ID)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conversation_id, message_id, seq, at FROM search_conversations(%s, %s, %s, %s, %s)",
            [clean(text), moment, last_id, limit, LOOK],
        )
        return [Hit(*row) for row in cursor.fetchall()]


def sentences(text: str, message_ids: Sequence[UUID]) -> Mapping[UUID, str]:
    """Of each message what stands around the words, which are between `MARK_OPEN` and `MARK_CLOSE`. Not escaped."""
    entered_workspace_id()
    if not message_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, said, ts_headline('public.convoship', said, search_query(%s), %s)"
            " FROM (SELECT id, translate(left(text, 20000), %s, '') AS said FROM deployments_message"
            "        WHERE id = ANY(%s)) AS found",
            [clean(text), _HEADLINE, MARK_OPEN + MARK_CLOSE, list(message_ids)],
        )
        return {message_id: found + _sign_after(found, said) for message_id, said, found in cursor.fetchall()}


def _sign_after(found: str, said: str) -> str:
    """What PostgreSQL leaves away behind the last word: the sign that makes it a question."""
    plain = found.replace(MARK_OPEN, "").replace(MARK_CLOSE, "")
    at = said.rfind(plain)
    sign = _SIGNS.match(said, at + len(plain)) if plain and at >= 0 else None
    return sign[0] if sign else ""
