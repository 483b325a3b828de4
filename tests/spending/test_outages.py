"""What answers and doesn't is told of as a spent budget is: a mail for each outage, the Overview, the navigation."""

from __future__ import annotations

import datetime as dt
import smtplib
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core import mail
from django.db.models import F

from convoship.lib.tenancy import tenant
from convoship.lib.threads import in_thread
from deployments import budget_mails, responder_health, sweeping
from deployments.models import Assistant, BudgetNotice, ResponderHealth
from tests import factories
from tests.models.model_end import ModelEnd, Refuses, Says
from tests.models.test_at_the_door import Office, ask
from tests.pages.conftest import Browser, browser_of, forms_of, text, words
from tests.pages.conftest import member as member
from tests.pages.conftest import workspace as workspace
from workspaces.models import Workspace
from workspaces.permissions import Role

REASON = "The provider refuses the key sk-…."
REMEDY = "Write it again under Workspace, Secrets."


async def mails() -> list[Any]:
    """What left since it was asked last."""
    before = len(mail.outbox)
    await in_thread(sweeping.sweep_mails)
    return mail.outbox[before:]


@pytest.mark.asyncio
async def test_owners_and_admins_are_mailed_of_a_broken_key_once_an_outage(office: Office, model: ModelEnd) -> None:
    def people() -> set[str]:
        workspace = office.site.made.deployment.workspace
        factories.member(workspace, "developer")
        return {factories.owner_of(workspace).email, factories.member(workspace, "admin").email}

    told_of_it = await in_thread(people)
    model.script(*[Refuses(401)] * 3)
    await ask(office)
    sent = await mails()
    assert {one.to[0] for one in sent} == told_of_it
    name = await office.read(lambda: Assistant.objects.get().name)
    assert sent[0].subject.startswith(f"The model of “{name}” doesn't answer: ")
    told = sent[0].body
    assert "does not accept the key" in told
    assert f"/app/assistants/{office.site.agent_id}/answers" in told
    assert "/app/workspace/secrets/" in told
    for _ in range(2):
        await ask(office)
    assert await mails() == []
    model.script(Says(["It is on its way."]))
    await ask(office)
    assert await office.read(lambda: BudgetNotice.objects.count()) == 0
    model.script(Refuses(401))
    await ask(office)
    assert len(await mails()) == 2


def meets(assistant_id: UUID, **content: Any) -> None:
    """Visitors meet a version that is as the last one, but for this."""
    row = Assistant.objects.select_related("published").get(id=assistant_id)
    version = row.published
    assert version is not None
    version.id, version._state.adding = uuid4(), True
    version.number, version.content = version.number + 1, {**version.content, **content}
    version.save()
    Assistant.objects.filter(id=assistant_id).update(published=version)


@pytest.fixture
def assistant(workspace: Workspace) -> Assistant:
    """One whose visitors meet a model."""
    made = factories.make_assistant(workspace)
    with tenant(workspace.id):
        row = Assistant.objects.get(id=made.id)
        row.responder, row.name = "llm", "Ann <b>\nBcc: x"
        row.save()
        meets(row.id, responder="llm", llm={"base_url": "https://m.example", "model": "m"})
    return row


def fails(assistant: Assistant, code: str = "key", responder: str = "llm") -> None:
    with tenant(assistant.workspace_id):
        failure = {"code": code, "reason": REASON, "remedy": REMEDY}
        responder_health.note(assistant.id, responder, {"failure": failure})


def answers(assistant: Assistant) -> None:
    with tenant(assistant.workspace_id):
        responder_health.note(assistant.id, "llm", {"by": "llm"})


def later(assistant: Assistant, minutes: int) -> None:
    with tenant(assistant.workspace_id):
        BudgetNotice.objects.exclude(due_at=None).update(due_at=F("due_at") - dt.timedelta(minutes=minutes))


def sent_now() -> list[Any]:
    before = len(mail.outbox)
    budget_mails.send_due()
    return mail.outbox[before:]


@pytest.mark.django_db(transaction=True)
def test_what_may_pass_in_a_moment_is_told_of_if_it_has_not(assistant: Assistant) -> None:
    fails(assistant, "busy")
    assert sent_now() == []
    answers(assistant)
    later(assistant, 6)
    assert sent_now() == []
    fails(assistant, "timeout")
    later(assistant, 6)
    [told] = sent_now()
    assert told.subject == f"The model of “Ann <b> Bcc: x” doesn't answer: {REASON}"
    # What waits is told of at once where it turns out that no waiting helps.
    answers(assistant)
    fails(assistant, "unreachable")
    fails(assistant, "key")
    assert len(sent_now()) == 1


@pytest.mark.django_db(transaction=True)
def test_of_what_visitors_no_longer_meet_nobody_is_told(assistant: Assistant, member: Browser) -> None:
    fails(assistant)
    with tenant(assistant.workspace_id):
        meets(assistant.id, responder="scripted")
    assert sent_now() == []
    assert "doesn't answer" not in words(member.get("/"))


@pytest.mark.django_db(transaction=True)
def test_the_overview_says_why_and_what_mends_it_and_the_navigation_how_many(
    assistant: Assistant, member: Browser, model: ModelEnd
) -> None:
    assert "not answering" not in words(member.get("/"))
    fails(assistant)
    fails(assistant)
    page = member.get("/")
    assert f"The model of “Ann <b> Bcc: x” doesn't answer. {REASON} {REMEDY}" in words(page).replace("&lt;", "<")
    assert "2 questions without its answer" in words(page)
    assert "Assistants 1 not answering" in words(page)
    assert 'href="/app/workspace/secrets/"' in text(page)
    assert f'href="/app/assistants/{assistant.id}/answers"' in text(page)
    [again] = [form for form in forms_of(page) if ("op", "ask-published") in form.buttons]
    with tenant(assistant.workspace_id):
        meets(assistant.id, llm={"base_url": model.base_url, "model": "m"})
    model.script(Says(["Hello."]))
    member.send(again, op="ask-published")
    page = member.get("/")
    assert "doesn't answer" not in words(page)
    assert "not answering" not in words(page)


@pytest.mark.django_db(transaction=True)
def test_who_may_not_mend_it_sees_it_without_buttons(assistant: Assistant, workspace: Workspace) -> None:
    fails(assistant)
    viewer = browser_of(workspace, factories.member(workspace, Role.VIEWER))
    page = viewer.get("/")
    assert REASON in words(page)
    assert not [form for form in forms_of(page) if ("op", "ask-published") in form.buttons]
    assert 'href="/app/workspace/secrets/"' not in text(page)


@pytest.mark.django_db(transaction=True)
def test_a_mail_server_that_refuses_is_said_beside_it_and_asked_again(
    assistant: Assistant, member: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails(assistant)

    def refuses(*_: Any, **__: Any) -> None:
        raise smtplib.SMTPServerDisconnected("gone")

    with monkeypatch.context() as patch:
        patch.setattr(budget_mails, "send_mail", refuses)
        assert sent_now() == []
    assert "Owners and admins were not mailed." in words(member.get("/"))
    later(assistant, 2)
    assert len(sent_now()) == 1
    with tenant(assistant.workspace_id):
        assert BudgetNotice.objects.get().mailed_at is not None
        assert ResponderHealth.objects.get().count == 1
