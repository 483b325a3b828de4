"""A responder that counts aloud: "count 40 50" is forty words, one every fifty milliseconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from convoship.lib.tenancy import tenant
from deployments.models import Assistant, AssistantVersion
from deployments.responders.base import Reply, Say, Token, TurnInput


def words(count: int) -> str:
    """What is said in the end."""
    return "".join(f"w{number} " for number in range(count))


class Counting:
    """As `Responder`."""

    kind: ClassVar[str] = "counting"

    def welcome(self, content: Mapping[str, Any], locale: str | None, channel: str, about: Any) -> Sequence[Say]:
        """Hello."""
        return [Say("What can I do for you?")]

    async def answer(self, turn: TurnInput) -> AsyncIterator[Reply]:
        """Count, where that is asked for; else say it back."""
        command, *numbers = turn.text.split()
        if command != "count":
            yield Say(f"You said: {turn.text}")
            return
        for number in range(int(numbers[0])):
            yield Token(f"w{number} ")
            await asyncio.sleep(int(numbers[1]) / 1000)


def publish(workspace_id: UUID, assistant_id: UUID) -> None:
    """Let this assistant count."""
    with tenant(workspace_id):
        assistant = Assistant.objects.get(id=assistant_id)
        assistant.published = AssistantVersion.objects.create(
            assistant=assistant, number=99, content={"name": "Counter", "responder": "counting", "counting": {}}
        )
        assistant.save()
