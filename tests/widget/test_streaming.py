"""An answer that is seen as it is written: whoever reads it, by whatever way, and however often they come and go."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import deploying, pulse, writing
from deployments.models import Conversation, Message
from deployments.responders.base import Reply, Token, TurnInput
from tests.runtime.conftest import BASE, ORIGIN
from tests.runtime.conftest import act as change
from tests.widget.conftest import Probe, Site, Socket
from tests.widget.convergence import View

pytestmark = pytest.mark.asyncio

# What pieces are cut from: beyond the BMP, joined by zero width, with every line's end, and right to left.
ALPHABET = [
    "a",
    "B",
    " ",
    "é",
    "e\u0301",
    "\U0001f600",
    "👩\u200d🚀",
    "🇦🇹",
    "\r\n",
    "\n",
    "\r",
    "\u2028",
    "\t",
    "ש",
    "`",
    '"',
    "\\",
]


async def act(site: Site, fn: Callable[[], Any]) -> Any:
    def run() -> Any:
        with tenant(site.workspace_id):
            return fn()

    return await in_thread(run)


async def revoke(site: Site) -> None:
    await change(site, deploying.revoke)


async def until(holds: Callable[[], Any], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 (the database rings no bell)
            await asyncio.sleep(0.02)


class Events:
    """An event stream, read through the real ASGI application as daphne would."""

    def __init__(self, session: Any, path: str, method: str = "GET", body: Any = None, **headers: str) -> None:
        from convoship.asgi import application

        sent = {
            "host": "127.0.0.1",
            "origin": ORIGIN,
            "authorization": f"Bearer {session['session_token']}",
            "accept": "text/event-stream",
            "content-type": "application/json",
        } | {name.replace("_", "-"): value for name, value in headers.items()}
        path, _, query = path.partition("?")
        self.raw = json.dumps(body).encode() if body is not None else b""
        sent["content-length"] = str(len(self.raw))
        self.caller = ApplicationCommunicator(
            application,
            {
                "type": "http",
                "http_version": "1.1",
                "method": method,
                "path": f"{BASE}/sessions/{session['session']['id']}{path}",
                "query_string": query.encode(),
                "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
                "client": ["127.0.0.1", 4711],
            },
        )
        self.rest = ""
        self.status = 0
        self.headers: dict[str, str] = {}
        self.last_id = ""

    async def open(self) -> Events:
        """Ask, and wait for the answer's head."""
        await self.caller.send_input({"type": "http.request", "body": self.raw})
        head = await self.caller.receive_output(5)
        self.status = head["status"]
        self.headers = {name.decode().lower(): value.decode() for name, value in head["headers"]}
        return self

    async def hear(self, name: str | None = None, seconds: float = 6) -> dict[str, Any]:
        """The next event, or the next of this name; `{}` at the end."""
        while True:
            while "\n\n" not in self.rest:
                part = await self.caller.receive_output(seconds)
                self.rest += part.get("body", b"").decode()
                if not part.get("more_body"):
                    return {}
            event, self.rest = self.rest.split("\n\n", 1)
            fields = dict(line.split(": ", 1) for line in event.split("\n"))
            self.last_id = fields.get("id", self.last_id)
            if name in {None, fields["event"]}:
                return {"event": fields["event"], **json.loads(fields["data"])}

    async def leave(self) -> None:
        """The client goes away."""
        await self.caller.send_input({"type": "http.disconnect"})
        await self.caller.wait(5)


class Dictation:
    """A responder that says what the test tells it, when it tells it."""

    def __init__(self, probe: Probe) -> None:
        self.queue: asyncio.Queue[str | None] = asyncio.Queue()
        self.is_closed = False
        probe.script = self.script

    async def script(self, turn: TurnInput) -> AsyncIterator[Reply]:
        try:
            while (piece := await self.queue.get()) is not None:
                yield Token(piece)
        finally:
            self.is_closed = True

    def say(self, piece: str | None) -> None:
        self.queue.put_nowait(piece)


async def last(site: Site) -> Message:
    found: Message = await act(site, lambda: Message.objects.latest("seq"))
    return found


async def test_who_comes_back_in_mid_answer_gets_the_text_so_far_and_the_rest(site: Site, probe: Probe) -> None:
    dictation = Dictation(probe)
    session = (await site.start()).data
    first = Socket.of(session)
    await first.open(session)
    await first.say("message.send", client_id="one", text="go")
    dictation.say("Once ")
    await first.hear("message.created")
    begun = (await first.hear("message.created"))["message"]
    assert (begun["text"], begun["status"]) == ("Once ", "streaming")
    dictation.say("upon ")
    piece = await first.hear("token")
    assert (piece["message_id"], piece["index"], piece["text"]) == (begun["id"], 5, "upon ")

    async def is_kept() -> bool:
        return (await last(site)).text == "Once upon "

    await until(is_kept)
    head = await act(site, Conversation.objects.get)
    await first.disconnect()
    second = Socket.of(session)
    welcome = await second.open(session, after=head.head_seq, rev=head.rev)
    [unfinished] = welcome["messages"]
    assert (unfinished["text"], unfinished["status"]) == ("Once upon ", "streaming")
    dictation.say("a time.")
    rest = await second.hear("token")
    assert (rest["index"], rest["text"]) == (len("Once upon "), "a time.")
    dictation.say(None)
    finished = await second.hear("message.updated")
    assert (finished["message"]["text"], finished["message"]["status"]) == ("Once upon a time.", "sent")
    assert finished["message"]["rev"] == head.rev + 1
    assert (await act(site, Conversation.objects.get)).last_text == "Once upon a time.", "as lists show it"
    await second.disconnect()


