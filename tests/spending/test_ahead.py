"""What an answer's first call needs is found with its claim; what nobody asks for then is given back."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from deployments import conversations, reaching, turns
from deployments.conversations import NewMessage
from deployments.models import Assistant, Budget, KnowledgeVocabulary, Message, Spending
from deployments.models.conversation import AuthorKind
from deployments.reaching import WorkspaceReach
from deployments.responders.base import Passage, ResponderError, Usage, Wanted
from tests.models.model_end import ModelEnd
from tests.models.test_at_the_door import Office
from tests.spending.conftest import Till
from tests.spending.test_at_the_door import budget, texts

pytestmark = pytest.mark.asyncio

CALL = Usage("gpt-4o-mini", 60, 40)


def wanted(text: str = "Hello?", limit: int = 0, most: Usage = CALL) -> Wanted:
    def takes(_: Sequence[Passage]) -> Usage:
        return most

    return Wanted(text, limit, None, takes)


async def prepared(till: Till, limit: int = 0) -> WorkspaceReach:
    reach = till.reach()
    found = await till.read(lambda: reaching.prepare(reach.assistant_id, reach.who, wanted(limit=limit)))
    return replace(reach, prepared=found)


async def test_who_asks_for_what_was_found_has_it_without_a_transaction(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach = await prepared(till)
    [spending] = await till.spendings()

    def never(*_: Any) -> Callable[..., Any]:
        raise AssertionError("a transaction of its own")

    with monkeypatch.context() as patch:
        patch.setattr(reaching, "in_tenant", never)
        opening = await reach.opening(wanted())
    assert opening.spent == str(spending.id)
    # Once: another call is another one's money.
    assert (await reach.opening(wanted())).spent != opening.spent


@pytest.mark.parametrize(
    "other", [wanted("Goodbye."), wanted(most=Usage("gpt-4o", 60, 40)), wanted(most=Usage("gpt-4o-mini", 60, 400))]
)
async def test_who_asks_for_something_else_has_that_and_the_other_is_given_back(till: Till, other: Wanted) -> None:
    day = await till.budget("tokens", "day", 1000)
    reach = await prepared(till)
    [ahead] = await till.spendings()
    opening = await reach.opening(other)
    assert opening.spent != str(ahead.id)
    most = other.most(())
    whole = most.tokens_in + most.tokens_out
    assert await till.counts(day) == [100 + whole]
    await reach.close()
    await reach.close()
    assert await till.counts(day) == [whole]


async def test_a_budget_without_room_is_told_to_who_asks(till: Till) -> None:
    await till.budget("tokens", "day", 50)
    reach = await prepared(till)
    with pytest.raises(ResponderError) as refused:
        await reach.opening(wanted())
    assert refused.value.code == "budget"
    await reach.close()
    assert await till.spendings() == []


async def test_passages_are_not_searched_for_while_a_message_is_taken(till: Till) -> None:
    assert (await prepared(till, limit=5)).prepared is not None

    def find() -> Any:
        assistant = Assistant.objects.get()
        KnowledgeVocabulary.objects.create(assistant=assistant, passages=1, languages=["english"])
        return reaching.prepare(assistant.id, till.reach().who, wanted(limit=5))

    assert await till.read(find) is None


async def test_what_was_set_aside_with_a_message_is_free_where_it_is_never_answered(
    office: Office, model: ModelEnd
) -> None:
    day: Budget = await budget(office, "tokens", "day", 100_000)
    session = (await office.site.start()).data
    assert await texts(office, session) == ["Hello."]
    [settled] = await office.read(lambda: list(Spending.objects.all()))

    def claimed() -> turns.Claim | None:
        conversation = conversations.lock(Message.objects.earliest("created_at").conversation_id)
        new = NewMessage(author_kind=AuthorKind.VISITOR, text="And now?", client_id=str(uuid.uuid4()))
        return turns.take_message(conversation, new, queue=False)[2]

    claim = await office.read(claimed)
    count = await office.read(lambda: day.counts.get().count)
    before = settled.tokens_in + settled.tokens_out
    assert count > before
    await claim.input.reach.close()
    assert await office.read(lambda: day.counts.get().count) == before
