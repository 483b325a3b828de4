"""The rehearsal's model: the real SDK in front of it, and each failure of a real one."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.responders import llm, llm_content, stand_in
from deployments.responders.base import HandOver, Passage, ResponderError, TurnInput
from deployments.responders.content import ContentRefused
from tests.models.test_llm import Desk, replies, text_of, trace_of

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
    assert "You said: “Hi there”" in text_of(said)
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


@pytest.mark.parametrize("content", [{**STAND_IN, "base_url": "https://a.example/v1"}, {**STAND_IN, "preset": "other"}])
def test_its_address_is_nobody_elses(content: dict[str, Any]) -> None:
    with pytest.raises(ContentRefused) as refused:
        llm_content.validate(content)
    assert list(refused.value.errors) == ["base_url"]
