"""The Hand-over tab: without JavaScript, with mistakes, and that what a form shows is what it saves."""

from __future__ import annotations

import copy
import datetime as dt
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from channels_app.models import Delivery
from channels_app.pages import queries as channel_queries
from channels_app.rehearsal import rehearsing
from convoship.lib.tenancy import tenant
from deployments import handoff_rules, public_holidays, publishing, visits
from deployments.models import Assistant
from deployments.opening_hours import DAYS, OpeningHours
from deployments.pages.rules_typed import Typed
from deployments.responders.schema import CHANNELS
from deployments.words import HANDOFF_STEPS
from tests import factories
from tests.pages.conftest import Browser, Form, forms_of, text, words
from workspaces.models import AuditEvent, Workspace

pytestmark = pytest.mark.django_db

MONDAY = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
KITCHEN_SINK: dict[str, Any] = {
    "longest_wait_seconds": 90,
    "longest_silence_seconds": 7200,
    "on_request": False,
    "after_failures": 3,
    "keywords": ["real person", "Mensch"],
    "hours": {
        "time_zone": "Europe/Berlin",
        "days": {"mon": [["09:00", "12:00"], ["13:00", "17:00"]], "sun": [["20:00", "24:00"]]},
        "holidays": [{"date": "2026-12-25", "name": "Christmas <b>"}, {"date": "2026-12-26"}],
    },
    "when_closed": "return",
    "form": ["email", "name"],
    "texts": {
        "waiting": {"text": "Somebody comes.", "also": [{"language": "de", "text": "Es kommt jemand."}]},
        "joined": {
            "text": "Here is {{person}}.\n\nHello!",
            "also": [{"channel": "sms", "text": "{{person}} is here."}],
        },
    },
}


class Page:
    """The tab of one assistant, in a member's browser."""

    def __init__(self, member: Browser, workspace: Workspace) -> None:
        self.member, self.workspace = member, workspace
        self.assistant = factories.make_assistant(workspace)
        self.path = f"/app/assistants/{self.assistant.id}/handoff"

    def form(self, answer: Any = None) -> Form:
        page = answer if answer is not None else self.member.get(self.path)
        return next(form for form in forms_of(page) if form.action.endswith("/handoff/save"))

    def send(self, form: Form, op: str = "save") -> Any:
        return self.member.client.post(form.action, {**form.values, "op": op})

    def rules(self) -> dict[str, Any]:
        with tenant(self.workspace.id):
            rules: dict[str, Any] = Assistant.objects.get(id=self.assistant.id).draft.get("handoff", {})
            return rules

    def set(self, rules: dict[str, Any]) -> None:
        with tenant(self.workspace.id):
            row = Assistant.objects.get(id=self.assistant.id)
            row.draft = {**row.draft, "handoff": handoff_rules.validate(copy.deepcopy(rules))}
            row.save()


@pytest.fixture
def page(member: Browser, workspace: Workspace) -> Page:
    return Page(member, workspace)


def test_a_form_that_is_sent_as_it_was_shown_changes_nothing(page: Page) -> None:
    for rules in ({}, KITCHEN_SINK):
        page.set(rules)
        assert page.send(page.form()).status_code == 302
        assert page.rules() == rules
    with tenant(page.workspace.id):
        assert not AuditEvent.objects.filter(action="assistant.changed").exists()


def test_what_is_saved_is_in_the_draft_and_not_yet_before_visitors(page: Page) -> None:
    form = page.form()
    form["keywords"] = "human\n\n real   person \nhuman"
    form["wait"], form["wait_unit"] = "2", "hours"
    form["after_failures"] = "3"
    answer = page.send(form)
    assert answer.status_code == 302
    assert page.rules() == {"longest_wait_seconds": 7200, "after_failures": 3, "keywords": ["human", "real person"]}
    shown = words(page.member.get(page.path))
    assert "Visitors meet version 1; the draft is newer." in shown
    with tenant(page.workspace.id):
        assert AuditEvent.objects.get(action="assistant.changed").data["changed"] == ["handoff"]
        published = Assistant.objects.select_related("published").get().published
        assert published is not None
        assert "handoff" not in published.content


def test_a_mistake_stands_beside_its_field_and_nothing_typed_is_lost(page: Page) -> None:
    form = page.form()
    form["has_hours"] = ["on"]
    for name, typed in {
        "after_failures": "often",
        "wait": "0",
        "keywords": "x" * 100,
        "time_zone": "Europe/Nowhere",
        "mon_0_from": "late",
        "mon_0_to": "17",
        "text_waiting": "Hello {{nobody}}",
    }.items():
        form[name] = typed
    answer = page.send(form)
    assert answer.status_code == 422
    again = page.form(answer)
    for name, sent in form.values.items():
        if name not in ("csrfmiddlewaretoken", "seen"):
            assert again.values[name] == sent, name
    source = text(answer)
    for name in ("after_failures", "wait", "keywords", "mon_0"):
        assert f'id="{name}_error"' in source
    assert "A whole number from 1 to 10, or nothing." in source
    assert "Use a time such as 09:00." in source
    again["after_failures"], again["wait"], again["keywords"], again["mon_0_from"] = "", "5", "human", "9"
    source = text(page.send(again))
    assert 'id="time_zone_error"' in source
    assert "There is no such time zone." in source
    assert 'id="text_waiting_error"' in source
    assert "has no value here" in source
    assert page.rules() == {}


