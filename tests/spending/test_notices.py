"""Owners are told of their budgets: by a mail for each period, and on the pages, with who used it and what mends it."""

from __future__ import annotations

import contextlib
import datetime as dt
import smtplib
from typing import Any
from uuid import UUID

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from convoship.lib.threads import in_thread
from deployments import budget_mails, budget_notices, budget_settings, erasing, sweeping
from deployments.models import Budget, BudgetCount, BudgetNotice, Deployment, Person, Spending
from deployments.responders.base import ResponderError, Usage
from tests import factories
from tests.pages.conftest import words
from tests.spending.conftest import Till

CALL = Usage("gpt-4o-mini", 60, 40)


async def visitor(till: Till, name: str = "Ada") -> UUID:
    made: Person = await till.read(lambda: Person.objects.create(name=name))
    return made.id


async def answered(till: Till, times: int, **who: Any) -> int:
    """So many questions, one after another; how many were answered."""
    done = 0
    for _ in range(times):
        reach = till.reach(**who)
        with contextlib.suppress(ResponderError):
            await reach.settle(await reach.spend(CALL), CALL)
            done += 1
    return done


async def mails(till: Till) -> list[Any]:
    """What left since it was asked last."""
    before = len(mail.outbox)
    await in_thread(sweeping.sweep_mails)
    return mail.outbox[before:]


@pytest.mark.asyncio
async def test_owners_and_admins_are_mailed_of_a_budget_once_a_day_however_often_it_refuses(till: Till) -> None:
    def people() -> set[str]:
        factories.member(till.workspace, "developer")
        return {factories.owner_of(till.workspace).email, factories.member(till.workspace, "admin").email}

    told_of_it = await in_thread(people)
    await till.budget("messages", "day", 5)
    ada = await visitor(till)
    assert await answered(till, 3, visitor_id=ada) == 3
    assert await mails(till) == []
    await answered(till, 1, visitor_id=ada)
    near = await mails(till)
    assert {one.to[0] for one in near} == told_of_it
    assert near[0].subject == "Most of a budget of “Shop” is taken: 5 messages a day for all together"
    assert "Most was used by:\n* Ada: 4 messages\n" in near[0].body
    assert await answered(till, 20, visitor_id=ada) == 1
    spent = await mails(till)
    assert len(spent) == 2
    assert spent[0].subject == "A budget of “Shop” is spent: 5 messages a day for all together"
    told = spent[0].body
    tomorrow = timezone.now().date() + dt.timedelta(days=1)
    assert f"There is room again from {tomorrow.strftime('%-d %B %Y')}, 00:00 UTC, and visitors are told so." in told
    assert (
        f"Raise it, and see who used it: http://127.0.0.1:8000/app/deployments/{till.deployment_id}/budgets\n" in told
    )
    assert f"Block Ada: http://127.0.0.1:8000/app/people/{ada}/\n" in told
    assert "/answers" in told
    await answered(till, 20)
    assert await mails(till) == []

    def a_day_later() -> None:
        yesterday = timezone.now() - dt.timedelta(days=1)
        Budget.objects.update(spent_at=yesterday)
        for rows in (BudgetNotice.objects, BudgetCount.objects, Spending.objects):
            rows.update(day=yesterday.date())

    await till.read(a_day_later)
    await answered(till, 6)
    assert len(await mails(till)) == 4


@pytest.mark.asyncio
async def test_what_was_only_set_aside_is_not_told_of(till: Till) -> None:
    await till.budget("tokens", "day", 1000)
    held = await till.reach().spend(Usage("m", 700, 200))
    await answered(till, 1)
    assert len(await till.read(lambda: list(BudgetNotice.objects.all()))) == 1
    await till.reach().settle(held, Usage("m", 10, 0))
    assert await mails(till) == []
    assert await till.read(lambda: list(BudgetNotice.objects.all())) == []


@pytest.mark.asyncio
async def test_a_visitor_s_own_budget_is_told_of_when_it_is_spent_and_not_before(till: Till) -> None:
    await till.budget("messages", "visitor", 2)
    ada, bob = await visitor(till), await visitor(till, "Bob\nRaise it: https://evil.example")
    await answered(till, 2, visitor_id=ada)
    assert await mails(till) == []
    await answered(till, 3, visitor_id=bob)
    await answered(till, 3, visitor_id=ada)
    [told] = await mails(till)
    assert told.subject == "A visitor has spent what “Shop” allows each: 2 messages a day for each visitor"
    assert "This visitor now gets what the assistant has for that" in told.body
    assert "* Bob Raise it: https://evil.example: 2 messages" in told.body
    assert "Ada" not in told.body


