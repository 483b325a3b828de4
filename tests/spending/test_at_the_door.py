"""Budgets where they are felt: the visitor's answer, the turn that its owner reads, and a flood of visitors."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from convoship.lib.threads import in_thread
from deployments import deploying, sweeping
from deployments.models import Budget, BudgetCount, ModelPrice, Person, Spending
from tests import factories
from tests.models.model_end import ModelEnd, Refuses, Says
from tests.models.test_at_the_door import Office, ask, at_once
from tests.runtime.conftest import Site, act

pytestmark = pytest.mark.asyncio


async def budget(office: Office, measure: str, per: str, most: int) -> Budget:
    deployment = office.site.made.deployment.id
    made: Budget = await office.read(
        lambda: Budget.objects.create(deployment_id=deployment, measure=measure, per=per, most=most)
    )
    return made


async def texts(office: Office, session: Any, text: str = "Where is my parcel?") -> list[str]:
    answer = await office.site.say(session, text)
    assert answer.status_code == 201, answer.data
    return [reply["text"] for reply in answer.data["replies"]]


async def test_once_it_is_spent_the_visitor_reads_when_to_come_back_and_the_model_is_not_asked(
    office: Office, model: ModelEnd
) -> None:
    await budget(office, "messages", "visitor", 1)
    session = (await office.site.start()).data
    assert await texts(office, session) == ["Hello."]
    [words] = await texts(office, session)
    assert words.startswith("I can't answer any more of this for now. In ")
    assert words.endswith(" I can again.")
    assert len(model.asked) == 1
    turn = (await office.turns())[1]
    assert (turn.status, turn.trace["failure"]["code"]) == ("done", "budget")
    assert turn.trace["failure"]["reason"] == "The budget of the deployment is spent: 1 message, each visitor a day."
    # Another visitor is answered, and nothing is wrong with the assistant.
    assert [reply["text"] for reply in await ask(office)] == ["Hello."]
    assert (await office.call("GET", office.path))["health"]["ok"] is True


async def test_its_owner_is_mailed_who_used_it_and_a_member_sees_it_at_the_door(
    office: Office, model: ModelEnd
) -> None:
    await budget(office, "messages", "day", 1)
    session = (await office.site.start()).data
    assert await texts(office, session) == ["Hello."]
    await texts(office, session)
    await in_thread(sweeping.sweep_mails)
    near, spent = mail.outbox
    assert near.subject.startswith("Most of a budget of")
    assert spent.subject.startswith("A budget of")
    person = await office.read(lambda: Person.objects.get())
    assert f"* {person.label}: 1 message\n" in spent.body
    assert f"/app/people/{person.id}/" in spent.body
    shown = await office.call("GET", f"/deployments/{office.site.made.deployment.id}/budgets")
    [each] = shown["budgets"]
    assert each["spent_at"] is not None


async def test_the_script_still_answers_what_it_knows(office: Office, model: ModelEnd) -> None:
    await budget(office, "tokens", "whole", 1)
    session = (await office.site.start()).data
    assert await texts(office, session, "when are you open?") == ["From 9."]
    assert model.asked == []


async def test_a_person_is_asked_for_where_the_assistant_says_so(office: Office, model: ModelEnd) -> None:
    await office.change(on_failure={"person": True})
    await office.publish()
    await budget(office, "messages", "day", 1)
    session = (await office.site.start()).data
    await texts(office, session)
    first, *rest = await texts(office, session)
    assert first.startswith("I can't answer any more of this for now.")
    assert rest


async def test_a_cheaper_model_answers_what_the_dearer_one_may_not(office: Office, model: ModelEnd) -> None:
    shown = await office.call("GET", office.path)
    await office.change(llm={**shown["llm"], "cheaper": "small"})
    await office.publish()

    def prices() -> None:
        for name, price in (("test-model", 1000), ("small", 0)):
            ModelPrice.objects.create(model=name, price_in=price, price_out=price, valid_from=timezone.now().date())

    await office.read(prices)
    await budget(office, "money", "day", 1000)
    assert [reply["text"] for reply in await ask(office)] == ["Hello."]
    assert [asked.body["model"] for asked in model.asked] == ["small"]
    [turn] = await office.turns()
    assert (turn.trace["by"], turn.trace["model"], turn.trace["too_dear"]) == ("llm", "small", "test-model")
    assert "failure" not in turn.trace


async def test_the_turn_says_what_it_cost(office: Office, model: ModelEnd) -> None:
    def price() -> None:
        ModelPrice.objects.create(model="test-*", price_in=2, price_out=10, valid_from=timezone.now().date())

    await office.read(price)
    model.script(Says(["Hello."], usage=(100, 10)))
    await ask(office)
    [turn] = await office.turns()
    assert turn.trace["cost"] == "0.0003 USD"
    [spending] = await office.read(lambda: list(Spending.objects.all()))
    assert (spending.cost, spending.tokens_in, spending.turn, spending.origin) == (
        300_000,
        100,
        turn.id,
        "https://shop.example",
    )


async def test_a_call_that_was_refused_took_no_tokens(office: Office, model: ModelEnd) -> None:
    tokens = await budget(office, "tokens", "day", 100_000)
    model.script(Refuses(401))
    await ask(office)
    [count] = await office.read(lambda: list(BudgetCount.objects.filter(budget=tokens)))
    assert count.count == 0


@pytest.mark.parametrize(("measure", "answers_cost"), [("tokens", 300), ("money", 200 * 1_000 + 100 * 10_000)])
async def test_a_flood_of_two_hundred_stays_within_its_budget_and_others_are_served(
    office: Office, model: ModelEnd, settings: Any, measure: str, answers_cost: int
) -> None:
    """All of them ask at once on a page that has enough for 100 answers, while others come elsewhere."""
    settings.LIMITS = {
        name: "100000/60" if isinstance(limit, str) else limit for name, limit in settings.LIMITS.items()
    }
    await office.change(llm={**(await office.call("GET", office.path))["llm"], "max_tokens": 100})
    await office.publish()

    def price() -> None:
        ModelPrice.objects.create(model="test-model", price_in=1, price_out=10, valid_from=timezone.now().date())

    await office.read(price)
    spent = await budget(office, measure, "origin", 100 * answers_cost)
    model.script(Says(["Hel", "lo."], usage=(200, 100), pause=0.3))
    sessions = [one.data for one in await asyncio.gather(*(office.site.start() for _ in range(200)))]
    await act(office.site, deploying.allow_origin, "https://other.example")
    elsewhere = replace(office.site, origin="https://other.example")
    scripted = Site(await in_thread(factories.make_deployment, office.site.made.deployment.workspace))

    async def asks(site: Site, session: Any, text: str = "Where is my parcel?") -> str:
        client_id = str(uuid.uuid4())
        answer = await at_once(site.say(session, text, client_id=client_id))
        assert answer.status_code == 201, answer.data
        while answer.data["pending"]:
            # On a slow machine two hundred take longer than one call waits.
            await asyncio.sleep(0.5)
            answer = await at_once(site.say(session, text, client_id=client_id))
        [reply] = answer.data["replies"]
        assert reply["status"] == "sent", reply
        return str(reply["text"])

    flood = [asyncio.create_task(asks(office.site, session)) for session in sessions]
    await asyncio.wait(flood, return_when=asyncio.FIRST_COMPLETED)
    for _ in range(3):
        assert await asks(elsewhere, (await elsewhere.start()).data) == "Hello."
        assert "9" in await asks(scripted, (await scripted.start()).data, "what are your opening hours")
    said = await asyncio.gather(*flood)
    refused = [words for words in said if words != "Hello."]
    assert all(words.startswith("I can't answer any more of this for now. In ") for words in refused)
    counts = {count.whose: count.count for count in await office.read(lambda: list(BudgetCount.objects.all()))}
    answered = 200 - len(refused)
    assert counts["https://shop.example"] == answered * answers_cost
    # What those that are under way may take at most is held for them, so that others are refused a little early.
    assert 0.5 * spent.most <= counts["https://shop.example"] <= 1.01 * spent.most
    assert len(model.asked) == answered + 3
    assert model.most_at_once > 5
