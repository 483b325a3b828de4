"""What the screen of rehearsed calls by sound shows: the latest call, and what stands in the way of the next one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import reverse

from channels_app.models import Call, Connection
from channels_app.voice import speaking
from channels_app.voice.media import engines_of
from deployments import calls
from deployments.calls import Heard, Told
from deployments.models import Message
from deployments.models.conversation import AuthorKind

MOST_LINES = 60


@dataclass(frozen=True)
class Line:
    """Something that was said. `text` is as it is spoken; `heard`: how much of an answer they heard, where known."""

    message: Message
    text: str
    is_theirs: bool
    heard: Heard | None


@dataclass(frozen=True)
class Shown:
    """A call on the telephone's screen: as its own page tells it, and what was said."""

    told: Told
    url: str
    lines: Sequence[Line]


def shown(connection: Connection) -> Mapping[str, Any]:
    """What the screen shows. Inside `tenant()`."""
    absent = engines_of.missing(connection.config)
    return {
        "sound_call": _latest(connection),
        "sound_words": engines_of.words_of(connection.config),
        "sound_missing": absent,
        "sound_address": settings.MEDIA_BASE_URL.replace("http", "ws", 1),
    }


def _latest(connection: Connection) -> Shown | None:
    call = Call.objects.filter(connection=connection).select_related("conversation").order_by("-began_at").first()
    told = calls.told(call.conversation) if call is not None else None
    if call is None or told is None:
        return None
    messages = Message.objects.filter(conversation=call.conversation).order_by("-seq")[:MOST_LINES]
    lines = [
        _line(message, told, call.language)
        for message in reversed(messages)
        if message.author_kind != AuthorKind.SYSTEM
    ]
    return Shown(told, reverse("conversation", args=[call.conversation_id]), lines)


def _line(message: Message, told: Told, language: str) -> Line:
    is_theirs = message.author_kind == AuthorKind.VISITOR
    text = message.text if is_theirs else speaking.spoken(message, language)
    return Line(message, text, is_theirs, told.heard.get(message.id))
