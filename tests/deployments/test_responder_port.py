"""The responder port: one registry, and errors that say what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from deployments.responders import base
from deployments.responders.base import Reply, Responder, ResponderError, Say, Token, TurnInput


class Echo:
    kind: ClassVar[str] = "echo"

    def welcome(self, content: Mapping[str, Any], locale: str | None, channel: str, about: Any) -> Sequence[Say]:
        return [Say("Hello")]

    async def answer(self, turn: TurnInput) -> AsyncIterator[Reply]:
        yield Token(turn.text)


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_responders", {})


def test_a_registered_responder_is_found_by_its_kind() -> None:
    echo: Responder = Echo()
    base.register(echo)
    assert base.responder_for("echo") is echo


def test_registering_the_same_responder_twice_is_harmless() -> None:
    base.register(Echo())
    base.register(Echo())


def test_a_kind_that_is_taken_is_not_given_to_another_responder() -> None:
    class Other(Echo):
        pass

    base.register(Echo())
    with pytest.raises(ValueError, match="taken by Echo"):
        base.register(Other())


def test_a_kind_that_is_not_there_ends_in_words_and_a_remedy() -> None:
    with pytest.raises(ResponderError) as error:
        base.responder_for("telepathy")
    assert "telepathy" in error.value.reason
    assert error.value.remedy
    assert not error.value.retryable
