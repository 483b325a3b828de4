"""The story of a delivery, from what it answers to what became of it, in the order it happened."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping

from django.utils import timezone

from channels_app import accounts
from channels_app.dismissing import DEAD
from channels_app.models import Connection, Delivery, DeliveryAttempt, InboundEvent
from channels_app.models.connection import ConnectionState
from channels_app.models.outbound import AttemptOutcome, DeliveryStatus, Purpose
from channels_app.pages import window_steps
from channels_app.pages.steps import Step
from channels_app.providers.base import Capability
from channels_app.providers.code_words import in_words
from channels_app.replaying import REPLAYABLE
from channels_app.templatetags import delivery_words
from deployments.models import Message
from deployments.models.conversation import AuthorKind
from workspaces.models import AuditEvent

TONES: Mapping[str, str] = {
    DeliveryStatus.QUEUED: "",
    DeliveryStatus.PARKED: "",
    DeliveryStatus.ACCEPTED: "accent",
    DeliveryStatus.SENT: "accent",
    DeliveryStatus.DELIVERED: "good",
    DeliveryStatus.READ: "good",
    DeliveryStatus.FAILED: "bad",
    DeliveryStatus.UNKNOWN: "warn",
    DeliveryStatus.SUPPRESSED: "warn",
}
_ICONS: Mapping[str, str] = {
    DeliveryStatus.ACCEPTED: "check",
    DeliveryStatus.SENT: "send-horizontal",
    DeliveryStatus.DELIVERED: "check-check",
    DeliveryStatus.READ: "eye",
    DeliveryStatus.FAILED: "circle-x",
    DeliveryStatus.UNKNOWN: "circle-question-mark",
    DeliveryStatus.SUPPRESSED: "hand",
}
_OUTCOMES = {
    AttemptOutcome.RUNNING: ("accent", "loader"),
    AttemptOutcome.ACCEPTED: ("good", "check"),
    AttemptOutcome.FOUND: ("good", "search-check"),
    AttemptOutcome.RETRY: ("warn", "rotate-cw"),
    AttemptOutcome.FAILED: ("bad", "circle-x"),
    AttemptOutcome.UNKNOWN: ("warn", "circle-question-mark"),
    AttemptOutcome.CUT: ("warn", "unplug"),
}


def tone_of(delivery: Delivery) -> str:
    """The tone of its badge; what waits after a failure warns."""
    if delivery.status == DeliveryStatus.QUEUED and delivery.reason:
        return "warn"
    return TONES[DeliveryStatus(delivery.status)]


def is_replayable(delivery: Delivery) -> bool:
    """Whether it can be sent again."""
    return delivery.status in REPLAYABLE


def is_dismissible(delivery: Delivery) -> bool:
    """Whether it is a dead letter that nobody has put aside."""
    return delivery.status in DEAD and delivery.dismissed_at is None


def can_be_hurried(delivery: Delivery) -> bool:
    """Whether it waits for its next try, which can be now."""
    return delivery.status == DeliveryStatus.QUEUED and delivery.claim is None


def steps(connection: Connection, delivery: Delivery) -> list[Step]:
    """What happened to it so far, the earliest first."""
    found = [*_begin(delivery), *_acts(delivery), *_attempts(delivery), *_reports(delivery), *_end(delivery)]
    if accounts.kind_of(connection).can(Capability.WINDOW):
        found += [*window_steps.template(connection, delivery), *window_steps.window(connection, delivery)]
    return sorted(found, key=lambda step: (step.at, step.rank))


def _begin(delivery: Delivery) -> Iterator[Step]:
    asked = _answered_message(delivery)
    event = InboundEvent.objects.filter(message=asked).order_by("received_at").first() if asked else None
    if event is not None and asked is not None:
        copies = [f"sent {event.copies} times by the provider"] if event.copies > 1 else []
        yield Step(event.received_at, "Received", icon="message-square", words=_start(asked.text), facts=copies)
        yield Step(event.received_at, "Verified", icon="shield-check", words="Its signature is good.")
    if delivery.message is not None:
        author = delivery.message.shown_author
        words = _start(delivery.message.text)
        yield Step(delivery.message.created_at, f"Answered by {author}", icon="bot-message-square", words=words)
    title = "Queued as a test" if delivery.purpose == Purpose.TEST else "Queued"
    words = f"{delivery_words.called(delivery)}, to {delivery_words.place(delivery)}"
    yield Step(delivery.created_at, title, icon="inbox", words=words, facts=_size(delivery))


def _size(delivery: Delivery) -> list[str]:
    """What it counts for where that is metered: its segments."""
    kind = accounts.kind_of(delivery.connection)
    if not kind.can(Capability.METERED):
        return []
    units = kind.units(delivery.content)
    return [f"{units} {kind.unit if units == 1 else kind.unit + 's'}"]


def _answered_message(delivery: Delivery) -> Message | None:
    if delivery.conversation_id is None or delivery.first_seq is None:
        return None
    earlier = Message.objects.filter(conversation=delivery.conversation_id, seq__lt=delivery.first_seq)
    return earlier.filter(author_kind=AuthorKind.VISITOR).order_by("-seq").first()


def _start(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else f"{line[:159]}…"


_ACTS: Mapping[str, tuple[str, str, str]] = {
    "delivery.replayed": ("Sent again by", "accent", "rotate-cw"),
    "delivery.dismissed": ("Dismissed by", "", "archive"),
    "delivery.dropped": ("A template sent instead by", "", "layout-template"),
}


def _acts(delivery: Delivery) -> Iterator[Step]:
    lines = AuditEvent.objects.filter(
        action__in=_ACTS, target_type=delivery._meta.label_lower, target_id=str(delivery.id)
    )
    for line in lines.order_by("created_at"):
        words, tone, icon = _ACTS[line.action]
        yield Step(line.created_at, f"{words} {line.actor_label}", tone, icon)


def _attempts(delivery: Delivery) -> Iterator[Step]:
    for attempt in delivery.tried.order_by("number"):
        tone, icon = _OUTCOMES[AttemptOutcome(attempt.outcome)]
        yield Step(
            attempt.started_at,
            f"Attempt {attempt.number}: {attempt.get_outcome_display().lower()}",
            tone,
            icon,
            words=attempt.reason,
            facts=_facts(attempt),
            answer=attempt.answer,
            rank=1,
        )


def _facts(attempt: DeliveryAttempt) -> list[str]:
    found = []
    if attempt.http_status:
        found.append(f"HTTP {attempt.http_status}")
    if attempt.milliseconds is not None:
        seconds = attempt.milliseconds / 1000
        found.append(f"{seconds:.1f} s" if seconds >= 1 else f"{attempt.milliseconds} ms")
    if attempt.code:
        found.append(f"code {attempt.code}")
    return found


def _reports(delivery: Delivery) -> Iterator[Step]:
    for event in delivery.events.order_by("received_at"):
        word = str(event.content.get("status", ""))
        label = DeliveryStatus(word).label if word in DeliveryStatus.values else in_words(word)
        code = str(event.content.get("code", ""))
        yield Step(
            event.received_at,
            f"The provider reports: {label.lower()}",
            TONES.get(word, ""),
            _ICONS.get(word, "circle"),
            words=event.reason or str(event.content.get("reason", "")),
            facts=[f"code {code}"] if code else [],
            rank=1,
        )


def _end(delivery: Delivery) -> Iterator[Step]:
    status = DeliveryStatus(delivery.status)
    if delivery.accepted_at and status != DeliveryStatus.ACCEPTED:
        words = f"The provider's id: {delivery.provider_id}" if delivery.provider_id else ""
        yield Step(delivery.accepted_at, "Accepted", "accent", "check", words=words, rank=2)
    if status == DeliveryStatus.QUEUED or delivery.settled_at is None:
        return
    facts = [f"code {delivery.code}"] if delivery.code else []
    if status == DeliveryStatus.ACCEPTED and delivery.provider_id:
        facts.append(f"the provider's id: {delivery.provider_id}")
    yield Step(
        delivery.settled_at,
        status.label,
        TONES[status],
        _ICONS[status],
        words=delivery.reason,
        remedy=delivery.remedy,
        facts=facts,
        rank=3,
    )


# --- What it waits for ------------------------------------------------------------------------------------------------


def waits_behind(delivery: Delivery) -> int:
    """How many earlier ones of its conversation have to go before it."""
    return Delivery.objects.filter(
        lane=delivery.lane, position__lt=delivery.position, status=DeliveryStatus.QUEUED
    ).count()


def waits_for(connection: Connection, delivery: Delivery) -> str:
    """Why it isn't sent right now, in words; empty where it isn't waiting."""
    if delivery.status != DeliveryStatus.QUEUED:
        return ""
    if delivery.claim is not None:
        return "It is being sent just now."
    if connection.state != ConnectionState.ACTIVE:
        return f"It waits until {connection.name} is enabled."
    if delivery.awaits_window:
        return "It goes as soon as they write, or in a template. Nothing else has to be done."
    earlier = waits_behind(delivery)
    if earlier:
        ones = "1 earlier one" if earlier == 1 else f"{earlier} earlier ones"
        return f"To keep the order it waits for {ones} of its conversation."
    now = timezone.now()
    if connection.rests_until and connection.rests_until > max(now, delivery.due_at):
        until = _clock(connection.rests_until)
        if not connection.failures:
            return f"As much was sent as the sender may send, so it waits until {until}."
        times = "once" if connection.failures == 1 else f"{connection.failures} times in a row"
        return f"Sending failed {times}, so the other side is given a rest until {until}."
    if delivery.due_at > now:
        return f"Its next try is at {_clock(delivery.due_at)}."
    return "It goes out as soon as the worker gets to it."


def _clock(moment: dt.datetime) -> str:
    local = timezone.localtime(moment)
    return f"{local:%H:%M:%S} UTC" if local.date() == timezone.localdate() else f"{local:%-d %b, %H:%M} UTC"