def test_rows_come_and_go_without_javascript_and_without_being_saved(page: Page) -> None:
    form = page.form()
    form["has_hours"], form["time_zone"] = ["on"], "Europe/Berlin"
    form["mon_0_from"], form["mon_0_to"] = "9", "12.30"
    form = page.form(page.send(form, "spanadd-mon"))
    form["mon_1_from"], form["mon_1_to"] = "13h", "17:00"
    form = page.form(page.send(form, "copymonday"))
    form = page.form(page.send(form, "holidayadd"))
    form["holiday_0_date"], form["holiday_0_name"] = "2026-12-25", "Christmas"
    form = page.form(page.send(form, "holidayadd"))
    form = page.form(page.send(form, "holidayout-1"))
    form = page.form(page.send(form, "alsoadd-waiting"))
    form["text_waiting"], form["also_waiting_0_language"], form["also_waiting_0_text"] = "Wait.", "de", "Warten."
    assert page.rules() == {}
    assert page.send(form).status_code == 302
    week = [["09:00", "12:30"], ["13:00", "17:00"]]
    assert page.rules()["hours"] == {
        "time_zone": "Europe/Berlin",
        "days": dict.fromkeys(DAYS[:5], week),
        "holidays": [{"date": "2026-12-25", "name": "Christmas"}],
    }
    assert page.rules()["texts"]["waiting"]["also"] == [{"language": "de", "text": "Warten."}]


def test_other_words_alone_are_not_enough_and_need_a_language_or_a_channel(page: Page) -> None:
    form = page.form(page.send(page.form(), "alsoadd-joined"))
    form["also_joined_0_text"] = "Hallo"
    source = text(page.send(form))
    assert "Write what everybody else is told, beside the other words." in source
    assert "Say for which language or channel these words are." in source


@time_machine.travel(MONDAY, tick=False)
def test_the_public_holidays_of_a_country_are_added_to_the_list_once(page: Page) -> None:
    form = page.form()
    form["has_hours"], form["time_zone"] = ["on"], "Europe/Berlin"
    form["country"], form["subdivision"], form["year"] = "DE", "Bayern", "2026"
    answer = page.send(form, "holidays")
    assert "12 days added." in words(answer)
    again = page.send(page.form(answer), "holidays")
    assert "0 days added." in words(again)
    assert page.send(page.form(again)).status_code == 302
    found = {each["date"]: each["name"] for each in page.rules()["hours"]["holidays"]}
    assert found["2026-01-06"] == "Epiphany"
    assert len(found) == 12


def test_a_place_that_nobody_knows_is_said_beside_its_field(page: Page) -> None:
    form = page.form()
    form["country"], form["subdivision"] = "DE", "Atlantis"
    answer = page.send(form, "holidays")
    assert answer.status_code == 422
    assert 'id="subdivision_error"' in text(answer)
    assert page.form(answer)["subdivision"] == "Atlantis"
    form["country"], form["subdivision"] = "", ""
    assert 'id="country_error"' in text(page.send(form, "holidays"))
    for year in ("", "1", "99999", "\x00", "²"):
        form["country"], form["year"] = "DE", year
        assert page.send(form, "holidays").status_code == 422


@time_machine.travel(MONDAY, tick=False)
def test_it_says_what_a_visitor_who_asks_now_meets(page: Page) -> None:
    assert "People are there at any hour." in words(page.member.get(page.path))
    page.set({**KITCHEN_SINK, "when_closed": "wait"})
    open_now = words(page.member.get(page.path))
    assert "Now: open until Monday, 23 November, 12:00 (CET)." in open_now
    assert "Somebody comes." in open_now
    assert "If nobody comes within 1 minute 30 seconds, they read: “" in open_now
    assert "kept.” A person who has the conversation and doesn't answer for" in open_now
    with time_machine.travel(MONDAY + dt.timedelta(hours=9), tick=False):
        closed = words(page.member.get(page.path))
    assert "Now: closed. People are back on Sunday, 29 November, 20:00 (CET)." in closed
    assert "People are back on Sunday, 29 November, 20:00 (CET). Your conversation stays open" in closed


