"""Calls over Twilio, sentence by sentence: what a caller hears, and what is left of the call."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.db import OperationalError
from django.test import AsyncClient
from django.utils import timezone

from channels_app.models import Call, CallSpeech, CallTransfer, CallTurn, Connection, Delivery, InboundEvent
from channels_app.voice import answering, faults, gather, record, taking
from channels_app.voice import told as told_calls
from convoship.lib import rows
from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import blocking, calls, conversations, people
from deployments.models import AssistantVersion, Conversation, Identity, Message, Turn
from deployments.responders import base
from deployments.responders.base import End, HandOver, Reply, Say, TurnInput
from tests import factories
from tests.channels import twilio_end
from tests.channels.callers import Line, make_line, new_sid, told, turn_of
from tests.channels.gateway import Probe, came_to
from tests.channels.put_through import People
from tests.channels.twilio_end import PERSON, TwilioEnd

pytestmark = pytest.mark.asyncio

# What breaks out of XML or of TwiML where it is not escaped, and what XML can't hold.
NASTY = "</Say><Hangup/><Say> & \" ' <![CDATA[ ]]> \x00\x07\x1b \ud800 <Dial>+1900</Dial>"


def answered_by(
    line: Line, monkeypatch: pytest.MonkeyPatch, *replies: Reply, after: asyncio.Event | None = None
) -> Probe:
    """Let a responder answer that takes its time: until `after` is set."""
    probe = Probe()

    async def script(turn: TurnInput) -> AsyncIterator[Reply]:
        if after is not None:
            await after.wait()
        for reply in replies:
            yield reply

    probe.script = script
    monkeypatch.setitem(base._responders, "probe", probe)
    return probe


async def use_probe(line: Line) -> None:
    def run() -> None:
        assistant = Connection.objects.select_related("assistant").get(id=line.connection.id).assistant
        assert assistant is not None
        content = {"name": "Probe", "responder": "probe", "probe": {}}
        assistant.published = AssistantVersion.objects.create(assistant=assistant, number=99, content=content)
        assistant.save()

    await line.inside(run)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers who wait for hundredths of a second."""
    monkeypatch.setattr(gather, "ANSWER_WITHIN", 0.05)
    monkeypatch.setattr(gather, "WAIT_SECONDS", 0.1)


# --- What a caller hears ----------------------------------------------------------------------------------------------


async def test_a_caller_is_greeted_answered_and_remembered(line: Line) -> None:
    greeted = await line.ring()
    assert greeted.words
    assert turn_of(greeted.listens_at) == 1
    listening = greeted.verb("Gather").attrib
    assert (listening["input"], listening["actionOnEmptyResult"], listening["bargeIn"]) == (
        "speech dtmf",
        "true",
        "true",
    )
    assert (listening["language"], listening["speechTimeout"], listening["timeout"]) == ("en-US", "auto", "5")
    answered = await line.speak(greeted, "hello")
    assert answered.words
    assert turn_of(answered.listens_at) == 2
    await line.hang_up()
    call = await line.call()
    assert (call.state, call.outcome, call.seconds) == ("ended", "hung_up", 42)
    assert (call.conversation.status, call.conversation.channel) == ("abandoned", "voice")
    said = await line.messages()
    assert [message.author_kind for message in said].count("visitor") == 1
    assert {message.status for message in said if message.author_kind == "assistant"} == {"delivered"}
    assert await line.inside(Delivery.objects.count) == 0


async def test_the_person_is_known_by_their_number_and_the_same_at_the_next_call(line: Line) -> None:
    await line.ring()
    await line.hang_up()
    await line.ring()
    found = await line.inside(lambda: list(Identity.objects.values_list("kind", "value")))
    assert found == [("phone", PERSON)]
    assert await line.inside(lambda: Conversation.objects.values("person").distinct().count()) == 1


