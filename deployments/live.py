"""Live events: told after COMMIT, best effort, to whoever listens on any process.

An event is a doorbell with the news attached. It may be lost, doubled or late; listeners compare revs and read what
they lack from the database. Only this module and the consumers know the channel layer.

The layer is reached through one channel a process (`Hub`), not one a socket: sockets then open and live while Valkey is
away, and cost it nothing each. It carries one group a workspace, whose events the hub hands to the listeners of the
group each was told to: a change is sent once, and a socket that opens has nothing to join. Two kinds of events go to
few, wherever they are, and have a group of their own for all workspaces: pieces of texts, to the processes with windows
open (all pieces that one process tells in a moment are one message), and wishes to stop, to those that write answers.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer
from django.db import transaction

from deployments.models import Conversation, Message
from deployments.wire import message_json

logger = logging.getLogger(__name__)

Event = Mapping[str, Any]
Listener = Callable[[Event], None]
# An event, and the group that it is told to.
Ring = tuple[str, Event]

SEND_TIMEOUT_SECONDS = 2.0
RETRY_SECONDS = 1.0
# Events that came together are handed out so many at a time: what they bring about takes the loop a fifth of a
# millisecond each, and whoever waits for a short answer must not wait for fifty pieces of long ones.
AT_ONCE = 8


def conversation_group(workspace_id: UUID, conversation_id: UUID) -> str:
    """Where one conversation's changes are told."""
    return f"c.{workspace_id.hex}.{conversation_id.hex}"


def workspace_group(workspace_id: UUID) -> str:
    """Where the inbox hears that some conversation changed."""
    return f"w.{workspace_id.hex}"


def team_group(workspace_id: UUID, conversation_id: UUID) -> str:
    """Where one conversation's members hear what its visitor never does: notes, who looks, what was read."""
    return f"t.{workspace_id.hex}.{conversation_id.hex}"


def piece_group(workspace_id: UUID, conversation_id: UUID) -> str:
    """Where the pieces of a text are told that is being written in one conversation."""
    return f"p.{workspace_id.hex}.{conversation_id.hex}"


def stop_group(workspace_id: UUID, conversation_id: UUID) -> str:
    """Where whoever answers in one conversation hears that the answer is to stop."""
    return f"s.{workspace_id.hex}.{conversation_id.hex}"


def deployment_group(workspace_id: UUID, deployment_id: UUID) -> str:
    """Where a deployment's sockets hear that it was revoked or its origins changed."""
    return f"d.{workspace_id.hex}.{deployment_id.hex}"


def tell_change(conversation: Conversation, messages: list[Message]) -> None:
    """After COMMIT, tell that these messages were made or changed, and what state the conversation is in."""
    change = {"type": "change", **_state(conversation), "messages": [message_json(message) for message in messages]}
    _after_commit(
        (conversation_group(conversation.workspace_id, conversation.id), change),
        _of_list(conversation, by=messages[-1].author_kind if messages else ""),
    )


def tell_list(conversation: Conversation) -> None:
    """After COMMIT, tell the lists alone: something changed that the visitor doesn't see, such as its tags."""
    _after_commit(_of_list(conversation))


def _state(conversation: Conversation) -> dict[str, Any]:
    return {
        "conversation_id": str(conversation.id),
        "head_seq": conversation.head_seq,
        "rev": conversation.rev,
        "status": conversation.status,
        "control": conversation.control,
    }


def _of_list(conversation: Conversation, by: str = "") -> tuple[str, Event]:
    """What lists hear: the state, whose it is and who spoke last, so that a page knows whether to call its member."""
    whose = str(conversation.assigned_to_id) if conversation.assigned_to_id else None
    event = {"type": "conversation", **_state(conversation), "assigned_to": whose, "by": by}
    since = conversation.waiting_since.isoformat() if conversation.waiting_since else None
    return workspace_group(conversation.workspace_id), {
        **event,
        "is_test": conversation.is_test,
        "waiting_since": since,
    }


def tell_piece(conversation: Conversation, message_id: UUID, index: int, text: str, within: float = 0.0) -> None:
    """Tell a piece of an answer still being written; `index` is its offset in code points.

    It is told `within` so many seconds, together with others.
    """
    event = {
        "type": "token",
        "conversation_id": str(conversation.id),
        "message_id": str(message_id),
        "index": index,
        "text": text,
    }
    group = piece_group(conversation.workspace_id, conversation.id)
    loop = _loop()
    loop.call_soon_threadsafe(_gather, (group, event), within, loop)