async def test_the_text_so_far_is_kept_though_no_other_piece_comes(site: Site, probe: Probe) -> None:
    dictation = Dictation(probe)
    session = (await site.start()).data
    socket = Socket.of(session)
    await socket.open(session)
    await socket.say("message.send", client_id="one", text="go")
    dictation.say("Let me ")
    await socket.hear("message.created")
    await socket.hear("message.created")
    dictation.say("think")
    await socket.hear("token")

    async def is_kept() -> bool:
        return (await last(site)).text == "Let me think"

    await until(is_kept, seconds=2)
    page = await site.call("GET", f"/sessions/{session['session']['id']}/messages?rev=1000", session["session_token"])
    assert [message["text"] for message in page.data["messages"]] == ["Let me think"], "who lacks a piece asks for it"
    dictation.say(None)
    await socket.hear("message.updated")
    await socket.disconnect()


async def test_a_stream_tells_what_a_socket_would_and_goes_on_after_its_last_event(site: Site, probe: Probe) -> None:
    dictation = Dictation(probe)
    session = (await site.start()).data
    stream = await Events(session, "/stream?after=0").open()
    assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert stream.headers["access-control-allow-origin"] == ORIGIN
    welcome = await stream.hear()
    assert (welcome["type"], welcome["messages"]) == ("welcome", session["messages"])
    asked = asyncio.create_task(site.say(session, "go"))
    dictation.say("Once ")
    assert (await stream.hear("message.created"))["message"]["text"] == "go"
    begun = (await stream.hear("message.created"))["message"]
    dictation.say("upon ")
    assert (await stream.hear("token"))["index"] == 5
    assert stream.last_id == str(begun["rev"]), "a piece moves no rev"
    await stream.leave()
    assert not pulse.Pulse.get().patients, "nothing is left behind"
    dictation.say("a time")

    async def is_kept() -> bool:
        return (await last(site)).text == "Once upon a time"

    await until(is_kept)
    again = await Events(session, "/stream?after=0&rev=1", last_event_id=stream.last_id).open()
    welcome = await again.hear("welcome")
    assert [(it["text"], it["status"]) for it in welcome["messages"]] == [("Once upon a time", "streaming")]
    dictation.say(".")
    assert (await again.hear("token"))["index"] == len("Once upon a time")
    dictation.say(None)
    finished = (await again.hear("message.updated"))["message"]
    assert (finished["text"], finished["status"]) == ("Once upon a time.", "sent")
    assert again.last_id == str(finished["rev"])
    await again.leave()
    await asked


@pytest.mark.parametrize(
    ("token", "path", "headers", "status"),
    [
        ("cst_nonsense", "/stream", {}, 401),
        (None, "/stream", {"origin": "https://other.example"}, 403),
        (None, "/stream?rev=x", {}, 422),
        (None, "/stream", {"last_event_id": "-1"}, 422),
    ],
)
async def test_a_stream_that_may_not_be_is_refused_with_words(
    site: Site, token: str | None, path: str, headers: dict[str, str], status: int
) -> None:
    session = (await site.start()).data
    stream = await Events(session | ({"session_token": token} if token else {}), path, **headers).open()
    assert (stream.status, stream.headers["content-type"]) == (status, "application/problem+json")
    assert not pulse.Pulse.get().patients


async def test_a_message_posted_for_events_is_answered_by_message_token_message_done(site: Site, probe: Probe) -> None:
    dictation = Dictation(probe)
    session = (await site.start()).data
    body = {"client_id": "one", "text": "go"}
    stream = await Events(session, "/messages", "POST", body).open()
    assert stream.status == 201
    mine = await stream.hear()
    assert (mine["event"], mine["message"]["client_id"]) == ("message", "one")
    dictation.say("Once ")
    begun = await stream.hear()
    assert (begun["event"], begun["message"]["status"]) == ("message", "streaming")
    dictation.say("upon a time.")
    piece = await stream.hear()
    assert piece == {"event": "token", "message_id": begun["message"]["id"], "index": 5, "text": "upon a time."}
    # Another window of the same message: the text so far, and the rest.
    again = await Events(session, "/messages", "POST", body).open()
    assert again.status == 200
    assert (await again.hear())["message"]["client_id"] == "one"
    assert (await again.hear())["message"]["id"] == begun["message"]["id"]
    dictation.say(None)
    for window in (stream, again):
        finished = await window.hear("message")
        assert (finished["message"]["text"], finished["message"]["status"]) == ("Once upon a time.", "sent")
        done = await window.hear()
        assert done == {"event": "done", "head_seq": 3, "rev": finished["message"]["rev"], "pending": False}
        assert await window.hear() == {}, "it ends"
    repeated = await Events(session, "/messages", "POST", body).open()
    assert [(await repeated.hear())["event"] for _ in range(3)] == ["message", "message", "done"]


