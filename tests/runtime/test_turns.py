"""Turns: streamed answers, failures that show, and turns whose process died."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.utils import timezone

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import conversations, handoff, member_mails, sweeping, turns, visits, writing
from deployments.admission import Caller
from deployments.models import Conversation, Handoff, Message, Turn
from deployments.responders import answering
from deployments.responders.base import End, EndOfText, HandOver, Remember, Reply, ResponderError, Say, Token, TurnInput
from tests.runtime.conftest import Probe, Site

pytestmark = pytest.mark.asyncio


async def in_site(site: Site, fn: Callable[..., Any], *args: Any) -> Any:
    def run() -> Any:
        with tenant(site.workspace_id):
            return fn(*args)

    return await in_thread(run)


async def messages(site: Site) -> list[Message]:
    return await in_site(site, lambda: list(Message.objects.order_by("seq")))


async def only_turn(site: Site) -> Turn:
    return await in_site(site, Turn.objects.get)


async def test_whole_messages_state_and_end_come_in_one_change(site: Site, probe: Probe) -> None:
    async def script(turn: TurnInput) -> AsyncIterator[Reply]:
        yield Say("one")
        yield Say("two", ({"type": "buttons", "buttons": []},))
        yield Remember({"step": 2})
        yield End("All said.")

    probe.script = script
    session = (await site.start()).data
    answer = await site.say(session, "go")
    assert [reply["text"] for reply in answer.data["replies"]] == ["one", "two"]
    conversation = await in_site(site, Conversation.objects.get)
    assert (conversation.status, conversation.ended_reason) == ("completed", "All said.")
    assert conversation.flow_state == {"step": 2}


async def test_a_streamed_answer_is_kept_while_it_is_written_and_told_as_one_message(site: Site, probe: Probe) -> None:
    go_on = asyncio.Event()

    async def script(turn: TurnInput) -> AsyncIterator[Reply]:
        yield Say("first")
        for piece in ("Once ", "upon ", "a time"):
            yield Token(piece)
        await go_on.wait()
        yield Token(".")
        yield EndOfText(({"type": "buttons", "buttons": []},))

    probe.script = script
    session = (await site.start()).data
    answer = await site.call(
        "POST",
        f"/sessions/{session['session']['id']}/messages",
        session["session_token"],
        {"client_id": "a", "text": "go"},
        Prefer="wait=1",
    )
    assert answer.data["pending"] is True
    rows = await messages(site)
    assert [(row.text[:5], row.status) for row in rows[2:]] == [("first", "sent"), ("Once ", "streaming")]
    go_on.set()
    for _ in range(100):
        rows = await messages(site)
        if rows[-1].status == "sent":
            break
        await asyncio.sleep(0.02)
    assert (rows[-1].text, rows[-1].status) == ("Once upon a time.", "sent")
    assert rows[-1].rev == rows[-1].seq + 1, "finishing a text is one change"
    assert rows[-1].blocks == [{"type": "buttons", "buttons": []}]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ResponderError("The model is away.", "Check the key."), "The model is away. Check the key."),
        (RuntimeError("secret detail"), "The assistant broke while answering. The error has been logged."),
    ],
)
async def test_a_turn_that_fails_says_so_in_the_conversation_and_why_to_its_owner(
    site: Site, probe: Probe, error: Exception, words: str
) -> None:
    async def script(turn: TurnInput) -> AsyncIterator[Reply]:
        raise error
        yield

    probe.script = script
    session = (await site.start()).data
    answer = await site.say(session, "go")
    [notice] = answer.data["replies"]
    assert (notice["author"]["kind"], notice["status"]) == ("system", "failed")
    turn = await only_turn(site)
    assert (turn.status, turn.reason) == ("failed", words)
    assert "secret detail" not in str(answer.content)


async def test_a_responder_that_does_not_come_back_is_given_up(
    site: Site, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def script(turn: TurnInput) -> AsyncIterator[Reply]:
        yield Token("I am thinking")
        await asyncio.Event().wait()

    monkeypatch.setattr(answering, "THINKING_SECONDS", 0.2)
    probe.script = script
    session = (await site.start()).data
    await site.say(session, "go")
    rows = await messages(site)
    assert [(row.author_kind, row.status) for row in rows[2:]] == [("assistant", "failed"), ("system", "failed")]
    assert (await only_turn(site)).status == "failed"


async def test_messages_sent_while_an_answer_is_written_are_answered_in_order(site: Site, probe: Probe) -> None:
    order: list[str] = []

    async def script(turn: TurnInput) -> AsyncIterator[Reply]:
        order.append(turn.text)
        await asyncio.sleep(0.05)
        yield Say(f"about {turn.text}")

    probe.script = script
    session = (await site.start()).data
    await asyncio.gather(*(site.say(session, f"{number}") for number in range(5)))
    for _ in range(100):
        rows = await messages(site)
        if len(rows) == 11:
            break
        await asyncio.sleep(0.02)
    said = [row.text for row in rows if row.author_kind == "visitor"]
    assert order == said
    assert [row.text for row in rows if row.author_kind == "assistant"][1:] == [f"about {text}" for text in said]


def post_and_die(site: Site, session: Any) -> turns.Claim:
    """Take a visitor's message as a process does that is killed before it has answered."""
    visit = visits.resolve(session["session_token"], uuid.UUID(session["session"]["id"]))
    posted = visits.post(visit, Caller(site.origin, "127.0.0.1"), visits.VisitorMessage("a", "go"))
    assert posted.claim is not None
    return posted.claim


