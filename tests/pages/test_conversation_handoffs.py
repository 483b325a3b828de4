"""What a conversation's page says of its hand-overs, handing back with a summary, and those that nobody came to."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from convoship.lib.tenancy import tenant
from deployments import conversations, handoff, handoff_history, publishing, sweeping, visits
from deployments.deploying import NewDeployment
from deployments.models import Assistant, Conversation, Handoff
from deployments.pages import socket
from deployments.visits import VisitorMessage
from tests import factories
from tests.api.conftest import program
from tests.pages.conftest import Browser, form_of, text, words
from workspaces.models import Membership, Workspace

pytestmark = pytest.mark.django_db

XSS = "<img src=x onerror=alert(1)>"


class Talk:
    """A visitor's conversation under these rules."""

    def __init__(self, workspace: Workspace, rules: dict[str, Any], script: dict[str, Any] | None = None) -> None:
        assistant = factories.make_assistant(workspace, published=False)
        who = factories.actor(workspace)
        with tenant(workspace.id):
            row = Assistant.objects.get(id=assistant.id)
            publishing.change_draft(who, row, scripted=script, handoff=rules)
            publishing.publish(who, row.id)
            row = Assistant.objects.select_related("published").get(id=row.id)
        self.made: NewDeployment = factories.make_deployment(workspace, row)
        self.opened = factories.start_session(self.made)
        self.workspace = workspace
        self.visit = visits.resolve(self.opened.token, self.opened.session.id)
        self.id = self.opened.session.conversation_id
        self.path = f"/app/conversations/{self.id}/"

    def say(self, said: str) -> list[str]:
        message = VisitorMessage(client_id=said[:60], text=said)
        return [reply.text for reply in visits.post(self.visit, factories.caller(), message).replies]

    def ask(self) -> None:
        visits.ask_for_person(self.visit, factories.caller(), f"I want a person {XSS}")

    def act(self, what: Any) -> None:
        with tenant(self.workspace.id):
            what(conversations.lock(self.id))

    def case(self) -> Handoff:
        with tenant(self.workspace.id):
            return Handoff.objects.latest("requested_at")

    def nobody_comes(self) -> None:
        with time_machine.travel(timezone.now() + dt.timedelta(hours=1), tick=False):
            sweeping.go_on(self.workspace.id, self.id)


@pytest.fixture
def talk(workspace: Workspace) -> Talk:
    return Talk(workspace, {"form": ["name", "question"]})


def test_the_page_shows_what_was_answered_before_and_why_a_person_is_asked_for(member: Browser, talk: Talk) -> None:
    talk.ask()
    talk.say("Zoë")
    talk.say(f"My parcel {XSS}")
    source = text(member.get(talk.path))
    read = words(member.get(talk.path))
    assert "What was asked before" in source
    assert "Name Zoë" in read
    assert "1 hand-over The visitor asked" in read
    assert f"Question My parcel {XSS}" in read
    assert XSS not in source
    # In the head, which stays in sight while the talk goes by, also for who has taken over.
    member.send(form_of(member.get(talk.path), "/take"))
    for page in (source, text(member.get(talk.path))):
        head, _, rest = page.partition('id="live-state"')[2].partition('id="handoffs"')
        for words_ in ("Name", "Zoë", "Question", "My parcel", "Reason", "I want a person"):
            assert words_ in head
        assert 'id="live-transcript"' in rest
    # Once it is over it says so no more.
    member.send(form_of(member.get(talk.path), "/return"))
    head = text(member.get(talk.path)).partition('id="live-state"')[2].partition('id="handoffs"')[0]
    assert "My parcel" not in head
    assert "Question My parcel" in words(member.get(talk.path))


def test_what_has_ended_says_so_when_by_whom_and_what_can_still_be_done(member: Browser, talk: Talk) -> None:
    talk.ask()
    page = words(member.get(talk.path))
    assert "This conversation ended" not in page
    member.send(form_of(member.get(talk.path), "/resolve"))
    page = words(member.get(f"{talk.path}live"))
    said = page.partition("This conversation ended just now .")[2]
    assert said.startswith(" Resolved by a member.")
    assert "It can't be opened again" in said
    assert "You can still write a note for the members, and export it as PDF , text or JSON ." in said


