"""Answers given by a process of their own: found by a ring or without one, stopped, followed, and given anyway."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from django.test import AsyncClient
from django.utils import timezone

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import answer_bell, answerer_beats, left_answers, live, turns, visits
from deployments.answer_bell import Ring
from deployments.answerer import Answerer
from deployments.models import AnswererBeat, Message, Turn
from deployments.responders.base import Reply, Say, Token, TurnInput
from tests.runtime.conftest import Probe, Site

pytestmark = pytest.mark.asyncio


@pytest.fixture(autouse=True)
async def apart(settings: Any, transactional_db: None) -> AsyncIterator[None]:
    """Answers are left to processes of their own; no ring is left of an earlier test."""
    settings.ANSWER_PROCESSES = 1
    answer_bell._client(settings.REDIS_URL).delete(answer_bell.KEY)
    yield
    await live.Hub.get().close()


@asynccontextmanager
async def answering() -> AsyncIterator[Answerer]:
    """A process that answers; here it is a task."""
    found = Answerer()
    task = asyncio.create_task(found.run())
    try:
        yield found
    finally:
        found.end()
        await task


async def in_site(site: Site, fn: Callable[..., Any]) -> Any:
    def run() -> Any:
        with tenant(site.workspace_id):
            return fn()

    return await in_thread(run)


async def until(holds: Callable[[], Any], seconds: float = 15) -> Any:
    async with asyncio.timeout(seconds):
        while not (found := await holds()):  # noqa: ASYNC110 (the database rings no bell)
            await asyncio.sleep(0.02)
    return found


async def turn_of(site: Site) -> Turn:
    return await in_site(site, lambda: Turn.objects.order_by("seq").last())


async def says_whole(turn: TurnInput) -> AsyncIterator[Reply]:
    """An answer that waits for nothing."""
    yield Say(f"about {turn.text}")


async def test_who_asks_gets_the_answer_that_another_process_gives(site: Site, probe: Probe) -> None:
    probe.script = says_whole
    session = (await site.start()).data
    async with answering():
        answer = await site.say(session, "parcels")
        assert [reply["text"] for reply in answer.data["replies"]] == ["about parcels"]
        assert (answer.status_code, answer.data["pending"]) == (201, False)
        again = await site.say(session, "refunds")
        assert [reply["text"] for reply in again.data["replies"]] == ["about refunds"]
    turn = await turn_of(site)
    assert (turn.status, turn.attempts) == ("done", 1)


async def test_a_stream_of_events_tells_it_as_it_comes(site: Site, probe: Probe) -> None:
    async def words(turn: TurnInput) -> AsyncIterator[Reply]:
        for number in range(8):
            yield Token(f"word{number} ")
            await asyncio.sleep(0.1)

    probe.script = words
    session = (await site.start()).data
    async with answering():
        answer: Any = await AsyncClient().post(
            f"/v1/public/runtime/sessions/{session['session']['id']}/messages",
            {"client_id": str(uuid.uuid4()), "text": "go"},
            content_type="application/json",
            headers={
                "Origin": str(site.origin),
                "Authorization": f"Bearer {session['session_token']}",
                "Accept": "text/event-stream",
            },
        )
        body = b"".join([piece async for piece in answer.streaming_content]).decode()
        await answer.leave()
    events = [part.partition("\n")[0] for part in body.split("\n\n") if part]
    assert (events[0], events[-1]) == ("event: message", "event: done")
    assert events.count("event: token") > 1
    assert "".join(f"word{number} " for number in range(8)).strip() in body


async def test_a_turn_that_nobody_rang_for_is_found(site: Site, probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_bell, "ring", lambda told: None)
    probe.script = says_whole
    session = (await site.start()).data
    async with answering():
        answer = await site.say(session, "lost")
        assert [reply["text"] for reply in answer.data["replies"]] == ["about lost"]


async def test_rings_that_ring_twice_or_too_late_give_one_answer(site: Site, probe: Probe) -> None:
    probe.script = says_whole
    session = (await site.start()).data
    async with answering():
        await site.say(session, "once")
        for _ in range(3):
            conversation_id = uuid.UUID(session["session"]["conversation_id"])
            await in_thread(answer_bell.ring, Ring(site.workspace_id, conversation_id))
        await site.say(session, "twice")
    said = await in_site(site, lambda: list(Message.objects.order_by("seq").values_list("text", flat=True)))
    assert said[1:] == ["once", "about once", "twice", "about twice"]


async def test_a_stop_that_comes_by_another_process_ends_it(site: Site, probe: Probe) -> None:
    async def endless(turn: TurnInput) -> AsyncIterator[Reply]:
        while True:
            yield Token("word ")
            await asyncio.sleep(0.02)

    probe.script = endless
    session = (await site.start()).data
    path = f"/sessions/{session['session']['id']}"
    async with answering():
        body = {"client_id": "a", "text": "go"}
        await site.call("POST", f"{path}/messages", session["session_token"], body, Prefer="wait=0")
        await until(lambda: in_site(site, lambda: Message.objects.filter(status="streaming").exists()))
        await site.call("POST", f"{path}/stop", session["session_token"], {})
        await until(lambda: in_site(site, lambda: Turn.objects.filter(status="done").exists()))
    turn = await turn_of(site)
    assert (turn.reason, turn.stop) == ("Stopped by the visitor.", "visitor")


async def test_where_nobody_lives_that_would_the_web_process_answers_after_a_moment(
    site: Site, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(left_answers, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(left_answers, "LOOK_EVERY_SECONDS", 0.05)
    probe.script = says_whole
    session = (await site.start()).data
    answer = await site.say(session, "anybody")
    assert [reply["text"] for reply in answer.data["replies"]] == ["about anybody"]


async def test_where_one_lives_the_web_process_leaves_it_alone(
    site: Site, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(left_answers, "PATIENCE_SECONDS", 0.1)
    probe.script = says_whole
    await in_thread(answerer_beats.note, uuid.uuid4())
    session = (await site.start()).data
    body = {"client_id": "a", "text": "go"}
    path = f"/sessions/{session['session']['id']}/messages"
    await site.call("POST", path, session["session_token"], body, Prefer="wait=0")
    left = left_answers.LeftAnswers.get()
    assert len(left.waiting) == 1
    await asyncio.sleep(0.15)
    await left.look()
    assert not left.waiting
    turn = await turn_of(site)
    assert (turn.status, turn.attempts, turn.leased_until) == ("queued", 0, None)


async def test_readyz_says_in_words_whether_anybody_gives_answers(site: Site) -> None:
    async def told() -> str:
        answer = await AsyncClient().get("/readyz")
        return str(answer.json()["answers"])

    assert await told() == "none is running, web servers give answers in their place"
    async with answering():
        await until(lambda: in_thread(AnswererBeat.objects.exists))
        assert await told() == "ok"
        long_ago = timezone.now() - dt.timedelta(minutes=1)
        await in_thread(lambda: AnswererBeat.objects.update(looked_at=long_ago))
        assert await told() != "ok"
    assert not await in_thread(AnswererBeat.objects.exists), "who ends as it should is no longer counted"


async def test_what_a_process_that_ends_had_under_way_is_another_one_s_at_once(site: Site, probe: Probe) -> None:
    attempts: list[str] = []

    async def hangs_once(turn: TurnInput) -> AsyncIterator[Reply]:
        attempts.append(turn.text)
        yield Token("so far ")
        if len(attempts) == 1:
            await asyncio.Event().wait()

    probe.script = hangs_once
    session = (await site.start()).data
    path = f"/sessions/{session['session']['id']}/messages"
    async with answering():
        body = {"client_id": "a", "text": "go"}
        await site.call("POST", path, session["session_token"], body, Prefer="wait=0")
        await until(lambda: in_site(site, lambda: Message.objects.filter(status="streaming").exists()))
    async with answering():
        await until(lambda: in_site(site, lambda: Turn.objects.filter(status="done").exists()))
    rows = await in_site(site, lambda: list(Message.objects.order_by("seq")))
    assert [(row.text, row.status) for row in rows[2:]] == [("so far ", "failed"), ("so far ", "sent")]
    assert attempts == ["go", "go"]


async def test_what_one_that_was_killed_left_is_found_once_its_lease_is_over(site: Site, probe: Probe) -> None:
    probe.script = says_whole
    session = (await site.start()).data
    visit = await in_thread(visits.resolve, session["session_token"], uuid.UUID(session["session"]["id"]))
    body = {"client_id": "a", "text": "go"}
    path = f"/sessions/{session['session']['id']}/messages"
    await site.call("POST", path, session["session_token"], body, Prefer="wait=0")
    claim = await in_site(site, lambda: turns.claim_due(visit.conversation_id))
    assert claim is not None
    async with answering():
        ago = timezone.now() - dt.timedelta(seconds=1)
        await in_site(site, lambda: Turn.objects.update(leased_until=ago))
        await until(lambda: in_site(site, lambda: Turn.objects.filter(status="done", attempts=2).exists()))
    rows = await in_site(site, lambda: list(Message.objects.order_by("seq")))
    assert [row.text for row in rows[1:]] == ["go", "about go"]