async def test_who_withholds_their_number_is_somebody_new_each_time(line: Line) -> None:
    for hidden in ("anonymous", "+266696687"):
        await line.ring(From=hidden)
        await line.hang_up()
    assert await line.inside(lambda: Conversation.objects.values("person").distinct().count()) == 2


async def test_each_turn_tells_how_long_it_took_by_stage(line: Line) -> None:
    await line.speak(await line.ring(), "hello")
    rows = await line.inside(lambda: list(CallTurn.objects.order_by("number")))
    assert [row.number for row in rows] == [0, 1]
    turn = rows[1]
    stamps = [turn.heard_at, turn.asked_at, turn.spoken_at, turn.finished_at]
    assert sorted(filter(None, stamps)) == stamps
    assert turn.responder_ms is not None
    assert turn.platform_ms is not None
    assert turn.confidence == pytest.approx(0.9)


async def test_a_greeting_of_the_connections_own_is_spoken_with_its_voice_language_and_hints(line: Line) -> None:
    config = {"greeting": "Grüß Gott!", "language": "de-DE", "voice": "Polly.Vicki", "hints": "Convoship, Ada"}
    await line.allow(barge_in="off", silence_seconds=7, **config)
    greeted = await line.ring()
    assert greeted.words == "Grüß Gott!"
    assert greeted.verb("Say").attrib == {"language": "de-DE", "voice": "Polly.Vicki"}
    listening = greeted.verb("Gather").attrib
    assert (listening["hints"], listening["bargeIn"], listening["timeout"]) == ("Convoship, Ada", "false", "7")
    call = await line.call()
    assert (call.language, call.conversation.locale) == ("de-DE", "de-DE")


async def test_the_same_request_again_or_late_changes_nothing_and_is_answered_with_the_same(line: Line) -> None:
    greeted = await line.ring()
    again = await line.ask(line.url(), CallStatus="ringing")
    assert again.raw == greeted.raw
    first = await line.speak(greeted, "hello")
    second = await line.speak(first, "what are your opening hours?")
    before = [message.text for message in await line.messages()]
    assert (await line.speak(greeted, "hello")).raw == first.raw
    assert (await line.speak(first, "what are your opening hours?")).raw == second.raw
    # Even where it is heard otherwise the second time.
    assert (await line.speak(greeted, "yellow")).raw == first.raw
    assert [message.text for message in await line.messages()] == before
    assert await line.inside(Call.objects.count) == 1


async def test_ten_copies_at_once_are_one_turn(line: Line) -> None:
    greeted = await line.ring()
    answers = await asyncio.gather(*(line.speak(greeted, "hello") for _ in range(10)))
    assert len({answer.raw for answer in answers}) == 1
    said = [message for message in await line.messages() if message.author_kind == "visitor"]
    assert len(said) == 1