@time_machine.travel(dt.datetime(2026, 11, 27, 18, 0, tzinfo=dt.UTC), tick=False)
def test_who_waits_over_the_weekend_is_told_of_once(member: Browser, workspace: Workspace) -> None:
    hours = {"time_zone": "UTC", "days": {"mon": [["09:00", "17:00"]]}}
    talk = Talk(workspace, {"hours": hours, "longest_wait_seconds": 600})
    talk.ask()
    read = words(member.get(talk.path))
    assert "People are back in 3 days . If none of them comes within 10 minutes then, the assistant goes on." in read
    assert "If nobody comes, the" not in read


def test_the_page_tells_the_whole_story_of_each_hand_over(member: Browser, workspace: Workspace) -> None:
    talk = Talk(workspace, {})
    talk.ask()
    talk.nobody_comes()
    form = form_of(member.get(talk.path), "/take")
    member.send(form)
    back = form_of(member.get(talk.path), "/return")
    back["summary"] = "Sent a new parcel.\nNumber 7."
    member.send(back)
    assert (talk.case().summary, talk.case().outcome) == ("Sent a new parcel.\nNumber 7.", "by_person")
    read = words(member.get(talk.path))
    assert "2 hand-overs" in read
    assert "Nobody came in time, " in read
    assert "Asked in vain" in read
    assert "Inbox: Nobody came in time." in read
    assert "Handed back by a person, " in read
    assert "Summary Sent a new parcel. Number 7." in read


def test_a_summary_that_cannot_be_kept_comes_back_as_it_was_typed(member: Browser, talk: Talk) -> None:
    talk.ask()
    form = form_of(member.get(talk.path), "/return")
    form["summary"] = "x" * 2001
    answer = member.send(form)
    assert answer.status_code == 422
    assert 'id="give-back-summary_error"' in text(answer)
    assert form_of(answer, "/return")["summary"] == "x" * 2001
    assert talk.case().is_open


def test_the_script_reads_the_summary_of_who_gave_it_back(member: Browser, workspace: Workspace) -> None:
    said = "Welcome back: {{handoff.summary|nothing was done}} ({{handoff.outcome|never}})"
    intent = {"name": "Status", "phrases": ["what is the status"], "answers": [{"text": said}]}
    talk = Talk(workspace, {}, {"intents": [intent]})
    assert talk.say("what is the status")[0] == "Welcome back: nothing was done (never)"
    talk.ask()
    form = form_of(member.get(talk.path), "/return")
    form["summary"] = "A *new* parcel"
    member.send(form)
    assert talk.say("What is the status?")[0] == r"Welcome back: A \*new\* parcel (by\_person)"


def test_those_whom_nobody_came_to_can_be_found_until_somebody_takes_them(member: Browser, talk: Talk) -> None:
    def listed() -> bool:
        return talk.path in text(member.get("/app/conversations/?show=missed"))

    talk.ask()
    assert not listed()
    talk.nobody_comes()
    talk.nobody_comes()
    assert talk.case().outcome == "nobody_came"
    assert listed()
    talk.say("hello?")
    assert listed()
    member.send(form_of(member.get(talk.path), "/take"))
    assert not listed()
    member.send(form_of(member.get(talk.path), "/return"))
    assert not listed()


def test_who_asked_while_nobody_was_there_is_found_too_and_not_once_it_is_resolved(
    member: Browser, workspace: Workspace
) -> None:
    rules = {"hours": {"time_zone": "UTC", "days": {}}, "when_closed": "return"}
    talk = Talk(workspace, rules)
    talk.ask()
    assert talk.case().outcome == "nobody_there"
    assert talk.path in text(member.get("/app/conversations/?show=missed"))
    member.send(form_of(member.get(talk.path), "/resolve"))
    assert talk.path not in text(member.get("/app/conversations/?show=missed"))


