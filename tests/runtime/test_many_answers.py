"""Many answers written by one process: told in larger pieces and kept together, and none loses a word by it."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import live, writing
from deployments.models import Message, Turn
from deployments.responders.base import Reply, Token, TurnInput
from deployments.writing import Kept
from tests.runtime.conftest import Probe, Site

pytestmark = pytest.mark.asyncio

TALKS, WORDS = 4, 100


@pytest.fixture(autouse=True)
def crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four answers are many here: each is told a piece in 0.4 seconds."""
    monkeypatch.setattr(writing, "MOST_PIECES_A_SECOND", 10)


async def counts(turn: TurnInput) -> AsyncIterator[Reply]:
    """Words that come whether they are read or not, as over a network."""
    came: asyncio.Queue[str] = asyncio.Queue()

    async def comes() -> None:
        for number in range(WORDS):
            came.put_nowait(f"{turn.text}{number} ")
            await asyncio.sleep(0.02)

    coming = asyncio.create_task(comes())
    for _ in range(WORDS):
        yield Token(await came.get())
    await coming


def whole(name: str) -> str:
    return "".join(f"{name}{number} " for number in range(WORDS))


async def ask(site: Site, name: str) -> None:
    """Ask, and don't wait for the answer."""
    session = (await site.start()).data
    body = {"client_id": str(uuid.uuid4()), "text": name}
    path = f"/sessions/{session['session']['id']}/messages"
    answer = await site.call("POST", path, session["session_token"], body, Prefer="wait=0")
    assert answer.data["pending"] is True


async def ask_all(site: Site) -> list[str]:
    """Four visitors ask; the texts of their answers, when all have theirs."""
    for name in "abcd":
        await ask(site, name)
    async with asyncio.timeout(20):
        while await in_site(site, lambda: Turn.objects.filter(finished_at=None).exists()):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    said = [row.text for row in await stored(site) if row.author_kind == "assistant" and row.seq > 2]
    return sorted(said)


async def test_many_answers_are_told_in_larger_pieces_that_lack_no_word(
    site: Site, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe.script = counts
    told: dict[str, list[tuple[int, str]]] = defaultdict(list)
    sent: list[int] = []

    async def send(rings: Sequence[tuple[str, Any]]) -> None:
        pieces = [event for _, event in rings if event["type"] == "token"]
        if pieces:
            sent.append(len(pieces))
        for event in pieces:
            told[event["message_id"]].append((event["index"], event["text"]))

    monkeypatch.setattr(live, "_send", send)
    assert await ask_all(site) == [whole(name) for name in "abcd"]
    rows = {str(row.id): row.text for row in await stored(site)}
    for message_id, pieces in told.items():
        assert len(pieces) < WORDS / 3
        first = pieces[0][0]
        assert rows[message_id] == rows[message_id][:first] + "".join(text for _, text in pieces)
    assert len(told) == TALKS
    assert max(sent) > 1, "those of a workspace go together"


async def test_the_texts_of_many_answers_are_kept_in_one_transaction(
    site: Site, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe.script = counts
    kept: list[list[Kept]] = []
    keep = writing.keep

    def remembering(some: Sequence[Kept]) -> list[str | None]:
        kept.append(list(some))
        return keep(some)

    monkeypatch.setattr(writing, "keep", remembering)
    assert await ask_all(site) == [whole(name) for name in "abcd"]
    assert max(map(len, kept)) > 1
    assert {one.turn_id for some in kept for one in some if one.message_id} == {
        turn.id for turn in await in_site(site, lambda: list(Turn.objects.all()))
    }


def waiting_at(gate: asyncio.Event) -> Callable[[TurnInput], AsyncIterator[Reply]]:
    """An answer that begins, and goes no further until the gate is open."""

    async def waits(turn: TurnInput) -> AsyncIterator[Reply]:
        yield Token("so far")
        await gate.wait()

    return waits


async def test_a_claim_that_is_lost_is_told_of_its_own_answer_alone(site: Site, probe: Probe) -> None:
    gate = asyncio.Event()
    probe.script = waiting_at(gate)
    await ask(site, "a")
    await ask(site, "b")

    async def streaming() -> list[Message]:
        return [row for row in await stored(site) if row.status == "streaming"]

    async with asyncio.timeout(10):
        while len(await streaming()) < 2:  # noqa: ASYNC110 (the database rings no bell)
            await asyncio.sleep(0.02)
    mine, others = await in_site(site, lambda: list(Turn.objects.order_by("created_at")))
    rows = {row.conversation_id: row for row in await streaming()}
    some = [
        Kept(mine.id, mine.claim, rows[mine.conversation_id].id, "so far and more"),
        Kept(others.id, uuid.uuid4(), rows[others.conversation_id].id, "not mine any more"),
        # An earlier claim of a turn that this process has taken anew.
        Kept(mine.id, uuid.uuid4(), rows[mine.conversation_id].id, "of an earlier try"),
    ]
    assert await in_site(site, writing.keep, some) == ["", None, None]
    assert sorted(row.text for row in await streaming()) == ["so far", "so far and more"]
    gate.set()


async def test_a_turn_that_was_let_go_is_not_leased_again_by_what_is_kept_of_it(site: Site, probe: Probe) -> None:
    gate = asyncio.Event()
    probe.script = waiting_at(gate)
    await ask(site, "a")
    async with asyncio.timeout(10):
        while not [row for row in await stored(site) if row.status == "streaming"]:  # noqa: ASYNC110 (no bell rings)
            await asyncio.sleep(0.02)
    turn = await in_site(site, Turn.objects.get)
    claim: Any = SimpleNamespace(turn_id=turn.id, token=turn.claim)
    await in_site(site, writing.let_go, claim, None)
    assert await in_site(site, writing.keep, [Kept(turn.id, turn.claim, None, "")]) == [None]
    assert (await in_site(site, Turn.objects.get)).leased_until <= timezone.now()
    gate.set()


async def stored(site: Site) -> list[Message]:
    return await in_site(site, lambda: list(Message.objects.order_by("seq")))


async def in_site(site: Site, fn: Any, *args: Any) -> Any:
    def run() -> Any:
        with tenant(site.workspace_id):
            return fn(*args)

    return await in_thread(run)


async def test_many_pause_each_for_a_while_of_its_own_and_few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing.Writer, "live", set(range(40)))
    pauses = [writing.pause() for _ in range(50)]
    assert len(set(pauses)) == len(pauses)
    assert 2.4 <= min(pauses) < 4 < max(pauses) <= 5.6
    monkeypatch.setattr(writing.Writer, "live", set())
    assert {writing.pause() for _ in range(5)} == {writing.TELL_EVERY_SECONDS}