async def let_the_lease_end(site: Site) -> None:
    await in_site(site, lambda: Turn.objects.update(leased_until=timezone.now() - dt.timedelta(seconds=1)))


async def test_a_turn_whose_process_died_is_finished_by_the_sweeper(site: Site, probe: Probe) -> None:
    async def script(turn: TurnInput) -> AsyncIterator[Reply]:
        yield Say("whole")

    probe.script = script
    session = (await site.start()).data
    claim = await in_thread(post_and_die, site, session)
    await in_site(site, writing.begin_text, claim, [], "half a sen")
    assert (await only_turn(site)).status == "running"
    assert await sweeping.sweep() == 0, "the lease still runs"
    await let_the_lease_end(site)
    await sweeping.sweep()
    turn = await only_turn(site)
    assert (turn.status, turn.attempts) == ("done", 2)
    rows = await messages(site)
    assert (rows[-1].text, rows[-1].status) == ("whole", "sent")
    assert [row.status for row in rows if row.text == "half a sen"] == ["failed"], "the cut text is marked as cut"


async def test_turns_whose_process_died_do_not_wait_for_each_other(site: Site, probe: Probe) -> None:
    began: set[str] = set()
    all_began = asyncio.Event()

    async def waits_for_the_others(turn: TurnInput) -> AsyncIterator[Reply]:
        began.add(turn.conversation_id)
        if len(began) == 3:
            all_began.set()
        async with asyncio.timeout(5):
            await all_began.wait()
        yield Say("whole")

    probe.script = waits_for_the_others
    for _ in range(3):
        await in_thread(post_and_die, site, (await site.start()).data)
    await let_the_lease_end(site)
    assert await sweeping.sweep() == 3
    ended = await in_site(site, lambda: list(Turn.objects.values_list("status", "attempts")))
    assert ended == [("done", 2)] * 3


async def test_a_turn_that_dies_every_time_fails_visibly(site: Site, probe: Probe) -> None:
    session = (await site.start()).data
    claim = await in_thread(post_and_die, site, session)
    for _ in range(turns.MOST_ATTEMPTS - 1):
        await let_the_lease_end(site)
        assert await in_site(site, turns.claim_due, claim.conversation_id) is not None
    await let_the_lease_end(site)
    await sweeping.sweep()
    turn = await only_turn(site)
    assert turn.status == "failed"
    assert "3 attempts" in turn.reason
    assert (await messages(site))[-1].author_kind == "system"


async def test_an_owner_that_overslept_its_lease_writes_nothing(site: Site, probe: Probe) -> None:
    asleep, wake = asyncio.Event(), asyncio.Event()

    async def sleeps(turn: TurnInput) -> AsyncIterator[Reply]:
        if not asleep.is_set():
            asleep.set()
            await wake.wait()
            yield Say("too late")
        else:
            yield Say("in time")

    probe.script = sleeps
    session = (await site.start()).data
    saying = asyncio.create_task(site.say(session, "go"))
    await asleep.wait()
    await in_site(site, lambda: Turn.objects.update(leased_until=timezone.now() - dt.timedelta(seconds=1)))
    await sweeping.sweep()
    wake.set()
    await saying
    texts = [row.text for row in await messages(site)]
    assert "in time" in texts
    assert "too late" not in texts


