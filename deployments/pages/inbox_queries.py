"""The rows of the inbox's list, what is counted beside its filters, and what they can be. Inside `tenant()`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Case, Count, Prefetch, Q, QuerySet, Value, When

from deployments import inbox, searching
from deployments.models import Assistant, Conversation, ConversationTag, Deployment, SavedView, Tag
from deployments.models.conversation import Channel, Control
from deployments.pages import queries
from deployments.pages.inbox_filters import Wanted
from workspaces.models import User

PAGE_SIZE = 30
COUNTED = ("mine", "unassigned", "waiting", "active", "snoozed")
# Where other filters leave little of what is found, so often the search goes on before a page is shown short.
MOST_ROUNDS = 4


@dataclass(frozen=True)
class Row:
    """A conversation on the list; where its words were found: the sentence with them (not escaped), its message."""

    conversation: Conversation
    sentence: str = ""
    seq: int | None = None

    @property
    def tags(self) -> list[str]:
        """The names of its tags."""
        return [tagged.tag.name for tagged in self.conversation.tagged.all()]


@dataclass(frozen=True)
class Page:
    """A page of the list, and the cursor of the next one if there is one."""

    rows: Sequence[Row]
    next: str = ""


def page(wanted: Wanted, user: User) -> Page:
    """A page as it is wanted. Without a search, who waits stands on top of the first one."""
    return _found(wanted, user) if wanted.q else _listed(wanted, user)


def _rows(wanted: Wanted, user: User) -> QuerySet[Conversation]:
    rows = drawn(queries.real()).filter(inbox.shown(wanted.show, user))
    exact = {"channel": wanted.channel, "assistant_id": wanted.assistant, "deployment_id": wanted.deployment}
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    return rows.filter(inbox.tagged(wanted.tag)) if wanted.tag else rows


def drawn(rows: QuerySet[Conversation]) -> QuerySet[Conversation]:
    """With what a row of the list shows, and without what it doesn't."""
    held = Case(When(~Q(control=Control.ASSISTANT) & inbox.ACTIVE, then=inbox.unread()), default=Value(False))
    return (
        rows.select_related("person", "assigned_to")
        .defer("flow_state", "visitor_data", "if_silent")
        .prefetch_related(
            Prefetch("tagged", queryset=ConversationTag.objects.select_related("tag").order_by("tag__name"))
        )
        .annotate(is_unread=held)
    )


def _listed(wanted: Wanted, user: User) -> Page:
    rows = _rows(wanted, user)
    waiting: list[Conversation] = []
    if wanted.show == "waiting":
        return _slice(wanted, rows, "waiting_since", is_newest_first=False)
    if not wanted.after:
        waiting = list(rows.filter(inbox.WAITING).order_by("waiting_since")[:PAGE_SIZE])
    # Of those who don't wait for a person, the one has waited longest in which nothing happened for longest.
    rest = _slice(wanted, rows.exclude(inbox.WAITING), "last_activity_at", is_newest_first=wanted.sort == "newest")
    return Page([*(Row(row) for row in waiting), *rest.rows], rest.next)


def _slice(wanted: Wanted, rows: QuerySet[Conversation], by: str, *, is_newest_first: bool) -> Page:
    """The rows from the cursor on, in the order of this column."""
    beyond, sign = ("lt", "-") if is_newest_first else ("gt", "")
    after = queries.read_cursor(wanted.after)
    if after is not None:
        moment, last_id = after
        rows = rows.filter(Q(**{f"{by}__{beyond}": moment}) | Q(**{by: moment, f"id__{beyond}": last_id}))
    found = list(rows.order_by(f"{sign}{by}", f"{sign}id")[: PAGE_SIZE + 1])
    more, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    return Page([Row(row) for row in found], queries.cursor_of(getattr(found[-1], by), found[-1].id) if more else "")


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
    shown = [Row(row, sentences.get(hit.message_id, "") if hit.message_id else "", hit.seq) for hit, row in kept]
    return Page(shown, queries.cursor_of(*before) if has_more and before else "")


def counts(user: User) -> dict[str, int]:
    """How many conversations each of the main filters leaves, by its name."""
    rows = Conversation.objects.filter(inbox.ACTIVE, is_test=False)
    return rows.aggregate(**{name: Count("pk", filter=inbox.shown(name, user)) for name in COUNTED})


@dataclass(frozen=True)
class Choices:
    """What the form's filters can be: pairs of value and words. Each is empty where there is nothing to choose."""

    channels: list[tuple[str, str]] = field(default_factory=list)
    assistants: list[tuple[str, str]] = field(default_factory=list)
    deployments: list[tuple[str, str]] = field(default_factory=list)
    tags: list[tuple[str, str]] = field(default_factory=list)


MOST_CHOICES = 200


def choices() -> Choices:
    """The workspace's channels, assistants, deployments and tags, by name."""

    def named(rows: QuerySet[Assistant] | QuerySet[Deployment] | QuerySet[Tag]) -> list[tuple[str, str]]:
        found = rows.order_by("name", "id").values_list("id", "name")[:MOST_CHOICES]
        return [(str(row_id), name) for row_id, name in found]

    return Choices(
        [(str(value), str(label)) for value, label in Channel.choices],
        named(Assistant.objects.all()),
        named(Deployment.objects.all()),
        named(Tag.objects.all()),
    )


def views(user: User) -> list[SavedView]:
    """The member's own views and the shared ones, by name."""
    rows = SavedView.objects.filter(Q(maker=user) | Q(is_shared=True))
    return sorted(rows.select_related("maker"), key=lambda view: (view.name.casefold(), view.id))


def tag_ids(conversation_id: UUID) -> set[UUID]:
    """The tags that a conversation has."""
    return set(ConversationTag.objects.filter(conversation=conversation_id).values_list("tag_id", flat=True))