def test_a_preview_speaks_the_language_and_channel_that_were_chosen_with_what_was_typed(page: Page) -> None:
    page.set(KITCHEN_SINK)
    form = page.form()
    form["preview_language"], form["preview_channel"] = "de", "sms"
    form["text_returned"] = "Und weiter."
    answer = page.send(form, "preview")
    said = words(answer)
    assert "Es kommt jemand." in said
    assert "is here." in said
    assert "Und weiter." in said
    assert "Vielen Dank." in said  # the product's own, in German
    assert page.rules() == KITCHEN_SINK


def test_who_saves_over_rules_that_somebody_else_changed_is_told_first(page: Page) -> None:
    form = page.form()
    form["keywords"] = "human"
    page.set({"after_failures": 2})
    answer = page.send(form)
    assert answer.status_code == 409
    assert "Somebody else changed these rules meanwhile." in text(answer)
    assert page.rules() == {"after_failures": 2}
    assert page.send(page.form(answer)).status_code == 302
    assert page.rules() == {"keywords": ["human"]}


def test_a_desk_that_is_gone_is_shown_and_can_be_taken_out(page: Page) -> None:
    page.set({"desks": [str(uuid4()), "inbox"]})
    answer = page.member.get(page.path)
    assert "A connection that is deleted" in text(answer)
    form = page.form(page.send(page.form(answer), "deskout-0"))
    assert page.send(form).status_code == 302
    assert page.rules() == {}


def test_desks_change_places_by_a_button(page: Page) -> None:
    gone = str(uuid4())
    page.set({"desks": ["inbox", gone]})
    form = page.form(page.send(page.form(), "deskup-1"))
    assert page.send(form).status_code == 302
    assert page.rules() == {"desks": [gone, "inbox"]}


def test_intents_that_hand_over_are_linked(page: Page) -> None:
    script = {
        "intents": [
            {"name": "Hours", "phrases": ["open"], "answers": [{"text": "Always."}]},
            {"name": "Angry", "phrases": ["bad"], "answers": [{"text": "Oh."}], "action": {"type": "hand_over"}},
        ]
    }
    with tenant(page.workspace.id):
        Assistant.objects.update(draft={"scripted": script})
    source = text(page.member.get(page.path))
    assert f'<a href="/app/assistants/{page.assistant.id}/#f-intents-1-name">Angry</a>' in source
    assert "#f-intents-0-name" not in source


@pytest.mark.parametrize("hostile", ["\x00", "9" * 400, "\ud7ff", "-1", "²", "<script>", "{{", "a\x00b"])
def test_nothing_typed_anywhere_is_more_than_a_mistake(page: Page, hostile: str) -> None:
    page.set(KITCHEN_SINK)
    form = page.form()
    for name in [*form.values]:
        if name not in ("csrfmiddlewaretoken", "seen"):
            form.values[name] = [hostile]
    for op in ("save", "preview", "holidays", f"deskup-{hostile}", f"spanadd-{hostile}", f"alsoout-{hostile}", hostile):
        assert page.send(form, op).status_code in {200, 302, 422}


def test_hours_that_go_on_over_midnight_close_when_they_end() -> None:
    hours = OpeningHours.of({"time_zone": "UTC", "days": {"mon": [["20:00", "24:00"]], "tue": [["00:00", "02:00"]]}})
    begin = dt.datetime(2026, 11, 23, 21, tzinfo=dt.UTC)
    assert hours.closes_at(begin) == dt.datetime(2026, 11, 24, 2, tzinfo=dt.UTC)
    assert hours.closes_at(begin - dt.timedelta(hours=2)) is None
    always = OpeningHours.of({"time_zone": "UTC", "days": {day: [["00:00", "24:00"]] for day in DAYS}})
    assert always.closes_at(begin) is None


def test_every_country_gives_the_holidays_of_a_year() -> None:
    for code, name in public_holidays.countries():
        days = public_holidays.of(code, "", 2027)
        assert all(day.year == 2027 and called for day, called in days), name


# --- What a form shows is what it means -------------------------------------------------------------------------------

_word = st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12)
_words = st.lists(_word, min_size=1, max_size=3).map(" ".join)
_clock = st.integers(0, 23 * 60 + 59)


def _span(minutes: tuple[int, int]) -> list[str]:
    return [f"{at // 60:02d}:{at % 60:02d}" for at in sorted(minutes)]


