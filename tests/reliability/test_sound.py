"""The process that carries a call's sound is killed, or stopped, in the middle of it: the caller hears words.

Web process, media process, socket, engines and sound are real; Twilio is played as its documentation says.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from channels_app.models import Call
from channels_app.voice.media.events import FRAME, SILENCE
from tests.channels.media_senders import TwilioSender
from tests.channels.relays import Telephone, make_telephone
from tests.channels.twilio_end import ACCOUNT
from tests.reliability.processes import OwnValkey, Web, media
from tests.reliability.test_calls import Twilio

pytestmark = pytest.mark.django_db(transaction=True)

GREETING = "Hello, I would like to help you. " * 6


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[tuple[Web, Web]]:
    """The web process, and the one that carries sound."""
    with OwnValkey(tmp_path) as valkey, media(valkey.url, tmp_path) as both:
        yield both


@pytest.fixture
def phone(transactional_db: None) -> Telephone:
    return make_telephone(mode="stream", silence_seconds=30, greeting=GREETING)


class Stream:
    """Twilio's end of a call's sound, in real time."""

    def __init__(self, socket: ClientConnection, sender: TwilioSender) -> None:
        self.socket, self.sender = socket, sender
        self.code: int | None = None

    async def run(self) -> None:
        """Until it is closed, by whichever side."""
        listening = asyncio.ensure_future(self._listen())
        try:
            for frame in self.sender.opening():
                await self.socket.send(frame)
            while not listening.done():
                for frame in (*self.sender.audio(SILENCE * FRAME), *self.sender.play(FRAME)):
                    await self.socket.send(frame)
                await asyncio.sleep(0.02)
        except ConnectionClosed:
            pass
        await listening

    async def _listen(self) -> None:
        try:
            async for frame in self.socket:
                for answer in self.sender.take(frame):
                    await self.socket.send(answer)
        except ConnectionClosed:
            pass
        self.code = self.socket.close_code

    async def hears_something(self) -> None:
        async with asyncio.timeout(30):
            while len(self.sender.heard) < 16_000:
                assert self.code is None
                await asyncio.sleep(0.02)


async def stream(twilio: Twilio) -> Stream:
    """Somebody calls, and their sound is on its way."""
    twiml = await twilio.ask(twilio.url(), CallStatus="ringing")
    found = twiml.find("./Connect/Stream")
    assert found is not None
    url = found.attrib["url"]
    parameters = {one.attrib["name"]: one.attrib["value"] for one in found.findall("Parameter")}
    socket = await connect(url, additional_headers={"X-Twilio-Signature": twilio.phone.sign(url)})
    return Stream(socket, TwilioSender(parameters=parameters, call=twilio.phone.sid, account=ACCOUNT))


@pytest.mark.asyncio
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_the_caller_hears_words_and_the_call_ends_in_a_state(
    processes: tuple[Web, Web], phone: Telephone, how: signal.Signals
) -> None:
    web, carrier = processes
    twilio = Twilio(phone, web)
    line = await stream(twilio)
    running = asyncio.ensure_future(line.run())
    await line.hears_something()
    carrier.process.send_signal(how)
    told_at = time.monotonic()
    async with asyncio.timeout(10):
        await running
    assert time.monotonic() - told_at < 2.5
    assert line.code == (1012 if how == signal.SIGTERM else 1006)
    twiml = await twilio.ask(twilio.url("stream-done"))
    # Words at once, and then the call goes on sentence by sentence, with what was not heard yet.
    assert twiml.find("Say") is not None
    said = await twilio.listens(twiml)
    assert "I would like to help you" in said
    row: Any = await phone.row()
    assert (row.state, row.mode) == ("active", "gather")
    await twilio.ask(twilio.url("status"), CallStatus="completed", CallDuration="9")
    ended: Any = await phone.until(lambda: Call.objects.filter(sid=phone.sid, state="ended").first())
    assert ended.outcome == "hung_up"
    assert ended.reason