def _gather(ring: Ring, within: float, loop: asyncio.AbstractEventLoop) -> None:
    _outbox(loop).tell_piece(ring, within)


def tell_stop(conversation: Conversation, turn_ids: Sequence[UUID], why: str) -> None:
    """After COMMIT, tell whoever answers these turns that they are to stop."""
    turns = [str(turn_id) for turn_id in turn_ids]
    event = {"type": "stop", "conversation_id": str(conversation.id), "turns": turns, "why": str(why)}
    _after_commit((stop_group(conversation.workspace_id, conversation.id), event))


def tell_typing(workspace_id: UUID, conversation_id: UUID, author: Mapping[str, str], *, on: bool) -> None:
    """Tell that someone types. Not stored."""
    event = {"type": "typing", "conversation_id": str(conversation_id), "author": dict(author), "on": on}
    send(conversation_group(workspace_id, conversation_id), event)


def tell_team(conversation: Conversation, kind: str, **more: Any) -> None:
    """After COMMIT, tell the members who look at a conversation, and nobody else."""
    event = {"type": kind, "conversation_id": str(conversation.id), **more}
    _after_commit((team_group(conversation.workspace_id, conversation.id), event))


def tell_read(conversation: Conversation, seq: int) -> None:
    """After COMMIT, tell a conversation's visitor how far the person who answers has read."""
    event = {"type": "read", "conversation_id": str(conversation.id), "seq": seq}
    _after_commit((conversation_group(conversation.workspace_id, conversation.id), event))


def tell_deployment(workspace_id: UUID, deployment_id: UUID) -> None:
    """After COMMIT, make every socket of the deployment check whether it may stay."""
    _after_commit((deployment_group(workspace_id, deployment_id), {"type": "deployment"}))


def _after_commit(*rings: Ring) -> None:
    transaction.on_commit(partial(_ring, rings))


def send(group: str, event: Event) -> None:
    """Hand the event to the layer without waiting for it; callable from any thread."""
    _ring([(group, event)])


def _ring(rings: Sequence[Ring]) -> None:
    """Tell events, each to its group."""
    loop = _loop()
    loop.call_soon_threadsafe(_tell, rings, loop)


def _tell(rings: Sequence[Ring], loop: asyncio.AbstractEventLoop) -> None:
    _outbox(loop).tell(rings)


_OF_ALL = {"p": "pieces", "s": "stops"}


def _carrier(group: str) -> str:
    """The layer's group that carries this one: its workspace's, or one for all."""
    kind, workspace = group.split(".")[:2]
    return _OF_ALL.get(kind) or f"w.{workspace}"


