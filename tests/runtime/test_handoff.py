"""Asking for a person as a visitor meets it: by which rules, what is asked before, hours, and the way back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import conversations, desks, handoff, handoff_history, handoff_rules, sessions, sweeping, visits
from deployments.api.runtime import bodies
from deployments.deploying import NewDeployment
from deployments.models import Conversation, Handoff, Message, ReplyMail
from deployments.models.handoff import HandoffCause, HandoffOutcome, HandoffState
from deployments.responders.content import ContentRefused
from deployments.sessions import OpenedSession
from deployments.visits import VisitorMessage
from tests import factories
from workspaces.models import Membership, Workspace
from workspaces.permissions import Role

pytestmark = pytest.mark.django_db

MONDAY = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
OFFICE = {"time_zone": "Europe/Berlin", "days": {"mon": [["09:00", "17:00"]], "tue": [["09:00", "17:00"]]}}


class Talk:
    """A visitor's conversation under these rules."""

    def __init__(self, made: NewDeployment, opened: OpenedSession) -> None:
        self.made, self.opened = made, opened
        self.workspace_id = made.deployment.workspace_id
        self.visit = visits.resolve(opened.token, opened.session.id)
        self.said = 0

    def say(self, text: str, payload: str = "") -> list[str]:
        """What is answered to these words."""
        self.said += 1
        message = VisitorMessage(client_id=f"c{self.said}", text=text, payload=payload)
        posted = visits.post(self.visit, factories.caller(), message)
        return [reply.text for reply in posted.replies]

    def ask(self) -> None:
        visits.ask_for_person(self.visit, factories.caller(), "")

    def lines(self) -> list[str]:
        with tenant(self.workspace_id):
            return list(Message.objects.order_by("seq").values_list("text", flat=True))

    def row(self) -> Conversation:
        with tenant(self.workspace_id):
            return Conversation.objects.select_related("person").get()

    def case(self) -> Handoff:
        with tenant(self.workspace_id):
            return Handoff.objects.latest("requested_at")

    def sweep(self) -> None:
        """As the sweeper does once the database says that something is due."""
        sweeping.go_on(self.workspace_id, self.row().id)

    def act(self, what: Callable[[Conversation], Any]) -> None:
        with tenant(self.workspace_id):
            what(conversations.lock(self.row().id))


@pytest.fixture
def begin(workspace: Workspace) -> Callable[..., Talk]:
    def begin(rules: Mapping[str, Any], **request: Any) -> Talk:
        made = factories.make_deployment(workspace)
        version = made.deployment.assistant.published
        assert version is not None
        with tenant(workspace.id):
            content = {**version.content, "handoff": handoff_rules.validate(dict(rules))}
            type(version).objects.filter(id=version.id).delete()
            made.deployment.assistant.published = type(version).objects.create(
                assistant=made.deployment.assistant, number=1, content=content
            )
            made.deployment.assistant.save(update_fields=["published"])
        return Talk(made, factories.start_session(made, **request))

    return begin


@pytest.fixture
def workspace() -> Workspace:
    return factories.make_workspace()


def test_a_word_that_asks_for_a_person_hands_over_without_the_assistant(begin: Callable[..., Talk]) -> None:
    talk = begin({"keywords": ["real person", "Mensch"]})
    assert talk.say("Is this a real-person, please?")[0].startswith("I've asked a person to join.")
    assert (talk.row().control, talk.case().cause) == ("waiting", HandoffCause.KEYWORD)
    assert "real person" in talk.case().reason


def test_visitors_may_not_ask_where_the_rules_leave_it_to_others(begin: Callable[..., Talk]) -> None:
    talk = begin({"on_request": False, "keywords": ["human"]})
    with pytest.raises(Problem) as refused:
        talk.ask()
    assert (refused.value.code, refused.value.detail) == ("conflict", "A person can't be asked for in this chat.")
    assert talk.row().control == "assistant"
    config = sessions.read_config(talk.made.token, factories.caller(), talk.made.deployment.assistant_id)
    assert config.met.version is not None
    assert handoff_rules.of_version(config.met.version).on_request is False
    talk.say("A human, please")
    assert talk.row().control == "waiting"
    talk.ask()  # one is asked for already: nothing to refuse


