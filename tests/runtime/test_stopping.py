"""Answers that are stopped: by the visitor, by their leaving, by the conversation's end, or with the process."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from django.utils import timezone

from convoship.lib import limiting
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import conversations, live, stopping, sweeping, turns, visits, writing
from deployments.admission import Caller
from deployments.models import Conversation, Message, Turn
from deployments.models.conversation import Stop
from deployments.responders.base import HandOver, Reply, Say, Token, TurnInput
from tests.runtime.conftest import Probe, Site

pytestmark = pytest.mark.asyncio


async def in_site(site: Site, fn: Callable[..., Any], *args: Any) -> Any:
    def run() -> Any:
        with tenant(site.workspace_id):
            return fn(*args)

    return await in_thread(run)


async def messages(site: Site) -> list[Message]:
    return await in_site(site, lambda: list(Message.objects.order_by("seq")))


async def turn_of(site: Site, text: str) -> Turn:
    return await in_site(site, lambda: Turn.objects.get(message__text=text))


async def until(holds: Callable[[], Any], seconds: float = 6) -> Any:
    async with asyncio.timeout(seconds):
        while not (found := await holds()):  # noqa: ASYNC110 (the database rings no bell)
            await asyncio.sleep(0.02)
    return found


class Endless:
    """A responder that says word after word until it is closed; `gap` seconds apart."""

    def __init__(self, probe: Probe, first: tuple[Reply, ...] = (), gap: float = 0.02, words: int = 10_000) -> None:
        self.first, self.gap, self.words = first, gap, words
        self.asked: list[str] = []
        self.said = ""
        self.closed = 0
        probe.script = self.script

    async def script(self, turn: TurnInput) -> AsyncIterator[Reply]:
        self.asked.append(turn.text)
        if turn.text != "go":
            yield Say(f"about {turn.text}")
            return
        try:
            for reply in self.first:
                yield reply
            for number in range(self.words):
                word = f"{number} "
                self.said += word
                yield Token(word)
                await asyncio.sleep(self.gap)
            yield Say("the end")
        finally:
            self.closed += 1


class Talk:
    """A session in which an answer is under way."""

    def __init__(self, site: Site, session: Any) -> None:
        self.site, self.session = site, session
        self.path = f"/sessions/{session['session']['id']}"

    @classmethod
    async def start(cls, site: Site) -> Talk:
        talk = cls(site, (await site.start()).data)
        body = {"client_id": str(uuid.uuid4()), "text": "go"}
        answer = await site.call("POST", f"{talk.path}/messages", talk.session["session_token"], body, Prefer="wait=0")
        assert answer.data["pending"] is True
        return talk

    async def begun(self) -> Message:
        async def written() -> Message | None:
            found = (await messages(self.site))[-1]
            return found if found.status == "streaming" and len(found.text) > 0 else None

        found: Message = await until(written)
        return found

    async def ended(self) -> Turn:
        async def over() -> Turn | None:
            turn = await turn_of(self.site, "go")
            return turn if turn.finished_at else None

        found: Turn = await until(over)
        return found

    async def stop(self, body: Any = None) -> Any:
        return await self.site.call("POST", f"{self.path}/stop", self.session["session_token"], body or {})


async def test_a_visitor_stops_an_answer_and_keeps_what_was_shown(site: Site, probe: Probe) -> None:
    endless = Endless(probe)
    talk = await Talk.start(site)
    message = await talk.begun()
    answer = await talk.stop({"message_id": str(message.id)})
    assert (answer.status_code, answer.data["session"]["status"]) == (200, "active")
    turn = await talk.ended()
    assert (turn.status, turn.reason, turn.trace) == ("done", "Stopped by the visitor.", {"stopped": "visitor"})
    [_, _, stopped] = await messages(site)
    assert (stopped.status, stopped.reason) == ("sent", "Stopped by the visitor.")
    assert endless.said.startswith(stopped.text)
    assert endless.closed == 1, "the responder's request ends with it"
    page = await site.call("GET", f"{talk.path}/messages?rev=0", talk.session["session_token"])
    assert page.data["messages"][-1]["reason"] == "Stopped by the visitor."


async def test_what_was_told_up_to_the_stop_is_what_is_stored(
    site: Site, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, str]] = []
    monkeypatch.setattr(live, "tell_piece", lambda _c, _m, index, text, _within: told.append((index, text)))
    Endless(probe, gap=0.003)
    talk = await Talk.start(site)
    begun = await talk.begun()
    await asyncio.sleep(0.3)  # some more pieces
    await talk.stop()
    await talk.ended()
    stored = (await messages(site))[-1].text
    shown = begun.text[: told[0][0]] + "".join(text for _, text in told)
    assert stored == shown
    assert all(stored[index:].startswith(text) for index, text in told)


async def test_an_answer_is_stopped_before_its_first_word_and_nothing_is_said(site: Site, probe: Probe) -> None:
    asked, closed = asyncio.Event(), asyncio.Event()

    async def thinks(turn: TurnInput) -> AsyncIterator[Reply]:
        try:
            asked.set()
            await asyncio.Event().wait()
            yield Say("never")
        finally:
            closed.set()

    probe.script = thinks
    talk = await Talk.start(site)
    await asked.wait()
    await talk.stop()
    turn = await talk.ended()
    assert (turn.status, turn.trace) == ("done", {"stopped": "visitor"})
    assert closed.is_set()
    assert [message.text for message in await messages(site)] == ["Hello! How can I help you?", "go"]


async def test_what_nobody_had_seen_at_the_stop_is_not_said_or_done(site: Site, probe: Probe) -> None:
    asked = asyncio.Event()

    async def script(turn: TurnInput) -> AsyncIterator[Reply]:
        yield Say("unseen")
        yield HandOver("unwanted")
        asked.set()
        await asyncio.Event().wait()

    probe.script = script
    talk = await Talk.start(site)
    await asked.wait()
    await talk.stop()
    await talk.ended()
    assert [message.text for message in await messages(site)] == ["Hello! How can I help you?", "go"]
    assert (await in_site(site, Conversation.objects.get)).control == "assistant"


async def test_the_next_message_is_answered_after_a_stop(site: Site, probe: Probe) -> None:
    endless = Endless(probe)
    talk = await Talk.start(site)
    await talk.begun()
    await site.call(
        "POST",
        f"{talk.path}/messages",
        talk.session["session_token"],
        {"client_id": "next", "text": "returns"},
        Prefer="wait=0",
    )
    await talk.stop()

    async def answered() -> bool:
        return (await messages(site))[-1].text == "about returns"

    await until(answered)
    assert endless.asked == ["go", "returns"]
    assert (await turn_of(site, "returns")).trace == {}


async def test_a_stop_that_comes_too_late_or_for_another_message_is_harmless(site: Site, probe: Probe) -> None:
    endless = Endless(probe, words=3)
    talk = await Talk.start(site)
    turn = await talk.ended()
    assert (turn.status, turn.reason) == ("done", "")
    before = await messages(site)
    assert (await talk.stop()).status_code == 200
    assert (await talk.stop({"message_id": str(before[2].id)})).status_code == 200
    after = await messages(site)
    assert [(it.rev, it.status, it.reason) for it in after] == [(it.rev, it.status, it.reason) for it in before]
    assert endless.closed == 1
    other = Endless(probe)
    second = await Talk.start(site)
    await in_site(site, lambda: Turn.objects.filter(message__text="go").exclude(id=turn.id).get())
    for wrong in (str(before[2].id), str(uuid.uuid4())):
        assert (await second.stop({"message_id": wrong})).status_code == 200
    await asyncio.sleep(0.2)
    assert other.closed == 0, "only the message that was meant"
    await second.stop()


async def test_nobody_else_stops_an_answer(site: Site, probe: Probe) -> None:
    endless = Endless(probe)
    talk = await Talk.start(site)
    await talk.begun()
    stranger = (await site.start()).data
    for token, status in ((stranger["session_token"], 404), ("cst_nonsense", 401), (None, 401)):
        assert (await site.call("POST", f"{talk.path}/stop", token, {})).status_code == status
    foreign = Site(site.made, origin="https://other.example")
    answer = await foreign.call("POST", f"{talk.path}/stop", talk.session["session_token"], {})
    assert answer.status_code == 403
    assert endless.closed == 0
    await talk.stop()
    await talk.ended()


@pytest.mark.parametrize("body", [{"message_id": "x"}, {"message_id": 5}, [], "x", {"message_id": "a\0b"}])
async def test_a_stop_that_names_no_message_is_refused_with_words(site: Site, probe: Probe, body: Any) -> None:
    session = (await site.start()).data
    path = f"/sessions/{session['session']['id']}/stop"
    answer = await site.call("POST", path, session["session_token"], body)
    assert (answer.status_code, answer.data["code"]) == (422, "invalid")


async def test_two_stops_at_once_stop_it_once(site: Site, probe: Probe) -> None:
    endless = Endless(probe)
    talk = await Talk.start(site)
    await talk.begun()
    head = await in_site(site, Conversation.objects.get)
    await asyncio.gather(*(talk.stop() for _ in range(5)))
    await talk.ended()
    assert (await in_site(site, Conversation.objects.get)).rev == head.rev + 1
    assert endless.closed == 1


async def test_the_mark_alone_stops_an_answer_where_no_bell_is_heard(
    site: Site, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is while Valkey is away, or where the answer is given by a process that no window is on."""
    monkeypatch.setattr(live, "tell_stop", lambda *_: None)
    Endless(probe)
    talk = await Talk.start(site)
    await talk.begun()
    await talk.stop()
    turn = await talk.ended()
    assert turn.trace == {"stopped": "visitor"}
    assert (await messages(site))[-1].reason == "Stopped by the visitor."