async def test_a_message_posted_without_events_is_answered_as_a_whole(site: Site, probe: Probe) -> None:
    dictation = Dictation(probe)
    session = (await site.start()).data
    for piece in ("Once ", "upon ", "a time.", None):
        dictation.say(piece)
    answer = await site.say(session, "go")
    assert [(it["text"], it["status"]) for it in answer.data["replies"]] == [("Once upon a time.", "sent")]
    assert answer.data["pending"] is False


async def test_a_bad_message_for_events_is_refused_with_words(site: Site) -> None:
    session = (await site.start()).data
    stream = await Events(session, "/messages", "POST", {"client_id": "one", "text": " "}).open()
    assert (stream.status, stream.headers["content-type"]) == (422, "application/problem+json")
    assert not pulse.Pulse.get().patients


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_seen_is_what_is_stored_whatever_the_pieces_and_however_often_it_is_cut(
    site: Site, probe: Probe, monkeypatch: pytest.MonkeyPatch, settings: Any, seed: int
) -> None:
    settings.LIMITS = settings.LIMITS | {"visitor_sockets": 10_000}
    monkeypatch.setattr(writing, "SAVE_EVERY_SECONDS", 0.1)
    choose = random.Random(seed)
    # As UTF-16 units, so that a piece may end in the middle of a pair.
    text = "".join(choose.choices(ALPHABET, k=400))
    units = text.encode("utf-16-le")
    pieces, at = [], 0
    while at < len(units):
        size = 2 * choose.choice([1, 1, 2, 3, 5, 17])
        pieces.append(units[at : at + size].decode("utf-16-le", "surrogatepass"))
        at += size
    session = (await site.start()).data
    view = View(site, session)

    async def script(turn: TurnInput) -> AsyncIterator[Reply]:
        for piece in pieces:
            yield Token(piece)
            await asyncio.sleep(choose.choice([0, 0, 0.002, 0.02]))

    probe.script = script
    asking = asyncio.create_task(site.say(session, "go"))
    while not asking.done():
        way: Any = Socket.of(session)
        if choose.random() < 0.4:
            way = await Events(session, f"/stream?after={view.seq}&rev={view.rev}").open()
        else:
            await view.frame(await way.open(session, after=view.seq, rev=view.rev))
        try:
            for _ in range(choose.randint(0, 8)):
                frame = await way.hear(None, 0.3)
                await view.frame(frame if isinstance(way, Socket) else {**frame, "type": frame["event"]})
        except TimeoutError:
            continue  # the communicator has cancelled the application: cut in the middle of whatever it did
        await (way.disconnect() if isinstance(way, Socket) else way.leave())
    socket = Socket.of(session)
    await view.frame(await socket.open(session, after=view.seq, rev=view.rev))
    await socket.disconnect()
    stored = await last(site)
    assert (stored.text, stored.status) == (text, "sent")
    assert view.messages[str(stored.id)]["text"] == text


async def test_half_a_character_and_what_no_text_may_hold_are_replaced(site: Site, probe: Probe) -> None:
    dictation = Dictation(probe)
    session = (await site.start()).data
    for piece in ("a\0b\ud83d", "\ude00", "\ude00c\ud83d", None):
        dictation.say(piece)
    answer = await site.say(session, "go")
    [reply] = answer.data["replies"]
    assert reply["text"] == "a\ufffdb\U0001f600\ufffdc\ufffd"
    assert (await last(site)).text == reply["text"]


async def test_a_stream_tells_the_end_of_the_conversation(site: Site) -> None:
    session = (await site.start()).data
    stream = await Events(session, "/stream").open()
    await stream.hear("welcome")
    await site.call("POST", f"/sessions/{session['session']['id']}/end", session["session_token"], {})
    assert (await stream.hear("session.updated"))["session"]["status"] == "completed"
    await stream.leave()


async def test_a_stream_ends_when_its_deployment_is_revoked(site: Site) -> None:
    session = (await site.start()).data
    stream = await Events(session, "/stream").open()
    await stream.hear("welcome")
    await revoke(site)
    assert (await stream.hear())["code"] == "token_revoked"
    assert await stream.hear() == {}
    await stream.caller.wait(5)
    assert not pulse.Pulse.get().patients
