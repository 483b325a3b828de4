"""What an answer's first call needs is found with its claim; what nobody asks for then is taken back."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from deployments import conversations, reaching, turns
from deployments.conversations import NewMessage
from deployments.models import Assistant, KnowledgeVocabulary, Message, Spending
from deployments.models.conversation import AuthorKind
from deployments.reaching import WorkspaceReach
from deployments.responders.base import Passage, Usage, Wanted
from tests.models.model_end import ModelEnd
from tests.models.test_at_the_door import Office
from tests.spending.conftest import Till
from tests.spending.test_at_the_door import texts

pytestmark = pytest.mark.asyncio

CALL = Usage("gpt-4o-mini", 60, 40)


def wanted(text: str = "Hello?", limit: int = 0, most: Usage = CALL) -> Wanted:
    def takes(_: Sequence[Passage]) -> Usage:
        return most

    return Wanted(text, limit, None, takes)


@pytest.fixture
async def day(till: Till) -> list[Spending]:
    """The first call of a day tidies up, which is not done while a message is taken."""
    await till.reach().spend(CALL)
    return await till.spendings()


async def prepared(till: Till, limit: int = 0) -> WorkspaceReach:
    reach = till.reach()
    found = await till.read(lambda: reaching.prepare(reach.assistant_id, reach.who, wanted(limit=limit)))
    return replace(reach, prepared=found)


async def test_who_asks_for_what_was_found_has_it_without_a_transaction(
    till: Till, day: list[Spending], monkeypatch: pytest.MonkeyPatch
) -> None:
    reach = await prepared(till)
    [_, spending] = await till.spendings()

    def never(*_: Any) -> Callable[..., Any]:
        raise AssertionError("a transaction of its own")

    with monkeypatch.context() as patch:
        patch.setattr(reaching, "in_tenant", never)
        opening = await reach.opening(wanted())
    assert opening.spent == str(spending.id)
    # Once: another call is another one's money.
    assert (await reach.opening(wanted())).spent != opening.spent
    await reach.close()
    assert len(await till.spendings()) == 3


@pytest.mark.parametrize(
    "other", [wanted("Goodbye."), wanted(most=Usage("gpt-4o", 60, 40)), wanted(most=Usage("gpt-4o-mini", 60, 400))]
)
async def test_who_asks_for_something_else_has_that_and_the_other_is_taken_back(
    till: Till, day: list[Spending], other: Wanted
) -> None:
    reach = await prepared(till)
    [_, ahead] = await till.spendings()
    opening = await reach.opening(other)
    assert opening.spent != str(ahead.id)
    await reach.close()
    await reach.close()
    assert {str(one.id) for one in await till.spendings()} == {str(day[0].id), opening.spent}


@pytest.mark.parametrize("measure", ["messages", "tokens"])
async def test_nothing_is_taken_ahead_of_a_budget(till: Till, day: list[Spending], measure: str) -> None:
    budget = await till.budget(measure, "day", 100_000)
    reach = await prepared(till)
    assert reach.prepared is None
    assert await till.counts(budget) == []
    assert (await reach.opening(wanted())).spent
    assert sum(await till.counts(budget)) > 0


async def test_passages_are_not_searched_for_while_a_message_is_taken(till: Till, day: list[Spending]) -> None:
    assert (await prepared(till, limit=5)).prepared is not None

    def find() -> Any:
        assistant = Assistant.objects.get()
        KnowledgeVocabulary.objects.create(assistant=assistant, passages=1, languages=["english"])
        return reaching.prepare(assistant.id, till.reach().who, wanted(limit=5))

    assert await till.read(find) is None


async def test_what_was_set_aside_with_a_message_is_gone_where_it_is_never_answered(
    office: Office, model: ModelEnd
) -> None:
    session = (await office.site.start()).data
    assert await texts(office, session) == ["Hello."]

    def claimed() -> turns.Claim | None:
        conversation = conversations.lock(Message.objects.earliest("created_at").conversation_id)
        new = NewMessage(author_kind=AuthorKind.VISITOR, text="And now?", client_id=str(uuid.uuid4()))
        return turns.take_message(conversation, new, queue=False)[2]

    claim = await office.read(claimed)
    assert await office.read(Spending.objects.count) == 2
    await claim.input.reach.close()
    assert await office.read(Spending.objects.count) == 1