async def test_a_stop_whose_writer_is_dead_is_carried_out_by_the_sweeper(site: Site, probe: Probe) -> None:
    endless = Endless(probe)
    session = (await site.start()).data
    claim = await in_thread(take_and_die, site, session)
    await in_site(site, writing.begin_text, claim, [], "half a sen")
    talk = Talk(site, session)
    await talk.stop()
    turn = await turn_of(site, "go")
    assert turn.leased_until is not None
    assert turn.leased_until - timezone.now() <= stopping.TAKEN_OVER_AFTER
    await in_site(site, lambda: Turn.objects.update(leased_until=timezone.now() - dt.timedelta(seconds=1)))
    await sweeping.sweep()
    turn = await turn_of(site, "go")
    assert (turn.status, turn.trace) == ("done", {"stopped": "visitor"})
    assert [(it.text, it.status, it.reason) for it in await messages(site)][2:] == [
        ("half a sen", "sent", "Stopped by the visitor.")
    ]
    assert endless.asked == [], "nobody is asked anew"


def take_and_die(site: Site, session: Any) -> turns.Claim:
    """Take a visitor's message as a process does that is killed before it has answered."""
    visit = visits.resolve(session["session_token"], uuid.UUID(session["session"]["id"]))
    posted = visits.post(visit, Caller(site.origin, "127.0.0.1"), visits.VisitorMessage("a", "go"))
    assert posted.claim is not None
    return posted.claim


