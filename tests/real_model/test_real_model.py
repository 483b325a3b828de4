"""A visitor asks a real language model on this machine: nothing here is played.

`make test-model` runs these; they fetch 127 MB the first time.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from convoship import demo
from convoship.lib.tenancy import in_tenant, tenant
from convoship.lib.threads import in_thread
from convoship.machine import model, ports
from convoship.machine.state import ROOT
from deployments import trying
from deployments.models import Assistant, Turn
from tests import factories
from tests.models.test_at_the_door import Office
from tests.runtime.conftest import Site, site  # noqa: F401 (a fixture)
from tests.widget.conftest import Socket, hub_of_this_loop  # noqa: F401 (a fixture)

pytestmark = [pytest.mark.model, pytest.mark.asyncio]

FETCH_SECONDS = 600
START_SECONDS = 60
ANSWER_SECONDS = 60
SHORT = {"max_tokens": 60, "temperature": 0, "instructions": "You answer for a tea shop, in one short sentence."}


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The address of a model, fetched and served by the command that anybody gets."""
    port = ports.free()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONVOSHIP_MODEL_PORT", str(port))
        fetched = subprocess.run(
            [sys.executable, "-c", "from convoship.machine import model; model.install()"],
            cwd=ROOT,
            timeout=FETCH_SECONDS,
            capture_output=True,
            text=True,
            check=False,
        )
        assert fetched.returncode == 0, fetched.stderr
        process = subprocess.Popen(
            [sys.executable, "manage.py", "model"], cwd=ROOT, env={**os.environ, "NO_COLOR": "1"}
        )
        try:
            deadline = time.monotonic() + START_SECONDS
            while not model.answers():
                assert process.poll() is None, "it ended by itself"
                assert time.monotonic() < deadline, "it did not begin to answer"
                time.sleep(0.1)
            yield model.base_url()
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(10)
        assert code == 0, "Ctrl-C ends it, and it says that all was well"


def _key(site: Site) -> str:  # noqa: F811
    return factories.make_api_key(site.made.deployment.workspace).token


@pytest.fixture
async def office(served: str, site: Site, settings: Any) -> Office:  # noqa: F811
    """A workspace whose assistant is that model."""
    host, _, port = served.removeprefix("http://").removesuffix("/v1").partition(":")
    settings.OUTBOUND_ALLOWLIST = {(host, int(port))}
    office = Office(site, await in_tenant(_key)(site.workspace_id, site))
    await office.change(responder="llm", llm={"base_url": served, "model": model.NAME, **SHORT})
    await office.publish()
    return office


async def ended(office: Office) -> Turn:
    """The one turn, once it is over: that is written after its last words were told."""
    async with asyncio.timeout(10):
        while True:
            [turn] = await office.turns()
            if turn.status not in {"queued", "running"}:
                return turn
            await asyncio.sleep(0.05)


async def test_a_visitor_sees_a_real_model_write_and_what_is_kept_is_what_was_seen(office: Office) -> None:
    session = (await office.site.start()).data
    socket = Socket.of(session)
    await socket.open(session)
    await socket.say("message.send", client_id="c1", text="Which tea is good in the morning?")
    seen, pieces = "", 0
    while True:
        frame = await socket.hear(timeout=ANSWER_SECONDS)
        answer = frame.get("message", {})
        if frame["type"] == "token":
            assert frame["index"] == len(seen)
            seen, pieces = seen + frame["text"], pieces + 1
        elif frame["type"] == "message.created" and answer["status"] == "streaming":
            seen = answer["text"]
        elif frame["type"] == "message.updated" and answer["author"]["kind"] == "assistant":
            break
    await socket.disconnect()
    assert pieces > 3, "it came in pieces"
    assert (answer["text"], answer["status"]) == (seen, "sent")
    turn = await ended(office)
    trace = turn.trace
    assert (turn.status, trace["by"], trace["model"], trace["calls"]) == ("done", "llm", model.NAME, 1)
    assert trace["tokens_in"] > 20
    assert 3 < trace["tokens_out"] <= SHORT["max_tokens"]
    assert 0 < trace["first_ms"] < trace["ms"]
    print(f"{trace['tokens_out']} tokens, the first after {trace['first_ms']} ms, all after {trace['ms']} ms: {seen}")


async def test_two_are_answered_at_a_time_and_what_is_too_long_for_it_is_told_as_that(office: Office) -> None:
    sessions = [(await office.site.start()).data for _ in range(2)]
    said = await asyncio.gather(*(office.site.say(session, "Is tea good?") for session in sessions))
    assert [len(answer.data["replies"]) for answer in said] == [1, 1]
    assert (await office.call("GET", office.path))["health"]["ok"] is True
    llm = (await office.call("GET", office.path))["llm"]
    await office.change(llm={**llm, "instructions": "Tea is good. " * 1500})
    await office.publish()
    await office.site.say((await office.site.start()).data, "Is tea good?")
    failure = (await office.turns())[-1].trace["failure"]
    assert failure["code"] == "context"
    assert "longer than the model at 127.0.0.1 can read" in failure["reason"]


async def test_the_demo_is_answered_by_it(served: str, settings: Any, tmp_path: Path, transactional_db: None) -> None:
    settings.LOCAL_DIR = tmp_path
    settings.OUTBOUND_ALLOWLIST = {(model.HOST, model.port())}
    made = await in_thread(demo.make_demo, by_model=True)

    def published() -> Any:
        with tenant(UUID(made["workspace_id"])):
            found = Assistant.objects.select_related("published").get().published
            assert found is not None
            return found.content

    content = await in_thread(published)
    assert (content["responder"], content["llm"]["base_url"]) == ("llm", served)
    tried = await trying.try_once(trying.Setting(content), "How long does a parcel take?")
    assert tried.trace["by"] == "llm"
    assert tried.trace["tokens_out"] > 0
