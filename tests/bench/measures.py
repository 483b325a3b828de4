"""The pairs of loads: each measure puts the same load on the toy and on the product."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count, cycle
from typing import Any

from tests.bench.answers import ANSWER_SECONDS, Beside, beside, busy
from tests.bench.answers import RATE as SCRIPTED_RATE
from tests.bench.calls import talked
from tests.bench.carrying import Outbox, Webhooks, as_json
from tests.bench.clients import DEFLATE, Broken, HttpLane, Lane, SocketLane, request
from tests.bench.loads import Figures, Processors, closed_loop, open_loop, own_bytes
from tests.bench.servers import Bench, Server
from tests.bench.sound import echoed, sounded

TEXT = "Hello, can I get a table for four on Friday evening at eight?"
BASE = "/v1/public/runtime"
LANES = 100
# Every visitor of the product may say 20 things in 10 seconds, so loads go round among visitors; the toy's clients too.
RATE = 60
# More than four: a drain gives no workspace more than a quarter of its places.
OUTBOXES = 8
# Conversations that are open in an inbox, and what is looked at there.
OPEN = 2000
INBOX = ("", "", "?show=mine", "?show=waiting", "?show=active", "?show=unassigned&sort=longest", "?channel=web")
MESSAGES = 1_000_000


@dataclass(frozen=True)
class Memory:
    """What idle sockets cost."""

    kb_per_socket: float
    base_mb: float


@dataclass
class Field:
    """One round: the servers under load, and what to know of the product's data."""

    data: dict[str, Any]
    product: Server
    toy: Server
    toy_http: Server
    toy_static: Server
    open_product: Server
    seconds: float
    idle: int
    bench: Bench


# --- Sockets ------------------------------------------------------------------------------------------------------


def _visitor_says() -> bytes:
    return as_json(type="message.send", client_id=str(uuid.uuid4()), text=TEXT)


def _is_assistants(frame: bytes) -> bool:
    if b'"type":"error"' in frame:
        raise Broken(f"the product answered with an error: {frame[:300]!r}")
    return b'"message.created"' in frame and b'"kind":"assistant"' in frame


async def _visitor(field: Field, session: dict[str, str], *, ping: bool = False, deflate: bool = False) -> SocketLane:
    headers = [("Origin", field.data["origin"]), ("Sec-WebSocket-Protocol", "convoship.v1")]
    lane = await SocketLane.open(
        field.product.port,
        f"{BASE}/sessions/{session['id']}/socket",
        (lambda: b'{"type":"ping"}') if ping else _visitor_says,
        (lambda frame: frame == b'{"type":"pong"}') if ping else _is_assistants,
        [*headers, DEFLATE] if deflate else headers,
    )
    await lane.converse(as_json(type="hello", token=session["token"], after=10**6), b'"welcome"')
    return lane


async def _toys(port: int, path: str, text: bytes, how_many: int = LANES, *, deflate: bool = False) -> list[SocketLane]:
    async def one() -> SocketLane:
        return await SocketLane.open(port, path, lambda: text, lambda _frame: True, [DEFLATE] if deflate else [])

    return await _many([one] * how_many)


async def _many(openers: Sequence[Callable[[], Awaitable[Any]]]) -> list[Any]:
    """Open them, twenty at a time."""
    gate = asyncio.Semaphore(20)

    async def through(opener: Callable[[], Awaitable[Any]]) -> Any:
        async with gate:
            return await opener()

    return await asyncio.gather(*(through(opener) for opener in openers))


async def _visitors(field: Field, how_many: int = LANES, skip: int = 0, **how: bool) -> list[SocketLane]:
    def opener(session: dict[str, str]) -> Callable[[], Awaitable[SocketLane]]:
        return lambda: _visitor(field, session, **how)

    return await _many([opener(session) for session in field.data["sessions"][skip : skip + how_many]])


@asynccontextmanager
async def _open(lanes: Sequence[Lane]) -> Any:
    try:
        yield lanes
    finally:
        for lane in lanes:
            lane.close()
        await asyncio.sleep(0.3)