async def test_ending_the_conversation_cancels_the_answer_and_those_that_wait(site: Site, probe: Probe) -> None:
    endless = Endless(probe)
    talk = await Talk.start(site)
    await talk.begun()
    body = {"client_id": "next", "text": "returns"}
    await site.call("POST", f"{talk.path}/messages", talk.session["session_token"], body, Prefer="wait=0")
    await site.call("POST", f"{talk.path}/end", talk.session["session_token"], {})
    turn = await talk.ended()
    assert (turn.status, turn.reason) == ("done", "Cut off: the conversation had ended.")

    async def both() -> bool:
        return (await turn_of(site, "returns")).status == "done"

    await until(both)
    assert endless.asked == ["go"]
    assert endless.closed == 1
    [written] = [message for message in await messages(site) if message.text.startswith("0 ")]
    assert (written.status, written.reason) == ("sent", "Cut off: the conversation had ended.")


class Window:
    """A socket or stream as Valkey counts it."""

    def __init__(self, talk: Talk) -> None:
        self.key = str(talk.site.workspace_id), talk.session["session"]["id"], "a window"

    async def open(self) -> None:
        assert await in_thread(limiting.take_socket, *self.key)

    async def close(self) -> None:
        await in_thread(limiting.release_socket, *self.key)


async def test_an_answer_whose_visitor_has_left_is_cut_once_and_says_so(
    site: Site, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "GONE_SECONDS", 0.3)
    monkeypatch.setattr(writing, "SAVE_EVERY_SECONDS", 0.1)
    endless = Endless(probe)
    talk = await Talk.start(site)
    window = Window(talk)
    await window.open()
    await talk.begun()
    await asyncio.sleep(0.5)
    assert endless.closed == 0, "while somebody looks on it goes on"
    await window.close()
    turn = await talk.ended()
    assert (turn.status, turn.reason) == ("done", "Cut off: the visitor had left.")
    assert turn.trace == {"stopped": "left"}
    assert endless.closed == 1
    assert [it.reason for it in await messages(site)][2:] == ["Cut off: the visitor had left."]


