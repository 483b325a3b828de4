"""The rows of the inbox's list, what is counted beside its filters, and what they can be. Inside `tenant()`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Case, Q, QuerySet, Value, When

from convoship.lib.tenancy import entered_workspace_id
from deployments import calls, inbox, searching
from deployments.models import Assistant, Conversation, ConversationTag, SavedView
from deployments.models.conversation import Channel, Control
from deployments.pages import queries
from deployments.pages.inbox_filters import Wanted
from workspaces.models import User

PAGE_SIZE = 30
COUNTED = ("mine", "unassigned", "waiting", "active", "snoozed", "missed")
# Whom nobody came to within this time is counted; all of them are on their list.
MISSED_LATELY = dt.timedelta(days=7)
# Where other filters leave little of what is found, so often the search goes on before a page is shown short.
MOST_ROUNDS = 4


@dataclass(frozen=True)
class Row:
    """A conversation on the list, and the names of its tags.

    Where its visitor waits for a person: the assistant's name. Where its words were found: the sentence with them (not
    escaped), and its message. Of a telephone call: how it goes or went.
    """

    conversation: Conversation
    tags: list[str]
    assistant: str = ""
    sentence: str = ""
    seq: int | None = None
    call: calls.Mark | None = None


@dataclass(frozen=True)
class Page:
    """A page of the list, and the cursor of the next one if there is one."""

    rows: Sequence[Row]
    next: str = ""


def page(wanted: Wanted, user: User, *, anybody_waits: bool = True) -> Page:
    """A page as it is wanted. Without a search, who waits stands on top of the first one."""
    return _found(wanted, user) if wanted.q else _listed(wanted, user, anybody_waits=anybody_waits)


# What a row of the list shows: the rest of each table is as wide again.
_SHOWN = (
    *("workspace", "person", "assigned_to", "status", "control", "channel", "last_text", "head_seq", "waiting_since"),
    *(
        "last_activity_at",
        "snoozed_until",
        "assistant",
        "handoff_reason",
        "person__name",
        "person__email",
        "person__workspace",
    ),
    *("assigned_to__name", "assigned_to__email"),
)


def _rows(wanted: Wanted, user: User) -> QuerySet[Conversation]:
    rows = drawn(queries.real()).filter(inbox.shown(wanted.show, user))
    exact = {"channel": wanted.channel, "assistant_id": wanted.assistant, "deployment_id": wanted.deployment}
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    return rows.filter(inbox.tagged(wanted.tag)) if wanted.tag else rows


def drawn(rows: QuerySet[Conversation]) -> QuerySet[Conversation]:
    """With what a row of the list shows, and without what it doesn't."""
    held = Case(When(~Q(control=Control.ASSISTANT) & inbox.ACTIVE, then=inbox.unread()), default=Value(False))
    return rows.select_related("person", "assigned_to").only(*_SHOWN).annotate(is_unread=held)


def _tags_of(rows: Sequence[Conversation]) -> dict[UUID, list[str]]:
    """The names of their tags, each conversation's in their order."""
    tagged = ConversationTag.objects.filter(conversation__in=[row.id for row in rows]).order_by("tag__name")
    found: dict[UUID, list[str]] = {}
    for conversation_id, name in tagged.values_list("conversation_id", "tag__name"):
        found.setdefault(conversation_id, []).append(name)
    return found


def _assistants_of_waiting(rows: Sequence[Conversation]) -> dict[UUID, str]:
    """With which assistant each of those who wait for a person talked, by conversation."""
    waiting = [row for row in rows if row.is_active and row.control == Control.WAITING]
    if not waiting:
        return {}
    wanted = {row.assistant_id for row in waiting}
    names = dict(Assistant.objects.filter(id__in=wanted).values_list("id", "name"))
    return {row.id: names.get(row.assistant_id, "") for row in waiting}


