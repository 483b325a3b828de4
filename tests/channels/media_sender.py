"""What the other ends of a call's sound have in common: a queue of sound and marks, and how strictly they read."""

from __future__ import annotations

import base64
import binascii
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

Frame = str | bytes
FRAME = 160


class Refused(AssertionError):
    """We sent what this vendor's page does not know."""


def check(holds: object, words: str) -> None:
    if not holds:
        raise Refused(words)


@dataclass
class Sender:
    """A queue of sound and marks that is played as time goes by; each vendor's own words are in its class."""

    subprotocol: ClassVar[str] = ""
    page: ClassVar[str] = ""

    parameters: Mapping[str, str] = field(default_factory=dict)
    heard: bytearray = field(default_factory=bytearray)
    cleared: int = 0
    has_hung_up: bool = False

    def __post_init__(self) -> None:
        self.queue: deque[bytes | str] = deque()
        self.sent = 0

    # To us.

    def opening(self) -> list[Frame]:
        raise NotImplementedError

    def audio(self, ulaw: bytes) -> list[Frame]:
        """In frames of 20 ms."""
        return [self._sound(ulaw[at : at + FRAME]) for at in range(0, len(ulaw), FRAME)]

    def key(self, key: str) -> list[Frame]:
        raise NotImplementedError

    def stop(self) -> list[Frame]:
        """The caller hangs up. Where nothing is told, the socket closes."""
        return []

    # From us.

    def take(self, frame: Frame) -> list[Frame]:
        raise NotImplementedError

    def play(self, samples: int) -> list[Frame]:
        """So much time goes by: what is queued is heard, and the marks that were reached are told."""
        told: list[Frame] = []
        while self.queue and (samples or isinstance(self.queue[0], str)):
            if isinstance(first := self.queue.popleft(), str):
                told += self._reached(first)
                continue
            self.heard += first[:samples]
            if first[samples:]:
                self.queue.appendleft(first[samples:])
            samples -= min(samples, len(first))
        return told

    def play_all(self) -> list[Frame]:
        return self.play(sum(len(one) for one in self.queue if isinstance(one, bytes)))

    @property
    def queued(self) -> int:
        """Samples that are still to be heard."""
        return sum(len(one) for one in self.queue if isinstance(one, bytes))

    def _throw_away(self) -> list[str]:
        """The marks that were not reached."""
        marks = [one for one in self.queue if isinstance(one, str)]
        self.queue.clear()
        self.cleared += 1
        return marks

    def _sound(self, ulaw: bytes) -> Frame:
        raise NotImplementedError

    def _reached(self, mark: str) -> list[Frame]:
        raise NotImplementedError

    def _count(self) -> str:
        self.sent += 1
        return str(self.sent)


def json_object(frame: Frame) -> dict[str, Any]:
    check(isinstance(frame, str), "JSON goes in a frame of text")
    body = json.loads(frame)
    check(isinstance(body, dict), "a frame is an object")
    return body


def fields(body: Mapping[str, Any], *names: str) -> None:
    check(set(body) == set(names), f"the page knows {sorted(names)}, and these came: {sorted(body)}")


def mu_law(payload: Any) -> bytes:
    check(isinstance(payload, str), "a payload is text")
    try:
        return base64.b64decode(payload, validate=True)
    except binascii.Error as error:
        raise Refused("the payload is not base64") from error
