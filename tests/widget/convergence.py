"""The client's side of CONTRACT section 4, in Python: keeps `seq` and `rev` without a hole, and mends by HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.runtime.conftest import Site


class View:
    """What a visitor sees: messages by id, and how far it has come without a hole."""

    def __init__(self, site: Site, session: Any) -> None:
        self.site = site
        self.session = session
        self.messages: dict[str, Any] = {}
        self.seq = self.rev = 0
        self.mended = 0
        for message in session["messages"]:
            self.apply(message)
        self.rev = session["session"]["rev"]

    def apply(self, message: Any) -> None:
        """Keep the newest form of a message."""
        held = self.messages.get(message["id"])
        if held is None or held["rev"] < message["rev"] or self._has_grown(held, message):
            self.messages[message["id"]] = message
        self.seq = max(self.seq, message["seq"])

    @staticmethod
    def _has_grown(held: Any, message: Any) -> bool:
        same = held["rev"] == message["rev"] and held["status"] == message["status"] == "streaming"
        return same and len(message["text"]) > len(held["text"])

    async def piece(self, frame: Any) -> None:
        """A piece of a text: put where it belongs; after a hole, once the text so far has been read."""
        while True:
            held = self.messages.get(frame["message_id"])
            if held is not None and held["status"] != "streaming":
                return
            if held is not None and frame["index"] <= len(held["text"]):
                fresh = frame["text"][len(held["text"]) - frame["index"] :]
                # What is had already is the same.
                assert held["text"][frame["index"] :].startswith(frame["text"][: len(held["text"]) - frame["index"]])
                self.messages[held["id"]] = {**held, "text": held["text"] + fresh}
                return
            await self.mend()
            await asyncio.sleep(0.05)

    async def frame(self, frame: Any) -> None:
        """Apply one server frame."""
        match frame["type"]:
            case "welcome":
                for message in frame["messages"]:
                    self.apply(message)
                self.rev = max(self.rev, frame["rev"])
                if frame["has_more"]:
                    await self.mend()
            case "message.created" | "message.updated":
                rev = frame["message"]["rev"]
                if rev > self.rev + 1:
                    await self.mend()
                elif rev == self.rev + 1:
                    self.apply(frame["message"])
                    self.rev = rev
            case "token":
                await self.piece(frame)
            case "head" if frame["rev"] > self.rev:
                await self.mend()
            case "gap":
                await self.mend()

    async def mend(self) -> None:
        """Read what is missing, with the old `rev`."""
        self.mended += 1
        path = f"/sessions/{self.session['session']['id']}/messages"
        while True:
            page = (await self.site.call("GET", f"{path}?rev={self.rev}&limit=50", self.session["session_token"])).data
            for message in page["messages"]:
                self.apply(message)
            self.rev = max(self.rev, page["rev"])
            if not page["has_more"]:
                return

    def transcript(self) -> list[tuple[int, int, str]]:
        """What is shown, in order."""
        return sorted((message["seq"], message["rev"], message["text"]) for message in self.messages.values())
