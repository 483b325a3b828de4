"""On duty and away: who is called, who is there for visitors, and what happens when somebody comes."""

from __future__ import annotations

import datetime as dt
import threading
from copy import copy
from uuid import UUID, uuid4

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.db.models import F
from django.utils import timezone

from convoship.lib.tenancy import tenant
from deployments import conversations, doors, duty, handoff_rules, member_mails, sweeping, turns, visits
from deployments.conversations import NewMessage
from deployments.desks import Availability
from deployments.inbox_desk import InboxDesk
from deployments.models import Conversation, Handoff
from deployments.models.conversation import AuthorKind
from tests import factories
from tests.driver import wait_for
from tests.pages.conftest import Browser, browser_of, form_of, forms_of, text, words
from workspaces.models import AuditEvent, Membership, Workspace
from workspaces.permissions import Role

pytestmark = pytest.mark.django_db

MONDAY = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)


def asked(workspace: Workspace, **rules: object) -> Conversation:
    """A visitor who asked for a person."""
    made = factories.make_deployment(workspace)
    version = made.deployment.assistant.published
    assert version is not None
    with tenant(workspace.id):
        content = {**version.content, "handoff": handoff_rules.validate(dict(rules))}
        factories.replace_version(version, content)
        made.deployment.assistant.published = made.deployment.assistant.versions.get()
        made.deployment.assistant.save(update_fields=["published"])
    opened = factories.start_session(made)
    visits.ask_for_person(visits.resolve(opened.token, opened.session.id), factories.caller(), "")
    with tenant(workspace.id):
        return Conversation.objects.get(id=opened.session.conversation_id)


def case_of(conversation: Conversation) -> Handoff:
    with tenant(conversation.workspace_id):
        return Handoff.objects.get(conversation=conversation)


def go(member: Browser, away: str) -> str:
    """Press the switch in the sidebar; the page that follows, as it reads."""
    page = member.get("/app/assistants/")
    return words(member.send(form_of(page, "/app/duty"), away=away))


def wait(workspace: Workspace) -> None:
    """Let a minute go by: the rows are moved, for the database's clock stands within a test."""
    with tenant(workspace.id):
        Handoff.objects.update(requested_at=F("requested_at") - dt.timedelta(minutes=1))


def offer_due() -> list[UUID]:
    """What the sweeper does next about hand-overs, in its order."""
    due = [piece for piece in doors.due_work(1000) if piece.kind == "handoff"]
    for piece in due:
        sweeping.go_on(piece.workspace_id, piece.id)
    return [piece.id for piece in due]


def test_the_switch_stands_on_every_page_and_leads_back_to_it(member: Browser, workspace: Workspace) -> None:
    page = member.get("/app/assistants/?a=b")
    answer = member.send(form_of(page, "/app/duty"), away="yes")
    assert answer.request["PATH_INFO"] == "/app/assistants/"
    assert "You are away" in text(answer)
    assert "Come on duty" in text(answer)
    assert "Away since" in words(member.get("/app/workspace/"))
    assert "On duty" in go(member, "no")
    with tenant(workspace.id):
        actions = AuditEvent.objects.filter(action__startswith="member.").order_by("created_at")
        assert [event.action for event in actions] == ["member.away", "member.on_duty"]


def test_a_page_that_stays_gets_the_switches_alone_and_they_lead_back_to_it(member: Browser) -> None:
    form = form_of(member.get("/app/assistants/?a=b"), "/app/duty")
    answer = member.client.post(form.action, {**form.values, "away": "yes"}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert "You are away: nobody is sent to you" in words(answer)
    drawn = [each for each in forms_of(answer) if each.action == "/app/duty"]
    assert [each["back"] for each in drawn] == ["/app/assistants/?a=b"] * 2
    assert "Come on duty" in words(answer)
    assert "Away (come on duty)" in words(answer)
    # It was said there, and not again on the next page.
    assert "You are away" not in words(member.get("/app/assistants/"))


def test_the_bar_of_a_phone_says_who_waits_and_has_the_switch(member: Browser, workspace: Workspace) -> None:
    bar = text(member.get("/app/assistants/")).partition('class="bar"')[2].partition("<details")[0]
    assert "data-waiting-link hidden" in bar
    assert "On duty" in bar
    asked(workspace)
    bar = text(member.get("/app/assistants/")).partition('class="bar"')[2].partition("<details")[0]
    # What has the number drawn anew on the page of another conversation.
    assert 'data-waiting-count-at="/app/conversations/waiting"' in bar
    assert member.get("/app/conversations/waiting").json() == {"waiting": 1}
    assert 'data-waiting-count>1</span><span class="sr-only"> waiting' in bar
    assert "data-waiting-link hidden" not in bar


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "", "\\\\evil"])
def test_the_switch_leads_nowhere_else(member: Browser, back: str) -> None:
    form = form_of(member.get("/app/assistants/"), "/app/duty")
    form["back"] = back
    answer = member.client.post(form.action, {**form.values, "away": "yes"})
    assert answer["Location"] == "/"


def test_who_may_answer_nobody_has_no_switch(workspace: Workspace) -> None:
    viewer = browser_of(workspace, factories.member(workspace, Role.VIEWER))
    assert "/app/duty" not in text(viewer.get("/app/assistants/"))
    assert viewer.post("/app/duty", {"away": "yes"}).status_code == 403