async def _agent(field: Field) -> SocketLane:
    """A member who watches the list and every conversation under load."""
    base = f"http://127.0.0.1:{field.product.port}"
    agent = await SocketLane.open(
        field.product.port, "/app/socket", headers=[("Origin", base), ("Cookie", field.data["cookie"])]
    )
    agent.say(as_json(type="subscribe", list=True))
    for session in field.data["sessions"][LANES : 2 * LANES]:
        agent.say(as_json(type="subscribe", conversation=session["conversation"]))
    await agent.converse(b'{"type":"ping"}', b'"pong"')
    agent.hears = lambda _frame: None
    return agent


class Sockets:
    """Loads over sockets; `c1` is one message under way at any time, `paced` a hundred visitors at a fixed rate."""

    def __init__(self, field: Field) -> None:
        self.field = field

    async def _both(self, server: Server, lanes: Sequence[Lane]) -> dict[str, Figures]:
        async with _open(lanes):
            return {
                "c1": await closed_loop(server.pid, lanes, at_once=1, seconds=self.field.seconds),
                "paced": await open_loop(server.pid, lanes, rate=RATE, seconds=self.field.seconds + 0.5),
            }

    async def toy_turn(self, path: str = "/ws/turn") -> dict[str, Figures]:
        """The toy's turn, answered directly."""
        return await self._both(
            self.field.toy, await _toys(self.field.toy.port, path, as_json(type="message", text=TEXT))
        )

    async def toy_told_turn(self) -> dict[str, Figures]:
        """The toy's turn, answered through the layer."""
        return await self.toy_turn("/ws/told-turn")

    async def turn(self, skip: int = 0) -> dict[str, Figures]:
        """The product's turn."""
        return await self._both(self.field.product, await _visitors(self.field, skip=skip))

    async def watched_turn(self) -> dict[str, Figures]:
        """The product's turn with a member watching."""
        async with _open([await _agent(self.field)]):
            return await self.turn(skip=LANES)

    async def toy_echo(self) -> dict[str, Figures]:
        """The toy's echo of the product's ping."""
        lanes = await _toys(self.field.toy.port, "/ws/echo", b'{"type":"ping"}')
        return await self._full(self.field.toy, lanes)

    async def ping(self) -> dict[str, Figures]:
        """The product's ping."""
        return await self._full(self.field.product, await _visitors(self.field, ping=True))

    async def _full(self, server: Server, lanes: Sequence[Lane]) -> dict[str, Figures]:
        # A visitor may send 200 frames in 10 seconds, so this load stays below what would reach that.
        async with _open(lanes):
            return {"paced": await open_loop(server.pid, lanes, rate=1000, seconds=1.3, warm=0.3)}

    async def quiet(self) -> Beside:
        """Scripted answers with nobody else there."""
        async with _open(await _visitors(self.field)) as lanes:
            processors = self._processors()
            processors.start()
            figures = await open_loop(self.field.product.pid, lanes, rate=SCRIPTED_RATE, seconds=self._long)
            return Beside(figures, busy(figures), shares=processors.shares())

    async def answers(self) -> Beside:
        """Scripted answers beside those of a model."""
        readers = await _many([partial(_visitor, self.field, session) for session in self.field.data["readers"]])
        async with _open(readers), _open(await _visitors(self.field)) as lanes:
            ports = self.field.product.pid, self.field.bench.model_port
            return await beside(*ports, self._processors(), lanes, readers, self._long)

    def _processors(self) -> Processors:
        product, bench = self.field.product, self.field.bench
        pids = {"web": [product.pid], "answers": [one.pid for one in product.beside]}
        pids |= {name: [pid] for name, pid in bench.pids.items()}
        return Processors(pids)

    @property
    def _long(self) -> float:
        # As long as an answer at least: its beginning and its end are in it.
        return max(ANSWER_SECONDS * 1.5, self.field.seconds * 7)

    async def toy_idle(self) -> Memory:
        """The toy's idle sockets, each in a group."""
        async with _open(await _toys(self.field.toy.port, "/ws/told-turn", b"", 20)):
            base = own_bytes(self.field.toy.pid)
        opened = await _toys(self.field.toy.port, "/ws/told-turn", b"", self.field.idle, deflate=True)
        return await self._weigh(self.field.toy, base, opened)

    async def idle(self) -> Memory:
        """The product's idle sockets, each welcomed."""
        async with _open(await _visitors(self.field, 20)):
            base = own_bytes(self.field.product.pid)
        opened = await _visitors(self.field, self.field.idle, deflate=True)
        return await self._weigh(self.field.product, base, opened)

    async def _weigh(self, server: Server, base: int, lanes: Sequence[Lane]) -> Memory:
        async with _open(lanes):
            await asyncio.sleep(2)
            return Memory((own_bytes(server.pid) - base) / len(lanes) / 1000, base / 1e6)