def test_a_word_inside_another_asks_for_nobody(begin: Callable[..., Talk]) -> None:
    talk = begin({"keywords": ["man"]})
    talk.say("How do I manage my order?")
    assert talk.row().control == "assistant"


def test_so_many_misses_in_a_row_hand_over_and_an_answer_in_between_begins_anew(begin: Callable[..., Talk]) -> None:
    talk = begin({"after_failures": 2})
    talk.say("xyzzy plugh")
    talk.say("Where is my order?")
    talk.say("xyzzy plugh")
    assert talk.row().control == "assistant"
    answers = talk.say("quux frobnicate")
    assert (talk.row().control, talk.case().cause) == ("waiting", HandoffCause.FAILURES)
    assert len(answers) == 2  # that it was not understood, and who was asked
    assert talk.case().reason == "The assistant had no answer 2 times in a row."


def test_name_address_and_question_are_asked_in_the_conversation_which_waits_meanwhile(
    begin: Callable[..., Talk],
) -> None:
    talk = begin({"form": ["name", "email", "question"]})
    talk.ask()
    assert talk.row().control == "waiting"
    assert talk.lines()[-1] == "What is your name?"
    assert talk.say("Grace Hopper") == ["At which e-mail address can we reach you if you have to leave?"]
    [again] = talk.say("not an address")
    assert "e-mail" in again
    assert "At which e-mail address" in again
    assert talk.say("grace@navy.example") == ["What is it about?"]
    assert talk.case().state == HandoffState.REQUESTED
    assert talk.say("The kettle leaks.") == ["Thank you."]
    case, row = talk.case(), talk.row()
    assert (case.state, case.desk) == (HandoffState.OFFERED, "inbox")
    assert case.answers == {"name": "Grace Hopper", "email": "grace@navy.example", "question": "The kettle leaks."}
    assert (row.person.name, row.person.email) == ("Grace Hopper", "grace@navy.example")


def test_what_is_known_is_not_asked_and_what_is_not_wanted_can_be_skipped(begin: Callable[..., Talk]) -> None:
    talk = begin({"form": ["name", "email", "question"]}, user={"name": "Grace"})
    talk.ask()
    assert talk.lines()[-1].startswith("At which e-mail address")
    assert talk.say("Skip", payload="handoff:skip") == ["What is it about?"]
    talk.say("skip")
    assert talk.case().state == HandoffState.OFFERED
    assert talk.case().answers == {}


def test_who_leaves_the_form_unanswered_is_offered_with_what_there_is(begin: Callable[..., Talk]) -> None:
    with time_machine.travel(MONDAY, tick=False) as now:
        talk = begin({"form": ["email", "question"], "longest_wait_seconds": 600})
        talk.ask()
        now.shift(handoff.FORM_WAIT)
        talk.sweep()
        assert talk.case().state == HandoffState.OFFERED


def test_out_of_hours_the_conversation_waits_and_says_until_when(begin: Callable[..., Talk]) -> None:
    with time_machine.travel(MONDAY + dt.timedelta(hours=9), tick=False) as now:  # 19:00 in Berlin
        talk = begin({"hours": OFFICE, "longest_wait_seconds": 300})
        talk.ask()
        assert "Tuesday, 24 November, 09:00 (CET)" in talk.lines()[-2]
        assert talk.lines()[-1].startswith("At which e-mail address")
        talk.say("me@shop.example")
        case = talk.case()
        assert (talk.row().control, case.state) == ("waiting", HandoffState.REQUESTED)
        assert case.due_at == dt.datetime(2026, 11, 24, 8, 0, tzinfo=dt.UTC)
        now.move_to(case.due_at, tick=False)
        talk.sweep()
        assert talk.case().state == HandoffState.OFFERED
        assert talk.row().members_told_at is None  # from now on members are called
        now.shift(dt.timedelta(seconds=300))
        talk.sweep()
        assert talk.row().control == "assistant"
        assert talk.case().outcome == HandoffOutcome.NOBODY_CAME


def test_out_of_hours_the_assistant_goes_on_where_the_rules_say_so(begin: Callable[..., Talk]) -> None:
    with time_machine.travel(MONDAY + dt.timedelta(hours=9), tick=False):
        talk = begin({"hours": OFFICE, "when_closed": "return"}, locale="de")
        talk.ask()
        assert talk.row().control == "assistant"
        assert "Dienstag" in talk.lines()[-1]
        assert talk.case().outcome == HandoffOutcome.NOBODY_THERE
        assert len(talk.say("Where is my order?")) >= 1  # hours are people's, the assistant answers


