"""Counts that no visitor waits for: which token is used from where, and which origins are refused.

Kept in memory and written in batches, at most `FLUSH_SECONDS` later and when the process ends: a page load costs no
write, and a stranger who knocks a million times costs one row. What can't be written stays and is tried again.

Nobody can fill a table: past `MOST_ORIGINS` rows the ones not seen for a day make room, and where none are that old,
further origins are counted together as `OTHERS`. So a flood hides a site's own mistake for a day, not for ever, and
one deployment's flood nothing of another's.
"""

from __future__ import annotations

import atexit
import datetime as dt
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

from django.db import DatabaseError, DataError, IntegrityError, connection, connections
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from convoship.lib.tenancy import tenant

logger = logging.getLogger(__name__)

# None: only when `flush` is called, as tests do, whose transaction another thread would not see.
FLUSH_SECONDS: float | None = 2.0
OTHERS = "*"
MOST_ORIGINS = 200  # rows of one place: a token's uses, or a deployment's refused origins
STALE_AFTER = dt.timedelta(days=1)
MOST_WAITING = 20_000  # counts in memory, of all workspaces
LONGEST_ORIGIN = 300
LONGEST_PAGE = 2000


@dataclass(frozen=True)
class Place:
    """Where it is counted: at a token that is used, or (no token) at a deployment that refuses."""

    workspace_id: UUID
    deployment_id: UUID
    token_id: UUID | None = None

    @property
    def owner_id(self) -> UUID:
        """Whose rows they are."""
        return self.token_id or self.deployment_id


@dataclass(frozen=True)
class Count:
    """What was counted of one origin since it was last written."""

    first_at: dt.datetime
    last_at: dt.datetime
    loads: int = 0
    sessions: int = 0
    refusals: int = 0
    rule: str = ""
    page: str = ""

    def __add__(self, later: Count) -> Count:
        return Count(
            min(self.first_at, later.first_at),
            max(self.last_at, later.last_at),
            self.loads + later.loads,
            self.sessions + later.sessions,
            self.refusals + later.refusals,
            later.rule or self.rule,
            later.page or self.page,
        )


Counts = dict[str, Count]  # by origin


class _Waiting:
    """What waits to be written. Not safe for threads by itself."""

    def __init__(self) -> None:
        self.places: dict[Place, Counts] = {}
        self.size = 0

    def add(self, place: Place, origin: str, count: Count) -> None:
        counts = self.places.setdefault(place, {})
        if origin not in counts:
            if len(counts) >= MOST_ORIGINS or self.size >= MOST_WAITING:
                origin = OTHERS
            self.size += origin not in counts
        counts[origin] = counts[origin] + count if origin in counts else count


_lock = threading.Lock()
_writing = threading.Lock()
_waiting = _Waiting()
_timer: threading.Timer | None = None


def used(workspace_id: UUID, deployment_id: UUID, token_id: UUID, origin: str, *, session: bool = False) -> None:
    """Count a page that asked for the configuration, or a session that was begun or resumed, from an origin or ""."""
    now = timezone.now()
    count = Count(now, now, loads=int(not session), sessions=int(session))
    _add(Place(workspace_id, deployment_id, token_id), origin, count)


def refused(workspace_id: UUID, deployment_id: UUID, origin: str, rule: str, page: str) -> None:
    """Count an origin ("" where none was sent) that was not let in, by which rule, and on which page if known."""
    now = timezone.now()
    count = Count(now, now, refusals=1, rule=rule, page=page[:LONGEST_PAGE])
    _add(Place(workspace_id, deployment_id), origin[:LONGEST_ORIGIN], count)


def _add(place: Place, origin: str, count: Count) -> None:
    global _timer
    with _lock:
        _waiting.add(place, origin, count)
        if _timer is None and FLUSH_SECONDS is not None:
            _timer = threading.Timer(FLUSH_SECONDS, _on_time)
            _timer.daemon = True
            _timer.start()


def _on_time() -> None:
    global _timer
    with _lock:
        _timer = None
    try:
        flush()
    finally:
        connections.close_all()


def forget() -> None:
    """Drop what waits."""
    global _waiting
    with _lock:
        _waiting = _Waiting()


def flush() -> None:
    """Write what waits. What the database does not take stays, and is tried again."""
    global _waiting
    kept = 0
    problem: Exception | None = None
    with _writing:
        with _lock:
            taken, _waiting = _waiting.places, _Waiting()
        for place, counts in taken.items():
            try:
                _write(place, counts)
            except IntegrityError as error:
                # The token or deployment is gone meanwhile; another try would find it gone again.
                logger.info("the counts of %s were left out: %s", place, error)
            except (DataError, UnicodeEncodeError) as error:
                # No try would ever succeed, and each would hold back all that is counted there from now on.
                logger.error("the counts of %s can't be stored and are lost: %s", place, error)
            except DatabaseError as error:
                kept, problem = kept + len(counts), error
                for origin, count in counts.items():
                    _add(place, origin, count)
    if problem is not None:
        logger.warning("%d counts could not be written, they are tried again: %s", kept, problem)


def at_the_end() -> None:
    """The process ends: write what waits, unless there is no database any more."""
    global FLUSH_SECONDS
    FLUSH_SECONDS = None
    try:
        flush()
    except Exception:
        logger.exception("counts that waited could not be written")


