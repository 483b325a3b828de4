"""The process that carries a call's sound is killed, or stopped, while the call is recorded: what there was is kept.

Web process, media process, socket, engines and sound are real; the gateway is played as docs/voice-streams.md says.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from django.utils import timezone
from websockets.asyncio.client import connect

from channels_app.models import CallRecording, CallStep, RecordingPart
from tests.channels.far_end import FarEnd
from tests.channels.gateway import Gateway
from tests.channels.media_senders import TwilioSender
from tests.channels.test_gateway_recording import tracks
from tests.channels.test_gateway_streams import make, until
from tests.reliability.processes import OwnValkey, Web, media
from tests.reliability.test_sound import Stream

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[tuple[Web, Web]]:
    """The web process, and the one that carries sound."""
    with OwnValkey(tmp_path) as valkey, media(valkey.url, tmp_path) as both:
        yield both


@pytest.fixture
def gateway(transactional_db: None) -> Gateway:
    """Whose answers go nowhere: they are spoken."""
    return make(cast(FarEnd, None), record="with_consent", consent_words="May we record this call?")


async def ticket(gateway: Gateway, web: Web) -> dict[str, Any]:
    body = json.dumps({"call_id": "call-1", "nonce": uuid.uuid4().hex}).encode()
    headers = {"Content-Type": "application/json"} | gateway.signed(body, at=time.time())
    async with httpx.AsyncClient(timeout=30) as client:
        answer = await client.post(f"{web.address}{gateway.path}/ticket", content=body, headers=headers)
    assert answer.status_code == 201, answer.text
    given: dict[str, Any] = answer.json()
    return given


@pytest.mark.asyncio
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_what_was_recorded_by_then_is_kept(
    processes: tuple[Web, Web], gateway: Gateway, how: signal.Signals
) -> None:
    web, carrier = processes
    given = await ticket(gateway, web)
    sender = TwilioSender(parameters={"ticket": given["ticket"]}, call="call-1")
    line = Stream(await connect(given["socket_url"]), sender)
    running = asyncio.ensure_future(line.run())
    await line.hears_something()
    for frame in sender.key("1"):
        await line.socket.send(frame)
    await until(gateway, lambda: RecordingPart.objects.first(), 30)
    carrier.process.send_signal(how)
    async with asyncio.timeout(10):
        await running
    if how == signal.SIGKILL:
        row = await gateway.inside(lambda: CallRecording.objects.get())
        assert (row.state, row.seconds) == ("made", None)
        # A minute goes by.
        await gateway.inside(lambda: CallRecording.objects.update(due_at=timezone.now()))
    else:
        await until(gateway, lambda: CallRecording.objects.filter(seconds__gt=0).first())
    await gateway.drain()
    row = await gateway.inside(lambda: CallRecording.objects.select_related("file").get())
    assert row.state == "kept"
    theirs, ours = await asyncio.to_thread(tracks, row)
    assert len(theirs) == len(ours)
    assert row.seconds == round(len(theirs) / 8000) >= 2
    broke_off = await gateway.inside(
        lambda: CallStep.objects.filter(words__startswith="The recording broke off").count()
    )
    assert (bool(row.missing), broke_off) == ((True, 1) if how == signal.SIGKILL else (False, 0))
