"""Budgets hold exactly, whoever asks at once, whatever a call takes in the end and whoever dies over it."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import uuid
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import budgets
from deployments.models import Budget, BudgetCount, ModelPrice, Spending
from deployments.reaching import WorkspaceReach
from deployments.responders.base import ResponderError, Usage, Wanted
from tests import factories
from tests.spending.conftest import Till

pytestmark = pytest.mark.asyncio

CALL = Usage("gpt-4o-mini", 60, 40)


async def tried(reach: WorkspaceReach, most: Usage = CALL) -> str | ResponderError:
    try:
        return await reach.spend(most)
    except ResponderError as error:
        return error


async def passed(till: Till, times: int, most: Usage = CALL, **who: object) -> list[str]:
    answers = await asyncio.gather(*(tried(till.reach(**who), most) for _ in range(times)))
    return [answer for answer in answers if isinstance(answer, str)]


@pytest.mark.parametrize(("measure", "most"), [("messages", 10), ("tokens", 1099), ("money", 10 * 33_000 + 1)])
async def test_a_hundred_at_once_take_what_there_is_and_no_more(till: Till, measure: str, most: int) -> None:
    budget = await till.budget(measure, "day", most)
    taken = await passed(till, 100)
    assert len(taken) == 10
    assert len(await till.spendings()) == 10
    [count] = await till.counts(budget)
    assert count <= most


async def test_counts_of_several_budgets_are_taken_together_or_not_at_all(till: Till) -> None:
    visitor = await till.budget("messages", "visitor", 3)
    origin = await till.budget("messages", "origin", 20)
    day = await till.budget("tokens", "day", 700, of_all=True)
    ids = [uuid.uuid4() for _ in range(10)]
    await asyncio.gather(*(tried(till.reach(visitor_id=one)) for one in ids for _ in range(10)))
    taken = len(await till.spendings())
    assert taken == 7
    assert (sum(await till.counts(visitor)), await till.counts(origin), await till.counts(day)) == (7, [7], [700])


async def test_what_was_set_aside_for_an_answer_that_was_stopped_meanwhile_is_given_back(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = await till.budget("tokens", "day", 1000)
    begun, go_on = threading.Event(), threading.Event()
    take = budgets.take

    def slowly(*args: Any, **more: Any) -> Any:
        begun.set()
        assert go_on.wait(10)
        return take(*args, **more)

    monkeypatch.setattr(budgets, "take", slowly)
    asked = Wanted("Hello?", 0, None, lambda _: CALL)
    for act in (till.reach().spend(CALL), till.reach().opening(asked)):
        begun.clear()
        go_on.clear()
        task = asyncio.ensure_future(act)
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
    async with asyncio.timeout(10):
        while [one.held_until for one in await till.spendings()] != [None, None]:  # noqa: ASYNC110 (no bell rings)
            await asyncio.sleep(0.01)
    assert await till.counts(budget) == [0]


async def test_a_visitor_who_has_spent_theirs_keeps_nobody_else_from_theirs(till: Till) -> None:
    await till.budget("messages", "visitor", 2)
    greedy = uuid.uuid4()
    assert len(await passed(till, 20, visitor_id=greedy)) == 2
    assert isinstance(await tried(till.reach()), str)


async def test_origins_have_each_their_own(till: Till) -> None:
    await till.budget("messages", "origin", 1)
    assert len(await passed(till, 3)) == 1
    assert len(await passed(till, 3, origin="https://other.example")) == 1


async def test_a_deployment_s_budget_is_not_another_one_s(till: Till) -> None:
    await till.budget("messages", "day", 1)
    assert len(await passed(till, 2)) == 1
    assert len(await passed(till, 2, deployment_id=None)) == 2


async def test_what_was_not_taken_is_free_again(till: Till) -> None:
    budget = await till.budget("tokens", "day", 100)
    reach = till.reach()
    spent = await reach.spend(CALL)
    assert isinstance(await tried(reach), ResponderError)
    # gpt-4o-mini: 0.15 and 0.60 USD for a million tokens.
    assert await reach.settle(spent, Usage("gpt-4o-mini-2024-07-18", 10, 5)) == 10 * 150 + 5 * 600
    assert await till.counts(budget) == [15]
    assert isinstance(await tried(reach, Usage("m", 80, 5)), str)
    assert await till.counts(budget) == [100]


async def test_more_than_was_set_aside_is_counted_too(till: Till) -> None:
    budget = await till.budget("tokens", "day", 150)
    reach = till.reach()
    await reach.settle(await reach.spend(CALL), Usage("m", 90, 50))
    assert await till.counts(budget) == [140]


async def test_said_twice_it_counts_once(till: Till) -> None:
    budget = await till.budget("tokens", "day", 150)
    reach = till.reach()
    spent = await reach.spend(CALL)
    for _ in range(2):
        await reach.settle(spent, Usage("m", 9, 5))
    assert await till.counts(budget) == [14]


async def test_the_calls_of_one_turn_are_one_message(till: Till) -> None:
    budget = await till.budget("messages", "day", 1)
    reach = till.reach(turn_id=uuid.uuid4())
    for _ in range(3):
        await reach.spend(CALL)
    assert await till.counts(budget) == [1]
    assert isinstance(await tried(till.reach(turn_id=uuid.uuid4())), ResponderError)


async def test_a_process_that_dies_keeps_what_it_sent_and_gives_back_the_rest(till: Till) -> None:
    budget = await till.budget("tokens", "day", 200)
    await till.reach().spend(CALL)
    await till.reach().spend(CALL)
    assert isinstance(await tried(till.reach()), ResponderError)
    await till.read(lambda: Spending.objects.update(held_until=timezone.now() - dt.timedelta(seconds=1)))
    small = Usage("m", 10, 10)
    assert isinstance(await tried(till.reach(), small), str)
    assert len(await passed(till, 5, small)) == 3
    assert await till.counts(budget) == [2 * 60 + 4 * 20]


async def test_it_begins_anew_at_midnight_utc_and_a_call_stays_in_its_day(till: Till) -> None:
    budget = await till.budget("tokens", "day", 100)
    whole = await till.budget("messages", "whole", 2)
    evening = timezone.now().replace(hour=23, minute=59, second=30, microsecond=0)
    with time_machine.travel(evening, tick=False) as clock:
        spent = await till.reach().spend(CALL)
        error = await tried(till.reach())
        assert isinstance(error, ResponderError)
        assert error.visitor == "I can't answer any more of this for now. In 1 minute I can again."
        clock.shift(31)
        await till.reach().spend(CALL)
        await till.reach().settle(spent, Usage("m", 1, 1))
        assert await till.counts(budget) == [2, 100]
        assert await till.counts(whole) == [2]
        clock.shift(3 * 24 * 3600)
        error = await tried(till.reach())
        assert isinstance(error, ResponderError)
        # Nothing opens again by itself.
        assert error.visitor == "I can't answer this here."


async def test_a_visitor_is_told_when_in_their_language(till: Till) -> None:
    await till.budget("messages", "day", 1)
    noon = timezone.now().replace(hour=12, minute=20)
    with time_machine.travel(noon, tick=False):
        await till.reach().spend(CALL)
        error = await tried(till.reach(locale="de-AT"))
    assert isinstance(error, ResponderError)
    assert error.visitor == "Darauf kann ich vorerst nicht mehr antworten. In 12 Stunden geht es wieder."
    assert error.code == "budget"
    assert error.reason == "The budget of the deployment is spent: 1 message, all together a day."


async def test_an_answer_that_no_day_has_room_for_says_so(till: Till) -> None:
    await till.budget("money", "visitor", 1000)
    error = await tried(till.reach())
    assert isinstance(error, ResponderError)
    assert error.reason == (
        "One answer may take 0.000033 USD, and the deployment allows 0.000001 USD: each visitor a day."
    )
    assert error.visitor == "I can't answer this here."


async def test_a_model_without_a_price_takes_no_money_and_a_bot_no_tokens(till: Till) -> None:
    await till.budget("money", "day", 1)
    await till.budget("tokens", "day", 100)
    messages = await till.budget("messages", "day", 100)
    assert len(await passed(till, 3, Usage("nobody-knows", 10, 10))) == 3
    assert len(await passed(till, 3, Usage())) == 3
    assert await till.counts(messages) == [6]
    assert {one.cost for one in await till.spendings()} == {None}


async def test_the_workspace_s_own_price_holds_from_its_day(till: Till) -> None:
    today = timezone.now().date()

    def own() -> None:
        for days, price in ((-30, 1), (-1, 2), (1, 3)):
            valid_from = today + dt.timedelta(days=days)
            ModelPrice.objects.create(model="gpt-4o*", price_in=price, price_out=price, valid_from=valid_from)

    await till.read(own)
    reach = till.reach()
    assert await reach.settle(await reach.spend(CALL), Usage("m", 10, 0)) == 10 * 2000
    assert await reach.settle(await reach.spend(Usage("GPT-4o", 1, 1)), Usage("m", 1, 0)) == 2000


async def test_the_owner_sees_who_was_refused(till: Till) -> None:
    budget = await till.budget("messages", "visitor", 1)
    visitor = uuid.uuid4()
    await passed(till, 3, visitor_id=visitor)
    found = await till.read(lambda: Budget.objects.get(id=budget.id))
    assert found.spent_by == str(visitor)
    assert found.spent_at is not None


async def test_budgets_and_counts_are_the_workspace_s_own(till: Till) -> None:
    await till.budget("messages", "day", 1, of_all=True)

    def other() -> Till:
        workspace = factories.make_workspace(name="Other")
        with tenant(workspace.id):
            made = factories.make_deployment(workspace)
        return Till(workspace, made.deployment.id)

    others = await in_thread(other)
    mine = await till.reach().spend(CALL)
    assert len(await passed(others, 2)) == 2
    assert await others.reach().settle(mine, Usage("m", 1, 1)) is None
    assert await others.read(lambda: (Budget.objects.count(), BudgetCount.objects.count())) == (0, 0)
    [spending] = await till.spendings()
    assert spending.tokens_in == 60