# --- HTTP ---------------------------------------------------------------------------------------------------------

_serial = count()


class Http:
    """Loads over HTTP."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.sessions = cycle(field.data["sessions"][2 * LANES :])

    async def _load(
        self, server: Server, make: Callable[[], bytes], expected: int, *, crowd: int = 16
    ) -> dict[str, Figures]:
        lanes = [await HttpLane.open(server.port, make, expected) for _ in range(crowd)]
        async with _open(lanes):
            return {
                "c1": await closed_loop(server.pid, lanes[:1], at_once=1, seconds=self.field.seconds * 0.6, warm=0.3),
                "crowd": await closed_loop(server.pid, lanes, at_once=crowd, seconds=self.field.seconds, warm=0.3),
            }

    def _toys(self, path: str, body: Callable[[], bytes]) -> Callable[[], bytes]:
        def make() -> bytes:
            token = ("Authorization", f"Bearer tok{1 + next(_serial) * 7919 % 20000}")
            return request("POST", path, self.field.toy_http.port, [token], body())

        return make

    async def toy_session(self) -> dict[str, Figures]:
        """The toy's session start."""
        make = self._toys("/session", lambda: as_json(page="https://shop.example/shoes"))
        return await self._load(self.field.toy_http, make, 201)

    async def session(self) -> dict[str, Figures]:
        """The product's session start: origin, limits, person, conversation, welcome."""
        data, port = self.field.data, self.field.product.port
        headers = [("Authorization", f"Bearer {data['token']}"), ("Origin", data["origin"])]

        def make() -> bytes:
            page = {"url": "https://shop.example/shoes", "title": "Shoes", "referrer": ""}
            body = as_json(
                agent_id=data["agent_id"], channel="web", client_id=str(uuid.uuid4()), locale="en", page=page
            )
            return request("POST", f"{BASE}/sessions", port, headers, body)

        return await self._load(self.field.product, make, 201)

    async def toy_turn(self) -> dict[str, Figures]:
        """The toy's turn."""
        return await self._load(self.field.toy_http, self._toys("/turn", lambda: as_json(text=TEXT)), 201)

    def _visitors(self, port: int, method: str, path: str, body: Callable[[], bytes]) -> Callable[[], bytes]:
        def make() -> bytes:
            session = next(self.sessions)
            headers = [("Authorization", f"Bearer {session['token']}"), ("Origin", self.field.data["origin"])]
            return request(method, f"{BASE}/sessions/{session['id']}{path}", port, headers, body())

        return make

    async def turn(self) -> dict[str, Figures]:
        """The product's turn over HTTP."""
        make = self._visitors(
            self.field.product.port,
            "POST",
            "/messages",
            lambda: as_json(client_id=str(uuid.uuid4()), text=TEXT),
        )
        return await self._load(self.field.product, make, 201)

    async def read_without_wall(self) -> dict[str, Figures]:
        """`GET /sessions/{id}` without the wall."""
        make = self._visitors(self.field.open_product.port, "GET", "", lambda: b"")
        return await self._load(self.field.open_product, make, 200, crowd=8)

    async def read(self) -> dict[str, Figures]:
        """`GET /sessions/{id}`."""
        make = self._visitors(self.field.product.port, "GET", "", lambda: b"")
        return await self._load(self.field.product, make, 200, crowd=8)

    async def _pages(self, *paths: str) -> dict[str, Figures]:
        """Pages of the member who works the inbox, in turn, one at a time."""
        server = self.field.bench.product_with_bare_page()
        try:
            turn = cycle(paths)
            cookie = [("Cookie", self.field.data["inbox_cookie"])]
            lane = await HttpLane.open(server.port, lambda: request("GET", next(turn), server.port, cookie), 200)
            async with _open([lane]):
                seconds = self.field.seconds * 4
                return {"c1": await closed_loop(server.pid, [lane], at_once=1, seconds=seconds, warm=1.5)}
        finally:
            server.stop()

    async def bare_page(self) -> dict[str, Figures]:
        """Thirty conversations by an index, in the console's frame."""
        return await self._pages("/app/bare")

    async def inbox(self) -> dict[str, Figures]:
        """The inbox's list as it opens, and by its filters."""
        return await self._pages(*(f"/app/conversations/{query}" for query in INBOX))

    async def toy_script(self) -> dict[str, Figures]:
        """The loader by whitenoise."""
        return await self._load(
            self.field.toy_static, lambda: request("GET", "/static/v1.js", self.field.toy_static.port), 200
        )

    async def script(self) -> dict[str, Figures]:
        """The loader by the product."""
        return await self._load(
            self.field.product, lambda: request("GET", "/embed/v1.js", self.field.product.port), 200
        )