def _listed(wanted: Wanted, user: User, *, anybody_waits: bool) -> Page:
    rows = _rows(wanted, user)
    if wanted.show == "waiting":
        found, following = _slice(wanted, rows, "waiting_since", PAGE_SIZE, is_newest_first=False)
        return _page(found, following)
    waiting: list[Conversation] = []
    is_among_waiting = not wanted.after or wanted.after.startswith(_WAITING)
    if is_among_waiting and anybody_waits and wanted.show not in {"snoozed", "ended"}:
        here = replace(wanted, after=wanted.after.removeprefix(_WAITING))
        waiting, following = _slice(here, rows.filter(inbox.WAITING), "waiting_since", PAGE_SIZE, is_newest_first=False)
        if following:
            return _page(waiting, f"{_WAITING}{following}")
    if is_among_waiting:
        wanted = replace(wanted, after="")
    # Of those who don't wait for a person, the one has waited longest in which nothing happened for longest.
    is_newest_first = wanted.sort == "newest"
    room = PAGE_SIZE - len(waiting)
    rest = rows.exclude(inbox.WAITING)
    found, following = _slice(wanted, rest, "last_activity_at", room, is_newest_first=is_newest_first)
    return _page([*waiting, *found], following)


def _page(rows: Sequence[Conversation], following: str) -> Page:
    tags, assistants, marks = _tags_of(rows), _assistants_of_waiting(rows), _calls_of(rows)
    shown = [Row(row, tags.get(row.id, []), assistants.get(row.id, ""), call=marks.get(row.id)) for row in rows]
    return Page(shown, following)


def _calls_of(rows: Sequence[Conversation]) -> dict[UUID, calls.Mark]:
    """How those of them go or went that are telephone calls."""
    spoken = [row for row in rows if row.channel == Channel.VOICE]
    return calls.marks_of(spoken) if spoken else {}


# Begins a cursor that stands among those who wait, who come before all others.
_WAITING = "w."
# Where a list begins, for a cursor.
_BEFORE_ALL = dt.datetime(1, 1, 2, tzinfo=dt.UTC), UUID(int=0)
_AFTER_ALL = dt.datetime(9999, 12, 30, tzinfo=dt.UTC), UUID(int=2**128 - 1)


def _slice(
    wanted: Wanted, rows: QuerySet[Conversation], by: str, room: int, *, is_newest_first: bool
) -> tuple[list[Conversation], str]:
    """So many of the rows from the cursor on, in the order of this column; and the cursor of what follows them."""
    beyond, sign = ("lt", "-") if is_newest_first else ("gt", "")
    after = queries.read_cursor(wanted.after)
    if after is not None:
        moment, last_id = after
        rows = rows.filter(Q(**{f"{by}__{beyond}": moment}) | Q(**{by: moment, f"id__{beyond}": last_id}))
    found = list(rows.order_by(f"{sign}{by}", f"{sign}id")[: room + 1])
    if len(found) <= room:
        return found, ""
    if room:
        return found[:room], queries.cursor_of(getattr(found[room - 1], by), found[room - 1].id)
    return [], queries.cursor_of(*(_AFTER_ALL if is_newest_first else _BEFORE_ALL))


def _found(wanted: Wanted, user: User) -> Page:
    """The conversations with the words, the newest first; further filters are put to what is found."""
    kept: list[tuple[searching.Hit, Conversation]] = []
    before = queries.read_cursor(wanted.after)
    limit = PAGE_SIZE if wanted.filters.keys() == {"q"} else 2 * PAGE_SIZE
    has_more = False
    for _round in range(MOST_ROUNDS):
        hits = searching.hits(wanted.q, limit=limit, before=before)
        rows = _rows(wanted, user).in_bulk([hit.conversation_id for hit in hits]) if hits else {}
        has_more = False
        for at, hit in enumerate(hits, 1):
            before = (hit.at, hit.conversation_id)
            if hit.conversation_id in rows:
                kept.append((hit, rows[hit.conversation_id]))
            has_more = at < len(hits) or len(hits) == limit
            if len(kept) == PAGE_SIZE:
                break
        if len(kept) == PAGE_SIZE or len(hits) < limit:
            break
    sentences = searching.sentences(wanted.q, [hit.message_id for hit, _ in kept if hit.message_id])
    found = [row for _, row in kept]
    tags, assistants, marks = _tags_of(found), _assistants_of_waiting(found), _calls_of(found)
    shown = [
        Row(
            row,
            tags.get(row.id, []),
            assistants.get(row.id, ""),
            sentences.get(hit.message_id, "") if hit.message_id else "",
            hit.seq,
            marks.get(row.id),
        )
        for hit, row in kept
    ]
    return Page(shown, queries.cursor_of(*before) if has_more and before else "")