async def test_an_answer_that_comes_after_a_person_took_over_is_dropped(site: Site, probe: Probe) -> None:
    asked, taken = asyncio.Event(), asyncio.Event()

    async def script(turn: TurnInput) -> AsyncIterator[Reply]:
        asked.set()
        await taken.wait()
        yield Say("from the assistant")

    probe.script = script
    session = (await site.start()).data
    saying = asyncio.create_task(site.say(session, "go"))
    await asked.wait()
    conversation_id = (await in_site(site, Conversation.objects.get)).id
    await in_site(site, lambda: handoff.request(conversations.lock(conversation_id), "asked"))
    taken.set()
    await saying
    assert "from the assistant" not in [row.text for row in await messages(site)]
    assert (await only_turn(site)).status == "done"


async def test_a_hand_over_mails_the_members_once_and_ends_after_five_minutes(site: Site, probe: Probe) -> None:
    async def script(turn: TurnInput) -> AsyncIterator[Reply]:
        yield Say("One moment.")
        yield HandOver("The visitor is upset.")

    probe.script = script
    session = (await site.start()).data
    answer = await site.say(session, "go")
    assert [reply["author"]["kind"] for reply in answer.data["replies"]] == ["assistant", "system"]
    await sweeping.sweep()
    assert not mail.outbox
    await in_thread(sweeping.sweep_mails)
    await in_thread(sweeping.sweep_mails)
    [sent] = mail.outbox
    assert "Reason: “The visitor is upset.”" in sent.body
    assert "Their last words: “go”" in sent.body
    assert f"/app/conversations/{session['session']['conversation_id']}/" in sent.body
    conversation = await in_site(site, Conversation.objects.get)
    assert conversation.control == "waiting"
    with time_machine.travel(timezone.now() + dt.timedelta(seconds=299)):
        await in_site(site, lambda: handoff.overdue(conversations.lock(conversation.id)))
    assert (await in_site(site, Conversation.objects.get)).control == "waiting"
    a_moment_ago = timezone.now() - dt.timedelta(seconds=1)
    await in_site(site, lambda: Handoff.objects.update(due_at=a_moment_ago, wait_until=a_moment_ago))
    await sweeping.sweep()
    conversation = await in_site(site, Conversation.objects.get)
    assert conversation.control == "assistant"
    assert (await messages(site))[-1].text.startswith("Nobody is free right now")


async def test_a_mail_that_did_not_leave_is_sent_again(
    site: Site, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def script(turn: TurnInput) -> AsyncIterator[Reply]:
        yield HandOver("The visitor is upset.")

    def dies(*_: object) -> None:
        assert not connection.in_atomic_block
        raise RuntimeError("stopped while mailing")

    probe.script = script
    await site.say((await site.start()).data, "go")
    with monkeypatch.context() as patch:
        patch.setattr(member_mails, "send_mail", dies)
        assert await in_thread(sweeping.sweep_mails) == 1
    assert (await in_site(site, Conversation.objects.get)).members_told_at is None
    assert await in_thread(sweeping.sweep_mails) == 0, "the lease still runs"
    await in_site(site, lambda: Conversation.objects.update(telling_until=timezone.now() - dt.timedelta(seconds=1)))
    await asyncio.gather(in_thread(sweeping.sweep_mails), in_thread(sweeping.sweep_mails))
    assert len(mail.outbox) == 1
    assert (await in_site(site, Conversation.objects.get)).members_told_at is not None


async def test_a_conversation_that_went_quiet_is_abandoned(site: Site, probe: Probe) -> None:
    await site.start()
    long_ago = timezone.now() - dt.timedelta(hours=25)
    await in_site(site, lambda: Conversation.objects.update(last_activity_at=long_ago))
    await sweeping.sweep()
    conversation = await in_site(site, Conversation.objects.get)
    assert (conversation.status, bool(conversation.ended_at)) == ("abandoned", True)


async def test_a_conversation_an_hour_old_is_left_alone(site: Site, probe: Probe) -> None:
    await site.start()
    with time_machine.travel(timezone.now() + dt.timedelta(hours=1)):
        await sweeping.sweep()
    assert (await in_site(site, Conversation.objects.get)).status == "active"
