"""An answer that is written on one web process and read on another: resumed, stopped, left, and cut by a restart."""

from __future__ import annotations

import asyncio
import json
import signal
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import stopping, sweeping, writing
from deployments.models import Message, Turn
from deployments.responders import base
from deployments.sessions import OpenedSession
from tests import factories
from tests.reliability.processes import OwnValkey, Web, webs
from tests.streaming.counting import Counting, publish, words

pytestmark = pytest.mark.django_db(transaction=True)

SETTINGS = "tests.streaming.settings"
SLOW = 400  # words that nobody waits to the end for


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[OwnValkey]:
    """A Valkey of the test's own."""
    with OwnValkey(tmp_path) as own:
        yield own


@pytest.fixture
def two(valkey: OwnValkey, tmp_path: Path) -> Iterator[tuple[Web, Web]]:
    """Two web processes that know the responder that counts."""
    with webs(2, valkey.url, tmp_path, settings=SETTINGS) as [first, second]:
        yield first, second


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> OpenedSession:
    """A session with an assistant that counts; the sweeper, which is this process, knows how to as well."""
    monkeypatch.setitem(base._responders, "counting", Counting())
    made = factories.make_deployment(factories.make_workspace())
    publish(made.deployment.workspace_id, made.deployment.assistant_id)
    return factories.start_session(made)


class Reader:
    """A visitor's window on one of the processes, and what it shows."""

    def __init__(self, web: Web, opened: OpenedSession, connection: ClientConnection, shown: dict[str, Any]) -> None:
        self.web, self.opened = web, opened
        self.holes = 0
        self.connection = connection
        self.shown = shown

    async def frame(self) -> dict[str, Any]:
        """The next frame, applied: each piece exactly where it belongs."""
        frame: dict[str, Any] = json.loads(await self.connection.recv())
        match frame["type"]:
            case "welcome":
                self.shown |= {message["id"]: message for message in frame["messages"]}
                self.shown["rev"] = frame["rev"]
            case "message.created" | "message.updated":
                self.shown[frame["message"]["id"]] = frame["message"]
                self.shown["rev"] = frame["message"]["rev"]
            case "token":
                await self.piece(frame["message_id"], frame["index"], frame["text"])
        return frame

    async def piece(self, message_id: str, index: int, text: str) -> None:
        """Put a piece where it belongs; after a hole, once the text so far has been read."""
        while (held := self.shown[message_id])["status"] == "streaming":
            have = len(held["text"])
            if index <= have:
                assert held["text"][index:].startswith(text[: have - index]), "what is had already is the same"
                held["text"] += text[have - index :]
                return
            self.holes += 1
            page = await asyncio.to_thread(call, self.web, self.opened, f"messages?rev={self.shown['rev']}")
            for message in page["messages"]:
                if message["rev"] > held["rev"] or len(message["text"]) > have:
                    self.shown[message["id"]] = message
            self.shown["rev"] = page["rev"]
            await asyncio.sleep(0.1)

    async def until(self, holds: Callable[[], Any], seconds: float = 10) -> None:
        """Read on until it holds."""
        async with asyncio.timeout(seconds):
            while not holds():
                await self.frame()

    @property
    def answer(self) -> dict[str, Any]:
        """The newest message that was written piece by piece."""
        found = [it for it in self.shown.values() if isinstance(it, dict) and it["text"].startswith("w0")]
        return max(found, key=lambda message: message["seq"]) if found else {"text": "", "status": ""}

    @property
    def answers(self) -> list[tuple[bool, str]]:
        """Whether each is whole, and its status."""
        found = [it for it in self.shown.values() if isinstance(it, dict) and it["text"].startswith("w0")]
        return [(it["text"] == words(5), it["status"]) for it in sorted(found, key=lambda message: message["seq"])]


@asynccontextmanager
async def reading(web: Web, opened: OpenedSession, shown: dict[str, Any]) -> Any:
    url = web.address.replace("http", "ws") + f"/v1/public/runtime/sessions/{opened.session.id}/socket"
    async with connect(
        url, origin=Origin(factories.SHOP), subprotocols=[Subprotocol("convoship.v1")], ping_interval=None
    ) as connection:
        hello = {"type": "hello", "token": opened.token, "after": 0}
        await connection.send(json.dumps(hello | ({"rev": shown["rev"]} if "rev" in shown else {})))
        reader = Reader(web, opened, connection, shown)
        assert (await reader.frame())["type"] == "welcome"
        yield reader


async def ask(reader: Reader, text: str) -> None:
    await reader.connection.send(json.dumps({"type": "message.send", "client_id": text, "text": text}))