async def test_a_slow_answer_is_bridged_with_words_and_waited_for(
    line: Line, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = asyncio.Event()
    answered_by(line, monkeypatch, Say("Here it is."), after=ready)
    await use_probe(line)
    held = await line.speak(await line.ring(), "look something up")
    assert held.verbs == ["Say", "Redirect"]
    assert held.words == "One moment, please."
    silent = await line.follow(held)
    assert silent.verbs == ["Redirect"]
    ready.set()

    async def answered() -> bool:
        return bool(await line.inside(lambda: Turn.objects.filter(status="done").exists()))

    await came_to(answered)
    found = await line.follow(silent)
    assert found.words == "Here it is."
    assert turn_of(found.listens_at) == 2
    # And again, as the answer to this may have been lost.
    assert (await line.follow(silent)).raw == found.raw
    turn = await line.inside(lambda: CallTurn.objects.get(number=1))
    assert sorted(filter(None, [turn.spoken_at, turn.finished_at])) == [turn.spoken_at, turn.finished_at]
    assert "hold" in await line.steps()


async def test_an_answer_that_never_comes_ends_in_words_and_another_way_out(
    line: Line, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "MOST_WAITS", 2)
    await People(line).nobody()
    answered_by(line, monkeypatch, after=asyncio.Event())
    await use_probe(line)
    held = await line.speak(await line.ring(), "look something up")
    while held.has("Redirect"):
        held = await line.follow(held)
    assert held.verbs[-1] == "Hangup"
    call = await line.call()
    assert (call.state, call.outcome) == ("ended", "failed")
    assert call.reason == "The assistant had no answer in time."


async def test_who_says_nothing_is_asked_again_and_after_so_many_times_said_goodbye_to(line: Line) -> None:
    at = await line.ring()
    for number in (1, 2):
        at = await line.silence(at)
        assert "Are you still there?" in at.words
        assert turn_of(at.listens_at) == number + 1
    last = await line.silence(at)
    assert last.verbs[-1] == "Hangup"
    call = await line.call()
    assert (call.state, call.silences) == ("ended", 3)
    assert "nothing 3 times" in call.reason
    assert call.conversation.status == "abandoned"
    assert [message for message in await line.messages() if message.author_kind == "visitor"] == []


async def test_a_calls_story_has_the_words_that_are_no_messages_and_keys_before_their_answers(line: Line) -> None:
    await line.allow(
        menu="1 = How much is shipping?", most_silences=2, silence_words="Hello?", goodbye_words="Bye now."
    )
    answered = await line.press(await line.ring(), "1")
    silent = await line.silence(answered)
    assert (await line.ask(answered.listens_at)).words == silent.words  # the same request again
    await line.silence(silent)

    def read() -> tuple[list[tuple[str, str]], bool]:
        call = Call.objects.get()
        story = [(one.title, one.words) for one in told_calls.Keeper().told(call.conversation).steps]  # type: ignore[union-attr]
        key = call.steps.get(kind="dtmf")
        said = call.conversation.messages.filter(author_kind="visitor").get()
        return story, key.at <= said.created_at

    story, is_key_first = await line.inside(read)
    assert is_key_first
    assert story[-3:] == [
        ("Silence", "They said nothing (1 in a row). They were asked: “Hello?”"),
        ("Silence", "They said nothing (2 in a row)."),
        ("Ended", "They said nothing 2 times in a row. Said last: “Bye now.”"),
    ]


async def test_words_between_make_silences_count_anew(line: Line) -> None:
    at = await line.silence(await line.silence(await line.ring()))
    at = await line.speak(at, "hello")
    at = await line.silence(await line.silence(at))
    assert at.has("Gather")


async def test_after_silences_the_call_is_put_through_where_the_connection_says_so(line: Line) -> None:
    await line.allow(most_silences=1, then="transfer", transfer_to="+14155550177")
    given = await line.silence(await line.ring())
    assert given.verb("Number").text == "+14155550177"
    assert (await line.call()).state == "transferring"


async def test_keys_stand_for_words_and_ways(line: Line) -> None:
    await line.allow(menu="1 = What are your opening hours?\n0 = transfer", transfer_to="+14155550177")
    greeted = await line.ring()
    assert greeted.verb("Gather").attrib["numDigits"] == "1"
    answered = await line.press(greeted, "1")
    # Whoever has said something may need more keys than one.
    assert answered.verb("Gather").attrib["finishOnKey"] == "#"
    said = [message.text for message in await line.messages() if message.author_kind == "visitor"]
    assert said == ["What are your opening hours?"]
    given = await line.press(answered, "0")
    assert given.verb("Number").text == "+14155550177"
    assert (await line.press(answered, "0")).has("Dial")
    assert await line.inside(CallTransfer.objects.count) == 1
    assert "dtmf" in await line.steps()


async def test_keys_that_stand_for_nothing_are_what_was_said(line: Line) -> None:
    await line.press(await line.ring(), "4711")
    said = [message.text for message in await line.messages() if message.author_kind == "visitor"]
    assert said == ["4711"]


async def test_what_callers_and_models_say_is_words_and_never_instructions(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered_by(line, monkeypatch, Say(NASTY.replace("\x00", "").encode("utf-8", "ignore").decode()))
    await use_probe(line)
    answer = await line.speak(await line.ring(From=f"{PERSON}"), NASTY.replace("\ud800", ""))
    assert answer.verbs == ["Gather", "Redirect"]
    assert not answer.has("Dial")
    assert not answer.has("Hangup")
    assert "Dial" in answer.words


async def test_an_answer_longer_than_twilio_takes_is_said_in_several(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = " ".join(f"This is sentence number {number}." for number in range(400))
    answered_by(line, monkeypatch, Say(long))
    await use_probe(line)
    answer = await line.speak(await line.ring(), "tell me all")
    pieces = [node.text or "" for node in answer.root.iter("Say")]
    assert len(pieces) > 2
    assert all(len(piece) <= 4096 for piece in pieces)
    assert " ".join(pieces) == long


async def test_the_assistant_may_end_the_call_with_its_words(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    answered_by(line, monkeypatch, Say("All done."), End("done"))
    await use_probe(line)
    answer = await line.speak(await line.ring(), "thanks, bye")
    assert answer.verbs == ["Say", "Say", "Hangup"]
    assert answer.words.startswith("All done.")
    await line.hang_up()
    call = await line.call()
    assert (call.outcome, call.conversation.status) == ("completed", "completed")


# --- Persons ----------------------------------------------------------------------------------------------------------


async def test_who_asks_for_a_person_is_put_through_and_the_call_ends_with_that(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    await line.allow(transfer_to="+14155550177")
    answered_by(line, monkeypatch, HandOver("They want a person."))
    await use_probe(line)
    given = await line.speak(await line.ring(), "a person, please")
    assert given.verb("Number").text == "+14155550177"
    done = await line.ask(given.verb("Dial").attrib["action"], DialCallStatus="completed", DialCallDuration="60")
    assert done.verbs == ["Say", "Hangup"]
    call = await line.call()
    assert (call.outcome, call.conversation.status) == ("transferred", "completed")


async def test_where_nobody_takes_the_call_a_message_is_taken(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    await line.allow(transfer_to="+14155550177", transfer_then="voicemail", voicemail=True)
    await People(line).nobody()
    answered_by(line, monkeypatch, HandOver("They want a person."))
    await use_probe(line)
    given = await line.speak(await line.ring(), "a person, please")
    nobody = await line.ask(given.verb("Dial").attrib["action"], DialCallStatus="no-answer")
    assert nobody.has("Record")
    transfer = await line.inside(CallTransfer.objects.get)
    assert (transfer.state, transfer.reason) == ("failed", "Nobody picked up.")
    left = await line.ask(nobody.verb("Record").attrib["action"], RecordingSid=f"RE{1:032x}", RecordingDuration="7")
    assert left.verbs[-1] == "Hangup"
    assert (await line.call()).outcome == "voicemail"


# --- The end ----------------------------------------------------------------------------------------------------------


async def test_reports_agree_on_the_first_end_and_a_late_one_only_adds_the_seconds(line: Line) -> None:
    await line.ring()
    await line.report("no-answer")
    await line.report("completed", CallDuration="61")
    call = await line.call()
    assert (call.outcome, call.seconds, call.minutes) == ("no_answer", 61, 2)
    assert (await line.steps()).count("ended") == 1


async def test_hanging_up_in_mid_answer_stops_the_responder_and_nothing_is_said_to_nobody(
    line: Line, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = asyncio.Event()
    probe = answered_by(line, monkeypatch)

    async def script(turn: TurnInput) -> AsyncIterator[Reply]:
        try:
            await asyncio.Event().wait()
            yield Say("never")
        finally:
            stopped.set()

    probe.script = script
    await use_probe(line)
    await line.speak(await line.ring(), "look something up")
    await line.hang_up()
    async with asyncio.timeout(15):
        await stopped.wait()
    turn = await line.inside(Turn.objects.get)
    assert turn.status == "done"
    assert (await line.call()).state == "ended"
    after = await line.ask(line.url("wait", "?turn=1&waits=0"))
    assert after.verbs[-1] == "Hangup"


async def test_what_was_never_spoken_is_told_apart(line: Line) -> None:
    await line.ring()

    def post() -> None:
        conversation = conversations.lock(Conversation.objects.get().id)
        conversations.post_message(conversation, conversations.NewMessage(author_kind="agent", text="Are you there?"))

    await line.inside(post)
    await line.hang_up()
    message = (await line.messages())[-1]
    assert (message.status, message.reason) == ("suppressed", "The call was over before this was said.")
    speech = await line.inside(lambda: CallSpeech.objects.get(message=message))
    assert (speech.state, speech.heard) == ("unheard", "")


async def test_the_longest_call_is_ended_with_a_goodbye(line: Line) -> None:
    greeted = await line.ring()
    await line.inside(lambda: Call.objects.update(ends_by=timezone.now()))
    last = await line.speak(greeted, "hello")
    assert last.verbs[-1] == "Hangup"
    assert "longest time" in last.words
    call = await line.call()
    assert (call.outcome, call.remedy) == ("too_long", "Raise the longest call in the connection's settings.")


# --- Who is not taken -------------------------------------------------------------------------------------------------


async def test_who_is_blocked_is_rejected_and_it_shows(line: Line) -> None:
    def block() -> None:
        person = people.person_at([("phone", PERSON)], {})
        blocking.block(line.who, person)

    await line.inside(block)
    assert (await line.ring()).verbs == ["Reject"]
    assert await line.inside(Call.objects.count) == 0
    (event,) = await line.events()
    assert "blocked" in event.reason


async def test_a_paused_connection_says_so_and_keeps_who_called(line: Line) -> None:
    await line.inside(lambda: Connection.objects.update(state="paused"))
    answer = await line.ring()
    assert answer.verbs[-1] == "Hangup"
    assert "can't take your call" in answer.words
    (event,) = await line.events()
    assert (event.state, event.lane) == ("ignored", PERSON)
    assert await line.inside(Conversation.objects.count) == 0


async def test_without_an_assistant_callers_reach_the_telephone_that_is_there(line: Line) -> None:
    await line.allow(transfer_to="+14155550177")
    await line.inside(lambda: Connection.objects.update(assistant=None))
    answer = await line.ring()
    assert answer.verb("Dial").text == "+14155550177"
    (event,) = await line.events()
    assert "No assistant answers" in event.reason


async def test_a_line_without_an_assistant_never_rings_itself(line: Line) -> None:
    """Whatever got its own number into the settings."""

    def unsettle() -> None:
        config = {**line.connection.config, "transfer_to": line.connection.config["from_number"]}
        Connection.objects.update(assistant=None, config=config)

    await line.inside(unsettle)
    answer = await line.ring()
    assert not answer.has("Dial")
    assert answer.verbs[-1] == "Hangup"


async def test_above_the_days_minutes_callers_are_told_so_and_it_shows(line: Line) -> None:
    await line.allow(daily_minutes=2)
    await line.ring()
    await line.hang_up(61)
    answer = await line.ring()
    assert "can't take more calls" in answer.words
    assert answer.verbs[-1] == "Hangup"
    assert await line.inside(Call.objects.count) == 1
    connection = await line.refresh()
    assert connection.spent_until is not None
    events = await line.events()
    assert "used up" in events[-1].reason


async def test_thirty_calls_at_once_take_no_more_minutes_than_there_are(line: Line) -> None:
    await line.allow(daily_minutes=5)

    async def one(number: int) -> bool:
        facts = line.facts(CallStatus="ringing", From=f"+1415555{number:04d}") | {"CallSid": new_sid()}
        answer = told(await line.form(facts, line.url()))
        return answer.has("Gather")

    taken = await asyncio.gather(*(one(number) for number in range(30)))
    assert taken.count(True) == 5
    assert await line.inside(Call.objects.count) == 5


async def test_a_long_calls_page_shows_its_last_steps_and_says_that_earlier_ones_are_left_out(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told_calls, "MOST_STEPS", 2)
    await line.press(await line.ring(), "7")
    conversation = (await line.call()).conversation
    shown = await line.inside(lambda: calls.told(conversation))
    assert shown is not None
    assert shown.steps[0].title == "Earlier steps are left out"
    assert len(shown.steps) == 3
    assert "pressed 7" in shown.steps[-1].words


@pytest.mark.parametrize("part", ["wait", "fallback", "relay-done"])
async def test_minutes_that_run_out_end_a_call_whichever_request_finds_it(line: Line, part: str) -> None:
    await line.allow(daily_minutes=1)
    await line.ring()
    await line.inside(lambda: Call.objects.update(answered_at=timezone.now() - dt.timedelta(seconds=70)))
    # (A turn whose answer is still to come.)
    await line.inside(lambda: CallTurn.objects.update(number=1))
    ended = await line.ask(line.url(part, "?turn=2"), SessionStatus="failed")
    assert ended.verbs[-1] == "Hangup"
    assert "minutes" in (await line.call()).reason


async def test_minutes_that_run_out_in_a_call_end_it_with_words(line: Line) -> None:
    await line.allow(daily_minutes=1)
    greeted = await line.ring()
    await line.inside(lambda: Call.objects.update(answered_at=timezone.now() - dt.timedelta(seconds=90)))
    last = await line.speak(greeted, "hello")
    assert last.verbs[-1] == "Hangup"
    call = await line.call()
    assert (call.outcome, call.reason) == ("too_long", "The day's minutes were used up in the call.")


# --- What goes wrong --------------------------------------------------------------------------------------------------


async def test_what_breaks_is_words_then_tried_again_then_another_way(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    await line.allow(transfer_to="+14155550177")
    greeted = await line.ring()

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(taking, "take", broken)
    first = await line.speak(greeted, "hello")
    assert first.verbs == ["Gather", "Redirect"]
    assert "again=1" in first.listens_at
    second = await line.speak(first, "hello")
    assert second.verb("Dial").text == "+14155550177"
    assert (await line.steps()).count("error") == 2


async def test_who_said_something_when_it_broke_is_asked_to_say_it_again(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    greeted = await line.ring()
    with monkeypatch.context() as broken:
        broken.setitem(answering.PARTS, "turn", _breaks)
        first = await line.speak(greeted, "hello")
    # (A redirect would have nothing of what was heard, and be a silence.)
    assert "say that again" in first.words
    assert turn_of(first.listens_at) == 1
    answered = await line.speak(first, "hello")
    assert turn_of(answered.listens_at) == 2
    call = await line.call()
    assert call.silences == 0
    assert await line.inside(lambda: call.conversation.messages.filter(author_kind="visitor", text="hello").exists())


async def test_what_was_said_is_taken_although_the_database_was_away_for_a_moment(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    greeted = await line.ring()
    tries = []

    async def once(asked: Any) -> Any:
        tries.append(asked)
        if len(tries) == 1:
            raise OperationalError("the connection is closed")
        return await gather.turn(asked)

    monkeypatch.setitem(answering.PARTS, "turn", once)
    answered = await line.speak(greeted, "hello")
    assert turn_of(answered.listens_at) == 2
    assert len(tries) == 2


async def _breaks(asked: Any) -> Any:
    raise RuntimeError("broken")


async def test_a_call_that_failed_before_its_first_turn_begins_anew(line: Line) -> None:
    await line.allow(record="with_consent")
    asked = await line.ring()
    back = await line.ask(line.url("fallback"), ErrorCode="11200", ErrorUrl=line.url())
    assert (back.words, back.listens_at) == (asked.words, asked.listens_at)


async def test_a_fall_back_and_the_end_of_its_call_wait_for_each_other_in_one_order(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    """The end holds the call, and then writes the connection's health; so does the fall-back."""
    await line.ring()
    call_id = (await line.call()).id
    is_held = threading.Event()

    def end() -> None:
        with tenant(line.workspace.id):
            call = record.lock(call_id)
            is_held.set()
            waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
            for _ in range(400):
                if rows.one(waits, [])[0]:  # type: ignore[index]
                    break
                time.sleep(0.02)
            faults.clear(call.connection_id)
            Connection.objects.filter(id=call.connection_id).update(fault="")

    ending = asyncio.create_task(in_thread(end))
    await asyncio.to_thread(is_held.wait, 10)
    back = await line.ask(line.url("fallback"), ErrorCode="11200")
    await ending
    assert back.has("Redirect")
    assert "tried once more" not in caplog.text


async def test_the_fallback_address_names_the_error_and_the_call_goes_on(line: Line) -> None:
    greeted = await line.ring()
    await line.speak(greeted, "hello")
    back = await line.ask(line.url("fallback"), ErrorCode="11200", ErrorUrl=greeted.listens_at)
    assert back.verbs == ["Say", "Redirect"]
    on = await line.follow(back)
    assert turn_of(on.listens_at) == 2
    connection = await line.refresh()
    assert "11200" in connection.fault
    assert "PUBLIC_BASE_URL" in connection.fault_remedy
    for _ in range(3):
        back = await line.ask(line.url("fallback"), ErrorCode="11200")
    assert back.verbs[-1] == "Hangup"


@pytest.mark.parametrize("code", ["11200", "64102", "64107"])
async def test_twilios_debugger_names_errors_of_a_call_and_a_good_call_takes_them_back(line: Line, code: str) -> None:
    await line.ring()
    payload = f'{{"resource_sid": "{line.sid}", "error_code": "{code}"}}'
    await line.form({"AccountSid": "AC1", "Level": "ERROR", "Payload": payload}, line.url("errors"))
    connection = await line.refresh()
    assert code in connection.fault
    assert connection.fault_remedy
    await line.hang_up()
    assert (await line.refresh()).fault
    await line.speak(await line.ring(), "hello")
    await line.hang_up()
    assert (await line.refresh()).fault == ""


async def test_an_unsigned_request_of_a_call_is_refused_and_leaves_nothing(line: Line) -> None:
    answer = await line.form(line.facts(), line.url(), headers={})
    assert answer.status_code == 403
    forged = {
        "x-twilio-signature": twilio_end.signed(line.url(), line.facts(), "another token")[1]["x-twilio-signature"]
    }
    assert (await line.form(line.facts(), line.url("turn", "?turn=1"), headers=forged)).status_code == 403
    assert await line.inside(Call.objects.count) == 0


async def test_the_query_is_part_of_what_is_signed(line: Line) -> None:
    greeted = await line.ring()
    good = twilio_end.signed(greeted.listens_at, line.facts(SpeechResult="hi"))
    other = greeted.listens_at.replace("turn=1", "turn=7")
    path = "/" + other.split("/", 3)[3]
    answer = await AsyncClient().generic(
        "POST", path, good[0], content_type="application/x-www-form-urlencoded", headers=good[1]
    )
    assert answer.status_code == 403


async def test_a_connection_of_another_workspace_knows_nothing_of_a_call(line: Line, twilio: TwilioEnd) -> None:
    await line.ring()
    other = await in_thread(lambda: make_line(factories.make_workspace(), twilio))
    other.sid = line.sid
    answer = await other.ask(other.url("turn", "?turn=1"), SpeechResult="hello")
    assert answer.verbs == ["Say", "Redirect"]
    with_call = await line.inside(lambda: Message.objects.filter(author_kind="visitor").count())
    assert with_call == 0


async def test_what_calls_are_known_of_stays_in_their_workspace(line: Line) -> None:
    await line.ring()
    stranger = await in_thread(factories.make_workspace)

    def count() -> int:
        with tenant(stranger.id):
            return Call.objects.count() + CallTurn.objects.count() + InboundEvent.objects.count()

    assert await in_thread(count) == 0