async def cache_faults(product: Server, app_file: str) -> list[str]:
    """What is wrong with how the embed's files are cached; empty where it is as promised."""

    async def ask(path: str, expected: int, *headers: tuple[str, str]) -> bytes:
        lane = await HttpLane.open(product.port, lambda: request("GET", path, product.port, headers), expected)
        good: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        lane.ask(good.set_result)
        if not await good:
            faults.append(f"{path} did not answer {expected}")
        lane.close()
        return lane.last_head.lower()

    faults: list[str] = []
    head = await ask("/embed/v1.js", 200)
    etag = head.partition(b"etag: ")[2].partition(b"\r\n")[0].decode()
    await ask("/embed/v1.js", 304, ("If-None-Match", etag))
    if b"immutable" not in await ask(f"/static/widget/{app_file}", 200):
        faults.append(f"{app_file} is not immutable")
    return faults


Measure = Callable[[], Awaitable[Any]]


async def _no_toy() -> None:
    """Of what is measured by itself."""


async def _calls(field: Field) -> Any:
    """The product's calls."""
    return await talked(field.product.pid, field.product.port, field.data["telephone"], max(18.0, field.seconds * 12))


async def _sounded(field: Field) -> Any:
    """The product's calls whose sound is ours."""
    return await sounded(field.bench, field.product, field.data["gateway"], max(25.0, field.seconds * 12))


async def _echoed(field: Field) -> Any:
    """An echo of the same frames."""
    return await echoed(field.bench, field.data["gateway"], max(4.0, field.seconds * 3))


def pairs(field: Field) -> dict[str, tuple[Measure, Measure]]:
    """Each measure's toy and product, memory first: it wants fresh servers."""
    sockets, http = Sockets(field), Http(field)
    webhooks, outbox = Webhooks(field.bench, field.data, field.seconds), Outbox(field.bench, field.data)
    return {
        "idle": (sockets.toy_idle, sockets.idle),
        "turn": (sockets.toy_turn, sockets.turn),
        "watched": (sockets.toy_told_turn, sockets.watched_turn),
        "ping": (sockets.toy_echo, sockets.ping),
        "session": (http.toy_session, http.session),
        "http_turn": (http.toy_turn, http.turn),
        "wall": (http.read_without_wall, http.read),
        "script": (http.toy_script, http.script),
        "inbox": (http.bare_page, http.inbox),
        "answers": (sockets.quiet, sockets.answers),
        "calls": (_no_toy, partial(_calls, field)),
        "sound": (partial(_echoed, field), partial(_sounded, field)),
        "webhook": (lambda: webhooks.toy(field.toy_http), lambda: webhooks.product(field.product)),
        "outbox": (outbox.toy, outbox.product),
    }


async def one_round(
    bench: Bench,
    data: dict[str, Any],
    standing: tuple[Server, Server, Server],
    names: Sequence[str],
    seconds: float,
    idle: int,
    *,
    toy_first: bool,
    told: Callable[[str], None],
) -> dict[str, tuple[Any, Any]]:
    """Every measure once, on fresh servers, toy and product in turn; answers (toy, product) by name."""
    product, toy = bench.product(), bench.toy()
    field = Field(data, product, toy, *standing, seconds=seconds, idle=idle, bench=bench)
    try:
        found = {}
        for name, (of_toy, of_product) in pairs(field).items():
            if name not in names:
                continue
            told(name)
            if toy_first:
                first = await of_toy()
                found[name] = (first, await of_product())
            else:
                second = await of_product()
                found[name] = (await of_toy(), second)
        return found
    finally:
        product.stop()
        toy.stop()