def test_on_a_holiday_nobody_is_there_though_it_is_a_monday(begin: Callable[..., Talk]) -> None:
    with time_machine.travel(MONDAY, tick=False):
        holiday = {**OFFICE, "holidays": [{"date": "2026-11-23", "name": "Founders' day"}]}
        talk = begin({"hours": holiday, "when_closed": "return"})
        talk.ask()
        assert talk.case().outcome == HandoffOutcome.NOBODY_THERE


@pytest.mark.parametrize("way", ["button", "words"])
def test_whoever_waits_can_go_back_to_the_assistant(begin: Callable[..., Talk], way: str) -> None:
    talk = begin({})
    talk.ask()
    told = talk.say("Back to the assistant", payload="handoff:assistant" if way == "button" else "")
    assert told == ["The assistant is back with you."]
    assert talk.row().control == "assistant"
    assert talk.case().outcome == HandoffOutcome.BY_VISITOR


def test_the_steps_are_said_in_the_assistants_own_words_by_language(begin: Callable[..., Talk]) -> None:
    texts = {
        "waiting": {"text": "Hold on!", "also": [{"language": "de", "text": "Moment!"}]},
        "joined": {"text": "{{person}} is yours."},
    }
    talk = begin({"texts": texts}, locale="de-AT")
    talk.ask()
    assert talk.lines()[-1] == "Moment!"
    user = factories.member(Workspace(id=talk.workspace_id), Role.AGENT, factories.make_user(name="Dana"))
    talk.act(lambda row: handoff.join(factories.actor(Workspace(id=talk.workspace_id)), user, row))
    assert talk.lines()[-1] == "Dana is yours."


@pytest.mark.parametrize(
    ("locale", "joined", "gone", "closed"),
    [
        ("en", "A person has joined the", "The person you talked with can't answer", "was closed by the person you"),
        ("de", "Ein Mensch ist dem", "Wer mit Ihnen sprach, kann gerade nicht", "Wer mit Ihnen sprach, hat"),
    ],
)
def test_a_member_without_a_name_is_a_person_to_visitors(
    begin: Callable[..., Talk], locale: str, joined: str, gone: str, closed: str
) -> None:
    talk = begin({}, locale=locale)
    workspace = Workspace(id=talk.workspace_id)
    who, user = factories.actor(workspace), factories.owner_of(workspace)
    talk.act(lambda row: handoff.reply(who, user, row, "Hello.", None))
    assert talk.lines()[-2].startswith(joined)
    assert talk.case().shown_holder == user.email.split("@")[0]  # colleagues see who it is
    talk.act(lambda row: handoff.assign(who, row, None))
    assert talk.lines()[-1].startswith(gone)
    talk.act(lambda row: handoff.assign(who, row, user))
    talk.act(lambda row: handoff.resolve(who, user.public_name, row))
    assert closed in talk.lines()[-1]
    assert talk.row().ended_reason == "Resolved by a member."
    assert not any(part in line for line in talk.lines() for part in ("Team", user.email.split("@")[0]))


@pytest.mark.parametrize(
    ("own", "read"),
    [
        ("{{person}} is yours.", "A person is yours."),
        (
            "Hold on: now {{ person }} is yours. {{person}} reads all.",
            "Hold on: now a person is yours. A person reads all.",
        ),
        ("{{person|Our kitchen}} is yours.", "Our kitchen is yours."),
    ],
)
def test_own_words_say_that_it_is_a_person_where_there_is_no_name(
    begin: Callable[..., Talk], own: str, read: str
) -> None:
    talk = begin({"texts": {"joined": {"text": own}}})
    workspace = Workspace(id=talk.workspace_id)
    talk.act(lambda row: handoff.join(factories.actor(workspace), factories.owner_of(workspace), row))
    assert talk.lines()[-1] == read


