"""The rehearsed exchange runs TwiML of Twilio's own SDK as Twilio's documentation says."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from twilio.twiml.voice_response import Connect, Dial, Gather, Start, VoiceResponse

from channels_app.rehearsal.telephone import recording, twiml
from channels_app.rehearsal.telephone.line import Moved, Next, Over, Reply
from channels_app.rehearsal.telephone.twiml import Unreadable
from tests.channels.exchange_end import BASE, SPOKEN, World

pytestmark = pytest.mark.asyncio


def said(*words: str) -> VoiceResponse:
    response = VoiceResponse()
    for one in words:
        response.say(one)
    return response


def gathers(words: str = "", **how: Any) -> VoiceResponse:
    response = VoiceResponse()
    gather = Gather(action="/voice/turn", **how)
    if words:
        gather.say(words)
    response.append(gather)
    response.say("Nothing was said.")
    return response


# --- Reading ----------------------------------------------------------------------------------------------------------


async def test_what_the_sdk_writes_is_read_as_it_was_meant_and_nothing_is_warned_of() -> None:
    response = VoiceResponse()
    response.say('Tom & Jerry <b> said "hi"', voice="Polly.Joanna", language="en-US")
    gather = Gather(input="speech dtmf", action="/turn?turn=1&x=2", speech_timeout="auto", bargeIn=False, num_digits=1)
    gather.say("Ask me")
    response.append(gather)
    connect = Connect(action="/done")
    relay = connect.conversation_relay(url="wss://convoship.example/relay", dtmf_detection=True, welcome_greeting="Hi")
    relay.parameter(name="ticket", value="a<b")
    relay.language(code="de-DE", voice="Anna")
    response.append(connect)
    document = twiml.read(str(response))
    assert document.warnings == []
    say, read_gather, read_connect = document.verbs
    assert say.text == 'Tom & Jerry <b> said "hi"'
    assert read_gather.attributes["action"] == "/turn?turn=1&x=2"
    assert read_gather.is_on("bargeIn", otherwise=True) is False
    assert read_connect.inside[0].inside[0].attributes == {"name": "ticket", "value": "a<b"}


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        ("<Response><Say>cut", "text/xml", 12100),
        ("<Reply/>", "text/xml", 12100),
        ('<!DOCTYPE x [<!ENTITY a "b">]><Response>&a;</Response>', "text/xml", 12100),
        ("<Response/>", "application/json", 12300),
    ],
)
async def test_what_twilio_can_t_run_has_its_code(body: str, kind: str, code: int) -> None:
    with pytest.raises(Unreadable) as unreadable:
        twiml.read(body, kind)
    assert unreadable.value.code == code


async def test_what_twilio_does_not_know_is_passed_over_with_a_warning() -> None:
    document = twiml.read('<Response><Sing/><Say loud="yes">Hi</Say></Response>')
    assert [verb.name for verb in document.verbs] == ["Say"]
    assert [warning[:5] for warning in document.warnings] == ["12200", "12200"]


# --- Speaking, and where a document leads -----------------------------------------------------------------------------


async def test_verbs_run_in_order_and_a_redirect_leaves_the_rest() -> None:
    first = said("One.")
    first.pause(length=2)
    first.redirect("/voice/next?turn=2")
    first.say("Never.")
    world = World({"": first, "/next?turn=2": said("Two.")})
    _, ended = world.calls()
    assert await ended == "done"
    assert world.spoken() == ["One.", "Two."]
    assert [one["CallStatus"] for one in world.asked] == ["ringing", "in-progress"]


async def test_a_call_is_rejected_before_it_is_answered() -> None:
    response = VoiceResponse()
    response.reject(reason="busy")
    world = World({"": response})
    _, ended = world.calls()
    assert await ended == "busy"
    assert world.statuses == []


async def test_hang_up_ends_the_call_there() -> None:
    response = said("Goodbye.")
    response.hangup()
    response.say("Never.")
    world = World({"": response})
    _, ended = world.calls()
    assert await ended == "hung_up_on"
    assert world.spoken() == ["Goodbye."]


@pytest.mark.parametrize("failed", [Reply(500, words="It broke"), Reply(None, words="No answer"), "<Response>"])
async def test_a_webhook_that_fails_leads_to_the_fallback_and_without_one_to_an_application_error(failed: Any) -> None:
    world = World({"": failed, "/fallback": said("Please hold.")})
    _, ended = world.calls(fallback=f"{BASE}/fallback")
    await ended
    assert world.spoken() == ["Please hold."]
    assert world.only("/fallback")["ErrorUrl"] == BASE
    assert world.only("/fallback")["ErrorCode"] in {"11200", "12100"}
    world = World({"": failed})
    _, ended = world.calls()
    await ended
    assert world.spoken() == ["We're sorry. An application error has occurred. Goodbye."]


async def test_who_hangs_up_while_words_are_spoken_hears_no_more() -> None:
    world = World({"": said("A long sentence that nobody will ever hear to its end, as it goes on.")}, pace=SPOKEN)
    leg, ended = world.calls()
    await world.until("spoken")
    leg.stop(Over("hung_up"))
    assert await ended == "hung_up"
    assert 0 < len(world.spoken()[0]) < 50


async def test_the_api_sends_a_line_elsewhere_in_mid_sentence() -> None:
    world = World({"": said("A long sentence that is cut.", "More."), "/there": said("Here.")}, pace=SPOKEN)
    leg, ended = world.calls()
    await world.until("spoken")
    leg.stop(Moved(Next(f"{BASE}/there")))
    assert await ended == "done"
    assert world.spoken()[-1] == "Here."
    assert "More." not in world.spoken()


# --- Gather -----------------------------------------------------------------------------------------------------------


async def test_what_is_said_goes_to_the_action_with_its_confidence() -> None:
    world = World({"": gathers("Ask me", input="speech dtmf"), "/turn": said("Thank you.")})
    leg, ended = world.calls()
    await world.until("listens", on=True)
    leg.say("Where is my order?")
    await ended
    asked = world.only("/turn")
    assert asked["SpeechResult"] == "Where is my order?"
    assert 0 < float(asked["Confidence"]) <= 1
    assert world.spoken() == ["Ask me", "Thank you."]


async def test_speech_stops_the_prompt_unless_it_must_not() -> None:
    words = "This is a long prompt, and it takes quite a while until all of it was spoken."
    world = World({"": gathers(words, input="speech"), "/turn": said("Yes.")}, pace=SPOKEN)
    leg, ended = world.calls()
    await world.until("spoken")
    leg.say("An agent")
    await ended
    assert world.only("/turn")["SpeechResult"] == "An agent"
    assert len(world.spoken()[0]) < len(words)

    world = World({"": gathers(words, input="speech", barge_in=False), "/turn": said("Yes.")}, pace=SPOKEN)
    leg, ended = world.calls()
    await world.until("spoken")
    leg.say("An agent")
    await world.until("unheard", text="An agent")
    await ended
    assert world.spoken() == [words, "Nothing was said."]


@pytest.mark.parametrize(
    ("how", "keys", "digits", "finished"),
    [
        ({"num_digits": 1}, "2", "2", ""),
        ({"num_digits": 4}, "1234", "1234", ""),
        ({}, "12#", "12", "#"),
        ({"finish_on_key": "*"}, "1#*", "1#", "*"),
        ({"timeout": 3}, "77", "77", ""),
    ],
)
async def test_keys_are_gathered_up_to_their_number_their_finish_or_a_pause(
    how: dict[str, Any], keys: str, digits: str, finished: str
) -> None:
    world = World({"": gathers("Press", input="dtmf", **how), "/turn": said("Yes.")})
    leg, ended = world.calls()
    await world.until("listens", on=True)
    for key in keys:
        leg.press(key)
    await ended
    asked = world.only("/turn")
    assert (asked["Digits"], asked["FinishedOnKey"]) == (digits, finished)


async def test_a_silence_falls_through_or_is_told_where_that_is_wished() -> None:
    world = World({"": gathers("Ask", input="speech", timeout=2)})
    _, ended = world.calls()
    await ended
    assert world.spoken() == ["Ask", "Nothing was said."]
    world = World({"": gathers("Ask", input="speech", timeout=2, action_on_empty_result=True), "/turn": said("Hello?")})
    _, ended = world.calls()
    await ended
    assert world.only("/turn")["SpeechResult"] == ""
    assert world.spoken() == ["Ask", "Hello?"]


async def test_keys_that_nobody_asked_for_are_heard_by_nobody() -> None:
    world = World({"": gathers("Ask", input="speech", timeout=2)})
    leg, ended = world.calls()
    await world.until("listens", on=True)
    leg.press("5")
    await ended
    assert len(world.asked) == 1
    assert await world.until("unheard", text="5")


# --- Record -----------------------------------------------------------------------------------------------------------


def records() -> VoiceResponse:
    response = VoiceResponse()
    response.record(
        action="/voice/kept",
        timeout=3,
        recording_status_callback="/voice/recording",
        transcribe=True,
        transcribe_callback="/voice/words",
    )
    response.say("Nothing was recorded.")
    return response


async def test_what_is_said_after_the_tone_is_kept_told_and_written_down() -> None:
    world = World({"": records(), "/kept": said("Goodbye.")})
    leg, ended = world.calls()
    await world.until("records", on=True)
    leg.say("Please call me back.")
    leg.press("#")
    await ended
    assert world.recorded == ["Please call me back."]
    assert world.only("/kept")["Digits"] == "#"
    assert world.only("/kept")["RecordingUrl"].endswith("/Recordings/RE" + "1" * 32)
    assert world.only("/recording")["RecordingStatus"] == "completed"
    assert world.only("/words")["TranscriptionText"] == "Please call me back."
    assert world.spoken() == ["Goodbye."]


async def test_a_key_that_comes_after_a_recording_has_ended_by_itself_is_no_loss() -> None:
    world = World({"": records(), "/kept": said("Goodbye.")})
    leg, ended = world.calls()
    await world.until("records", on=True)
    leg.say("Please call me back.")
    await world.until("records", on=False)
    leg.press("#")
    await ended
    assert world.only("/kept")["RecordingDuration"]
    assert [what for kind, what in world.shown if kind == "unheard"] == []


async def test_who_hangs_up_after_speaking_has_left_a_message() -> None:
    world = World({"": records(), "/kept": said("Never.")})
    leg, ended = world.calls()
    await world.until("records", on=True)
    leg.say("Call me.")
    leg.stop(Over("hung_up"))
    assert await ended == "hung_up"
    assert world.only("/kept").is_told
    assert world.only("/kept")["Digits"] == "hangup"
    assert world.spoken() == []


async def test_a_silence_after_the_tone_is_no_message() -> None:
    world = World({"": records()})
    _, ended = world.calls()
    await ended
    assert world.spoken() == ["Nothing was recorded."]
    assert len(world.asked) == 1


async def test_the_file_that_stands_for_a_message_is_sound() -> None:
    import io
    import wave

    with wave.open(io.BytesIO(recording.tone(3))) as file:
        assert file.getnframes() / file.getframerate() == 3


async def test_a_recording_of_the_call_begins_where_the_document_says() -> None:
    response = VoiceResponse()
    start = Start()
    start.recording(recording_status_callback="/voice/recording")
    response.append(start)
    world = World({"": response})
    _, ended = world.calls()
    await ended
    assert world.recorded == [f"{BASE}/recording"]


# --- Dial -------------------------------------------------------------------------------------------------------------


def dials(whisper: str = "") -> VoiceResponse:
    response = VoiceResponse()
    dial = Dial(action="/voice/after", timeout=20, caller_id="+14155552671")
    dial.number("+14155550199", **({"url": whisper} if whisper else {}))
    response.append(dial)
    return response


async def test_two_lines_are_joined_until_the_other_one_hangs_up() -> None:
    world = World({"": dials(), "/after": said("Back again.")})
    leg, ended = world.calls()
    other = await world.rings.get()
    assert (other.leg.facts.called, other.leg.facts.caller) == ("+14155550199", "+14155552671")
    other.picked.set_result("answered")
    await world.until("joined", on=True)
    leg.say("Hello?")
    other.leg.say("Hi, this is Kim.")
    assert await world.until("bridged", who="person", text="Hi, this is Kim.")
    other.leg.stop(Over("hung_up"))
    await ended
    after = world.only("/after")
    assert (after["DialCallStatus"], after["DialBridged"], after["DialCallSid"]) == (
        "completed",
        "true",
        other.leg.facts.sid,
    )
    assert world.spoken() == ["Back again."]
    assert "outbound-dial:completed" in world.statuses


@pytest.mark.parametrize("how", ["busy", "no-answer", "failed"])
async def test_a_line_that_is_not_picked_up_is_told_as_what_it_is(how: str) -> None:
    world = World({"": dials(), "/after": said("Sorry.")})
    _, ended = world.calls()
    (await world.rings.get()).picked.set_result(how)
    await ended
    assert (world.only("/after")["DialCallStatus"], world.only("/after")["DialBridged"]) == (how, "false")
    assert f"outbound-dial:{how}" in world.statuses


async def test_what_rings_too_long_is_not_answered() -> None:
    world = World({"": dials(), "/after": said("Sorry.")})
    _, ended = world.calls()
    await ended
    assert world.only("/after")["DialCallStatus"] == "no-answer"


async def test_a_whisper_is_heard_by_the_other_one_alone_and_may_send_them_away() -> None:
    whisper = VoiceResponse()
    gather = Gather(action="/voice/accept", num_digits=1, input="dtmf")
    gather.say("A caller wants to know about returns. Press one to take the call.")
    whisper.append(gather)
    whisper.hangup()
    accepted = VoiceResponse()
    world = World({"": dials("/voice/whisper"), "/whisper": whisper, "/accept": accepted, "/after": said("So long.")})
    leg, ended = world.calls()
    other = await world.rings.get()
    other.picked.set_result("answered")
    await world.until("listens", who="person", on=True)
    assert world.only("/whisper")["ParentCallSid"] == leg.facts.sid
    other.leg.press("1")
    await world.until("joined", on=True)
    other.leg.stop(Over("hung_up"))
    await ended
    assert world.only("/after")["DialBridged"] == "true"

    world = World({"": dials("/voice/whisper"), "/whisper": whisper, "/after": said("Nobody took it.")})
    _, ended = world.calls()
    (await world.rings.get()).picked.set_result("answered")
    await ended
    assert (world.only("/after")["DialCallStatus"], world.only("/after")["DialBridged"]) == ("completed", "false")
    assert world.spoken()[-1] == "Nobody took it."


async def test_a_caller_who_hangs_up_ends_both_lines_and_the_action_is_told() -> None:
    world = World({"": dials(), "/after": said("Never.")})
    leg, ended = world.calls()
    other = await world.rings.get()
    other.picked.set_result("answered")
    await world.until("joined", on=True)
    leg.stop(Over("hung_up"))
    assert await ended == "hung_up"
    assert other.leg.is_over
    assert world.only("/after").is_told
    assert world.only("/after")["CallStatus"] == "completed"


# --- Queues -----------------------------------------------------------------------------------------------------------


def enqueues() -> VoiceResponse:
    response = VoiceResponse()
    response.enqueue("desk", action="/voice/left", wait_url="/voice/wait")
    return response


async def test_who_waits_hears_the_wait_document_again_and_again_and_is_taken_by_who_dials_the_queue() -> None:
    waits = said("Please wait.")
    waits.pause(length=1)
    dials_queue = VoiceResponse()
    dial = Dial(action="/voice/agent")
    dial.queue("desk", url="/voice/soon")
    dials_queue.append(dial)
    documents = {
        "": enqueues(),
        "/wait": waits,
        "/left": said("Goodbye."),
        "/soon": said("You are put through."),
        "/agent": said("Done."),
        "/dials": dials_queue,
    }
    world = World(documents)
    leg, ended = world.calls()
    async with asyncio.timeout(5):
        while len([one for one in world.asked if one.url == "/wait"]) < 2:
            world.seen.clear()
            await world.seen.wait()
    agent = world.leg(role="person")
    agent.facts = agent.facts.at("in-progress")
    taking = asyncio.ensure_future(agent.run(Next(f"{BASE}/dials")))
    await world.until("joined", on=True)
    assert "You are put through." in world.spoken()
    leg.stop(Over("hung_up"))
    assert await ended == "hung_up"
    await taking
    assert world.only("/left")["QueueResult"] == "bridged"
    assert world.only("/agent")["DialCallStatus"] == "completed"
    assert not world.queues["desk"].waiting


async def test_who_leaves_a_queue_or_hangs_up_in_it_is_out_of_it() -> None:
    leaves = said("It is closed.")
    leaves.leave()
    world = World({"": enqueues(), "/wait": leaves, "/left": said("Call tomorrow.")})
    _, ended = world.calls()
    await ended
    assert world.only("/left")["QueueResult"] == "leave"
    assert world.spoken() == ["It is closed.", "Call tomorrow."]

    waits = said("Wait.")
    waits.pause(length=60)
    world = World({"": enqueues(), "/wait": waits})
    leg, ended = world.calls()
    await world.until("spoken")
    leg.stop(Over("hung_up"))
    assert await ended == "hung_up"
    assert world.only("/left")["QueueResult"] == "hangup"
    assert not world.queues["desk"].waiting