async def test_a_visitor_who_comes_back_in_time_has_not_left(
    site: Site, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "GONE_SECONDS", 0.6)
    monkeypatch.setattr(writing, "SAVE_EVERY_SECONDS", 0.05)
    endless = Endless(probe)
    talk = await Talk.start(site)
    window = Window(talk)
    for _ in range(4):
        await window.open()
        await asyncio.sleep(0.2)
        await window.close()
        await asyncio.sleep(0.25)
    assert endless.closed == 0
    await talk.stop()
    await talk.ended()


async def test_who_asks_by_http_alone_never_left(site: Site, probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "GONE_SECONDS", 0.1)
    monkeypatch.setattr(writing, "SAVE_EVERY_SECONDS", 0.05)
    Endless(probe, words=40)
    talk = await Talk.start(site)
    turn = await talk.ended()
    assert (turn.reason, (await messages(site))[-1].text) == ("", "the end")


async def test_while_nobody_can_say_who_is_there_nobody_has_left(
    site: Site, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "GONE_SECONDS", 0.1)
    monkeypatch.setattr(writing, "SAVE_EVERY_SECONDS", 0.05)
    Endless(probe, words=40)
    talk = await Talk.start(site)
    window = Window(talk)
    await window.open()
    await talk.begun()

    def away(*_: object) -> None:
        raise redis.ConnectionError("away")

    monkeypatch.setattr(limiting._counter().client, "zcount", away)
    await window.close()
    assert (await talk.ended()).reason == ""
    assert django_settings.REDIS_URL


async def test_a_process_that_ends_cuts_its_answer_and_another_gives_it_anew(site: Site, probe: Probe) -> None:
    endless = Endless(probe)
    talk = await Talk.start(site)
    await talk.begun()
    await turns.let_go_all()
    assert endless.closed == 1
    turn = await turn_of(site, "go")
    assert turn.status == "running"
    cut = (await messages(site))[-1]
    assert (cut.status, cut.reason) == ("failed", writing.CUT)
    endless.words = 2
    await sweeping.sweep()
    turn = await turn_of(site, "go")
    assert (turn.status, turn.attempts) == ("done", 2)
    assert [(it.text, it.status) for it in await messages(site)][2:] == [
        (cut.text, "failed"),
        ("0 1 ", "sent"),
        ("the end", "sent"),
    ]


async def test_a_half_text_is_marked_as_cut_as_soon_as_its_turn_is_claimed_anew(site: Site, probe: Probe) -> None:
    session = (await site.start()).data
    claim = await in_thread(take_and_die, site, session)
    await in_site(site, writing.begin_text, claim, [], "half a sen")
    await in_site(site, lambda: Turn.objects.update(leased_until=timezone.now() - dt.timedelta(seconds=1)))
    assert await in_site(site, turns.claim_due, claim.conversation_id) is not None
    assert [(it.text, it.status) for it in await messages(site)][2:] == [("half a sen", "failed")]


async def test_a_text_that_can_t_be_kept_for_a_moment_goes_on(
    site: Site, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "SAVE_EVERY_SECONDS", 0.05)
    tries = 0

    def fails(*_: object) -> str:
        nonlocal tries
        tries += 1
        raise RuntimeError("the database is away")

    monkeypatch.setattr(writing, "keep", fails)
    Endless(probe, words=20)
    talk = await Talk.start(site)
    turn = await talk.ended()
    assert tries > 0
    assert turn.status == "done"
    assert (await messages(site))[-2].text == "".join(f"{number} " for number in range(20))


async def test_a_stop_on_a_finished_turn_is_no_mark(site: Site, probe: Probe) -> None:
    Endless(probe, words=1)
    talk = await Talk.start(site)
    await talk.ended()
    conversation_id = uuid.UUID(talk.session["session"]["conversation_id"])
    wanted = await in_site(site, lambda: stopping.want(conversations.lock(conversation_id), Stop.VISITOR))
    assert wanted is False