def test_who_waits_elsewhere_than_on_the_web_is_promised_no_mail_and_asked_for_no_address(
    begin: Callable[..., Talk],
) -> None:
    with time_machine.travel(MONDAY + dt.timedelta(hours=9), tick=False):
        talk = begin({"hours": OFFICE})
        with tenant(talk.workspace_id):
            Conversation.objects.update(channel="sms")
        talk.ask()
        assert talk.lines()[-1].endswith("if none of them answers within 5 minutes, the assistant goes on.")
        assert talk.case().form_left == []


def test_a_person_who_has_gone_is_missed_and_the_others_are_asked(begin: Callable[..., Talk]) -> None:
    with time_machine.travel(MONDAY, tick=False) as now:
        talk = begin({"longest_wait_seconds": 300, "longest_silence_seconds": 900})
        workspace = Workspace(id=talk.workspace_id)
        dana = factories.member(workspace, Role.AGENT, factories.make_user(name="Dana"))
        talk.act(lambda row: handoff.reply(factories.actor(workspace), dana, row, "Hello.", None))
        talk.sweep()
        assert talk.case().due_at is None  # who is answered waits for nobody
        talk.say("And now?")
        now.shift(dt.timedelta(seconds=100))
        with tenant(talk.workspace_id):
            handoff.beat(dana)  # the page is before her
        now.shift(handoff.LEASE - dt.timedelta(seconds=1))
        talk.sweep()
        assert talk.row().control == "human"
        now.shift(dt.timedelta(seconds=2))
        talk.sweep()
        assert talk.lines()[-1] == "Dana can't answer right now. I've asked the others."
        row = talk.row()
        assert (row.control, row.assigned_to_id, row.members_told_at) == ("waiting", None, None)
        now.shift(dt.timedelta(seconds=300))
        talk.sweep()
        assert talk.row().control == "assistant"


def test_a_person_who_is_there_and_never_answers_is_missed_as_well(begin: Callable[..., Talk]) -> None:
    with time_machine.travel(MONDAY, tick=False) as now:
        talk = begin({"longest_silence_seconds": 300})
        workspace = Workspace(id=talk.workspace_id)
        dana = factories.member(workspace, Role.AGENT)
        talk.act(lambda row: handoff.join(factories.actor(workspace), dana, row))
        for _ in range(10):
            now.shift(dt.timedelta(seconds=31))
            with tenant(talk.workspace_id):
                handoff.beat(dana)
        talk.sweep()
        assert talk.row().control == "waiting"


def test_a_desk_that_is_gone_is_passed_over_and_noted(begin: Callable[..., Talk]) -> None:
    gone = "0c0c0c0c-0000-4000-8000-00000000000c"
    talk = begin({"desks": [gone, "inbox"]})
    talk.ask()
    case = talk.case()
    assert (case.desk, [tried["desk"] for tried in case.tried]) == ("inbox", [gone])
    assert case.tried[0]["words"] == "The connection is deleted."


