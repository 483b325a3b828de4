"""`?reply=inline`: the answer comes in the response, whoever handles the turn and however long that takes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.db import connection

from channels_app import connections, inbound, inline
from channels_app.drain import handle
from channels_app.models import Connection
from convoship.lib.threads import in_thread
from deployments import conversations, handoff
from deployments.models import Conversation, Message, Turn
from deployments.responders import base
from deployments.responders.base import End, EndOfText, Reply, Say, Token, TurnInput
from tests import factories
from tests.channels.far_end import FarEnd
from tests.channels.gateway import Gateway, Probe, answered_by_probe, came_to, make_gateway

pytestmark = pytest.mark.asyncio


@pytest.fixture
def gateway(transactional_db: None, far: FarEnd) -> Gateway:
    """A gateway that can't be called: it only asks."""
    return make_gateway(factories.make_workspace(), far, gateway_url=None)


@pytest.fixture
def slow(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """The assistant answers once this is set, by a streamed text and a message."""
    ready = asyncio.Event()

    async def script(turn: TurnInput) -> AsyncIterator[Reply]:
        yield Token("Let me ")
        yield Token(f"see: {turn.text}")
        yield EndOfText()
        await ready.wait()
        yield Say("**There** it is.")

    found = Probe()
    found.script = script
    monkeypatch.setitem(base._responders, "probe", found)
    answered_by_probe(gateway)
    return ready


def short(monkeypatch: pytest.MonkeyPatch, seconds: float = 0.3) -> None:
    monkeypatch.setattr(inline, "LONGEST_WAIT_SECONDS", seconds)


async def test_the_answer_is_in_the_response_and_nothing_is_posted(transactional_db: None, gateway: Gateway) -> None:
    welcome = await gateway.turn("", turn=0, inline=True)
    assert welcome.status_code == 200
    assert set(welcome.data) == {"call_id", "text", "end_call", "turn"}
    assert welcome.data["text"]
    answer = await gateway.turn("hello", turn=1, inline=True)
    assert (answer.status_code, answer.data["turn"], answer.data["end_call"]) == (200, 1, False)
    assert await gateway.spoken() == []
    assert {d.status for d in await gateway.deliveries()} == {"delivered"}
    assert {m.status for m in await gateway.messages() if m.author_kind == "assistant"} == {"delivered"}
    assert (await gateway.refresh()).last_outbound_at is not None


async def test_with_an_address_either_way_is_open_and_an_inline_answer_is_not_posted(
    gateway: Gateway, far: FarEnd
) -> None:
    def give_address() -> None:
        held = connections.held(gateway.connection.id)
        connections.change(gateway.who, held, {"config": {"gateway_url": far.url}})

    await gateway.inside(give_address)
    answer = await gateway.turn("hello", turn=1, inline=True)
    assert answer.data["text"]
    assert await gateway.spoken() == []
    await gateway.turn("hello", turn=2)
    assert [reply["turn"] for reply in await gateway.spoken()] == [2]


async def test_without_an_address_anything_but_inline_is_refused_with_words(gateway: Gateway) -> None:
    for path in (None, f"{gateway.path}?reply=", f"{gateway.path}?reply=later"):
        answer = await gateway.post({"call_id": "a", "transcript": "hello"}, path=path)
        assert answer.status_code == 422
        assert "inline" in answer.data["errors"]["reply"][0]
    assert await gateway.events() == []


async def test_the_same_turn_asked_again_gets_the_same_answer(gateway: Gateway) -> None:
    first = await gateway.turn("hello", turn=1, inline=True)
    await gateway.turn("thanks", turn=2, inline=True)
    again = await gateway.turn("hello", turn=1, inline=True)
    assert (again.status_code, again.data) == (200, first.data)


async def test_an_answer_that_takes_time_comes_whole_and_plain(gateway: Gateway, slow: asyncio.Event) -> None:
    asked = asyncio.create_task(gateway.turn("the moon", turn=1, inline=True))
    await asyncio.sleep(0.3)
    assert not asked.done()
    slow.set()
    answer = await asked
    assert answer.data == {
        "call_id": "call-1",
        "text": "Let me see: the moon.\nThere it is.",
        "end_call": False,
        "turn": 1,
    }


async def test_an_answer_that_takes_too_long_is_there_when_the_turn_is_repeated(
    gateway: Gateway, slow: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    short(monkeypatch)
    for _ in range(2):
        late = await gateway.turn("the moon", inline=True)
        assert (late.status_code, late.data["code"]) == (503, "unavailable")
        assert int(late.headers["Retry-After"]) >= 1
    slow.set()
    await came_to(gateway.deliveries)
    answer = await gateway.turn("the moon", inline=True)
    assert (answer.status_code, answer.data["text"]) == (200, "Let me see: the moon.\nThere it is.")
    assert [m.text for m in await gateway.messages() if m.author_kind == "visitor"] == ["the moon"]


async def test_a_request_that_waits_holds_no_transaction_and_no_thread(
    gateway: Gateway, slow: asyncio.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inline, "LONGEST_WAIT_SECONDS", 60.0)
    before = threading.active_count()
    asked = [asyncio.create_task(gateway.turn("hello", call=f"call-{n}", inline=True)) for n in range(40)]

    def count() -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%%' "
                "AND datname = current_database() AND now() - state_change > interval '0.2 seconds'"
            )
            (found,) = cursor.fetchone() or (0,)
        return int(found)

    await came_to(lambda: gateway.inside(lambda: Turn.objects.filter(status="running").count() == len(asked)))
    await asyncio.sleep(0.3)
    assert not any(one.done() for one in asked)
    assert threading.active_count() - before < len(asked)
    assert await gateway.inside(count) == 0
    slow.set()
    assert {answer.status_code for answer in await asyncio.gather(*asked)} == {200}


async def test_it_does_not_matter_that_the_worker_was_quicker(gateway: Gateway, slow: asyncio.Event) -> None:
    # The turn before is still being answered by the worker, which then takes this one as well.
    first = asyncio.create_task(gateway.turn("one", turn=1, inline=True))
    await came_to(gateway.messages)
    second = asyncio.create_task(gateway.turn("two", turn=2, inline=True))
    slow.set()
    drained = asyncio.create_task(gateway.drain())
    answers = [await first, await second]
    await drained
    assert [(a.data["turn"], a.data["text"].splitlines()[0]) for a in answers] == [
        (1, "Let me see: one."),
        (2, "Let me see: two."),
    ]


async def test_what_was_said_meanwhile_does_not_hold_back_the_answer_to_what_was_said_before(
    gateway: Gateway, slow: asyncio.Event
) -> None:
    first = asyncio.create_task(gateway.turn("one", turn=1, inline=True))
    await came_to(gateway.messages)
    second = asyncio.create_task(gateway.turn("two", turn=2, inline=True))
    await came_to(lambda: gateway.inside(lambda: Turn.objects.filter(status="queued").exists()))
    slow.set()
    answers = [await first, await second]
    assert [(a.data["turn"], a.data["text"].splitlines()[0]) for a in answers] == [
        (1, "Let me see: one."),
        (2, "Let me see: two."),
    ]


async def test_an_event_that_the_worker_has_claimed_is_answered_once_it_is_handled(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = inbound.claim
    monkeypatch.setattr(inbound, "claim", lambda workspace, limit, only=None: [])
    asked = asyncio.create_task(gateway.turn("hello", turn=1, inline=True))
    await came_to(gateway.events)
    (event,) = await gateway.inside(lambda: claim(gateway.workspace.id, 10))
    await handle(event)
    answer = await asked
    assert answer.data["text"]
    assert [m.author_kind for m in await gateway.messages()].count("visitor") == 1


async def test_the_end_of_a_call_comes_with_its_last_words(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    async def script(turn: TurnInput) -> AsyncIterator[Reply]:
        yield Say("Bye!")
        yield End("Done.")

    found = Probe()
    found.script = script
    monkeypatch.setitem(base._responders, "probe", found)
    await in_thread(answered_by_probe, gateway)
    answer = await gateway.turn("thanks", turn=1, inline=True)
    assert (answer.data["text"], answer.data["end_call"]) == ("Bye!", True)


async def test_a_hang_up_is_answered_too_and_takes_back_what_was_being_said(
    gateway: Gateway, slow: asyncio.Event
) -> None:
    asked = asyncio.create_task(gateway.turn("the moon", turn=1, inline=True))
    await came_to(lambda: gateway.inside(lambda: Message.objects.filter(author_kind="assistant").exists()))
    over = await gateway.turn("", hangup=True, inline=True)
    assert (over.status_code, over.data) == (200, {"call_id": "call-1", "text": "", "end_call": True})
    slow.set()
    assert (await asked).data == {"call_id": "call-1", "text": "", "end_call": True, "turn": 1}
    assert [d.status for d in await gateway.deliveries()] == []


async def test_what_a_person_says_between_turns_comes_with_the_next_one(gateway: Gateway) -> None:
    await gateway.turn("hello", turn=1, inline=True)

    def reply() -> None:
        conversation = conversations.lock(Conversation.objects.get().id)
        handoff.reply(gateway.who, factories.owner_of(gateway.workspace), conversation, "I am here.", None)

    await gateway.inside(reply)
    assert await gateway.spoken() == []
    answer = await gateway.turn("and?", turn=2, inline=True)
    assert answer.data["text"].splitlines()[-1] == "I am here."
    assert (await gateway.turn("good", turn=3, inline=True)).data["text"] == ""


async def test_a_paused_connection_and_one_without_assistant_say_so_without_delay(gateway: Gateway) -> None:
    def change(pause: bool) -> Any:
        held = connections.held(gateway.connection.id)
        return connections.pause(gateway.who, held) if pause else connections.enable(gateway.who, held)

    await gateway.inside(change, True)
    paused = await gateway.turn("hello", turn=1, inline=True)
    assert (paused.status_code, paused.data["code"]) == (503, "unavailable")
    assert "Paused" in paused.data["detail"]
    await gateway.inside(change, False)
    assert (await gateway.turn("hello", turn=1, inline=True)).status_code == 200
    await gateway.inside(lambda: Connection.objects.update(assistant=None))
    left = await gateway.turn("hello", call="another", inline=True)
    assert left.status_code == 503
    assert "No assistant" in left.data["detail"]
