"""A model's answer by HTTP: as events, waited for, behind another one, and where this process can't write it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from deployments import sweeping, writing
from deployments.models import Message, Spending, Turn
from deployments.pages import thought_words
from tests.models.model_end import ModelEnd, Says
from tests.models.test_at_the_door import Office, at_once
from tests.models.test_at_the_door import office as office
from tests.runtime.conftest import site  # noqa: F401 (a fixture)
from tests.widget.test_streaming import Events

pytestmark = pytest.mark.asyncio

WHOLE = "It is **on** its way \U0001f69a, see [here](https://shop.example/a)."
SHOWN = "It is **on** its way \U0001f69a, see [here (shop.example)](https://shop.example/a)."


def body(text: str, client_id: str = "one") -> dict[str, Any]:
    return {"client_id": client_id, "text": text}


async def stored(office: Office) -> Message:
    found: Message = await office.read(lambda: Message.objects.latest("seq"))
    return found


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(10):
        while not await holds():  # noqa: ASYNC110 (the database rings no bell)
            await asyncio.sleep(0.02)


async def read(stream: Events, text: str = "") -> tuple[str, list[str]]:
    """An answer's events to their end: its text put together by the pieces' places, and the events' names."""
    names = []
    while event := await stream.hear():
        names.append(event["event"])
        if event["event"] == "token":
            assert event["index"] == len(text), "each piece once, in order"
            text += event["text"]
        elif event["event"] == "message" and event["message"]["author"]["kind"] == "assistant":
            assert event["message"]["text"].startswith(text)
            text = event["message"]["text"]
    return text, names


async def test_what_is_streamed_by_events_is_what_is_stored(office: Office, model: ModelEnd) -> None:
    model.script(Says([*WHOLE], pause=0.005, role=True))
    session = (await office.site.start()).data
    text, names = await read(await Events(session, "/messages", "POST", body("Where is it?")).open())
    assert text == SHOWN == (await stored(office)).text
    assert (names[:2], names[-2:]) == (["message", "message"], ["message", "done"])
    assert names.count("token") > 1


async def test_two_words_before_the_answer_are_answered_one_after_the_other_and_both_are_waited_for(
    office: Office, model: ModelEnd
) -> None:
    gate = threading.Event()
    model.script(Says(["First."], gates={0: gate}), Says(["Second."]))
    session = (await office.site.start()).data
    first = asyncio.create_task(at_once(office.site.say(session, "One", client_id="one")))

    async def is_asked() -> bool:
        return bool(model.asked)

    await until(is_asked)
    path = f"/sessions/{session['session']['id']}/messages"
    queued = await at_once(
        office.site.call("POST", path, session["session_token"], body("Two", "two"), Prefer="wait=0")
    )
    assert (queued.status_code, queued.data["replies"], queued.data["pending"]) == (201, [], True)
    third = asyncio.create_task(at_once(office.site.say(session, "Three", client_id="three")))

    async def are_all_taken() -> bool:
        return bool(await office.read(lambda: Turn.objects.count() == 3))

    await until(are_all_taken)
    gate.set()
    assert [reply["text"] for reply in (await first).data["replies"]] == ["First."]
    answered = (await third).data
    assert (answered["pending"], answered["replies"][-1]["text"]) == (False, "Second.")
    assert [asked.said for asked in model.asked] == ["One", "Two", "Three"]


async def test_an_answer_that_its_visitor_stops_says_on_the_timeline_what_it_took(
    office: Office, model: ModelEnd
) -> None:
    model.script(Says(["It is ", "on ", "its way."], pause=0.1, gates={2: threading.Event()}))
    session = (await office.site.start()).data
    asking = asyncio.create_task(at_once(office.site.say(session, "Where is it?")))

    async def is_written() -> bool:
        return bool(await office.read(lambda: Message.objects.filter(status="streaming").exists()))

    await until(is_written)
    path = f"/sessions/{session['session']['id']}/stop"
    assert (await at_once(office.site.call("POST", path, session["session_token"], {}))).status_code < 300
    await asking
    [turn] = await office.turns()
    [spending] = await office.read(lambda: list(Spending.objects.all()))
    assert (turn.status, turn.trace["stopped"], turn.trace["model"]) == ("done", "visitor", "test-model")
    assert (turn.trace["tokens_in"], turn.trace["tokens_out"]) == (spending.tokens_in, spending.tokens_out)
    assert spending.tokens_out > 0
    told = dict(thought_words.facts(turn.trace))
    assert f"{spending.tokens_in} read" in told["Tokens"]
    assert "the first words after" in told["Took"]


@pytest.mark.parametrize("as_events", [True, False])
async def test_where_it_can_not_be_written_another_process_answers_and_whoever_waits_is_told(
    office: Office, model: ModelEnd, monkeypatch: pytest.MonkeyPatch, as_events: bool
) -> None:
    begin, failing = writing.begin_text, [True]

    def fails_once(*args: Any) -> Any:
        if failing:
            failing.clear()
            raise OperationalError("the database was away")
        return begin(*args)

    monkeypatch.setattr(writing, "begin_text", fails_once)
    model.script(Says(["It is ", "here."], pause=0.1))
    session = (await office.site.start()).data
    asking: asyncio.Task[Any]
    if as_events:
        asking = asyncio.create_task(read(await Events(session, "/messages", "POST", body("Where is it?")).open()))
    else:
        asking = asyncio.create_task(office.site.say(session, "Where is it?"))

    async def has_failed() -> bool:
        return not failing

    await until(has_failed)
    # The lease of who could not write it ends.
    await office.read(lambda: Turn.objects.update(leased_until=timezone.now()))
    assert await sweeping.sweep() == 1
    if as_events:
        text, names = await asking
        assert (text, names[-1]) == ("It is here.", "done")
    else:
        answer = await asking
        assert (answer.status_code, answer.data["pending"]) == (201, False)
        assert [reply["text"] for reply in answer.data["replies"]] == ["It is here."]
    [turn] = await office.turns()
    assert (turn.status, turn.attempts) == ("done", 2)
    assert await office.read(lambda: Spending.objects.exclude(held_until=None).count()) == 0
