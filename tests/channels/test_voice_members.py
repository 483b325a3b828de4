"""Members and calls: a member is rung, presses 1 and talks; or types, and is spoken."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from channels_app import spending
from channels_app.models import MemberTelephone
from channels_app.voice import member_calls
from convoship.lib.problems import Problem
from convoship.lib.threads import in_thread
from deployments import conversations, handoff
from deployments.models import Handoff
from deployments.models.handoff import HandoffState
from tests import factories
from tests.channels.callers import Line, Told
from tests.channels.put_through import COLD, People, query_of
from tests.channels.test_voice_transfer import led, setup, unheard
from workspaces.models import User

pytestmark = pytest.mark.asyncio

OWN = "+14155550144"


@pytest.fixture
def people(line: Line) -> People:
    return People(line)


async def waiting(people: People) -> tuple[User, Told]:
    """Olga is on duty, and somebody waits for her."""
    await setup(people, {})
    olga = await people.member()
    return olga, await people.ask()


async def take(people: People, olga: User, number: str = OWN) -> None:
    talk = await people.talk()

    def run() -> None:
        row = conversations.lock(talk.id)
        member_calls.take(factories.actor(people.line.workspace), olga, row, number)

    await people.line.inside(run)


async def rung(people: People) -> Told:
    """The worker leads the call to where Olga is rung."""
    [url] = await led(people)
    return await people.line.ask(url)


async def test_a_member_is_rung_and_takes_the_call_with_a_key(people: People) -> None:
    olga, queued = await waiting(people)
    await people.round(queued)
    await take(people, olga)
    case = await people.case()
    assert (case.state, case.holder_id) == (HandoffState.ACCEPTED, olga.id)
    dialled = await rung(people)
    assert dialled.words.startswith("Olga will be with you in a moment.")
    assert dialled.verb("Number").text == OWN
    heard = await people.pick_up(dialled)
    assert (await people.press(heard, "1")).verbs == []
    case = await people.case()
    assert (case.state, case.holder_id, case.due_at) == (HandoffState.LIVE, olga.id, None)
    await people.done(dialled, "completed", DialCallDuration="61")
    call, case = await people.line.call(), await people.case()
    assert (call.outcome, call.conversation.status, case.outcome) == ("transferred", "completed", "resolved")
    assert await unheard(people) == []
    assert await people.line.inside(lambda: MemberTelephone.objects.get(member=olga).number) == OWN


async def test_a_member_who_is_not_reached_leaves_the_caller_waiting_for_the_others(people: People) -> None:
    olga, _ = await waiting(people)
    await take(people, olga)
    queued = await people.done(await rung(people), "busy")
    assert queued.words.startswith("Olga can't answer right now. I've asked the others.")
    assert queued.has("Enqueue")
    case = await people.case()
    assert (case.state, case.desk) == (HandoffState.OFFERED, "inbox")
    assert case.tried[-1]["words"].startswith("Olga, by telephone: The line was busy.")


async def test_a_member_takes_a_call_from_the_assistant(people: People) -> None:
    await setup(people, COLD)
    olga = await people.member()
    await people.line.ring()
    await take(people, olga)
    dialled = await rung(people)
    assert [node.text for node in dialled.root.iter("Number")] == [OWN]
    await people.press(await people.pick_up(dialled), "1")
    assert (await people.talk()).control == "human"


async def test_pressing_the_button_twice_rings_once(people: People) -> None:
    olga, _ = await waiting(people)
    await take(people, olga)
    await take(people, olga)
    assert len(await people.transfers()) == 1


async def test_a_member_who_mends_their_number_is_rung_at_the_new_one(people: People) -> None:
    olga, queued = await waiting(people)
    await people.round(queued)
    await take(people, olga, "+14155550145")
    assert (await rung(people)).verb("Number").text == "+14155550145"
    await take(people, olga)
    dialled = await rung(people)
    assert dialled.verb("Number").text == OWN
    first, second = await people.transfers()
    assert (first.state, second.to, second.ended_at) == ("ended", OWN, None)
    # Once they talk, the button changes nothing.
    await people.press(await people.pick_up(dialled), "1")
    await take(people, olga, "+14155550145")
    assert len(await people.transfers()) == 2


@pytest.mark.parametrize("bound", ["RINGS", "RINGS_OF_ALL"])
async def test_members_telephones_are_rung_so_often_an_hour(
    people: People, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(spending, bound, 1)
    olga, queued = await waiting(people)
    await people.round(queued)
    await take(people, olga)
    await people.done(await rung(people), "busy")
    with pytest.raises(Problem) as refused:
        await take(people, olga, OWN if bound == "RINGS" else "+14155550145")
    assert "the limit" in refused.value.errors["number"][0]
    assert len(await people.transfers()) == 1


@pytest.mark.parametrize("number", ["+19005551234", "+4930901820", "12", "+14155552671"])
async def test_a_number_that_may_not_be_rung_is_refused_where_it_is_typed(people: People, number: str) -> None:
    olga, _ = await waiting(people)
    with pytest.raises(Problem) as refused:
        await take(people, olga, number)
    assert "number" in refused.value.errors
    assert await people.transfers() == []


async def test_a_call_that_is_over_can_not_be_taken(people: People) -> None:
    olga, _ = await waiting(people)
    await people.line.hang_up()
    with pytest.raises(Problem) as refused:
        await take(people, olga)
    assert refused.value.code in {"conflict", "conversation_ended"}


async def test_what_a_member_types_is_spoken_and_what_the_caller_says_stands_in_the_conversation(
    people: People,
) -> None:
    olga, _ = await waiting(people)
    talk = await people.talk()

    def act(fn: Any) -> Any:
        return people.line.inside(lambda: fn(conversations.lock(talk.id)))

    await act(lambda row: handoff.join(factories.actor(people.line.workspace), olga, row))
    [url] = await led(people)
    talking = await people.line.ask(url)
    assert "Olga is with you now." in talking.words
    assert talking.has("Gather")
    await act(lambda row: handoff.reply(factories.actor(people.line.workspace), olga, row, "Which model is it?", None))
    asked = await people.line.silence(talking)
    assert asked.words == "Which model is it?"
    answered = await people.line.speak(asked, "K two")
    assert await people.lines("visitor") == ["a human please", "K two"]
    assert (await people.case()).unanswered_since is not None
    # The same request again says the same, and posts nothing twice.
    again = await people.line.speak(asked, "K two")
    assert again.raw == answered.raw
    assert await people.lines("visitor") == ["a human please", "K two"]
    said = ""
    for _ in range(7):
        answered = await people.line.silence(answered)
        said += answered.words
    assert said == "Please stay on the line. You will hear the answer in a moment."
    assert int(query_of(answered.listens_at)["turn"]) >= 3


async def test_a_member_who_gives_it_back_gives_the_caller_back(people: People) -> None:
    olga, queued = await waiting(people)
    talk = await people.talk()
    who = factories.actor
    await people.line.inside(lambda: handoff.join(who(people.line.workspace), olga, conversations.lock(talk.id)))
    [url] = await led(people)
    talking = await people.line.ask(url)
    await people.line.inside(
        lambda: handoff.give_back(who(people.line.workspace), conversations.lock(talk.id), "Sent one.")
    )
    back = await people.line.silence(talking)
    assert back.words.startswith("I am back with you.")
    assert "/turn?" in back.listens_at
    assert (await people.talk()).control == "assistant"
    assert queued.has("Enqueue")


async def test_a_member_who_goes_away_in_the_middle_is_missed(people: People) -> None:
    from deployments import sweeping

    olga, _ = await waiting(people)
    await take(people, olga)
    talk = await people.talk()
    await people.line.inside(lambda: Handoff.objects.update(due_at=timezone.now()))
    await in_thread(sweeping.go_on, people.line.workspace.id, talk.id)
    case = await people.case()
    assert case.tried[-1]["words"] == "Olga did not come."
    [url] = await led(people)
    assert (await people.line.ask(url)).has("Enqueue")
