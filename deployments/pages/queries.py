"""Which rows the pages show. Inside `tenant()`."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import (
    Case,
    Count,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.shortcuts import get_object_or_404
from django.utils import timezone

from deployments import budgets, inbox, refused_origins
from deployments.models import Assistant, Conversation, Deployment, DeploymentToken, Message, ReplyMail
from deployments.models.conversation import AuthorKind
from deployments.models.reply_mail import ReplyMailState
from workspaces.models import User

LONGEST_TRANSCRIPT = 500
MOST_NAMED = 5
MOST_EARLIER = 10
_LIVE_FIRST = (F("revoked_at").desc(nulls_first=True), "-created_at", "id")


def real() -> QuerySet[Conversation]:
    """Conversations with visitors; those tried from our own pages count nowhere."""
    return Conversation.objects.filter(is_test=False)


def waiting_count() -> int:
    """How many visitors wait for a person now."""
    return real().filter(inbox.WAITING).count()


@dataclass(frozen=True)
class Figures:
    """How many conversations there are, for the dashboard."""

    waiting: int
    active: int
    today: int


def figures() -> Figures:
    """Waiting now, under way now, begun in the last 24 hours."""
    day = timezone.now() - dt.timedelta(hours=24)
    return Figures(
        **real().aggregate(
            waiting=Count("id", filter=inbox.WAITING),
            active=Count("id", filter=inbox.ACTIVE),
            today=Count("id", filter=Q(started_at__gte=day)),
        )
    )


def assistants() -> QuerySet[Assistant]:
    """Every assistant by name, with what the list says about each."""
    return (
        Assistant.objects.select_related("published", "health")
        .annotate(
            live_deployments=Count("deployments", filter=Q(deployments__revoked_at=None), distinct=True),
        )
        .order_by("name", "created_at")
    )


def assistant(assistant_id: UUID, *, lock: bool = False) -> Assistant:
    """The workspace's assistant with what is published, held where it is going to be changed; Http404 otherwise."""
    rows = Assistant.objects.select_related("published", "health")
    if lock:
        # `no_key`, as `publishing.held`: a visitor's first message refers to the assistant, and must not wait for us.
        rows = rows.select_for_update(of=("self",), no_key=True)
    return get_object_or_404(rows, id=assistant_id)


def first_assistant() -> Assistant | None:
    """The assistant to start with: a published one if there is any."""
    return Assistant.objects.order_by(F("published_id").asc(nulls_last=True), "created_at").first()


def first_live_deployment() -> Deployment | None:
    """A deployment that lets visitors in, of a published assistant, the one used last if any was."""
    return (
        Deployment.objects.select_related("assistant")
        .filter(revoked_at=None, assistant__published__isnull=False)
        .order_by(F("last_used_at").desc(nulls_last=True), "created_at")
        .first()
    )


def any_conversation() -> bool:
    """Whether anyone has ever talked with an assistant."""
    return real().exists()


def deployments(assistant: Assistant | None = None) -> QuerySet[Deployment]:
    """Deployments with their tokens, `refused_lately` and `has_spent` (a budget): live ones first, the newest first."""
    refused = refused_origins.recent().filter(deployment=OuterRef("pk")).order_by().values("deployment")
    rows = Deployment.objects.prefetch_related(
        # Not joined: each row would bring its assistant's draft and published content along, to be parsed again.
        Prefetch("assistant", queryset=Assistant.objects.select_related("published")),
        Prefetch("tokens", queryset=DeploymentToken.objects.order_by("-created_at")),
    ).annotate(
        refused_lately=Coalesce(Subquery(refused.annotate(count=Count("pk")).values("count")), 0),
        has_spent=Exists(budgets.spent().filter(Q(deployment=None) | Q(deployment=OuterRef("pk")))),
    )
    if assistant is not None:
        rows = rows.filter(assistant=assistant)
    return rows.order_by(*_LIVE_FIRST)


def standings(assistant: Assistant) -> list[Deployment]:
    """All deployments of the assistant in the order of `deployments`, with no more than they are filtered by."""
    rows = Deployment.objects.filter(assistant=assistant).order_by(*_LIVE_FIRST)
    return list(rows.only("workspace", "label", "paused_at", "expires_at", "revoked_at"))


def deployment(deployment_id: UUID) -> Deployment:
    """The workspace's deployment with its tokens and assistant; Http404 where there is none."""
    return get_object_or_404(deployments(), id=deployment_id)


def with_refusals(assistant: Assistant | None = None) -> list[Deployment]:
    """The deployments that refused origins of late, by `refused_lately`, the most first."""
    rows = deployments(assistant).filter(Q(refused_lately__gt=0))
    return list(rows.order_by(F("refused_lately").desc(), "name")[:MOST_NAMED])