def test_the_wait_is_shared_by_the_desks_and_ends_with_the_last(
    begin: Callable[..., Talk], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.deployments.test_handoff_machine import OUTSIDE, OutsideDesk

    outside = OutsideDesk()
    monkeypatch.setattr(desks, "_finders", [*desks._finders, outside])
    with time_machine.travel(MONDAY, tick=False) as now:
        talk = begin({"desks": [OUTSIDE, "inbox"], "longest_wait_seconds": 300})
        talk.ask()
        assert list(outside.told.values()) == [["open"]]
        now.shift(dt.timedelta(seconds=150))
        talk.sweep()
        assert talk.case().desk == "inbox"
        assert list(outside.told.values()) == [["open", "close"]]
        now.shift(dt.timedelta(seconds=150))
        talk.sweep()
        assert talk.row().control == "assistant"


def test_the_database_finds_what_is_due_in_every_workspace(begin: Callable[..., Talk]) -> None:
    from deployments import doors

    talk = begin({})
    talk.ask()
    with tenant(talk.workspace_id):
        a_moment_ago = timezone.now() - dt.timedelta(seconds=1)
        Handoff.objects.update(due_at=a_moment_ago, wait_until=a_moment_ago)
    due = [piece for piece in doors.due_work(10) if piece.kind == "handoff"]
    assert [(piece.workspace_id, piece.id) for piece in due] == [(talk.workspace_id, talk.row().id)]


@pytest.mark.parametrize(
    ("rules", "path"),
    [
        ({"desks": []}, "desks"),
        ({"desks": ["inbox", "inbox"]}, "desks"),
        ({"desks": ["somewhere"]}, "desks[0]"),
        ({"longest_wait_seconds": 5}, "longest_wait_seconds"),
        ({"hours": {"time_zone": "Mars/Olympus", "days": {}}}, "hours.time_zone"),
        ({"hours": {"time_zone": "UTC", "days": {"mon": [["17:00", "09:00"]]}}}, "hours.days.mon[0]"),
        ({"hours": {"time_zone": "UTC", "days": {"mon": [["09:00", "12:00"], ["11:00", "13:00"]]}}}, "hours.days.mon"),
        ({"hours": {"time_zone": "UTC", "days": {}, "holidays": [{"date": "2027-02-30"}]}}, "hours.holidays[0].date"),
        ({"texts": {"waiting": {"text": "{{person}} comes"}}}, "texts.waiting.text"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_rules_that_can_not_hold_are_refused_with_their_path(rules: dict[str, Any], path: str) -> None:
    with pytest.raises(ContentRefused) as refused:
        handoff_rules.validate(rules)
    assert path in refused.value.errors


def test_over_a_long_weekend_a_conversation_that_waits_is_not_idle(begin: Callable[..., Talk]) -> None:
    from deployments import doors

    talk = begin({"hours": OFFICE})
    talk.ask()
    with tenant(talk.workspace_id):
        now = timezone.now()
        long_ago = now - dt.timedelta(hours=60)
        Conversation.objects.update(last_activity_at=long_ago, control="waiting", waiting_since=long_ago)
        Handoff.objects.update(state="requested", outcome="", ended_at=None, due_at=now + dt.timedelta(hours=9))
        Handoff.objects.update(wait_until=now + dt.timedelta(hours=10))
    assert [piece.kind for piece in doors.due_work(10) if piece.kind == "idle"] == []
    sweeping.abandon(talk.workspace_id, talk.row().id)
    assert talk.row().status == "active"
    with tenant(talk.workspace_id):
        Handoff.objects.update(state="returned", outcome="nobody_came", ended_at=now, due_at=None, wait_until=None)
        Conversation.objects.update(control="assistant", waiting_since=None)
    assert [piece.kind for piece in doors.due_work(10) if piece.kind == "idle"] == ["idle"]
    sweeping.abandon(talk.workspace_id, talk.row().id)
    assert talk.row().status == "abandoned"


@pytest.mark.parametrize("why", ["snoozed", "mailed"])
def test_what_is_put_away_or_mailed_is_not_idle_either(begin: Callable[..., Talk], why: str) -> None:
    from deployments import doors

    talk = begin({})
    row, now = talk.row(), timezone.now()
    later = now + dt.timedelta(days=3)
    with tenant(talk.workspace_id):
        Conversation.objects.update(last_activity_at=now - dt.timedelta(hours=60))
        if why == "snoozed":
            Conversation.objects.update(snoozed_until=later)
        else:
            ReplyMail.objects.create(
                conversation=row,
                address="a@b.example",
                from_seq=1,
                to_seq=1,
                due_at=now,
                state="sent",
                link_until=later,
            )
    assert [piece.kind for piece in doors.due_work(10) if piece.kind == "idle"] == []
    sweeping.abandon(talk.workspace_id, row.id)
    assert talk.row().status == "active"


def test_who_sat_at_this_browser_before_is_neither_asked_for_nor_mailed(begin: Callable[..., Talk]) -> None:
    from deployments import reply_mails

    talk = begin({"form": ["email"]}, visitor_id="browser-1", user={"email": "first@shop.example"})
    earlier = talk.row().person
    again = Talk(talk.made, factories.start_session(talk.made, visitor_id="browser-1"))
    with tenant(again.workspace_id):
        row = Conversation.objects.select_related("person").latest("started_at")
        assert row.person == earlier
        assert reply_mails.address_of(row) == ""
    again.ask()
    with tenant(again.workspace_id):
        assert Message.objects.filter(conversation=row).latest("seq").text.startswith("At which e-mail address")


def test_where_who_had_it_is_gone_and_nobody_else_is_there_it_waits_as_the_rules_say(
    begin: Callable[..., Talk],
) -> None:
    with time_machine.travel(MONDAY, tick=False) as now:
        talk = begin({"longest_silence_seconds": 300})
        workspace = Workspace(id=talk.workspace_id)
        dana = factories.member(workspace, Role.AGENT)
        talk.act(lambda row: handoff.join(factories.actor(workspace), dana, row))
        with tenant(talk.workspace_id):
            Membership.objects.update(away_since=timezone.now())
        now.shift(dt.timedelta(seconds=301))
        talk.sweep()
        assert (talk.row().control, talk.case().state) == ("waiting", HandoffState.REQUESTED)
        assert talk.lines()[-2].startswith("Nobody is free right now. Whoever comes within 5 minutes answers you here")
        assert talk.lines()[-1].startswith("At which e-mail address")
        now.shift(dt.timedelta(seconds=301))
        talk.sweep()
        assert talk.case().outcome == HandoffOutcome.NOBODY_CAME


CLOSING = MONDAY + dt.timedelta(hours=7)  # 17:00 in Berlin


def person_gone_after_closing(talk: Talk, now: Any) -> None:
    """Dana joins in the last minute of the hours, and never answers."""
    workspace = Workspace(id=talk.workspace_id)
    dana = factories.member(workspace, Role.AGENT, factories.make_user(name="Dana"))
    talk.act(lambda row: handoff.join(factories.actor(workspace), dana, row))
    talk.say("And now?")
    now.shift(dt.timedelta(seconds=301))
    talk.sweep()


def test_out_of_hours_nobody_else_is_asked_for_who_lost_their_person_until_people_are_back(
    begin: Callable[..., Talk],
) -> None:
    with time_machine.travel(CLOSING - dt.timedelta(minutes=1), tick=False) as now:
        talk = begin({"hours": OFFICE, "longest_silence_seconds": 300})
        person_gone_after_closing(talk, now)
        case, opening = talk.case(), dt.datetime(2026, 11, 24, 8, 0, tzinfo=dt.UTC)
        assert (talk.row().control, case.state, case.opens_at) == ("waiting", HandoffState.REQUESTED, opening)
        assert "People are back on Tuesday, 24 November, 09:00 (CET)" in talk.lines()[-2]
        assert talk.lines()[-1].startswith("At which e-mail address")
        assert talk.row().members_told_at is not None  # nobody is called
        talk.say("me@shop.example")
        assert talk.case().due_at == opening
        now.move_to(opening, tick=False)
        talk.sweep()
        assert (talk.case().state, talk.row().members_told_at) == (HandoffState.OFFERED, None)


def test_out_of_hours_who_lost_their_person_is_back_with_the_assistant_where_the_rules_say_so(
    begin: Callable[..., Talk],
) -> None:
    with time_machine.travel(CLOSING - dt.timedelta(minutes=1), tick=False) as now:
        talk = begin({"hours": OFFICE, "longest_silence_seconds": 300, "when_closed": "return"})
        person_gone_after_closing(talk, now)
        row = talk.row()
        assert (row.control, row.waiting_since, talk.case().outcome) == ("assistant", None, HandoffOutcome.NOBODY_THERE)
        assert "Tuesday, 24 November, 09:00 (CET)" in talk.lines()[-1]


def test_in_hours_nobody_says_when_people_are_back_where_all_are_away(begin: Callable[..., Talk]) -> None:
    with time_machine.travel(MONDAY, tick=False):
        talk = begin({"hours": OFFICE})
        with tenant(talk.workspace_id):
            Membership.objects.update(away_since=timezone.now())
        talk.ask()
        assert talk.lines()[-2].startswith("Nobody is free right now. Whoever comes within 5 minutes answers you here")
        case = talk.case()
        assert (case.opens_at, case.due_at) == (None, MONDAY + handoff.FORM_WAIT)  # time to answer what is asked


def one_minute_to_closing(begin: Callable[..., Talk], now: Any, **rules: Any) -> Talk:
    """Somebody asks for a person at 16:59 in Berlin, where people are there until five."""
    now.move_to(MONDAY + dt.timedelta(hours=6, minutes=59))
    talk = begin({"hours": OFFICE, **rules})
    talk.ask()
    return talk


OPENING = MONDAY + dt.timedelta(days=1, hours=-1)


def test_who_answers_the_form_after_closing_time_waits_for_the_opening(begin: Callable[..., Talk]) -> None:
    with time_machine.travel(MONDAY, tick=False) as now:
        talk = one_minute_to_closing(begin, now, form=["question"])
        now.shift(dt.timedelta(minutes=2))
        done, told, asked = talk.say("My kettle leaks.")
        assert (done, asked) == ("Thank you.", "At which e-mail address can we reach you if you have to leave?")
        assert told.startswith("Nobody is there right now. People are back on Tuesday, 24 November, 09:00")
        case = talk.case()
        assert (case.state, case.offered_at, case.due_at) == (HandoffState.REQUESTED, None, OPENING)
        talk.say("me@shop.example")
        now.move_to(OPENING)
        talk.sweep()
        assert talk.case().state == HandoffState.OFFERED
        assert talk.case().wait_until == OPENING + dt.timedelta(minutes=5)


def test_who_leaves_the_form_unanswered_until_closing_is_asked_on_and_offered_at_the_opening(
    begin: Callable[..., Talk],
) -> None:
    with time_machine.travel(MONDAY, tick=False) as now:
        talk = one_minute_to_closing(begin, now, form=["name"])
        now.shift(dt.timedelta(minutes=3))
        talk.sweep()
        assert talk.case().form_left == ["name", "email"]
        assert talk.lines()[-1] == "What is your name?"
        now.move_to(OPENING)
        talk.sweep()
        assert talk.case().state == HandoffState.OFFERED


def test_the_next_desk_is_not_asked_after_closing_and_a_second_closing_ends_it(begin: Callable[..., Talk]) -> None:
    with time_machine.travel(MONDAY, tick=False) as now:
        desks_in_order = ["inbox", "0b0b0b0b-0000-4000-8000-00000000000b"]
        talk = one_minute_to_closing(begin, now, desks=desks_in_order, longest_wait_seconds=40_000)
        assert talk.case().state == HandoffState.OFFERED
        now.move_to(talk.case().due_at)
        talk.sweep()
        assert (talk.case().state, talk.case().due_at) == (HandoffState.REQUESTED, OPENING)
        now.move_to(OPENING)
        talk.sweep()
        assert talk.case().state == HandoffState.OFFERED
        now.move_to(OPENING + dt.timedelta(hours=10))
        case = talk.case()
        talk.act(lambda row: handoff.unavailable(row, case, "Everybody has gone home."))
        assert talk.case().outcome == HandoffOutcome.NOBODY_CAME


def test_who_comes_on_duty_after_closing_is_offered_nobody(begin: Callable[..., Talk]) -> None:
    with time_machine.travel(MONDAY, tick=False) as now:
        now.move_to(MONDAY + dt.timedelta(hours=6, minutes=59))
        talk = begin({"hours": OFFICE}, locale="en")
        with tenant(talk.workspace_id):
            Membership.objects.update(away_since=timezone.now())
        talk.ask()
        talk.say("Skip")
        now.shift(dt.timedelta(minutes=2))
        with tenant(talk.workspace_id):
            assert handoff.somebody_came() == 1
        talk.sweep()
        assert (talk.case().state, talk.case().due_at) == (HandoffState.REQUESTED, OPENING)
        assert talk.lines()[-2].startswith("Nobody is there right now. People are back on Tuesday")


def test_after_closing_the_assistant_goes_on_where_the_rules_do_not_wait(begin: Callable[..., Talk]) -> None:
    with time_machine.travel(MONDAY, tick=False) as now:
        talk = one_minute_to_closing(begin, now, form=["question"], when_closed="return")
        now.shift(dt.timedelta(minutes=2))
        assert talk.say("My kettle leaks.")[-1].startswith("Nobody is there right now. People are back on Tuesday")
        assert (talk.row().control, talk.case().outcome) == ("assistant", HandoffOutcome.NOBODY_THERE)


@pytest.mark.parametrize("payload", ["handoff:assistant", "handoff:skip"])
def test_a_spent_button_is_no_question_for_the_assistant_and_no_miss(begin: Callable[..., Talk], payload: str) -> None:
    talk = begin({"after_failures": 1})
    assert talk.say("Back to the assistant", payload) == ["The assistant is with you already."]
    assert (talk.row().control, talk.row().misses) == ("assistant", 0)


def test_an_old_way_back_does_not_take_the_person_away_who_has_come(begin: Callable[..., Talk]) -> None:
    talk = begin({})
    talk.ask()
    workspace = Workspace(id=talk.workspace_id)
    dana = factories.member(workspace, Role.AGENT, factories.make_user(name="Dana"))
    talk.act(lambda row: handoff.join(factories.actor(workspace), dana, row))
    told = talk.say("Back to the assistant", "handoff:assistant")
    assert told == ["You are talking to Dana, who will bring the assistant back when you ask for it."]
    assert (talk.row().control, talk.case().holder_id) == ("human", dana.id)


def test_a_tap_on_an_old_button_of_the_assistant_is_no_answer_to_the_form(begin: Callable[..., Talk]) -> None:
    talk = begin({"form": ["name"]})
    talk.ask()
    for _ in range(3):
        assert talk.say("Delivery", "intent:delivery") == ["What is your name?"]
    talk.say("Ann")
    assert talk.case().answers == {"name": "Ann"}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("\u3164\u2800", None),
        ("\u200b", None),
        ("Ann\u202e", "Ann"),
        ("A\u200bnn  Bee", "Ann Bee"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
    ],
)
def test_a_name_that_nobody_can_see_is_none_and_none_turns_the_line(
    begin: Callable[..., Talk], typed: str, kept: str | None
) -> None:
    said, _ = bodies.identity({"user": {"id": "7", "name": typed}})
    assert said.get("name") == kept
    talk = begin({"form": ["name"]})
    talk.ask()
    told = talk.say(typed)
    if kept is None:
        assert "What is your name?" in told[0]
        talk.say("Ann")
    assert talk.case().answers["name"] == (kept or "Ann")
    assert talk.row().person.name == (kept or "Ann")


def test_the_last_words_to_who_waits_always_have_the_way_back(begin: Callable[..., Talk]) -> None:
    talk = begin({"form": ["name"]})
    workspace = Workspace(id=talk.workspace_id)
    dana = factories.member(workspace, Role.AGENT, factories.make_user(name="Dana"))

    def has_way_back() -> bool:
        with tenant(talk.workspace_id):
            blocks = Message.objects.latest("seq").blocks
        return "handoff:assistant" in [button["payload"] for block in blocks for button in block["buttons"]]

    talk.ask()
    assert has_way_back()
    talk.say("Ann")
    assert has_way_back()
    talk.act(lambda row: handoff.assign(factories.actor(workspace), row, dana))
    assert has_way_back()


def test_who_said_they_would_come_and_did_not_is_missed_and_the_others_are_asked(begin: Callable[..., Talk]) -> None:
    with time_machine.travel(MONDAY, tick=False) as now:
        talk = begin({})
        talk.ask()
        workspace = Workspace(id=talk.workspace_id)
        dana = factories.member(workspace, Role.AGENT, factories.make_user(name="Dana"))
        talk.act(lambda row: handoff.assign(factories.actor(workspace), row, dana))
        now.shift(dt.timedelta(minutes=5))
        talk.sweep()
        assert (talk.case().state, talk.row().assigned_to_id) == (HandoffState.OFFERED, None)
        assert talk.lines()[-1] == "Dana can't answer right now. I've asked the others."


def test_another_member_who_goes_on_is_said_to_go_on_and_all_who_had_it_are_kept(begin: Callable[..., Talk]) -> None:
    talk = begin({})
    talk.ask()
    workspace = Workspace(id=talk.workspace_id)
    for name in ("Dana", "Kim", "Dana"):
        user = factories.member(workspace, Role.AGENT, factories.make_user(name=name))
        talk.act(partial(handoff.join, factories.actor(workspace), user))
    assert talk.lines()[-3:] == [
        "Dana has joined the conversation.",
        "You are talking to Kim now.",
        "You are talking to Dana now.",
    ]
    with tenant(talk.workspace_id):
        assert handoff_history.holders(talk.case()) == ["Dana", "Kim"]


def test_the_reason_of_an_earlier_asking_is_not_that_of_who_takes_over_by_themselves(
    begin: Callable[..., Talk],
) -> None:
    talk = begin({"keywords": ["human"]})
    talk.say("a human please")
    assert talk.row().handoff_reason == "The visitor wrote “human”."
    actor = factories.actor(Workspace(id=talk.workspace_id))
    talk.act(lambda row: handoff.give_back(actor, row))
    assert talk.row().handoff_reason == ""
