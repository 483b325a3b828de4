"""The rehearsed exchange holds ConversationRelay's end of our socket: PROVIDERS' scripts, frame by frame."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from twilio.twiml.voice_response import Connect, VoiceResponse

from channels_app.rehearsal.telephone import frames
from channels_app.rehearsal.telephone.line import Moved, Next, Over
from tests.channels.exchange_end import BASE, CALLER, FAST, NUMBER, SPOKEN, World
from tests.channels.test_rehearsed_lines import said

pytestmark = pytest.mark.asyncio

URL = "wss://convoship.example/voice/relay"


def connects(greeting: str = "Hello, how can I help?", **more: Any) -> VoiceResponse:
    response = VoiceResponse()
    connect = Connect(action="/voice/relay-done")
    relay = connect.conversation_relay(url=URL, welcome_greeting=greeting, language="en-US", **more)
    relay.parameter(name="ticket", value="t-1")
    response.append(connect)
    return response


def relays(pace: Any = FAST, **more: Any) -> World:
    return World({"": connects(**more), "/relay-done": said("Goodbye.")}, pace=pace)


async def test_it_opens_the_socket_of_the_document_and_begins_with_setup() -> None:
    world = relays()
    leg, ended = world.calls()
    setup = await world.socket.hears("setup")
    assert world.relay_urls == [URL]
    assert setup["sessionId"].startswith("VX")
    assert (setup["callSid"], setup["from"], setup["to"]) == (leg.facts.sid, CALLER, NUMBER)
    assert (setup["direction"], setup["customParameters"]) == ("inbound", {"ticket": "t-1"})
    await world.until("speech_over")
    assert world.spoken() == ["Hello, how can I help?"]
    world.socket.says(type="end", handoffData='{"to": "desk"}')
    await ended
    done = world.only("/relay-done")
    assert (done["SessionStatus"], done["HandoffData"], done["SessionId"]) == (
        "ended",
        '{"to": "desk"}',
        setup["sessionId"],
    )
    assert world.spoken()[-1] == "Goodbye."


async def test_what_is_said_is_a_prompt_and_tokens_are_spoken_as_they_come() -> None:
    world = relays(greeting="", partial_prompts=True)
    leg, ended = world.calls()
    await world.socket.hears("setup")
    leg.say("Where is my order?")
    part = await world.socket.hears("prompt")
    assert (part["last"], part["lang"]) == (False, "en-US")
    assert "Where is my order?".startswith(part["voicePrompt"])
    whole = await world.socket.hears("prompt")
    assert (whole["voicePrompt"], whole["last"]) == ("Where is my order?", True)
    for token, last in (("It is ", False), ("on its way.", False), ("", True)):
        world.socket.says(type="text", token=token, last=last)
    await world.until("speech_over")
    assert world.spoken() == ["It is on its way."]
    leg.stop(Over("hung_up"))
    assert await ended == "hung_up"
    assert world.only("/relay-done")["SessionStatus"] == "completed"
    assert world.socket.was_rude is False


async def test_an_interrupt_tells_what_was_heard_and_drops_the_rest() -> None:
    world = relays(SPOKEN, greeting="")
    leg, ended = world.calls()
    await world.socket.hears("setup")
    words = "We open at nine in the morning, and we close at six in the evening, but on Sundays we are closed."
    world.socket.says(type="text", token=words, last=True)
    async with asyncio.timeout(5):
        while not [1 for kind, what in world.shown if kind == "spoken" and what["letters"] > 20]:
            world.seen.clear()
            await world.seen.wait()
    leg.say("Stop")
    interrupt = await world.socket.hears("interrupt")
    heard = interrupt["utteranceUntilInterrupt"]
    assert words.startswith(heard)
    assert 15 < len(heard) < len(words)
    assert isinstance(interrupt["durationUntilInterruptMs"], int)
    assert (await world.socket.hears("prompt"))["voicePrompt"] == "Stop"
    # Late pieces of the next answer are spoken as any.
    world.socket.says(type="text", token="All right.", last=True)
    await world.until("speech_over", letters=len("All right."))
    assert world.spoken() == [heard, "All right."]
    leg.stop(Over("hung_up"))
    await ended


async def test_what_may_not_be_interrupted_is_spoken_to_its_end() -> None:
    world = relays(SPOKEN, greeting="", interruptible="none")
    leg, ended = world.calls()
    await world.socket.hears("setup")
    world.socket.says(type="text", token="You have to hear all of this.", last=True)
    await world.until("spoken")
    leg.say("No")
    await world.until("unheard", text="No")
    await world.until("speech_over")
    assert world.spoken() == ["You have to hear all of this."]
    leg.stop(Over("hung_up"))
    await ended


async def test_keys_are_told_where_they_are_wanted() -> None:
    world = relays(greeting="", dtmf_detection=True)
    leg, ended = world.calls()
    await world.socket.hears("setup")
    leg.press("5")
    assert (await world.socket.hears("dtmf"))["digit"] == "5"
    leg.stop(Over("hung_up"))
    await ended

    world = relays(greeting="")
    leg, ended = world.calls()
    await world.socket.hears("setup")
    leg.press("5")
    await world.until("unheard", text="5")
    leg.stop(Over("hung_up"))
    await ended


@pytest.mark.parametrize(
    "frame",
    [
        "ping",
        "[]",
        "{}",
        json.dumps({"type": "text"}),
        json.dumps({"type": "text", "token": 5}),
        json.dumps({"type": "text", "token": "a", "last": "yes"}),
        json.dumps({"type": "text", "token": "a", "debug": True}),
        json.dumps({"type": "play", "source": "music.mp3"}),
        json.dumps({"type": "language", "ttsLanguage": "a language"}),
        json.dumps({"type": "language"}),
        json.dumps({"type": "sendDigits", "digits": "12 34"}),
        json.dumps({"type": "end", "handoffData": {"to": "desk"}}),
        json.dumps({"type": "debug", "words": "x"}),
        b"\x00",
    ],
)
async def test_a_frame_that_twilio_does_not_take_is_lost_and_answered_by_an_error(frame: str | bytes) -> None:
    world = relays(greeting="")
    leg, ended = world.calls()
    await world.socket.hears("setup")
    world.socket.from_us.put_nowait(frame)
    assert (await world.socket.hears("error"))["description"]
    assert [code for code, _ in world.faults] == [64107]
    # The session goes on.
    leg.say("Hello?")
    assert (await world.socket.hears("prompt"))["voicePrompt"] == "Hello?"
    leg.stop(Over("hung_up"))
    await ended


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "text", "token": "", "last": True},
        {"type": "text", "token": "Hallo", "last": False, "lang": "de-DE", "interruptible": False, "preemptible": True},
        {"type": "play", "source": "https://convoship.example/a.mp3", "loop": 1},
        {"type": "sendDigits", "digits": "12w#"},
        {"type": "language", "ttsLanguage": "de-DE", "transcriptionLanguage": "de-DE"},
        {"type": "end"},
        {"type": "end", "handoffData": "{}"},
    ],
)
async def test_a_frame_of_the_documentation_is_taken(frame: dict[str, Any]) -> None:
    assert frames.read(json.dumps(frame)) == (frame, "")


async def test_a_language_is_spoken_and_heard_from_then_on() -> None:
    world = relays(greeting="")
    leg, ended = world.calls()
    await world.socket.hears("setup")
    world.socket.says(type="language", ttsLanguage="de-DE", transcriptionLanguage="de-DE")
    await world.until("language", speaks="de-DE")
    leg.say("Guten Tag")
    assert (await world.socket.hears("prompt"))["lang"] == "de-DE"
    leg.stop(Over("hung_up"))
    await ended


async def test_a_socket_that_can_t_be_opened_is_told_with_64102() -> None:
    world = relays()
    world.has_relay = False
    _, ended = world.calls()
    await ended
    done = world.only("/relay-done")
    assert (done["SessionStatus"], done["ErrorCode"]) == ("failed", "64102")
    assert [code for code, _ in world.faults] == [64102]
    assert world.spoken() == ["Goodbye."]


async def test_a_socket_that_is_closed_without_an_end_has_failed() -> None:
    world = relays(greeting="")
    _, ended = world.calls()
    await world.socket.hears("setup")
    world.socket.from_us.put_nowait(None)
    await ended
    assert world.only("/relay-done")["SessionStatus"] == "failed"
    assert [code for code, _ in world.faults] == [64105]


async def test_a_line_that_drops_cuts_the_socket_and_tells_nobody() -> None:
    world = relays()
    leg, ended = world.calls()
    await world.socket.hears("setup")
    leg.stop(Over("dropped"))
    assert await ended == "dropped"
    assert world.socket.was_rude is True
    assert [one.url for one in world.asked] == [""]


async def test_the_api_takes_a_line_out_of_a_relay() -> None:
    world = relays()
    world.documents["/there"] = said("Here.")
    leg, ended = world.calls()
    await world.socket.hears("setup")
    leg.stop(Moved(Next(f"{BASE}/there")))
    assert await ended == "done"
    assert world.spoken()[-1] == "Here."
    assert world.socket.was_rude is False
    assert [one.url for one in world.asked] == ["", "/there"]