def call(web: Web, opened: OpenedSession, path: str, body: bytes | None = None) -> Any:
    request = urllib.request.Request(
        f"{web.address}/v1/public/runtime/sessions/{opened.session.id}/{path}",
        body,
        {"Authorization": f"Bearer {opened.token}", "Origin": factories.SHOP, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def stop(web: Web, opened: OpenedSession) -> None:
    call(web, opened, "stop", b"{}")


async def stored(opened: OpenedSession, find: Callable[[], Any]) -> Any:
    def run() -> Any:
        with tenant(opened.session.workspace_id):
            return find()

    return await in_thread(run)


async def newest(opened: OpenedSession) -> Message:
    found: Message = await stored(opened, lambda: Message.objects.latest("seq"))
    return found


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(60):
            await test()

    asyncio.run(whole())


def test_an_answer_is_read_on_from_another_process_without_a_hole(two: tuple[Web, Web], opened: OpenedSession) -> None:
    first, second = two

    async def test() -> None:
        shown: dict[str, Any] = {}
        async with reading(first, opened, shown) as reader:
            await ask(reader, "count 80 40")
            await reader.until(lambda: len(reader.answer["text"]) > 40)
        for web in (second, first, second):
            async with reading(web, opened, shown) as reader:
                have = len(reader.answer["text"])
                await reader.until(
                    lambda have=have, reader=reader: (
                        reader.answer["status"] == "sent" or len(reader.answer["text"]) > have + 40
                    )
                )
        async with reading(second, opened, shown) as reader:
            await reader.until(lambda: reader.answer["status"] == "sent")
        assert reader.answer["text"] == words(80) == (await newest(opened)).text

    run(test)


def test_an_answer_is_stopped_from_another_process_at_once(two: tuple[Web, Web], opened: OpenedSession) -> None:
    first, second = two

    async def test() -> None:
        async with reading(first, opened, {}) as reader, reading(second, opened, {}) as other:
            await ask(reader, f"count {SLOW} 40")
            await reader.until(lambda: len(reader.answer["text"]) > 40)
            await asyncio.to_thread(stop, second, opened)
            for window in (reader, other):
                await window.until(lambda window=window: window.answer["status"] == "sent", seconds=1.5)
                assert window.answer["reason"] == "Stopped by the visitor."
            assert reader.answer["text"] == other.answer["text"] == (await newest(opened)).text
            await ask(reader, "and now")
            await reader.until(lambda: any("You said: and now" in str(it) for it in reader.shown.values()))

    run(test)


def test_an_answer_is_stopped_from_another_process_while_valkey_is_away(
    two: tuple[Web, Web], opened: OpenedSession, valkey: OwnValkey
) -> None:
    first, second = two

    async def test() -> None:
        async with reading(first, opened, {}) as reader:
            await ask(reader, f"count {SLOW} 40")
            await reader.until(lambda: len(reader.answer["text"]) > 40)
            await asyncio.to_thread(valkey.stop)
            await asyncio.to_thread(stop, second, opened)
            # The writer finds the mark when it keeps the text, and the pulse tells the window.
            await reader.until(lambda: reader.answer["status"] == "sent", seconds=8)
            assert reader.answer["reason"] == "Stopped by the visitor."
            assert reader.answer["text"] == (await newest(opened)).text

    run(test)


def test_an_answer_whose_visitor_left_every_process_is_cut(two: tuple[Web, Web], opened: OpenedSession) -> None:
    first, second = two

    async def test() -> None:
        async with reading(second, opened, {}) as reader:
            await ask(reader, f"count {SLOW} 60")
            await reader.until(lambda: len(reader.answer["text"]) > 40)
        async with asyncio.timeout(stopping.GONE_SECONDS + 6):
            while (await newest(opened)).status == "streaming":  # noqa: ASYNC110 (the database rings no bell)
                await asyncio.sleep(0.1)
        turn = await stored(opened, Turn.objects.get)
        assert (turn.status, turn.reason, turn.trace) == (
            "done",
            "Cut off: the visitor had left.",
            {"stopped": "left"},
        )
        # Who comes back finds it so.
        async with reading(first, opened, {}) as reader:
            assert (reader.answer["status"], reader.answer["reason"]) == ("sent", turn.reason)

    run(test)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "restart"])
def test_a_process_that_dies_in_mid_answer_leaves_it_visibly_cut_and_answered_once(
    two: tuple[Web, Web], opened: OpenedSession, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    first, second = two

    async def test() -> None:
        async with reading(second, opened, {}) as watching:
            async with reading(first, opened, {}) as reader:
                await ask(reader, f"count {SLOW} 40")
                await watching.until(lambda: len(watching.answer["text"]) > 40)
                first.process.send_signal(how)
                await asyncio.to_thread(first.process.wait, 10)
            if how is signal.SIGTERM:
                await watching.until(lambda: watching.answer["status"] == "failed", seconds=5)
            turn = await stored(opened, Turn.objects.get)
            assert turn.status == "running"
            assert turn.leased_until <= timezone.now() + writing.LEASE
            long_ago = timezone.now() - timedelta(seconds=1)
            if how is signal.SIGKILL:
                assert turn.leased_until > timezone.now()
                await stored(opened, lambda: Turn.objects.update(leased_until=long_ago))
            await stored(opened, lambda: Message.objects.filter(text__startswith="count").update(text="count 5 1"))
            await sweeping.sweep()
            await watching.until(lambda: watching.answers == [(False, "failed"), (True, "sent")])
            turn = await stored(opened, Turn.objects.get)
            assert (turn.status, turn.attempts) == ("done", 2)
            assert await sweeping.sweep() == 0

    run(test)
