"""The rehearsed exchange carries sound as Twilio's Media Streams do: between the page and our socket."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest
from twilio.twiml.voice_response import Connect, VoiceResponse

from channels_app.rehearsal.telephone import streaming
from channels_app.rehearsal.telephone.line import Over
from channels_app.voice.media.events import Audio, Key, Marked, Started, Stopped
from channels_app.voice.media.twilio_wire import TwilioWire
from tests.channels.exchange_end import World
from tests.channels.test_rehearsed_lines import said

pytestmark = pytest.mark.asyncio

URL = "wss://convoship.example/voice/stream"
SOUND = base64.b64encode(b"\x00" * 160).decode()


def streams() -> World:
    response = VoiceResponse()
    connect = Connect()
    connect.stream(url=URL).parameter(name="ticket", value="t-1")
    response.append(connect)
    response.redirect("/voice/stream-done")
    return World({"": response, "/stream-done": said("Goodbye.")})


async def told(world: World, event: str) -> dict[str, Any]:
    async with asyncio.timeout(5):
        while True:
            frame = await world.socket.to_us.get()
            if frame["event"] == event:
                return frame


async def test_the_line_tells_what_twilio_tells_and_our_own_ear_understands_it() -> None:
    world = streams()
    leg, ended = world.calls()
    wire = TwilioWire()
    start = await told(world, "start")
    (begun,) = wire.read(json.dumps(start))
    assert isinstance(begun, Started)
    assert (begun.call, begun.account, begun.parameters) == (leg.facts.sid, leg.facts.account, {"ticket": "t-1"})
    assert begun.stream.startswith("MZ")
    await world.until("stream", on=True)
    assert leg.stream is not None
    leg.stream.bring(SOUND)
    media = await told(world, "media")
    assert (media["media"]["chunk"], media["media"]["timestamp"]) == ("1", "20")
    assert list(wire.read(json.dumps(media))) == [Audio(b"\x00" * 160)]
    leg.stream.played("m-1")
    assert list(wire.read(json.dumps(await told(world, "mark")))) == [Marked("m-1")]
    leg.press("5")
    assert list(wire.read(json.dumps(await told(world, "dtmf")))) == [Key("5")]
    leg.stop(Over("hung_up"))
    assert await ended == "hung_up"
    assert list(wire.read(json.dumps(await told(world, "stop")))) == [Stopped()]
    assert world.socket.was_rude is False


async def test_our_sound_goes_to_the_page_and_the_next_verb_follows_a_closed_socket() -> None:
    world = streams()
    _, ended = world.calls()
    stream = (await told(world, "start"))["streamSid"]
    world.socket.says(event="media", streamSid=stream, media={"payload": SOUND})
    world.socket.says(event="mark", streamSid=stream, mark={"name": "m-1"})
    world.socket.says(event="clear", streamSid=stream)
    await world.until("sound", payload=SOUND)
    await world.until("sound_mark", name="m-1")
    await world.until("sound_clear")
    world.socket.from_us.put_nowait(None)
    assert await ended == "done"
    assert world.spoken() == ["Goodbye."]
    await world.until("stream", on=False, heard=1)


async def test_a_message_that_twilio_does_not_take_is_in_its_log_once() -> None:
    world = streams()
    leg, ended = world.calls()
    stream = (await told(world, "start"))["streamSid"]
    world.socket.says(event="media", streamSid="another", media={"payload": SOUND})
    world.socket.says(event="text", streamSid=stream)
    world.socket.says(event="media", streamSid=stream, media={"payload": SOUND})
    await world.until("sound")
    assert [code for code, _ in world.faults] == [streaming.REFUSED_MESSAGE]
    leg.stop(Over("hung_up"))
    await ended


async def test_written_words_are_told_to_be_heard_by_nobody() -> None:
    world = streams()
    leg, ended = world.calls()
    await told(world, "start")
    leg.say("Hello")
    await world.until("unheard", text="Hello")
    leg.stop(Over("hung_up"))
    await ended


async def test_a_socket_that_does_not_open_leaves_the_call_to_the_next_verb() -> None:
    world = streams()
    world.has_relay = False
    _, ended = world.calls()
    assert await ended == "done"
    assert world.faults == [(streaming.NO_CONNECTION, "Nothing answers there.")]
    assert world.spoken() == ["Goodbye."]


async def test_a_line_that_drops_says_nothing() -> None:
    world = streams()
    leg, ended = world.calls()
    await told(world, "start")
    leg.stop(Over("dropped"))
    await ended
    assert world.socket.was_rude is True
    assert world.socket.to_us.empty()