def labels() -> list[str]:
    """The environments that the workspace's deployments name, each once, as it was written last."""
    rows = Deployment.objects.exclude(label="").order_by("created_at", "id").values_list("label", flat=True)
    return sorted({label.casefold(): label for label in rows}.values(), key=str.casefold)


def latest_conversations(count: int) -> list[Conversation]:
    """The latest conversations that are not put away, who waits on top, the longest wait first."""
    return list(
        _listed().annotate(rank=_rank()).order_by("rank", F("waiting_since").asc(), "-last_activity_at")[:count]
    )


def _listed() -> QuerySet[Conversation]:
    rows = real().filter(inbox.awake()).select_related("person", "assigned_to")
    return rows.defer("flow_state", "visitor_data", "if_silent")


def _rank() -> Case:
    return Case(When(inbox.WAITING, then=Value(0)), default=Value(1), output_field=IntegerField())


def cursor_of(moment: dt.datetime, row_id: UUID) -> str:
    """Where a page ended: at the row with this id, by this moment."""
    return base64.urlsafe_b64encode(f"{moment.isoformat()} {row_id}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[dt.datetime, UUID] | None:
    """The moment and id in a cursor; None for none, or for one that was made up."""
    try:
        moment, _, last_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(" ")
        parsed = dt.datetime.fromisoformat(moment)
        # PostgreSQL does not take every offset that Python reads; ours is always this one.
        return (parsed, UUID(last_id)) if parsed.utcoffset() == dt.timedelta(0) else None
    except (ValueError, binascii.Error):
        return None


@dataclass(frozen=True)
class Transcript:
    """A part of a conversation's messages, in order; whether earlier and later ones are left out."""

    messages: Sequence[Message]
    has_earlier: bool
    has_later: bool = False

    @property
    def first_seq(self) -> int:
        """Its first message's."""
        return self.messages[0].seq

    @property
    def last_seq(self) -> int:
        """Its last message's."""
        return self.messages[-1].seq


def transcript(conversation: Conversation, around: int | None = None) -> Transcript:
    """The last messages, or those around one, each with the turn that answered it."""
    rows = Message.objects.filter(conversation=conversation).select_related("turn", "author_user").order_by("-seq")
    if around is not None and around <= conversation.head_seq - LONGEST_TRANSCRIPT:
        last = around + LONGEST_TRANSCRIPT // 2
        rows = rows.filter(seq__lte=last)
    else:
        last = conversation.head_seq
    found = list(rows[: LONGEST_TRANSCRIPT + 1])
    cut = len(found) > LONGEST_TRANSCRIPT
    return Transcript(found[:LONGEST_TRANSCRIPT][::-1], cut, has_later=last < conversation.head_seq)


def began_by(conversation: Conversation) -> str:
    """Who said the first words of a conversation, by `AuthorKind`; nothing where nobody did."""
    rows = Message.objects.filter(conversation=conversation).exclude(author_kind=AuthorKind.SYSTEM)
    return rows.order_by("seq").values_list("author_kind", flat=True).first() or ""


def is_posted(conversation: Conversation, client_id: str) -> bool:
    """Whether the conversation has a message of this `client_id`."""
    return bool(client_id) and Message.objects.filter(conversation=conversation, client_id=client_id).exists()


def answered_since(conversation: Conversation, user: User, seq: int) -> str:
    """Who else has answered after this message, as people say it: `Dana`, `Dana and Kim`; nothing where nobody has."""
    rows = Message.objects.filter(conversation=conversation, author_kind=AuthorKind.AGENT, seq__gt=seq)
    others = rows.exclude(author_user=user).select_related("author_user").order_by("seq")
    names = {row.author_user.display_name if row.author_user else row.author_name for row in others}
    return " and ".join(sorted(names))


def is_told_since(conversation: Conversation, seq: int) -> bool:
    """Whether the visitor was told of a step after this message: who is there, or that nobody is."""
    told = Message.objects.filter(conversation=conversation, author_kind=AuthorKind.SYSTEM, seq__gt=seq)
    return told.exists()


def earlier(conversation: Conversation) -> list[Conversation]:
    """Other conversations of the same person, the latest first."""
    rows = Conversation.objects.filter(person=conversation.person_id, is_test=False).exclude(id=conversation.id)
    return list(rows.select_related("assigned_to").order_by("-started_at")[:MOST_EARLIER])


def reply_mails(conversation: Conversation) -> dict[int, list[ReplyMail]]:
    """The mails of a conversation by their last message; without those that wait or that the visitor did not need."""
    found: dict[int, list[ReplyMail]] = {}
    rows = ReplyMail.objects.filter(conversation=conversation).exclude(reason="They read it here.")
    for mail in rows.exclude(state=ReplyMailState.QUEUED, reason="", is_again=False).order_by("created_at"):
        found.setdefault(mail.to_seq, []).append(mail)
    return found
