"""The rehearsal's model: the real SDK in front of it, and each failure of a real one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from convoship.lib.tenancy import in_tenant
from deployments.responders import llm, llm_content, stand_in
from deployments.responders.base import HandOver, Passage, ResponderError, TurnInput
from deployments.responders.content import ContentRefused
from tests import factories
from tests.models.test_at_the_door import Office
from tests.models.test_llm import Desk, replies, text_of, trace_of
from tests.runtime.conftest import Site, site  # noqa: F401 (a fixture)
from tests.widget.conftest import Socket, hub_of_this_loop  # noqa: F401 (a fixture)

STAND_IN = {"preset": "rehearsal", "base_url": "https://model.rehearsal.invalid/v1", "model": "stand-in"}


def asked(text: str, desk: Desk | None = None, **content: Any) -> TurnInput:
    return TurnInput(
        text=text,
        payload=None,
        locale="en",
        channel="web",
        history=(),
        state={},
        content=llm_content.validate({**STAND_IN, **content}),
        reach=desk or Desk(),
    )


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    behaviours = {
        name: stand_in.Behaviour(one.label, 0, 0, one.error, one.breaks) for name, one in stand_in.MODELS.items()
    }
    monkeypatch.setattr(stand_in, "MODELS", behaviours)
    monkeypatch.setattr(llm, "RETRY_AFTER_SECONDS", 0.0)


async def test_it_says_what_it_is() -> None:
    said = await replies(asked("Hi there"))
    # Words that read the same wherever they are shown, with Markdown and without.
    assert "You said: “Hi there” I only" in text_of(said)
    assert "*" not in text_of(said)
    assert trace_of(said)["tokens_out"] > 5


async def test_it_answers_from_what_it_was_given_to_read() -> None:
    desk = Desk([Passage("1", "Parcels", "https://a.example", "A parcel takes two days. More follows.", 1)])
    assert text_of(await replies(asked("how long?", desk))) == "A parcel takes two days. [1]"


async def test_it_hands_over_and_calls_the_tools_that_are_named() -> None:
    said = await replies(asked("a person please", tools=[{"type": "hand_over"}]))
    assert said[-1] == HandOver("They asked for a person.")
    tools = [{"type": "collect", "name": "order_number", "description": "the number"}]
    said = await replies(asked("my order number is A-1", tools=tools))
    assert trace_of(said)["fields"] == {"order_number": "A-1"}


@pytest.mark.parametrize(
    ("model", "code"),
    [
        ("stand-in-key", "key"),
        ("stand-in-model", "model"),
        ("stand-in-quota", "quota"),
        ("stand-in-busy", "busy"),
        ("stand-in-filter", "filter"),
        ("stand-in-context", "context"),
        ("stand-in-down", "broken"),
        ("stand-in-breaks", "unreachable"),
        ("never-heard-of", "model"),
    ],
)
async def test_it_fails_as_a_real_one_does(model: str, code: str) -> None:
    with pytest.raises(ResponderError) as refused:
        await replies(asked("Hi", model=model))
    assert refused.value.code == code


async def test_it_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stand_in, "MODELS", {"stand-in-silent": stand_in.Behaviour("Never answers", first_seconds=60)})
    monkeypatch.setattr(llm, "FIRST_PIECE_SECONDS", 0.2)
    with pytest.raises(ResponderError) as refused:
        await replies(asked("Hi", model="stand-in-silent"))
    assert refused.value.code == "timeout"


async def test_it_is_chosen_and_seen_writing_without_key_or_network_and_fails_where_it_is_told_to(
    site: Site,  # noqa: F811
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.OUTBOUND_ALLOWLIST = set()
    office = Office(site, await in_tenant(_key)(site.workspace_id, site))
    await office.change(responder="llm", llm=STAND_IN)
    await office.publish()
    session = (await site.start()).data
    socket = Socket.of(session)
    await socket.open(session)
    await socket.hears_live(site.workspace_id)
    # It writes as fast as it can. What its own process posts is told at once, and may overtake what is told of it by
    # Valkey: so it writes a word when the one before it was seen, and ends when all were.
    seen_one, write = asyncio.Event(), stand_in._Stream.parts

    async def parts(stream: stand_in._Stream) -> AsyncIterator[bytes]:
        async for part in write(stream):
            yield part
            if b'"content"' in part:
                await seen_one.wait()
                seen_one.clear()

    monkeypatch.setattr(stand_in._Stream, "parts", parts)
    await socket.say("message.send", client_id="c1", text="Hello")
    seen, pieces = "", 0
    while True:
        frame = await socket.hear()
        message = frame.get("message", {})
        if frame["type"] == "token":
            seen, pieces = seen + frame["text"], pieces + 1
            seen_one.set()
        elif frame["type"] == "message.created" and message["status"] == "streaming":
            seen = message["text"]
            seen_one.set()
        elif frame["type"] == "message.updated" and message["author"]["kind"] == "assistant":
            break
    await socket.disconnect()
    assert pieces > 0
    assert (message["text"], message["status"]) == (seen, "sent")
    await office.change(llm={**STAND_IN, "model": "stand-in-quota"})
    await office.publish()
    await site.say((await site.start()).data, "Hello")
    health = (await office.call("GET", office.path))["health"]
    assert (health["ok"], health["code"]) == (False, "quota")
    assert health["remedy"] == "Add credit there, or choose another endpoint."


def _key(site: Site) -> str:  # noqa: F811
    return factories.make_api_key(site.made.deployment.workspace).token


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"base_url": STAND_IN["base_url"], "model": "stand-in"}, 'goes with the preset "rehearsal"'),
        ({**STAND_IN, "preset": "other"}, 'goes with the preset "rehearsal"'),
        ({**STAND_IN, "base_url": "https://api.example.com/v1"}, "give that, or another preset"),
    ],
)
def test_its_address_is_nobody_elses_and_what_is_lacking_is_said(content: dict[str, Any], words: str) -> None:
    with pytest.raises(ContentRefused) as refused:
        llm_content.validate(content)
    assert list(refused.value.errors) == ["base_url"]
    assert words in refused.value.errors["base_url"][0]
