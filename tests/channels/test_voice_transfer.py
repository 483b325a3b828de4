"""Calls that are put through: at once, announced and through a queue, and every way in which nobody takes them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from channels_app.models import Call, CallCourse, CallTransfer, Connection, SpendingCount
from channels_app.voice import courses
from convoship.lib.threads import in_thread
from deployments import calls, conversations, handoff, handoff_history, sweeping
from deployments.models import Conversation, Handoff, Message
from deployments.models.handoff import HandoffState
from tests import factories
from tests.channels.callers import Line, make_line
from tests.channels.put_through import COLD, QUEUE, SALES, WARM, People, query_of
from tests.channels.twilio_end import NUMBER, PERSON, TwilioEnd, problem

pytestmark = pytest.mark.asyncio


@pytest.fixture
def people(line: Line) -> People:
    return People(line)


async def setup(people: People, config: dict[str, Any], *, member: bool = False, **rules: Any) -> None:
    """The connection with this config, the assistant with these rules, and nobody (or one member) on duty."""
    await people.nobody()
    if member:
        await people.member()

    def change() -> None:
        row = Connection.objects.get(id=people.line.connection.id)
        row.config = {**row.config, **config}
        row.save(update_fields=["config"])

    await people.line.inside(change)
    await people.rules(keywords=["human"], **rules)


async def unheard(people: People) -> list[str]:
    """What was posted and never spoken."""

    def read() -> list[str]:
        rows = Message.objects.filter(conversation__call__sid=people.line.sid, status="suppressed")
        return list(rows.values_list("text", flat=True))

    return await people.line.inside(read)


# --- At once ----------------------------------------------------------------------------------------------------------


async def test_who_asks_for_a_person_is_put_through_to_the_numbers_own_telephone(people: People) -> None:
    await setup(people, COLD)
    dialled = await people.ask()
    assert dialled.words == "One moment, I am asking a person for you."
    dial, number = dialled.verb("Dial"), dialled.verb("Number")
    assert (number.text, dial.attrib["callerId"], dial.attrib["answerOnBridge"]) == (SALES, NUMBER, "true")
    assert int(dial.attrib["timeout"]) <= 30
    assert "url" not in number.attrib
    assert (await people.talk()).control == "waiting"
    sid = await people.leg(dialled, "ringing")
    await people.leg(dialled, "in-progress", sid)
    case, talk = await people.case(), await people.talk()
    assert (case.state, case.holder_name, talk.control) == (HandoffState.LIVE, "Our line", "human")
    assert (await people.line.call()).state == "with_person"
    assert case.due_at is None  # nobody counts who talks for an answer
    over = await people.done(dialled, "completed", DialCallDuration="95", DialBridged="true", DialCallSid=sid)
    assert over.verbs == ["Say", "Hangup"]
    call, [transfer] = await people.line.call(), await people.transfers()
    assert (call.state, call.outcome, call.conversation.status) == ("ended", "transferred", "completed")
    assert (transfer.state, transfer.seconds, transfer.child_sid) == ("ended", 95, sid)
    case = await people.case()
    assert (case.state, case.outcome) == ("closed", "resolved")
    # The connection's name is that of the number that was called: who was talked to is told by theirs.
    assert call.reason == f"They talked to {SALES} for 1 minute 35 seconds."
    story = await people.line.inside(lambda: calls.told(call.conversation))
    assert story is not None
    told = [(one.title, one.words) for one in story.steps]
    assert told[-5:] == [
        ("Putting through", f"To be put through to {SALES}."),
        ("Ringing", f"Ringing {SALES}."),
        ("Put through", f"Put through to {SALES}."),
        ("Talk over", f"They talked to {SALES} for 1 minute 35 seconds."),
        # With the same words, which stand above already.
        ("Ended", ""),
    ]
    assert await unheard(people) == []
    assert [one for one in await people.line.steps() if one in {"transfer", "bridged"}] == ["transfer"] * 2 + [
        "bridged",
        "transfer",
    ]


async def test_the_leg_to_the_person_counts_among_the_minutes_of_the_day(people: People) -> None:
    await setup(people, COLD)
    dialled = await people.ask()
    before = await people.line.inside(lambda: SpendingCount.objects.get(what="units").count)
    await people.done(dialled, "completed", DialCallDuration="95")
    assert await people.line.inside(lambda: SpendingCount.objects.get(what="units").count) == before + 2


async def test_the_call_comes_back_to_the_assistant_where_the_connection_says_so(people: People) -> None:
    await setup(people, {**COLD, "transfer_after": "assistant"})
    dialled = await people.ask()
    back = await people.done(dialled, "completed", DialCallDuration="60")
    # Who was put through heard for themselves that somebody came.
    assert back.words == "I am back with you."
    assert [one for one in await people.lines() if "with you now" in one or "joined" in one] == []
    talk, case = await people.talk(), await people.case()
    assert (talk.control, talk.is_active, case.outcome) == ("assistant", True, "by_desk")
    # The assistant reads it, so it doesn't tell a telephone of the team's.
    assert case.summary == "They talked to a person by telephone for 1 minute."
    answered = await people.line.speak(back, "hello")
    assert answered.has("Gather")


FAILURES = [
    ("busy", {}, "The line was busy."),
    ("no-answer", {}, "Nobody picked up."),
    ("failed", {}, "There is no such number, or nothing can be put through to it."),
    ("canceled", {}, "The call to them was given up before anybody picked up."),
    ("failed", {"ErrorCode": "13224"}, "There is no such number."),
    ("failed", {"ErrorCode": "21214"}, "Twilio can't reach this number."),
    ("failed", {"ErrorCode": "13227"}, "The Twilio account may not call the country of this number."),
    ("failed", {"ErrorCode": "21215"}, "The Twilio account may not call the country of this number."),
]


@pytest.mark.parametrize(("status", "more", "words"), FAILURES)
async def test_each_failure_is_told_apart_and_the_assistant_goes_on(
    people: People, status: str, more: dict[str, str], words: str
) -> None:
    await setup(people, COLD, desks=["inbox"])
    dialled = await people.ask()
    back = await people.done(dialled, status, **more)
    assert back.words.startswith("Nobody can be reached right now, so you are back with me.")
    assert back.has("Gather")
    case, [transfer] = await people.case(), await people.transfers()
    assert (transfer.state, transfer.reason) == ("failed", words)
    assert (case.outcome, case.tried[0]["words"].startswith(words)) == ("nobody_came", True)
    assert case.tried[0]["desk"] == str(people.line.connection.id)
    assert (await people.talk()).control == "assistant"
    assert "transfer_failed" in await people.line.steps()
    if status != "canceled":
        assert transfer.remedy


async def test_the_next_desk_is_asked_where_nobody_takes_the_call(people: People) -> None:
    await setup(people, COLD, member=True, desks=["inbox"])
    dialled = await people.ask()
    queued = await people.done(dialled, "busy")
    assert queued.verbs == ["Enqueue"]
    case = await people.case()
    assert (case.state, case.desk) == (HandoffState.OFFERED, "inbox")
    heard = await people.round(queued)
    assert heard.words == (
        "You are next. Please stay on the line. Somebody will be with you soon. "
        "To go back to the assistant, press the star key."
    )


@pytest.mark.parametrize(
    ("then", "verbs"), [("voicemail", ["Say", "Say", "Record"]), ("goodbye", ["Say", "Say", "Hangup"])]
)
async def test_a_message_or_a_goodbye_where_the_connection_says_so(people: People, then: str, verbs: list[str]) -> None:
    await setup(people, {**COLD, "transfer_then": then, "voicemail": True})
    left = await people.done(await people.ask(), "no-answer")
    assert left.verbs[: len(verbs)] == verbs
    # Not that they are back with the assistant, which does not go on here.
    then_said = {"voicemail": "Please leave a message after the tone.", "goodbye": "Goodbye."}[then]
    assert left.words.startswith(f"Nobody can be reached right now. {then_said}")
    if then == "voicemail":
        # Who was asked for once, and left a message instead, stands there as asked for once, as it went.
        before = await people.case()
        await people.line.inside(
            lambda: handoff.missed(
                conversations.lock(Call.objects.get(sid=people.line.sid).conversation_id), "They left a message."
            )
        )
        case = await people.case()
        assert (case.state, case.outcome, case.ended_at) == (HandoffState.RETURNED, "nobody_came", before.ended_at)
        assert case.reason.startswith(before.reason)
        assert case.reason.endswith("They left a message.")
        assert await people.line.inside(Handoff.objects.count) == 1


async def test_that_nobody_was_there_is_still_known_of_who_leaves_a_message_after_it(people: People) -> None:
    config = {"transfer_to": "", "queue": "", "transfer_then": "voicemail", "voicemail": True}
    await setup(people, config, when_closed="return")
    await people.ask()
    before = await people.case()
    assert before.outcome == "nobody_there"

    def miss() -> list[Conversation]:
        handoff.missed(conversations.lock(before.conversation_id), "They left a message.")
        return list(Conversation.objects.filter(handoff_history.missed()))

    assert [one.id for one in await people.line.inside(miss)] == [before.conversation_id]
    case = await people.case()
    assert (case.id, case.state, case.outcome, case.ended_at) == (
        before.id,
        before.state,
        "nobody_there",
        before.ended_at,
    )
    assert case.reason.endswith("They left a message.")


async def test_out_of_hours_it_is_not_said_that_the_assistant_goes_on_where_a_message_is_taken(people: People) -> None:
    config = {"transfer_to": "", "queue": "", "transfer_then": "voicemail", "voicemail": True}
    await setup(people, config, when_closed="return")
    asked = await people.ask()
    assert "Nobody is there right now. Please leave a message after the tone." in asked.words
    assert "go on" not in asked.words


async def test_who_hangs_up_while_it_rings_was_missed_and_stands_there_with_their_number(people: People) -> None:
    await setup(people, COLD)
    dialled = await people.ask()
    await people.leg(dialled, "ringing")
    await people.done(dialled, "no-answer", CallStatus="completed")
    call, [transfer], case = await people.line.call(), await people.transfers(), await people.case()
    assert (call.outcome, call.caller, call.conversation.status) == ("no_answer", "+14155550123", "abandoned")
    assert (call.reason, call.remedy) == (
        "They hung up while they waited for a person.",
        "Call them back at +14155550123.",
    )
    assert (transfer.state, case.state, case.outcome) == ("failed", "closed", "nobody_came")
    missed = await people.line.inside(lambda: list(Conversation.objects.filter(handoff_history.missed())))
    assert missed == [call.conversation]


async def test_the_same_request_again_gets_the_same_answer_and_changes_nothing(people: People) -> None:
    await setup(people, COLD, member=True, desks=["inbox"])
    dialled = await people.ask()
    once = await people.done(dialled, "busy")
    steps = await people.line.steps()
    again = await people.done(dialled, "busy")
    assert (again.raw, await people.line.steps()) == (once.raw, steps)
    # Late news of a ring that is over changes nothing, either.
    await people.leg(dialled, "in-progress")
    assert (await people.case()).state == HandoffState.OFFERED
    assert len(await people.transfers()) == 1


async def test_a_number_that_nobody_has_says_to_correct_it_with_the_way_to_the_settings(people: People) -> None:
    await setup(people, COLD, desks=["inbox"])
    await people.done(await people.ask(), "failed")

    def read() -> Any:
        told = calls.told(Call.objects.get(sid=people.line.sid).conversation)
        return next(one for one in told.steps if one.title == "Not put through") if told else None

    step = await people.line.inside(read)
    assert step.remedy.startswith("Correct the transfer number in the connection's settings. If it is right, look at")
    assert step.repair.path == f"/app/channels/{people.line.connection.id}/settings"


# --- Announced --------------------------------------------------------------------------------------------------------


async def test_who_picks_up_hears_what_was_said_and_no_keys(people: People) -> None:
    await setup(people, WARM)
    greeted = await people.line.speak(await people.line.ring(), "Delivery")
    asked = await people.line.press(greeted, "7")
    heard = await people.pick_up(await people.line.speak(asked, "a human please"))
    assert "They said: Delivery; a human please." in heard.words


async def test_who_picks_up_hears_what_it_is_about_and_takes_the_call_with_a_key(people: People) -> None:
    await setup(people, WARM)
    greeted = await people.line.ring()
    greeted = await people.line.speak(greeted, "My kettle leaks <b>& hisses</b>.")
    dialled = await people.line.speak(greeted, "a human please")
    heard = await people.pick_up(dialled)
    assert heard.words.startswith(f"A call from a number that ends in {' '.join(PERSON[-4:])} for ")
    assert "My kettle leaks" in heard.words
    assert "Reason: The visitor wrote “human”." in heard.words
    assert "Press 1 to take the call." in heard.words
    assert heard.verbs == ["Gather", "Gather", "Say", "Hangup"]
    assert (await people.talk()).control == "waiting"
    [transfer] = await people.transfers()
    assert transfer.state == "whispering"
    taken = await people.press(heard, "1")
    assert taken.verbs == []
    assert (await people.press(heard, "1")).verbs == []
    case = await people.case()
    assert (case.state, (await people.talk()).control) == (HandoffState.LIVE, "human")
    await people.done(dialled, "completed", DialCallDuration="30")
    assert (await people.line.call()).outcome == "transferred"


@pytest.mark.parametrize("key", ["2", "", "9"])
async def test_another_key_is_a_refusal(people: People, key: str) -> None:
    await setup(people, WARM)
    dialled = await people.ask()
    refused = await people.press(await people.pick_up(dialled), key)
    assert refused.verbs == ["Say", "Hangup"]
    back = await people.done(dialled, "completed", DialCallDuration="9", DialBridged="false")
    assert back.words.startswith("Nobody can be reached right now")
    [transfer] = await people.transfers()
    assert (transfer.state, transfer.reason) == (
        "failed",
        "Somebody, or a voicemail box, picked up and did not press 1.",
    )


async def test_a_voicemail_box_is_never_put_through(people: People) -> None:
    """It picks up, and Twilio says so; it presses nothing."""
    await setup(people, WARM)
    dialled = await people.ask()
    sid = await people.leg(dialled, "ringing")
    await people.leg(dialled, "in-progress", sid)
    await people.pick_up(dialled)
    assert (await people.case()).state == HandoffState.OFFERED
    await people.leg(dialled, "completed", sid)
    await people.done(dialled, "completed", DialCallDuration="40")
    assert (await people.line.call()).state == "active"
    assert (await people.case()).outcome == "nobody_came"


async def test_who_takes_it_too_late_is_told_so(people: People) -> None:
    await setup(people, WARM)
    dialled = await people.ask()
    heard = await people.pick_up(dialled)
    await people.line.hang_up()
    late = await people.press(heard, "1")
    assert late.words == "The caller is not waiting any more. Goodbye."
    assert late.verbs == ["Say", "Hangup"]
    assert (await people.case()).outcome == "nobody_came"


async def test_nobody_decides_in_time_and_the_call_is_led_on(people: People) -> None:
    await setup(people, WARM, member=True, desks=["inbox"], longest_wait_seconds=120)
    dialled = await people.ask()
    heard = await people.pick_up(dialled)
    talk = await people.talk()
    await people.line.inside(lambda: Handoff.objects.update(due_at=timezone.now()))
    await in_thread(sweeping.go_on, people.line.workspace.id, talk.id)
    case = await people.case()
    assert (case.desk, case.state) == ("inbox", HandoffState.OFFERED)
    course = await people.course()
    assert course.due_at is not None
    assert course.due_at <= timezone.now()
    [url] = await led(people)
    queued = await people.line.ask(url)
    assert queued.verbs == ["Enqueue"]
    assert (await people.press(heard, "1")).words == "The caller is not waiting any more. Goodbye."
    assert (await people.course()).place == "hold"


async def led(people: People) -> list[str]:
    """Where the worker had Twilio ask for the call, of late."""
    people.line.far.has_call(people.line.sid)  # type: ignore[attr-defined]
    before = len(people.line.far.told)  # type: ignore[attr-defined]
    await people.line.drain()
    told = people.line.far.told[before:]  # type: ignore[attr-defined]
    return [form["Url"] for sid, form in told if sid == people.line.sid and "Url" in form]


async def test_an_answer_that_never_reached_twilio_is_told_again_by_a_worker(people: People) -> None:
    """The process died after it had stored that the telephone is to be rung."""
    await setup(people, WARM)
    dialled = await people.ask()
    await people.line.inside(lambda: CallCourse.objects.update(due_at=timezone.now()))
    [url] = await led(people)
    again = await people.line.ask(url)
    assert again.verb("Number").text == SALES
    # Nothing is heard of that ring, either: the desk is passed over, and the caller is not left to wait.
    await people.line.inside(lambda: CallCourse.objects.update(due_at=timezone.now()))
    [url] = await led(people)
    back = await people.line.ask(url)
    assert back.words.startswith("Nobody can be reached right now")
    [transfer] = await people.transfers()
    assert (transfer.state, transfer.reason) == ("failed", "Nothing was heard of the call to them for too long.")
    assert dialled.has("Dial")


async def test_an_order_that_twilio_refuses_is_tried_again_and_then_told(people: People, twilio: TwilioEnd) -> None:
    await setup(people, {}, member=True)
    queued = await people.ask()
    await people.round(queued)
    talk = await people.talk()
    await people.line.inside(lambda: Handoff.objects.update(due_at=timezone.now(), wait_until=timezone.now()))
    await in_thread(sweeping.go_on, people.line.workspace.id, talk.id)
    twilio.has_call(people.line.sid)
    twilio.call_wrongs.append(problem(20429, 429))
    await people.line.drain()
    course = await people.course()
    assert course.due_at is not None
    assert course.reason
    await people.line.inside(lambda: CallCourse.objects.update(due_at=timezone.now()))
    [url] = await led(people)
    assert (await people.line.ask(url)).has("Gather")
    assert (await people.course()).reason == ""


async def test_a_call_that_twilio_does_not_know_any_more_is_over(people: People) -> None:
    await setup(people, {}, member=True)
    await people.round(await people.ask())
    await people.line.inside(lambda: CallCourse.objects.update(due_at=timezone.now()))
    await people.line.drain()
    assert (await people.line.call()).state == "ended"
    assert (await people.case()).outcome == "nobody_came"


# --- Through a queue --------------------------------------------------------------------------------------------------


async def test_a_queue_rings_for_the_next_in_line_and_again_until_somebody_takes_it(people: People) -> None:
    await setup(people, QUEUE)
    queued = await people.ask()
    assert queued.verbs == ["Say", "Enqueue"]
    assert (await people.transfers())[0].dialled_at is None
    out = await people.round(queued)
    assert out.verbs == ["Leave"]
    dialled = await people.leave(queued)
    assert dialled.verb("Number").text == SALES
    back = await people.done(dialled, "busy")
    assert back.verbs == ["Enqueue"]
    [transfer] = await people.transfers()
    assert (transfer.state, transfer.dialled_at, transfer.ended_at, transfer.rings) == ("dialling", None, None, 1)
    waits = await people.round(back)
    assert waits.verbs == ["Gather", "Redirect"]
    await people.line.inside(lambda: CallTransfer.objects.update(ring_at=timezone.now() - dt.timedelta(seconds=1)))
    assert (await people.line.follow(waits)).verbs == ["Leave"]
    dialled = await people.leave(back)
    assert query_of(dialled.verb("Dial").attrib["action"])["ring"] == "2"
    taken = await people.press(await people.pick_up(dialled), "1")
    assert taken.verbs == []
    assert (await people.case()).state == HandoffState.LIVE


async def test_the_second_in_line_hears_their_place_and_waits_while_the_telephone_is_taken(
    people: People, twilio: TwilioEnd
) -> None:
    await setup(people, QUEUE)
    first = await people.ask()
    await people.round(first)
    await people.leave(first)
    queued = await people.ask()
    heard = await people.round(queued)
    assert heard.words.startswith("You are number 2 in line.")
    assert heard.has("Redirect")


async def test_the_star_key_goes_back_to_the_assistant(people: People) -> None:
    await setup(people, {}, member=True)
    queued = await people.ask()
    assert queued.verbs == ["Say", "Enqueue"]
    heard = await people.round(queued)
    out = await people.line.ask(heard.verb("Gather").attrib["action"], Digits="*", QueueTime="9")
    assert out.verbs == ["Leave"]
    back = await people.leave(queued)
    assert back.words.startswith("I am back with you.")
    assert (await people.case()).outcome == "by_visitor"
    assert (await people.talk()).control == "assistant"


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ("queue-full", "The queue is full."),
        ("error", "Twilio could not keep the call in the queue."),
        ("system-error", "Twilio's queue broke."),
    ],
)
async def test_a_queue_that_fails_is_told_and_the_next_desk_is_asked(people: People, result: str, words: str) -> None:
    await setup(people, QUEUE)
    queued = await people.ask()
    back = await people.leave(queued, result)
    assert back.words.startswith("Nobody can be reached right now")
    [transfer] = await people.transfers()
    assert (transfer.state, transfer.reason) == ("failed", words)


async def test_who_waits_for_a_member_waits_without_the_queue_where_it_is_full(people: People) -> None:
    await setup(people, {}, member=True)
    queued = await people.ask()
    moved = await people.leave(queued, "queue-full")
    heard = await people.line.follow(moved)
    assert "Please stay on the line." in heard.words
    assert (await people.case()).state == HandoffState.OFFERED


async def test_who_hangs_up_in_the_queue_was_missed(people: People) -> None:
    await setup(people, {}, member=True)
    queued = await people.ask()
    await people.leave(queued, "hangup")
    assert (await people.case()).outcome == "nobody_came"
    assert (await people.line.call()).outcome == "no_answer"


async def test_the_longest_wait_ends_and_the_assistant_goes_on(people: People) -> None:
    await setup(people, {}, member=True)
    queued = await people.ask()
    await people.round(queued)
    talk = await people.talk()
    await people.line.inside(lambda: Handoff.objects.update(due_at=timezone.now(), wait_until=timezone.now()))
    await in_thread(sweeping.go_on, people.line.workspace.id, talk.id)
    [url] = await led(people)
    back = await people.line.ask(url)
    assert back.words.startswith("Nobody can be reached right now")
    assert back.has("Gather")
    # Twilio tells of the queue it was led out of; that answer is used by nobody.
    await people.leave(queued, "redirected")
    assert (await people.talk()).control == "assistant"


async def test_a_queue_of_others_puts_through_and_tells_when_they_part(people: People) -> None:
    await setup(people, {"manner": "queue", "queue": "support", "transfer_to": ""})
    queued = await people.ask()
    assert queued.verb("Enqueue").text == "support"
    heard = await people.round(queued)
    assert heard.has("Redirect")
    await people.line.inside(lambda: CallCourse.objects.update(due_at=timezone.now()))
    assert await led(people) == []  # it asks for no rounds any more, so somebody has it
    assert (await people.case()).state == HandoffState.LIVE
    over = await people.leave(queued, "bridged")
    assert over.verbs == ["Say", "Hangup"]
    assert (await people.line.call()).outcome == "transferred"


async def test_who_hangs_up_in_a_queue_of_others_may_have_been_talked_to_and_was_not_missed(people: People) -> None:
    await setup(people, {"manner": "queue", "queue": "support", "transfer_to": ""})
    await people.round(await people.ask())
    await people.line.hang_up()
    assert (await people.line.call()).outcome == "hung_up"


async def test_who_is_taken_out_of_the_voicemail_by_a_member_is_led_at_once(people: People) -> None:
    await setup(people, COLD, member=True)
    await people.line.ring()

    def taken() -> CallCourse:
        Call.objects.update(state="voicemail", mode="relay")
        conversation = Conversation.objects.get(call__sid=people.line.sid)
        conversation.control = "human"
        courses.note_wanted(conversation)
        return CallCourse.objects.get(call__sid=people.line.sid)

    course = await people.line.inside(taken)
    assert course.due_at is not None
    assert course.due_at <= timezone.now() + courses.FROM_VOICEMAIL


# --- Hours, other numbers, guards -------------------------------------------------------------------------------------


async def test_out_of_hours_a_call_is_the_assistants_again_at_once(people: People) -> None:
    hours = {"time_zone": "UTC", "days": {"mon": [["00:00", "00:01"]]}}
    await setup(people, COLD, hours=hours)
    answered = await people.ask()
    assert answered.words.startswith("Nobody is there right now. People are back on")
    assert answered.has("Gather")
    assert (await people.case()).outcome == "nobody_there"
    assert await people.transfers() == []


async def test_a_telephone_of_another_connection_can_be_named_by_the_rules(people: People, twilio: TwilioEnd) -> None:
    other = await in_thread(
        lambda: make_line(
            people.line.workspace,
            twilio,
            name="Berlin",
            from_number="+14155552672",
            transfer_to="+14155550188",
            manner="warm",
        )
    )
    await setup(people, {}, desks=[str(other.connection.id), "inbox"])
    dialled = await people.ask()
    assert dialled.verb("Number").text == "+14155550188"
    assert dialled.verb("Dial").attrib["callerId"] == NUMBER
    heard = await people.pick_up(dialled)
    await people.press(heard, "1")
    assert (await people.case()).holder_name == "Berlin"


@pytest.mark.parametrize("number", ["+19005551234", "+4930901820", NUMBER])
async def test_a_number_that_is_costly_or_abroad_or_the_lines_own_is_never_rung(people: People, number: str) -> None:
    """Whatever got it into the settings."""
    await setup(people, {"transfer_to": number})
    answered = await people.ask()
    assert not answered.has("Dial")
    assert await people.transfers() == []


async def test_a_number_that_is_said_is_never_rung(people: People) -> None:
    await setup(people, COLD)
    greeted = await people.line.ring()
    dialled = await people.line.speak(greeted, "a human please, call +1 900 555 1234 or +14155559999")
    assert [node.text for node in dialled.root.iter("Number")] == [SALES]


async def test_a_chat_is_not_put_through(people: People) -> None:
    from channels_app.voice.phone_desk import PhoneDesk

    await setup(people, COLD)
    made = await in_thread(lambda: factories.make_deployment(people.line.workspace))
    opened = await in_thread(factories.start_session, made)

    def look() -> str:
        desk = PhoneDesk(Connection.objects.get(id=people.line.connection.id))
        chat = Conversation.objects.get(id=opened.session.conversation_id)
        return desk.availability(timezone.now(), chat).words

    assert await people.line.inside(look) == "It takes telephone calls only, and this is none."
