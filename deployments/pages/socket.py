"""The socket of signed-in pages, `/app/socket`: live lists and transcripts.

Its right is the session cookie, so the handshake's `Origin` must be our own (a cookie travels with a foreign page's
socket too). Rights are checked at every subscription and again every few seconds, so that a sign-out or a removed
membership ends it.

From the page: `{"type": "subscribe", "conversation": id}`, `{"type": "subscribe", "list": true}`,
`{"type": "typing", "conversation": id, "on": bool, "note"?: bool}`, `{"type": "viewing", "conversation": id}` every ten
seconds while the page is looked at, `{"type": "read", "conversation": id, "seq": N}`, `{"type": "ping"}`. A page that
sends as many as nobody types is closed with 4429, as a visitor's socket is.

To the page: the live events themselves, and `{"type": "listening"}` as soon as a subscription hears what is told on any
process. What was told before that was heard by nobody here, so the page then reads what it may have missed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth import SESSION_KEY as USER_SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils.crypto import constant_time_compare

from convoship.lib.frame_rate import FrameRate
from convoship.lib.parsers import BadJSON, loads
from convoship.lib.problems import Problem
from convoship.lib.tenancy import in_tenant, tenant
from convoship.lib.threads import in_thread
from deployments import handoff, live, reading
from deployments.api.runtime.bodies import parse_uuid
from deployments.models import Conversation
from deployments.pages.presence import Presence
from workspaces import members
from workspaces.access import SESSION_KEY
from workspaces.members import workspaces_of
from workspaces.models import Membership, User
from workspaces.permissions import of_role

RECHECK_SECONDS = 4.0
LARGEST_FRAME = 8 * 1024
MOST_WAITING_EVENTS = 1000
SIGNED_OUT, FORBIDDEN, RATE, OVERLOAD = 4401, 4403, 4429, 1013


class AppConsumer(AsyncWebsocketConsumer):
    """One open page of a member."""

    channel_layer_alias = "no channel of its own"

    async def connect(self) -> None:
        """Our own origin, a signed-in user, and a workspace; refused before accepting otherwise."""
        self.groups_heard: set[str] = set()
        self.events: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue(MOST_WAITING_EVENTS)
        self.tasks: list[asyncio.Task[None]] = []
        self.listening: asyncio.Task[None] | None = None
        self.workspace_id: UUID | None = None
        self.presence: Presence | None = None
        self.frame_rate, self.is_closing = FrameRate(), False
        origins = [value.decode("latin-1") for name, value in self.scope["headers"] if name == b"origin"]
        if origins != [settings.PUBLIC_BASE_URL] or not self.scope["user"].is_authenticated:
            await self.close()
            return
        self.user: User = self.scope["user"]
        self.workspace_id = await in_thread(workspace_of, self.user, self.scope["session"].get(SESSION_KEY))
        if self.workspace_id is None or not await self._may_read():
            await self.close()
            return
        self.presence = Presence(self.user, self.workspace_id)
        await self.accept()
        loop = asyncio.get_running_loop()
        self.tasks = [loop.create_task(self._write()), loop.create_task(self._recheck())]

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """One frame of the page; one of a flood ends the socket, unread."""
        if self.is_closing:
            return
        if self.frame_rate.is_too_high():
            self.is_closing = True
            await self.close(RATE)
            return
        try:
            await self._handle(_parse(text_data))
        except Problem as problem:
            await self._send({"type": "error", "code": problem.code, "detail": problem.detail})

    async def _handle(self, frame: Mapping[str, Any]) -> None:
        if self.workspace_id is None or self.presence is None:
            return
        match frame:
            case {"type": "subscribe", "list": True}:
                self._listen(live.workspace_group(self.workspace_id))
                self._say_when_listening(self.workspace_id)
            case {"type": "subscribe", "conversation": raw}:
                conversation_id = await self._own_conversation(raw)
                self._listen(live.conversation_group(self.workspace_id, conversation_id))
                self._listen(live.piece_group(self.workspace_id, conversation_id))
                self._listen(live.team_group(self.workspace_id, conversation_id))
                self._say_when_listening(self.workspace_id)
            case {"type": "viewing", "conversation": raw}:
                self.presence.look(await self._own_conversation(raw))
            case {"type": "typing", "conversation": raw, "on": bool(on)}:
                conversation_id = await self._own_conversation(raw, "conversations.write")
                is_note = frame.get("note") is True
                if not is_note:
                    author = {"kind": "agent", "name": self.user.public_name}
                    live.tell_typing(self.workspace_id, conversation_id, author, on=on)
                self.presence.write(conversation_id, on=on, is_note=is_note)
            case {"type": "read", "conversation": raw, "seq": int(seq)} if type(seq) is int and 0 <= seq < 2**31:
                conversation_id = await self._own_conversation(raw, "conversations.write")
                await in_tenant(reading.by_member)(self.workspace_id, conversation_id, self.user, seq)
            case {"type": "ping"}:
                await self._send({"type": "pong"})
            case _:
                raise Problem("invalid", "Known frames: subscribe, typing, viewing, read, ping.")

    async def _own_conversation(self, raw: object, permission: str = "conversations.read") -> UUID:
        try:
            conversation_id = parse_uuid(raw)
        except ValueError:
            raise Problem("not_found", "There is no such conversation.") from None
        seen = self.workspace_id is not None and await in_thread(
            _may_see, self.user, self.workspace_id, conversation_id, permission
        )
        if not seen:
            raise Problem("not_found", "There is no such conversation.")
        return conversation_id

    def _listen(self, group: str) -> None:
        if group not in self.groups_heard:
            self.groups_heard.add(group)
            live.Hub.get().listen(group, self._hear)

    def _say_when_listening(self, workspace_id: UUID) -> None:
        # All groups of a workspace come by one, so one who waits says it for all.
        if self.listening is None or self.listening.done():
            self.listening = asyncio.get_running_loop().create_task(self._say_listening(workspace_id))

    async def _say_listening(self, workspace_id: UUID) -> None:
        await live.Hub.get().hears(live.workspace_group(workspace_id))
        await self._send({"type": "listening"})

    def _hear(self, event: Mapping[str, Any]) -> None:
        heard: Mapping[str, Any] | None = event
        if event["type"] == "viewing" and self.presence is not None:
            heard = self.presence.hear(event)
        if heard is None:
            return
        try:
            self.events.put_nowait(heard)
        except asyncio.QueueFull:
            asyncio.get_running_loop().create_task(self.close(OVERLOAD))

    async def _write(self) -> None:
        while True:
            await self._send(await self.events.get())

    async def _recheck(self) -> None:
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            if not await self._still_signed_in():
                await self.close(SIGNED_OUT)
                return
            if not await self._may_read():
                await self.close(FORBIDDEN)
                return
            await self._be_seen()

    async def _be_seen(self) -> None:
        """Who has conversations keeps them while a page of the inbox is open, be it the list's or another one's."""
        if self.workspace_id is not None:
            await in_thread(_beat, self.user, self.workspace_id)

    async def _still_signed_in(self) -> bool:
        return await in_thread(is_signed_in, self.user, self.scope["session"].session_key)

    async def _may_read(self) -> bool:
        return self.workspace_id is not None and await in_thread(
            role_allows, self.user, self.workspace_id, "conversations.read"
        )

    async def _send(self, body: Mapping[str, Any]) -> None:
        await self.send(text_data=json.dumps(body, ensure_ascii=False, separators=(",", ":")))

    async def websocket_disconnect(self, message: Mapping[str, Any]) -> None:
        """Leave nothing behind."""
        for task in (*self.tasks, self.listening):
            if task is not None:
                task.cancel()
        if self.presence is not None:
            self.presence.leave()
        for group in self.groups_heard:
            live.Hub.get().leave(group, self._hear)
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


def workspace_of(user: User, chosen: str | None) -> UUID | None:
    """The workspace that a page's session is in; the user's first one where none was chosen."""
    ids = workspaces_of(user)
    return next((found for found in ids if str(found) == chosen), ids[0] if ids else None)


def is_signed_in(user: User, session_key: str) -> bool:
    """Whether the session is there, not over, and of the password that the user has now."""
    kept = SessionStore(session_key).load()
    known = User.objects.filter(id=user.id, is_active=True).first()
    if known is None or kept.get(USER_SESSION_KEY) != str(known.pk):
        return False
    given = kept.get(HASH_SESSION_KEY, "")
    hashes = (known.get_session_auth_hash(), *known.get_session_auth_fallback_hash())
    return any(constant_time_compare(given, one) for one in hashes)


def role_allows(user: User, workspace_id: UUID, permission: str) -> bool:
    """Whether the user is a member there, and may do this."""
    with tenant(workspace_id):
        membership = Membership.objects.filter(user=user, user__is_active=True).first()
        return membership is not None and permission in of_role(membership.role)


def _beat(user: User, workspace_id: UUID) -> None:
    """A sign of who may still answer: whoever may only read keeps no visitor waiting for them."""
    with tenant(workspace_id):
        if members.may(user.id, "conversations.write"):
            handoff.beat(user)


def _may_see(user: User, workspace_id: UUID, conversation_id: UUID, permission: str) -> bool:
    if not role_allows(user, workspace_id, permission):
        return False
    with tenant(workspace_id):
        return Conversation.objects.filter(id=conversation_id).exists()