class _Outbox:
    """What is told on one event loop, in order. What comes while the layer takes something is sent together."""

    def __init__(self) -> None:
        # Pieces of a text go before what ends it.
        self.pieces: list[Ring] = []
        self.rings: list[Ring] = []
        self.timer: asyncio.TimerHandle | None = None
        self.is_due = False
        self.sending: asyncio.Task[None] | None = None

    def tell(self, rings: Sequence[Ring]) -> None:
        """Send these now."""
        self.rings += rings
        self._send()

    def tell_piece(self, ring: Ring, within: float) -> None:
        """Send this soon."""
        self.pieces.append(ring)
        if not within:
            self._send()
        elif self.timer is None:
            self.timer = asyncio.get_running_loop().call_later(within, self._send)

    def _send(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        self.is_due = True
        if self.sending is None:
            self.sending = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while self.is_due:
            self.is_due = False
            carried: dict[str, list[Ring]] = {}
            for ring in (*self.pieces, *self.rings):
                carried.setdefault(_carrier(ring[0]), []).append(ring)
            self.pieces, self.rings = [], []
            for rings in carried.values():
                await _send(rings)
        self.sending = None


# Of each loop that tells. (A loop that is gone takes its own along.)
_outboxes: WeakKeyDictionary[asyncio.AbstractEventLoop, _Outbox] = WeakKeyDictionary()


def _outbox(loop: asyncio.AbstractEventLoop) -> _Outbox:
    found = _outboxes.get(loop)
    if found is None:
        found = _outboxes[loop] = _Outbox()
    return found


async def _send(rings: Sequence[Ring]) -> None:
    """Tell events of one carrier."""
    layer = get_channel_layer()
    try:
        async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
            await layer.group_send(_carrier(rings[0][0]), {"type": "live.events", "rings": rings})
    except Exception as error:  # noqa: BLE001 (a doorbell that does not ring must never break what was committed)
        logger.warning("live event not told, listeners will find it in the database: %r", error)


_background: asyncio.AbstractEventLoop | None = None
_background_lock = threading.Lock()


def _loop() -> asyncio.AbstractEventLoop:
    """The loop that events are sent on: the hub's where there is one, else one in a thread of its own."""
    hub = Hub.of_process()
    if hub is not None:
        return hub.loop
    global _background
    with _background_lock:
        if _background is None or _background.is_closed():
            _background = asyncio.new_event_loop()
            threading.Thread(target=_background.run_forever, name="live-events", daemon=True).start()
        return _background


class Hub:
    """This process' ear: one channel, many groups, many listeners."""

    _instance: Hub | None = None

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.listeners: dict[str, set[Listener]] = {}
        self.carriers: Counter[str] = Counter()
        self.joined: set[str] = set()
        self.changed = asyncio.Event()
        self.has_joined = asyncio.Event()
        self.parts: list[asyncio.Task[None]] = []
        self.hearing = loop.create_task(self._hear())

    @classmethod
    def get(cls) -> Hub:
        """The hub of the running loop, made when first asked for."""
        loop = asyncio.get_running_loop()
        if cls._instance is None or cls._instance.loop is not loop:
            cls._instance = cls(loop)
        return cls._instance

    @classmethod
    def of_process(cls) -> Hub | None:
        """The hub, if this process has one whose loop still runs."""
        hub = cls._instance
        return hub if hub is not None and hub.loop.is_running() else None

    def listen(self, group: str, listener: Listener) -> None:
        """Call the listener with every event of the group; it must not block."""
        if group not in self.listeners:
            self.listeners[group] = set()
            self._count(group, 1)
        self.listeners[group].add(listener)

    def leave(self, group: str, listener: Listener) -> None:
        """Stop calling it."""
        listeners = self.listeners.get(group)
        if listeners is None:
            return
        listeners.discard(listener)
        if not listeners:
            del self.listeners[group]
            self._count(group, -1)

    async def hears(self, group: str) -> None:
        """Wait until what is told to the group from now on is heard here; while the layer is away, until it is back."""
        while _carrier(group) not in self.joined:
            await self.has_joined.wait()

    def _count(self, group: str, change: int) -> None:
        carrier = _carrier(group)
        was_wanted = carrier in self.carriers
        self.carriers[carrier] += change
        if not self.carriers[carrier]:
            del self.carriers[carrier]
        if (carrier in self.carriers) != was_wanted:
            self.changed.set()

    async def close(self) -> None:
        """Stop hearing; what listens is forgotten. For the end of an event loop."""
        self.listeners.clear()
        self.carriers.clear()
        # More than once: redis-py swallows a cancellation that reaches it while it connects.
        while running := {task for task in (self.hearing, *self.parts) if not task.done()}:
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=0.1)
        if type(self)._instance is self:
            type(self)._instance = None

    async def _hear(self) -> None:
        """Keep the layer's groups equal to what is listened to, and pass on what comes, across outages."""
        while True:
            try:
                layer = get_channel_layer()
                channel = await layer.new_channel()
                self.joined.clear()
                self.changed.set()
                await self._until_one_fails(self._receive(layer, channel), self._keep_groups(layer, channel))
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 (whatever the layer raises, hearing goes on)
                logger.warning("live events are not heard, the pulse stands in: %r", error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _until_one_fails(self, *parts: Coroutine[Any, Any, None]) -> None:
        self.parts = [self.loop.create_task(part) for part in parts]
        try:
            done, _ = await asyncio.wait(self.parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            for task in self.parts:
                task.cancel()

    async def _receive(self, layer: Any, channel: str) -> None:
        while True:
            message = await layer.receive(channel)
            for number, (group, event) in enumerate(message["rings"]):
                if number and number % AT_ONCE == 0:
                    await asyncio.sleep(0)
                for listener in tuple(self.listeners.get(group, ())):
                    try:
                        listener(event)
                    except Exception:
                        logger.exception("a listener of live events failed")

    async def _keep_groups(self, layer: Any, channel: str) -> None:
        while True:
            await self.changed.wait()
            self.changed.clear()
            wanted = set(self.carriers)
            for group in wanted - self.joined:
                await layer.group_add(group, channel)
                self.joined.add(group)
                self.has_joined.set()
                self.has_joined = asyncio.Event()
            for group in self.joined - wanted:
                await layer.group_discard(group, channel)
                self.joined.discard(group)
