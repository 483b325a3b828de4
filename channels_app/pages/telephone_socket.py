"""The socket of a rehearsed telephone: `/app/channels/{connection}/rehearsal/telephone`.

Its right is the session cookie, as that of `/app/socket`: the handshake's `Origin` has to be our own, the member has to
be allowed to change connections, and both are asked again every few seconds. The telephone lives as long as the socket:
who closes the page hangs up, and a web server that goes away drops the call as a network does.

From the page, one JSON object a frame: `call` {caller}, `say` {who, text}, `key` {who, key}, `hang_up` {who}, `drop`,
`cut_relay`, `pick` {sid, how}, `take` {queue}, `tricks` {wrongly, twice, silent, no_relay, partials, network, pace},
`ping`; and while a call's sound is wanted `sound` {payload} and `sound_mark` {name}, as a stream's `media` and `mark`.
To the page: what happens on the lines (`exchange.Telephone.show`), `refused` {detail}, `pong`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.core.exceptions import ValidationError
from django.urls import reverse

from channels_app.models import Connection
from channels_app.providers.numbers import e164
from channels_app.rehearsal.registry import STAND_INS
from channels_app.rehearsal.telephone.exchange import Telephone
from channels_app.rehearsal.telephone.forms import PERSON
from channels_app.rehearsal.telephone.voice import Pace
from channels_app.rehearsal.telephone.wire import Tricks, number_of
from convoship.lib import limiting
from convoship.lib.frame_rate import FrameRate
from convoship.lib.parsers import BadJSON, loads
from convoship.lib.problems import Problem
from convoship.lib.tenancy import in_tenant, tenant
from convoship.lib.threads import in_thread
from deployments.pages.socket import (
    FORBIDDEN,
    OVERLOAD,
    RATE,
    RECHECK_SECONDS,
    SIGNED_OUT,
    is_signed_in,
    role_allows,
    workspace_of,
)
from workspaces import audit, members
from workspaces.access import SESSION_KEY
from workspaces.models import Membership, User

logger = logging.getLogger(__name__)

LARGEST_FRAME = 8 * 1024
LONGEST_SAID = 1000
MOST_WAITING = 2000
MOST_LINES = 6
# How the page's frames of sound begin.
SOUND = '{"type":"sound'
# Sound comes fifty times a second, and marks beside it; a browser that stalled sends a second of it at once.
MOST_SOUND = 800
KEYS = frozenset("0123456789*#")
# How fast the voice speaks: as one does, four times as fast, or at once.
PACES: Mapping[str, Pace] = {"voice": Pace(), "fast": Pace(speech=4), "instant": Pace(speech=40)}
PERMISSION = "connections.write"


class TelephoneConsumer(AsyncWebsocketConsumer):
    """One open telephone of a member."""

    channel_layer_alias = "no channel of its own"

    async def connect(self) -> None:
        """Our own origin, a signed-in member who may, and a rehearsal of calls; refused before accepting otherwise."""
        self.telephone: Telephone | None = None
        self.tasks: list[asyncio.Task[None]] = []
        self.frames: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue(MOST_WAITING)
        self.frame_rate, self.sound_rate, self.is_closing = FrameRate(), FrameRate(MOST_SOUND), False
        origins = [value.decode("latin-1") for name, value in self.scope["headers"] if name == b"origin"]
        if origins != [settings.PUBLIC_BASE_URL] or not self.scope["user"].is_authenticated:
            await self.close()
            return
        self.user: User = self.scope["user"]
        self.connection_id: UUID = self.scope["url_route"]["kwargs"]["connection_id"]
        workspace_id = await in_thread(workspace_of, self.user, self.scope["session"].get(SESSION_KEY))
        if workspace_id is None or not await in_thread(_may, self.user, workspace_id, self.connection_id):
            await self.close()
            return
        self.workspace_id: UUID = workspace_id
        await self.accept()
        self.telephone = Telephone(workspace_id, self.connection_id, self._show)
        self.telephone.open()
        loop = asyncio.get_running_loop()
        self.tasks = [loop.create_task(self._write()), loop.create_task(self._recheck())]

    def _show(self, what: Mapping[str, Any]) -> None:
        if what["type"] == "conversation":
            what = {**what, "url": reverse("conversation", args=[what["id"]])}
        try:
            self.frames.put_nowait(what)
        except asyncio.QueueFull:
            self._close_soon(OVERLOAD)

    def _close_soon(self, code: int) -> None:
        if not self.is_closing:
            self.is_closing = True
            self.closing = asyncio.get_running_loop().create_task(self.close(code))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """One frame of the page; one of a flood ends the socket, unread."""
        if self.is_closing or self.telephone is None:
            return
        # (By how it begins: what is of a flood is not read.)
        is_sound = text_data is not None and text_data.startswith(SOUND) and self.telephone.is_heard
        if (self.sound_rate if is_sound else self.frame_rate).is_too_high():
            self._close_soon(RATE)
            return
        try:
            await self._handle(self.telephone, _parse(text_data))
        except Problem as problem:
            self._show({"type": "refused", "code": problem.code, "detail": problem.detail})
        except Exception:
            logger.exception("a frame of a rehearsed telephone broke its handler")
            self._show({"type": "refused", "code": "internal", "detail": "Something broke on our side. It is logged."})

    async def _handle(self, telephone: Telephone, frame: Mapping[str, Any]) -> None:
        match frame:
            case {"type": "sound", "payload": str(payload)}:
                telephone.hear(payload)
                return
            case {"type": "sound_mark", "name": str(name)}:
                telephone.played(name)
                return
        who = "person" if frame.get("who") == "person" else "caller"
        match frame:
            case {"type": "call"}:
                await self._call(telephone, str(frame.get("caller") or PERSON)[:40])
            case {"type": "say", "text": str(text)}:
                words = " ".join(text.replace("\x00", "").split())[:LONGEST_SAID]
                leg = telephone.leg_of(who)
                if words and leg is not None:
                    self._show({"type": "said", "who": who, "text": words})
                    leg.say(words)
            case {"type": "key", "key": str(key)} if key in KEYS:
                leg = telephone.leg_of(who)
                if leg is not None:
                    self._show({"type": "pressed", "who": who, "key": key})
                    leg.press(key)
            case {"type": "hang_up"}:
                telephone.hang_up(who)
            case {"type": "drop"}:
                telephone.hang_up("caller", drop=True)
            case {"type": "cut_relay"}:
                await telephone.cut_relay()
            case {"type": "pick", "sid": str(sid), "how": str(how)}:
                await telephone.pick(sid[:34], how)
            case {"type": "take", "queue": str(queue)}:
                await telephone.take(queue)
            case {"type": "tricks"}:
                telephone.tricks = Tricks.read(frame)
                telephone.pace = PACES.get(str(frame.get("pace")), PACES["voice"])
            case {"type": "ping"}:
                self._show({"type": "pong"})
            case _:
                raise Problem("invalid", "The telephone does not know that frame.")

    async def _call(self, telephone: Telephone, caller: str) -> None:
        if len(telephone.legs) >= MOST_LINES or telephone.leg_of("caller") is not None:
            raise Problem("conflict", "A call goes on already: hang up first.")
        try:
            number = e164(caller)
        except ValidationError as wrong:
            raise Problem("invalid", " ".join(wrong.messages)) from None
        own = await in_tenant(number_of)(self.workspace_id, self.connection_id)
        if number == own.number:
            raise Problem(
                "invalid", "That is the connection's own number: it would call itself. Call from another one."
            )
        await in_thread(_limit, self.workspace_id)
        await in_tenant(_recorded)(self.workspace_id, self.user, self.connection_id)
        await telephone.call(number)

    async def _write(self) -> None:
        while True:
            what = await self.frames.get()
            await self.send(text_data=json.dumps(what, ensure_ascii=False, separators=(",", ":")))

    async def _recheck(self) -> None:
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            if not await in_thread(is_signed_in, self.user, self.scope["session"].session_key):
                self._close_soon(SIGNED_OUT)
                return
            if not await in_thread(_may, self.user, self.workspace_id, self.connection_id):
                self._close_soon(FORBIDDEN)
                return

    async def websocket_disconnect(self, message: Mapping[str, Any]) -> None:
        """The telephone is gone: whoever was on the line hangs up."""
        for task in self.tasks:
            task.cancel()
        if self.telephone is not None:
            self.telephone.close_soon()
        raise StopConsumer


def _parse(text: str | None) -> Mapping[str, Any]:
    if text is None or len(text) > LARGEST_FRAME:
        raise Problem("invalid", f"Frames are text of at most {LARGEST_FRAME} characters.")
    try:
        frame = loads(text)
    except BadJSON as error:
        raise Problem("invalid", str(error)) from error
    if not isinstance(frame, Mapping):
        raise Problem("invalid", "A frame is a JSON object.")
    return frame


def _may(user: User, workspace_id: UUID, connection_id: UUID) -> bool:
    """Whether the member may play on this rehearsal, and it is one of calls."""
    if not role_allows(user, workspace_id, PERMISSION):
        return False
    with tenant(workspace_id):
        row = Connection.objects.filter(id=connection_id, is_rehearsal=True).first()
        return row is not None and STAND_INS[row.kind].has_telephone


def _limit(workspace_id: UUID) -> None:
    limiting.hit("rehearsals", str(workspace_id), words="Too many calls at once")


def _recorded(user: User, connection_id: UUID) -> None:
    membership = Membership.objects.get(user=user)
    connection = Connection.objects.get(id=connection_id)
    audit.record(members.actor_of(user, membership.role), "rehearsal.said", connection)
