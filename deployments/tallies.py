"""Counts that no visitor waits for: which token is used from where, and which origins are refused.

Kept in memory and written in batches, at most `FLUSH_SECONDS` later and when the process ends: a page load costs no
write, and a stranger who knocks a million times costs one row. What can't be written stays and is tried again. Both
tables are bounded: past the most rows that are kept, further origins are counted together as `OTHERS`.
"""

from __future__ import annotations

import atexit
import datetime as dt
import logging
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

from django.db import DatabaseError, IntegrityError, connection, connections
from django.utils import timezone

from convoship.lib.tenancy import tenant

logger = logging.getLogger(__name__)

# None: only when `flush` is called, as tests do, whose transaction another thread would not see.
FLUSH_SECONDS: float | None = 2.0
OTHERS = "*"
MOST_ORIGINS = 200  # rows per token, and refused ones per deployment
MOST_WAITING = 5000  # counts in memory, of all workspaces
LONGEST_ORIGIN = 300
LONGEST_PAGE = 2000

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Use:
    """A token of a deployment, used from an origin ("" is a program that sends none)."""

    workspace_id: UUID
    deployment_id: UUID
    token_id: UUID
    origin: str


@dataclass(frozen=True)
class Refused:
    """An origin that a deployment doesn't let in ("" where the header was missing)."""

    workspace_id: UUID
    deployment_id: UUID
    origin: str


@dataclass
class Count:
    """What was counted since the last time it was written."""

    first_at: dt.datetime
    last_at: dt.datetime
    loads: int = 0
    sessions: int = 0
    refusals: int = 0
    rule: str = ""
    page: str = ""

    def add(self, later: Count) -> None:
        """Take a later count in."""
        self.last_at = max(self.last_at, later.last_at)
        self.loads += later.loads
        self.sessions += later.sessions
        self.refusals += later.refusals
        self.rule = later.rule or self.rule
        self.page = later.page or self.page


class _Waiting(Generic[K]):
    """Counts that wait to be written."""

    def __init__(self) -> None:
        self.counts: dict[K, Count] = {}

    def add(self, key: K, count: Count, instead: K) -> None:
        if key not in self.counts and len(self.counts) >= MOST_WAITING:
            key = instead
        known = self.counts.setdefault(key, count)
        if known is not count:
            known.add(count)

    def take(self) -> dict[K, Count]:
        taken, self.counts = self.counts, {}
        return taken


_lock = threading.Lock()
_writing = threading.Lock()
_uses: _Waiting[Use] = _Waiting()
_refused: _Waiting[Refused] = _Waiting()
_timer: threading.Timer | None = None


def used(workspace_id: UUID, deployment_id: UUID, token_id: UUID, origin: str, *, session: bool = False) -> None:
    """Count a page that asked for the configuration, or a session that was begun or resumed."""
    now = timezone.now()
    whose = partial(Use, workspace_id, deployment_id, token_id)
    with _lock:
        _uses.add(whose(origin), Count(now, now, loads=int(not session), sessions=int(session)), whose(OTHERS))
    _write_soon()


def refused(workspace_id: UUID, deployment_id: UUID, origin: str, rule: str, page: str) -> None:
    """Count an origin that was not let in, by which rule, and on which page if that is known."""
    now = timezone.now()
    whose = partial(Refused, workspace_id, deployment_id)
    count = Count(now, now, refusals=1, rule=rule, page=page[:LONGEST_PAGE])
    with _lock:
        _refused.add(whose(origin[:LONGEST_ORIGIN]), count, whose(OTHERS))
    _write_soon()


def _write_soon() -> None:
    global _timer
    with _lock:
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


def flush() -> None:
    """Write what waits. What the database does not take stays, and is tried again."""
    with _writing:
        with _lock:
            uses, refusals = _uses.take(), _refused.take()
        _each(uses, _write_use, _uses)
        _each(refusals, _write_refusal, _refused)


def forget() -> None:
    """Drop what waits."""
    with _lock:
        _uses.take()
        _refused.take()


def _each(counts: dict[K, Count], write: Callable[[K, Count], None], waiting: _Waiting[K]) -> None:
    for key, count in counts.items():
        try:
            write(key, count)
        except IntegrityError as error:
            # The token or deployment is gone meanwhile; another try would find it gone again.
            logger.info("a count of %s was left out: %s", key, error)
        except DatabaseError as error:
            logger.warning("a count of %s could not be written, it is tried again: %s", key, error)
            with _lock:
                waiting.add(key, count, key)
            _write_soon()


def _write_use(use: Use, count: Count) -> None:
    with tenant(use.workspace_id), connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO deployments_tokenuse AS kept
                   (id, workspace_id, deployment_id, token_id, origin, loads, sessions, first_used_at, last_used_at)
            SELECT %(id)s, %(workspace)s, %(deployment)s, %(token)s,
                   CASE WHEN EXISTS (SELECT FROM deployments_tokenuse
                                      WHERE token_id = %(token)s AND origin = %(origin)s)
                          OR (SELECT count(*) FROM deployments_tokenuse WHERE token_id = %(token)s) < %(most)s
                        THEN %(origin)s ELSE %(others)s END,
                   %(loads)s, %(sessions)s, %(first)s, %(last)s
            ON CONFLICT (token_id, origin) DO UPDATE
               SET loads = kept.loads + EXCLUDED.loads, sessions = kept.sessions + EXCLUDED.sessions,
                   last_used_at = greatest(kept.last_used_at, EXCLUDED.last_used_at)
            """,
            {
                **_common(use.workspace_id, use.deployment_id, use.origin, count),
                "token": use.token_id,
                "loads": count.loads,
                "sessions": count.sessions,
            },
        )


def _write_refusal(one: Refused, count: Count) -> None:
    with tenant(one.workspace_id), connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO deployments_refusedorigin AS kept
                   (id, workspace_id, deployment_id, origin, rule, page, count, first_seen_at, last_seen_at)
            SELECT %(id)s, %(workspace)s, %(deployment)s,
                   CASE WHEN EXISTS (SELECT FROM deployments_refusedorigin
                                      WHERE deployment_id = %(deployment)s AND origin = %(origin)s)
                          OR (SELECT count(*) FROM deployments_refusedorigin
                               WHERE deployment_id = %(deployment)s) < %(most)s
                        THEN %(origin)s ELSE %(others)s END,
                   %(rule)s, %(page)s, %(count)s, %(first)s, %(last)s
            ON CONFLICT (deployment_id, origin) DO UPDATE
               SET count = kept.count + EXCLUDED.count, rule = EXCLUDED.rule,
                   page = CASE WHEN EXCLUDED.page = '' THEN kept.page ELSE EXCLUDED.page END,
                   last_seen_at = greatest(kept.last_seen_at, EXCLUDED.last_seen_at)
            """,
            {
                **_common(one.workspace_id, one.deployment_id, one.origin, count),
                "rule": count.rule,
                "page": count.page,
                "count": count.refusals,
            },
        )


def _common(workspace_id: UUID, deployment_id: UUID, origin: str, count: Count) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "workspace": workspace_id,
        "deployment": deployment_id,
        "origin": origin,
        "others": OTHERS,
        "most": MOST_ORIGINS,
        "first": count.first_at,
        "last": count.last_at,
    }


def _at_the_end() -> None:
    """The process ends: write what waits, unless there is no database any more."""
    try:
        flush()
    except Exception:
        logger.exception("counts that waited could not be written")


atexit.register(_at_the_end)
