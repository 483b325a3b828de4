"""Channels consumers, from bare echo to what a real turn cannot avoid."""

import secrets
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from tests.bench.toy import work

# Thread-sensitive would send every connection's database work through one thread of the process.
turn = database_sync_to_async(work.turn, thread_sensitive=False)


class Echo(AsyncJsonWebsocketConsumer):
    """Says it back."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """One frame."""
        await self.send_json(content)


class Turn(AsyncJsonWebsocketConsumer):
    """A persisted turn, answered on the same socket."""

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """One frame."""
        content["id"] = await turn(content["text"])
        await self.send_json(content)


class ToldTurn(AsyncJsonWebsocketConsumer):
    """A persisted turn, answered through the channel layer; idle, it is a socket in a group."""

    async def connect(self) -> None:
        """Join a group of one."""
        self.group = "g" + secrets.token_hex(8)
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        """Leave it."""
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """One frame."""
        content["id"] = await turn(content["text"])
        await self.channel_layer.group_send(self.group, {"type": "say", "content": content})

    async def say(self, event: Any) -> None:
        """What came through the layer."""
        await self.send_json(event["content"])
