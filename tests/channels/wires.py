"""What the tests of dialects say in few words: what frames tell, and what the other end answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from channels_app.voice.media.events import Audio, Dialect, Event, Frame, Started
from tests.channels.media_sender import Sender

FIXTURES = Path(__file__).parent / "fixtures" / "media"


def golden(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    assert found["page"].startswith("https://")
    return found


def read(dialect: Dialect, *said: Any) -> list[Event]:
    """What these tell; objects go as JSON."""
    told: list[Event] = []
    for one in said:
        told += dialect.read(json.dumps(one) if isinstance(one, Mapping) else one)
    return told


def as_read(sent: Sequence[Frame]) -> list[Any]:
    return [json.loads(one) if isinstance(one, str) and one.startswith("{") else one for one in sent]


def heard(told: Sequence[Event]) -> bytes:
    return b"".join(one.ulaw for one in told if isinstance(one, Audio))


def started(dialect: Dialect, sender: Sender) -> Started:
    (found,) = read(dialect, *sender.opening())
    assert isinstance(found, Started)
    return found


def talk(sender: Sender, sent: Sequence[Frame]) -> list[Frame]:
    """What the other end answers at once to what we send."""
    return [answer for one in sent for answer in sender.take(one)]