def test_programs_read_the_hand_over_that_goes_on_and_hand_back_with_a_summary(
    workspace: Workspace, talk: Talk
) -> None:
    api = program(workspace=workspace)
    path = f"/conversations/{talk.id}"
    assert api.get(path).data["handoff"] is None
    talk.ask()
    talk.say("Zoë")
    told = api.get(path).data["handoff"]
    assert (told["state"], told["cause"], told["answers"], told["desk"]) == (
        "requested",
        "visitor",
        {"name": "Zoë"},
        None,
    )
    assert told["wait_until"].endswith("Z")
    wrong = api.post(f"{path}/return", {"summary": "x" * 2001})
    assert set(wrong.data["errors"]) == {"summary"}
    assert api.post(f"{path}/return", {"summary": "a\x00b"}).status_code == 422
    answer = api.post(f"{path}/return", {"summary": "Done."})
    assert (answer.status_code, answer.data["handoff"], answer.data["control"]) == (200, None, "assistant")
    assert talk.case().summary == "Done."
    talk.ask()
    assert api.post(f"{path}/return", None).status_code == 200
    assert api.post(f"{path}/return", None).status_code == 409


def test_what_is_known_to_the_assistant_costs_nothing_where_nobody_was_asked_for(
    talk: Talk, django_assert_num_queries: Any
) -> None:

    with tenant(talk.workspace.id):
        row = Conversation.objects.get(id=talk.id)
        with django_assert_num_queries(0):
            assert handoff_history.for_assistant(row) == {}


def take_over(talk: Talk, name: str) -> None:
    user = factories.member(talk.workspace, "agent", factories.make_user(name=name))
    talk.act(lambda row: handoff.join(factories.actor(talk.workspace), user, row))


def holders_of(talk: Talk) -> list[str]:
    with tenant(talk.workspace.id):
        return handoff_history.holders(talk.case())


def test_who_presses_after_another_took_over_is_told_so_and_takes_it_by_pressing_again(
    member: Browser, talk: Talk
) -> None:
    talk.ask()
    form = form_of(member.get(talk.path), "/take")
    take_over(talk, "Kim")
    page = member.send(form)
    assert "Kim took it over meanwhile. Press Take over again to take it from them." in words(page)
    assert talk.case().shown_holder == "Kim"
    page = member.send(form_of(page, "/take"))
    assert talk.case().holder_id == member.user.id
    assert holders_of(talk) == ["Kim", member.user.display_name]
    shown = words(page)
    assert f"Kim, then {member.user.display_name}" in shown
    assert shown.count("has joined the conversation") == 1


def test_who_writes_after_another_took_over_is_asked_once(member: Browser, talk: Talk) -> None:
    talk.ask()
    form = form_of(member.get(talk.path), "/reply")
    form["text"] = "How can I help?"
    take_over(talk, "Kim")
    asked = member.send(form)
    assert "Kim took it over meanwhile. Send anyway?" in words(asked)
    assert talk.case().shown_holder == "Kim"
    member.send(form_of(asked, "/reply"))
    assert talk.case().holder_id == member.user.id


def test_the_list_counts_those_whom_nobody_came_to_until_a_member_writes(member: Browser, talk: Talk) -> None:
    def counted() -> str:
        """The number beside *Missed*; none is shown as no number."""
        found = words(member.get("/app/conversations/")).partition(" Missed ")[2].split()[0]
        return found if found.isdigit() else "0"

    assert counted() == "0"
    talk.ask()
    talk.nobody_comes()
    talk.nobody_comes()
    assert counted() == "1"
    with tenant(talk.workspace.id):
        Handoff.objects.update(requested_at=timezone.now() - dt.timedelta(days=8))
    assert counted() == "0"
    assert talk.path in text(member.get("/app/conversations/?show=missed"))
    with tenant(talk.workspace.id):
        Handoff.objects.update(requested_at=timezone.now() - dt.timedelta(days=1))
    assert counted() == "1"
    take_over(talk, "Kim")
    assert counted() == "0"


def test_whose_role_may_only_read_gives_no_more_signs_of_life(member: Browser, talk: Talk) -> None:
    take_over(talk, "Kim")
    kim = talk.case().holder
    assert kim is not None

    def seen_an_hour_later() -> bool:
        before = talk.case().beat_at
        with time_machine.travel(timezone.now() + dt.timedelta(hours=1), tick=False):
            socket._beat(kim, talk.workspace.id)
        return talk.case().beat_at != before

    assert seen_an_hour_later()
    with tenant(talk.workspace.id):
        Handoff.objects.update(beat_at=timezone.now())
        Membership.objects.filter(user=kim).update(role="viewer")
    assert not seen_an_hour_later()