# Written out: the list is asked for all day, and building these in Django costs more than PostgreSQL's answer. The
# conditions are those of `inbox.shown`.
_COUNTS = """
SELECT count(*) FILTER (WHERE is_awake AND assigned_to_id = %(user)s),
       count(*) FILTER (WHERE is_awake AND assigned_to_id IS NULL AND control <> 'assistant' AND NOT is_at_desk),
       count(*) FILTER (WHERE is_awake AND control = 'waiting'),
       count(*) FILTER (WHERE is_awake),
       count(*) FILTER (WHERE NOT is_awake),
       (SELECT count(*) FROM deployments_handoff h JOIN deployments_conversation c ON c.id = h.conversation_id
         WHERE h.workspace_id = %(workspace)s AND h.requested_at > now() - %(lately)s
           AND h.outcome IN ('nobody_came', 'nobody_there')
           AND NOT EXISTS (SELECT FROM deployments_handoff l
                            WHERE l.conversation_id = h.conversation_id AND l.requested_at > h.requested_at)
           AND c.status <> 'completed' AND NOT c.is_test AND (c.snoozed_until IS NULL OR c.snoozed_until <= now()))
  FROM (SELECT assigned_to_id, control, snoozed_until IS NULL OR snoozed_until <= now() AS is_awake,
               control = 'human' AND EXISTS (SELECT FROM deployments_handoff h
                                              WHERE h.conversation_id = c.id AND h.ended_at IS NULL AND h.is_at_desk
                                                AND h.desk <> 'inbox') AS is_at_desk
          FROM deployments_conversation c
         WHERE workspace_id = %(workspace)s AND status = 'active' AND NOT is_test) AS active
"""


def counts(user: User) -> dict[str, int]:
    """How many conversations each of the main filters leaves, by its name."""
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"user": user.id, "workspace": entered_workspace_id(), "lately": MISSED_LATELY}
        cursor.execute(_COUNTS, values)
        return dict(zip(COUNTED, cursor.fetchone() or (), strict=True))


@dataclass(frozen=True)
class Choices:
    """What the form's filters can be: pairs of value and words. Each is empty where there is nothing to choose."""

    channels: list[tuple[str, str]] = field(default_factory=list)
    assistants: list[tuple[str, str]] = field(default_factory=list)
    deployments: list[tuple[str, str]] = field(default_factory=list)
    tags: list[tuple[str, str]] = field(default_factory=list)


MOST_CHOICES = 200
_CHOICES = """
(SELECT 'assistants', id::text, name FROM deployments_assistant WHERE workspace_id = %(workspace)s
  ORDER BY name, id LIMIT %(most)s)
UNION ALL
(SELECT 'deployments', id::text, name FROM deployments_deployment WHERE workspace_id = %(workspace)s
  ORDER BY name, id LIMIT %(most)s)
UNION ALL
(SELECT 'tags', id::text, name FROM deployments_tag WHERE workspace_id = %(workspace)s
  ORDER BY name, id LIMIT %(most)s)
"""


def choices() -> Choices:
    """The workspace's channels, assistants, deployments and tags, by name."""
    found = Choices([(str(value), str(label)) for value, label in Channel.choices])
    with connection.cursor() as cursor:
        cursor.execute(_CHOICES, {"workspace": entered_workspace_id(), "most": MOST_CHOICES})
        for kind, row_id, name in cursor.fetchall():
            getattr(found, kind).append((row_id, name))
    return found


def views(user: User) -> list[SavedView]:
    """The member's own views and the shared ones, by name."""
    rows = SavedView.objects.filter(Q(maker=user) | Q(is_shared=True))
    return sorted(rows.select_related("maker"), key=lambda view: (view.name.casefold(), view.id))