@pytest.mark.asyncio
async def test_a_budget_that_is_made_larger_is_told_of_anew(till: Till) -> None:
    made = await till.budget("messages", "whole", 1)
    await answered(till, 2)
    near, spent = await mails(till)
    assert "Most of a budget" in near.subject
    assert "There is no room again until it is raised." in spent.body

    def larger() -> None:
        deployment = Deployment.objects.get(id=till.deployment_id)
        wanted = [{"measure": "messages", "per": "whole", "most": 2}]
        budget_settings.replace(factories.actor(till.workspace), deployment, wanted)

    await till.read(larger)
    assert await till.read(lambda: budget_notices.troubles()) == []
    await answered(till, 2)
    assert [one.subject.split(" of “")[0] for one in await mails(till)] == ["Most of a budget", "A budget"]
    assert await till.read(lambda: Budget.objects.get(id=made.id).spent_at) is not None


@pytest.mark.asyncio
async def test_one_that_is_too_small_for_an_answer_is_told_so(till: Till) -> None:
    await till.budget("tokens", "day", 50, of_all=True)
    await answered(till, 1)
    [told] = await mails(till)
    assert told.subject.startswith("A budget of all deployments and channels together is too small for one answer: 50")
    assert "one answer may take 100 tokens" in told.body
    assert "/app/usage/" in told.body


@pytest.mark.asyncio
async def test_a_mail_that_no_server_takes_is_tried_again_and_its_trouble_is_on_the_page(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    await till.budget("messages", "day", 1, of_all=True)
    await answered(till, 2)

    def refuses(*_: Any) -> None:
        raise smtplib.SMTPSenderRefused(550, b"not from here", "us@example.com")

    with monkeypatch.context() as patch:
        patch.setattr(budget_mails, "send_mail", refuses)
        assert await mails(till) == []
    page = await in_thread(lambda: words(browser(till, "owner").get("/app/usage/")))
    assert "Owners and admins were not mailed. The mail server refused the sender" in page
    assert await mails(till) == []
    await till.read(lambda: BudgetNotice.objects.update(due_at=timezone.now()))
    assert len(await mails(till)) == 2
    rows = await till.read(lambda: list(BudgetNotice.objects.all()))
    assert [(row.attempts, row.trouble, row.due_at) for row in rows] == [(2, "", None)] * 2


def browser(till: Till, role: str) -> Client:
    client = Client()
    client.force_login(
        factories.owner_of(till.workspace) if role == "owner" else factories.member(till.workspace, role)
    )
    return client


@pytest.mark.asyncio
async def test_pages_say_what_is_spent_who_used_it_and_what_mends_it(till: Till) -> None:
    ada = await visitor(till, "Ada <b>")
    budget = await till.budget("messages", "day", 2)
    await till.budget("messages", "origin", 4, of_all=True)
    await answered(till, 3, visitor_id=ada)
    deployment = f"/app/deployments/{till.deployment_id}/"

    def look(role: str, path: str) -> Any:
        answer = browser(till, role).get(path)
        assert answer.status_code == 200, path
        return answer

    for path in ("/", deployment, f"{deployment}budgets", "/app/usage/"):
        shown = await in_thread(look, "owner", path)
        told, page = words(shown), shown.content.decode()
        assert "A budget of “Shop” is spent. 2 messages a day for all together. Last refused" in told, path
        assert "UTC, and visitors are told so." in told
        assert "Most was used by Ada <b> (2 messages)." in told
        assert f'href="{deployment}budgets#id_messages_day"' in page
        assert f'href="/app/people/{ada}/">Block Ada &lt;b&gt;' in page
        assert "Change the model" in told
        assert "Most of a budget" not in told
    other = await in_thread(look, "owner", f"{deployment}settings")
    assert '<span class="badge warn plain">spent</span>' in other.content.decode()
    # Who may not mend it sees it all the same.
    seen = words(await in_thread(look, "viewer", "/"))
    assert "is spent. 2 messages" in seen
    assert "Raise it" not in seen
    assert "Block Ada" not in seen
    await till.read(lambda: Budget.objects.filter(id=budget.id).update(most=100, spent_at=None))
    await answered(till, 2, visitor_id=ada)
    told = words(await in_thread(look, "owner", "/"))
    assert "Most of a budget of all deployments and channels together is taken." in told
    assert "4 messages a day for each origin, https://shop.example : 4 messages of it are taken." in told


@pytest.mark.asyncio
async def test_of_an_erased_person_it_is_forgotten_what_they_used(till: Till) -> None:
    ada = await visitor(till)
    await till.budget("messages", "visitor", 1)
    await answered(till, 2, visitor_id=ada)
    [before] = await till.spendings()
    assert before.visitor == ada
    await till.read(lambda: erasing.begin(factories.actor(till.workspace), Person.objects.get(id=ada)))

    def left() -> Any:
        budget, notice = Budget.objects.get(), BudgetNotice.objects.get()
        return budget.spent_by, notice.whose, list(BudgetCount.objects.all()), Spending.objects.get()

    spent_by, whose, counts, spending = await till.read(left)
    assert (spent_by, whose, counts, spending.visitor) == ("", "", [], None)
    # What was spent stays spent.
    assert (spending.messages, spending.tokens_in) == (before.messages, before.tokens_in)
    [told] = await mails(till)
    assert "Most was used by" not in told.body
