"""What a line is told, where it goes on, and what it needs of the world outside it."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from channels_app.rehearsal.telephone.forms import Facts, sid
from channels_app.rehearsal.telephone.voice import Pace

if TYPE_CHECKING:
    from channels_app.rehearsal.telephone.leg import Leg

# How long Twilio waits for an answer.
PATIENCE = 15.0


@dataclass(frozen=True)
class Said:
    """Somebody said this."""

    words: str

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True)
class Key:
    """Somebody pressed this key."""

    key: str

    def __str__(self) -> str:
        return self.key


Heard = Said | Key


@dataclass
class Next:
    """A document that is asked for: where, how, and with which fields beside the call's. `twiml`: it is here already.

    `what` says in words what the request tells.
    """

    url: str
    method: str = "POST"
    form: dict[str, str] = field(default_factory=dict)
    what: str = "told of the call"
    twiml: str = ""


class Stopped(Exception):
    """What ran on the line runs no more."""


class Over(Stopped):
    """The line is over. `how`: `hung_up` by them, `hung_up_on` by a document, `dropped` by the network, or a status."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how

    @property
    def status(self) -> str:
        """The call's last status."""
        return self.how if self.how in {"busy", "no-answer", "failed", "canceled"} else "completed"


class Moved(Stopped):
    """The API sends the line elsewhere."""

    def __init__(self, onward: Next) -> None:
        super().__init__(onward.url)
        self.onward = onward


@dataclass(frozen=True)
class Reply:
    """What our webhook answered; `status` None where it didn't in time, `words` why it is of no use."""

    status: int | None = None
    content_type: str = ""
    body: str = ""
    words: str = ""

    @property
    def is_good(self) -> bool:
        """Whether there is a document in it."""
        return self.status is not None and 200 <= self.status < 300


class NoRelay(Exception):
    """The socket can't be opened; `words` say why."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class RelaySocket(Protocol):
    """An open socket of ours, as ConversationRelay holds it."""

    async def send(self, text: str) -> None:
        """One frame to us."""
        ...

    async def receive(self) -> str | bytes | None:
        """One frame of ours; None once it is closed."""
        ...

    async def close(self, *, rudely: bool = False) -> None:
        """Close it; `rudely` without a word, as a network does."""
        ...


@dataclass
class Waiting:
    """Somebody in a queue."""

    leg: Leg
    taken: asyncio.Future[Leg]
    # Done once the two have parted, or never met.
    parted: asyncio.Future[bool]
    began: float
    sid: str


@dataclass
class Queue:
    """People who wait, the longest first."""

    name: str
    sid: str = field(default_factory=lambda: sid("QU"))
    waiting: deque[Waiting] = field(default_factory=deque)
    came: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Ringing:
    """Somebody else's telephone that rings. `picked`: `answered`, `busy`, `no-answer`, `failed`."""

    leg: Leg
    picked: asyncio.Future[str]


class Outside(Protocol):
    """The world outside a line: our webhooks, the screen, the rows of calls, other lines."""

    pace: Pace
    queues: dict[str, Queue]

    @property
    def sends_partials(self) -> bool:
        """Whether what they say comes to us in halves first, as the tester wishes."""
        ...

    async def ask(self, call: Facts, url: str, form: Mapping[str, str], *, method: str, what: str) -> Reply:
        """Ask a webhook of ours for a document, signed."""
        ...

    async def tell(self, call: Facts, url: str, form: Mapping[str, str], *, method: str, what: str) -> None:
        """Tell a webhook of ours; what it answers runs nowhere."""
        ...

    async def changed(self, call: Facts, seconds: int | None) -> None:
        """The call is further along; `seconds` that it took once it is over."""
        ...

    async def open_relay(self, call: Facts, url: str) -> RelaySocket:
        """Open a signed socket; `NoRelay` where that fails."""
        ...

    async def frame(self, call: Facts, *, sent: bool, text: str, note: str = "", many: int = 1) -> None:
        """A frame went over the socket; `sent`: from Twilio to us."""
        ...

    async def fault(self, call: Facts, code: int, words: str) -> None:
        """Twilio writes an error into its log."""
        ...

    def show(self, kind: str, **what: Any) -> None:
        """Tell the screen."""
        ...

    async def ring(self, parent: Leg, to: str, caller: str, callback: str, events: str) -> Ringing:
        """Call somebody else."""
        ...

    async def start_recording(self, call: Facts, callback: str) -> None:
        """Record both sides from now on, until the call is over."""
        ...

    def now(self) -> dt.datetime:
        """The time."""
        ...

    async def keep_recording(self, call: Facts, seconds: int, words: str) -> tuple[str, str]:
        """Keep what was recorded by `Record`: its id, and its address."""
        ...
