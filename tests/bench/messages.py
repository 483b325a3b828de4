"""A busy workspace's conversations, made up: `python -m tests.bench.messages N` fills the database that is named.

Words are drawn as people use them: the n-th most frequent one 1/n as often as the first (Zipf), from 30,000. What is
measured looks for some by their place: `word(0)` is in nearly every second message, `word(20_000)` in a handful.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import sys
from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate
from typing import Any
from uuid import UUID

WORDS = 30_000
# A conversation has so many messages on average, and a message so many words.
PER_CONVERSATION, LONGEST, SHORTEST = 10, 22, 3
BATCH = 20_000
_SYLLABLES = [first + second for first in "bdfghjklmnprstvz" for second in ("a", "e", "i", "o", "u", "ar", "en", "il")]
# A tenth of the messages belongs to other workspaces and uses the same words.
OTHERS = 0.1


def word(place: int) -> str:
    """The word that is the `place`-th most frequent one, from 0."""
    found, rest = "", place + len(_SYLLABLES)
    while rest:
        rest, digit = divmod(rest, len(_SYLLABLES))
        found += _SYLLABLES[digit]
    return found


_UPTO = list(accumulate(1 / (place + 2) for place in range(WORDS)))
_ALL = [word(place) for place in range(WORDS)]


def text(chance: random.Random) -> str:
    """One message."""
    drawn = (_ALL[bisect(_UPTO, chance.random() * _UPTO[-1])] for _ in range(chance.randint(SHORTEST, LONGEST)))
    return " ".join(drawn).capitalize() + "."


def fill(messages: int, *, active: int = 2000, seed: int = 1) -> UUID:
    """Messages over the last two years, the newest `active` conversations still open; the workspace that has most."""
    from tests import factories

    workspaces = [factories.make_workspace() for _ in range(2)]
    for workspace, share in zip(workspaces, (1 - OTHERS, OTHERS), strict=True):
        _fill(workspace, int(messages * share), active, seed)
    return workspaces[0].id


def _fill(workspace: Any, messages: int, active: int, seed: int) -> None:
    from django.db import connections
    from django.utils import timezone

    from convoship.lib.tenancy import tenant
    from deployments.models import Conversation
    from tests import factories

    made = factories.make_deployment(workspace)
    first = factories.start_session(made).session.conversation_id
    how_many = max(messages // PER_CONVERSATION, 1)
    with tenant(workspace.id):
        row = Conversation.objects.get(id=first)
        assistant, version, deployment = row.assistant_id, row.version_id, row.deployment_id
    now = timezone.now()
    # The owner writes: COPY goes into no table under row-level security, so it goes beside it first.
    owner = connections["owner"]
    with owner.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE IF NOT EXISTS staged"
            " (conversation int, seq int, author text, said text, at timestamptz); TRUNCATE staged;"
            " DROP TABLE IF EXISTS told;"
            " CREATE TEMP TABLE told AS SELECT n, gen_random_uuid() AS id, gen_random_uuid() AS person"
            f" FROM generate_series(0, {how_many - 1}) AS n; CREATE UNIQUE INDEX ON told (n); ANALYZE told"
        )
        cursor.execute(
            "INSERT INTO deployments_person (id, workspace_id, name, email, visitor_id, created_at)"
            " SELECT person, %s, 'Visitor ' || n, 'visitor' || n || '@mail.example', '', now() FROM told",
            [workspace.id],
        )
        cursor.execute(
            "INSERT INTO deployments_conversation (id, workspace_id, assistant_id, version_id,"
            " deployment_id, person_id,"
            " channel, status, control, head_seq, rev, visitor_messages, flow_state, visitor_data, is_test, variant,"
            " failures, locale, page_url, page_title, referrer, origin, handoff_reason, ended_reason, last_text,"
            " started_at, last_activity_at, ended_at)"
            " SELECT id, %s, %s, %s, %s, person, 'web', CASE WHEN n < %s THEN 'active' ELSE 'completed' END,"
            " 'assistant', 0, 0, 0, '{}', '{}', false, '', 0, 'en', '', '', '', '', '', '', '', now(), now(),"
            " CASE WHEN n < %s THEN NULL ELSE now() END FROM told",
            [workspace.id, assistant, version, deployment, active, active],
        )
        written = 0
        for lines in _lines(messages, how_many, now, random.Random(seed)):
            cursor.execute("TRUNCATE staged")
            with cursor.copy("COPY staged FROM STDIN") as copy:
                for line in lines:
                    copy.write_row(line)
            cursor.execute(
                "INSERT INTO deployments_message (id, workspace_id, conversation_id, seq, rev, author_kind,"
                " author_name,"
                " text, payload, blocks, attachments, status, reason, remedy, created_at)"
                " SELECT gen_random_uuid(), %s, t.id, s.seq, s.seq, s.author, '', s.said, '', '[]', '[]',"
                " 'sent', '', '',"
                " s.at FROM staged s JOIN told t ON t.n = s.conversation ORDER BY s.at",
                [workspace.id],
            )
            written += len(lines)
            sys.stderr.write(f"\r{written:,} messages")
        cursor.execute(
            "UPDATE deployments_conversation c SET head_seq = m.head, rev = m.head, last_activity_at = m.at,"
            " started_at = m.since, last_text = m.said, ended_at = CASE WHEN c.status = 'active' THEN NULL"
            " ELSE m.at END"
            " FROM (SELECT conversation_id, max(seq) AS head, max(created_at) AS at, min(created_at) AS since,"
            "        left((array_agg(text ORDER BY seq DESC))[1], 200) AS said"
            "         FROM deployments_message WHERE workspace_id = %s GROUP BY 1) AS m"
            " WHERE m.conversation_id = c.id",
            [workspace.id],
        )
        cursor.execute("VACUUM ANALYZE deployments_message")
        cursor.execute("VACUUM ANALYZE deployments_conversation")
        cursor.execute("VACUUM ANALYZE deployments_person")
    sys.stderr.write("\n")


def _lines(
    messages: int, conversations: int, now: dt.datetime, chance: random.Random
) -> Iterator[list[tuple[Any, ...]]]:
    """Batches, the oldest first: several conversations are under way at any time."""
    step = dt.timedelta(days=730) / max(messages, 1)
    heads: dict[int, int] = {}
    batch: list[tuple[Any, ...]] = []
    for number in range(messages):
        # Conversation 0 is the newest one, as its place says.
        place = conversations - 1 - min(number // PER_CONVERSATION, conversations - 1)
        place = max(0, min(conversations - 1, place + chance.randint(-20, 20)))
        heads[place] = seq = heads.get(place, 0) + 1
        author = "visitor" if seq % 2 else "assistant"
        batch.append((place, seq, author, text(chance), now - step * (messages - number)))
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "convoship.settings")
    import django

    django.setup()
    print(fill(int(sys.argv[1])))