atexit.register(at_the_end)


# --- Writing ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Table:
    """The statements of a table of counts."""

    origins: str
    fold: str
    insert: str


_USES = _Table(
    origins="SELECT origin FROM deployments_tokenuse WHERE token_id = %(owner)s",
    fold="""
        WITH gone AS (
            DELETE FROM deployments_tokenuse WHERE id IN (
                SELECT id FROM deployments_tokenuse
                 WHERE token_id = %(owner)s AND last_used_at < %(stale)s AND origin <> ALL(%(kept)s)
                 ORDER BY last_used_at LIMIT %(most)s)
            RETURNING loads, sessions, first_used_at, last_used_at)
        SELECT count(*), min(first_used_at), max(last_used_at), sum(loads), sum(sessions), 0, '' FROM gone""",
    insert="""
        INSERT INTO deployments_tokenuse AS kept
               (id, workspace_id, deployment_id, token_id, origin, loads, sessions, first_used_at, last_used_at)
        VALUES (%(id)s, %(workspace)s, %(deployment)s, %(owner)s, %(origin)s, %(loads)s, %(sessions)s, %(first_at)s,
                %(last_at)s)
        ON CONFLICT (token_id, origin) DO UPDATE
           SET loads = kept.loads + EXCLUDED.loads, sessions = kept.sessions + EXCLUDED.sessions,
               first_used_at = least(kept.first_used_at, EXCLUDED.first_used_at),
               last_used_at = greatest(kept.last_used_at, EXCLUDED.last_used_at)""",
)
_REFUSALS = _Table(
    origins="SELECT origin FROM deployments_refusedorigin WHERE deployment_id = %(owner)s",
    fold="""
        WITH gone AS (
            DELETE FROM deployments_refusedorigin WHERE id IN (
                SELECT id FROM deployments_refusedorigin
                 WHERE deployment_id = %(owner)s AND last_seen_at < %(stale)s AND origin <> ALL(%(kept)s)
                 ORDER BY last_seen_at LIMIT %(most)s)
            RETURNING count, rule, first_seen_at, last_seen_at)
        SELECT count(*), min(first_seen_at), max(last_seen_at), 0, 0, sum(count), min(rule) FROM gone""",
    insert="""
        INSERT INTO deployments_refusedorigin AS kept
               (id, workspace_id, deployment_id, origin, rule, page, count, first_seen_at, last_seen_at)
        VALUES (%(id)s, %(workspace)s, %(deployment)s, %(origin)s, %(rule)s, %(page)s, %(refusals)s, %(first_at)s,
                %(last_at)s)
        ON CONFLICT (deployment_id, origin) DO UPDATE
           SET count = kept.count + EXCLUDED.count, rule = EXCLUDED.rule,
               page = CASE WHEN EXCLUDED.page = '' THEN kept.page ELSE EXCLUDED.page END,
               first_seen_at = least(kept.first_seen_at, EXCLUDED.first_seen_at),
               last_seen_at = greatest(kept.last_seen_at, EXCLUDED.last_seen_at)""",
)


def _write(place: Place, counts: Mapping[str, Count]) -> None:
    """Add the counts of one place to its rows, in one transaction."""
    table = _REFUSALS if place.token_id is None else _USES
    with tenant(place.workspace_id), connection.cursor() as cursor:
        rows = _with_room(cursor, table, place, counts)
        # In one order everywhere, so that two processes never wait for each other in a circle.
        cursor.executemany(table.insert, [_values(place, origin, rows[origin]) for origin in sorted(rows)])


def _with_room(cursor: CursorWrapper, table: _Table, place: Place, counts: Mapping[str, Count]) -> Counts:
    """The counts, those that find no room counted together."""
    cursor.execute(table.origins, {"owner": place.owner_id})
    known = {origin for (origin,) in cursor.fetchall()} | {OTHERS}
    new = [origin for origin in counts if origin not in known]
    room = MOST_ORIGINS - (len(known) - 1)
    rows: Counts = {}
    if len(new) > room:
        folded, count = _fold_stale(cursor, table, place, counts, len(new) - room)
        room += folded
        if count is not None:
            rows[OTHERS] = count
    crowd = set(new[max(room, 0) :])
    for origin, count in counts.items():
        where = OTHERS if origin in crowd else origin
        rows[where] = rows[where] + count if where in rows else count
    if OTHERS in rows:
        rows[OTHERS] = replace(rows[OTHERS], page="")  # a page of one of many says nothing of the others
    return rows


def _fold_stale(
    cursor: CursorWrapper, table: _Table, place: Place, counts: Mapping[str, Count], most: int
) -> tuple[int, Count | None]:
    """Take up to `most` rows away that were not seen for long: how many there were, and their counts in one."""
    stale = timezone.now() - STALE_AFTER
    kept = [OTHERS, *counts]
    cursor.execute(table.fold, {"owner": place.owner_id, "stale": stale, "kept": kept, "most": most})
    folded, first_at, last_at, loads, sessions, refusals, rule = cursor.fetchone()
    if not folded:
        return 0, None
    return folded, Count(first_at, last_at, int(loads), int(sessions), int(refusals), rule)


def _values(place: Place, origin: str, count: Count) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "workspace": place.workspace_id,
        "deployment": place.deployment_id,
        "owner": place.owner_id,
        "origin": origin,
        **vars(count),
    }