def test_mail_about_who_waits_goes_to_those_on_duty(member: Browser, workspace: Workspace) -> None:
    agent = factories.member(workspace, Role.AGENT)
    go(member, "yes")
    row = asked(workspace)
    assert case_of(row).state == "offered"
    mail.outbox.clear()
    member_mails.tell(workspace.id, row.id)
    assert [message.to for message in mail.outbox] == [[agent.email]]


def test_while_everybody_is_away_nobody_is_there_and_who_comes_is_offered_who_waits(
    member: Browser, workspace: Workspace
) -> None:
    go(member, "yes")
    row = asked(workspace)
    case = case_of(row)
    assert (case.state, case.form_left) == ("requested", ["email"])
    with tenant(workspace.id):
        Handoff.objects.update(form_left=[])  # as if it had been answered
    wait(workspace)
    go(member, "no")
    assert offer_due() == [row.id]
    case = case_of(row)
    assert (case.state, case.desk) == ("offered", "inbox")
    mail.outbox.clear()
    member_mails.tell(workspace.id, row.id)
    assert len(mail.outbox) == 1


def test_all_who_wait_are_offered_to_who_comes_and_who_waited_longest_is_the_first(
    member: Browser, workspace: Workspace
) -> None:
    go(member, "yes")
    row = asked(workspace)
    with tenant(workspace.id):
        case = Handoff.objects.get()
        case.form_left = []
        case.save()
        rows = [copy(row) for _ in range(250)]
        cases = [copy(case) for _ in rows]
        for other, its in zip(rows, cases, strict=True):
            other.id, its.id = uuid4(), uuid4()
            its.conversation = other
        Conversation.objects.bulk_create(rows)
        Handoff.objects.bulk_create(cases)
        expected = [row.id, *(other.id for other in rows)]
        for minutes, conversation_id in enumerate(reversed(expected), start=1):
            asked_at = case.requested_at - dt.timedelta(minutes=minutes)
            Handoff.objects.filter(conversation_id=conversation_id).update(requested_at=asked_at)
    go(member, "no")
    # The press itself holds and calls nobody.
    assert case_of(row).state == "requested"
    assert offer_due() == expected
    with tenant(workspace.id):
        assert set(Handoff.objects.values_list("state", "desk")) == {("offered", "inbox")}


def test_who_is_asked_for_something_still_is_offered_once_that_is_done(member: Browser, workspace: Workspace) -> None:
    go(member, "yes")
    row = asked(workspace)
    wait(workspace)
    go(member, "no")
    assert offer_due() == []
    assert (case_of(row).state, case_of(row).form_left) == ("requested", ["email"])


@pytest.mark.django_db(transaction=True)
def test_who_comes_in_the_moment_in_which_the_last_answer_is_given_is_offered_who_gave_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = factories.owner_of(workspace)
    actor = factories.actor(workspace)
    with tenant(workspace.id):
        membership = Membership.objects.get(user=owner)
        duty.go_away(actor, membership)
    row = asked(workspace)
    looked, come, look = threading.Event(), threading.Event(), InboxDesk.availability

    def slowly(desk: InboxDesk, now: dt.datetime, conversation: Conversation | None = None) -> Availability:
        found = look(desk, now, conversation)
        looked.set()
        wait_for("who comes", lambda: come.is_set() or somebody_waits_for_a_lock(), 10)
        return found

    def arrive() -> None:
        try:
            looked.wait(10)
            with tenant(workspace.id):
                duty.come(actor, membership)
        finally:
            come.set()
            connection.close()

    monkeypatch.setattr(InboxDesk, "availability", slowly)
    arriving = threading.Thread(target=arrive)
    arriving.start()
    with tenant(workspace.id):
        new = NewMessage(author_kind=AuthorKind.VISITOR, text="Skip", client_id="skip")
        turns.take_message(conversations.lock(row.id), new, queue=False)
    arriving.join(10)
    assert offer_due() == [row.id]
    assert case_of(row).state == "offered"


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        return bool(cursor.fetchone()[0])


def test_who_waits_for_the_opening_is_not_offered_before_it(member: Browser, workspace: Workspace) -> None:
    go(member, "yes")
    hours = {"time_zone": "UTC", "days": {"tue": [["09:00", "17:00"]]}}
    with time_machine.travel(MONDAY, tick=False):
        row = asked(workspace, hours=hours)
        with tenant(workspace.id):
            Handoff.objects.update(form_left=[])
        wait(workspace)
        go(member, "no")
    case = case_of(row)
    assert (case.state, case.due_at) == ("requested", MONDAY + dt.timedelta(days=1))


def test_the_page_of_the_rules_says_that_nobody_is_on_duty(member: Browser, workspace: Workspace) -> None:
    assistant = factories.make_assistant(workspace)
    go(member, "yes")
    assert "No member who may answer is on duty." in words(member.get(f"/app/assistants/{assistant.id}/handoff"))


def test_a_member_is_away_in_one_workspace_and_not_in_another(member: Browser, workspace: Workspace) -> None:
    other = factories.make_workspace(member.user)
    go(member, "yes")
    with tenant(other.id):
        assert Membership.objects.get().away_since is None
    with tenant(workspace.id):
        since = Membership.objects.get().away_since
        assert since is not None
        assert since <= timezone.now()