_day: st.SearchStrategy[list[list[str]]] = st.one_of(
    st.just([]),
    st.tuples(_clock, _clock).filter(lambda each: each[0] != each[1]).map(lambda each: [_span(each)]),
)
_hours = st.fixed_dictionaries(
    {"time_zone": st.sampled_from(["Europe/Berlin", "UTC"]), "days": st.dictionaries(st.sampled_from(DAYS), _day)},
    optional={
        "holidays": st.lists(
            st.fixed_dictionaries(
                {"date": st.dates(dt.date(1000, 1, 1)).map(dt.date.isoformat)}, optional={"name": _words}
            ),
            max_size=4,
        )
    },
)
_also = st.fixed_dictionaries(
    {"text": _words, "language": st.sampled_from(["de", "pt-BR"])}, optional={"channel": st.sampled_from(CHANNELS)}
)
_step = st.fixed_dictionaries({"text": _words}, optional={"also": st.lists(_also, min_size=1, max_size=2)})
RULES = st.fixed_dictionaries(
    {},
    optional={
        "desks": st.lists(st.sampled_from(["inbox", str(uuid4()), str(uuid4())]), min_size=1, unique=True),
        "longest_wait_seconds": st.integers(30, 86_400),
        "longest_silence_seconds": st.integers(60, 86_400),
        "on_request": st.booleans(),
        "after_failures": st.integers(1, 10),
        "keywords": st.lists(_words, max_size=4),
        "hours": _hours,
        "when_closed": st.sampled_from(["wait", "return"]),
        "form": st.lists(st.sampled_from(["name", "email", "question"]), unique=True),
        "texts": st.dictionaries(st.sampled_from(HANDOFF_STEPS), _step, max_size=3),
    },
)


@settings(max_examples=150, deadline=None)
@given(RULES)
def test_the_form_of_any_rules_means_these_rules(rules: dict[str, Any]) -> None:
    content = handoff_rules.validate(rules)
    typed = Typed.of_content(content)
    assert handoff_rules.validate(typed.without_empty().content()) == content
    assert handoff_rules.parsed(handoff_rules.whole(content)) == handoff_rules.parsed(content)


# --- Rehearsals -------------------------------------------------------------------------------------------------------


class Rehearsed:
    """A rehearsal of Zendesk that an assistant of the workspace names as its desk."""

    def __init__(self, workspace: Workspace, assistant: Assistant) -> None:
        self.who = factories.actor(workspace)
        with tenant(workspace.id):
            made = rehearsing.begin(self.who, kind="zendesk", assistant_id=assistant.id)
            made.connection.name = "Support"
            made.connection.save()
        self.id, self.assistant, self.workspace = str(made.connection.id), assistant, workspace
        self.path = f"/app/channels/{self.id}/"

    def publish(self) -> None:
        with tenant(self.workspace.id):
            publishing.publish(self.who, self.assistant.id)

    def take_in(self) -> UUID:
        """A real visitor comes, and is handed over; their conversation."""
        with tenant(self.workspace.id):
            row = Assistant.objects.select_related("published").get(id=self.assistant.id)
        opened = factories.start_session(factories.make_deployment(self.workspace, row))
        visit = visits.resolve(opened.token, opened.session.id)
        visits.ask_for_person(visit, factories.caller(), "A person!")
        return opened.session.conversation_id


@pytest.fixture
def rehearsed(page: Page, workspace: Workspace) -> Rehearsed:
    return Rehearsed(workspace, page.assistant)


def test_a_rehearsal_among_the_desks_is_marked_and_warned_of(page: Page, rehearsed: Rehearsed, member: Browser) -> None:
    warned = "Real visitors who are handed over to Support reach nobody."
    before = words(member.get(page.path))
    assert "Support (rehearsal)" in before
    assert warned not in before
    page.set({"desks": [rehearsed.id, "inbox"]})
    after = words(member.get(page.path))
    assert warned in after
    assert "The first who is asked is Support, a rehearsal: nobody real comes from there." in after
    # What is typed and not saved yet is warned of, too.
    page.set({})
    form = page.form()
    form["desk_0"] = rehearsed.id
    assert warned in words(page.send(form, "preview"))


def test_a_rehearsal_that_real_visitors_are_handed_over_to_says_so_wherever_it_stands(
    page: Page, rehearsed: Rehearsed, member: Browser
) -> None:
    said = "Real visitors who are handed over to it reach nobody"
    page.set({"desks": [rehearsed.id]})
    for path in ("/app/channels/", rehearsed.path):
        assert said not in words(member.get(path))
    rehearsed.publish()
    for path in ("/app/channels/", rehearsed.path):
        assert said in words(member.get(path))
    talk = f"/app/conversations/{rehearsed.take_in()}/"
    told = words(member.get(talk))
    assert "This is a real visitor, and nobody real has them." in told
    assert "Desk Support (rehearsal)" in told


def test_what_a_rehearsed_desk_was_not_told_of_a_real_visitor_counts_nowhere(
    page: Page, rehearsed: Rehearsed, workspace: Workspace
) -> None:
    page.set({"desks": [rehearsed.id]})
    rehearsed.publish()
    rehearsed.take_in()
    with tenant(workspace.id):
        assert Delivery.objects.update(status="failed", settled_at=timezone.now()) > 0
        assert channel_queries.dead_count() == 0
