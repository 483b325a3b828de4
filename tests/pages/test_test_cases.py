"""The Tests page: cases with their results, many pasted at once, the threshold, and publishing despite them."""

from __future__ import annotations

import html
import re
from collections import OrderedDict
from typing import Any

import pytest

from convoship.lib.tenancy import current_workspace_id, tenant
from deployments import publishing, test_cases, testing
from deployments.models import Assistant, AssistantVersion
from tests import factories
from tests.pages.conftest import Browser, Form, Response, browser_of, form_of, forms_of, text
from workspaces.models import AuditEvent, Workspace

HOURS = {"name": "Hours", "phrases": ["opening hours", "when are you open"], "answers": [{"text": "9 to 5"}]}
PRICES = {"name": "Prices", "phrases": ["what does it cost", "price list"], "answers": [{"text": "Ask us"}]}


def case(utterance: str, expected: str) -> dict[str, str]:
    return {"utterance": utterance, "expected": expected}


CASES = [
    case("opening hours", "Hours"),
    case("what does it cost", "Hours"),
    case("is it raining on mars", ""),
    case("price list", "Gone"),
]


@pytest.fixture
def assistant(workspace: Workspace) -> Assistant:
    """With four cases of which two pass."""
    return make(workspace, CASES)


def make(workspace: Workspace, cases: list[dict[str, str]]) -> Assistant:
    made = factories.make_assistant(workspace, published=False, template=None)
    who = factories.actor(workspace)
    with tenant(workspace.id):
        publishing.change_draft(who, Assistant.objects.get(id=made.id), scripted={"intents": [HOURS, PRICES]})
        testing.put_cases(who, made.id, cases)
    return made


def path(assistant: Assistant) -> str:
    return f"/app/assistants/{assistant.id}/tests"


def form_with(page: Response, name: str) -> Form:
    """The page's form that has a field or button of this name."""
    found = [form for form in forms_of(page) if name in form.values or name in dict(form.buttons)]
    assert found, f"no form with {name}"
    return found[0]


def saved(workspace: Workspace) -> list[dict[str, str]]:
    with tenant(workspace.id):
        kept: list[dict[str, str]] = Assistant.objects.get().test_cases
        return kept


def words(page: Response) -> str:
    main = text(page).split('id="main"')[1]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def add(member: Browser, page: Response, utterance: str, expected: str) -> Response:
    filled = form_with(page, "utterance")
    filled["utterance"], filled["expected"] = utterance, expected
    return member.send(filled)


def paste(member: Browser, page: Response, lines: str) -> Response:
    filled = form_with(page, "lines")
    filled["lines"] = lines
    return member.send(filled)


def need(member: Browser, page: Response, threshold: str) -> Response:
    filled = form_with(page, "threshold")
    filled["threshold"] = threshold
    return member.send(filled)


# --- Results ------------------------------------------------------------------------------------------------------


def test_failures_stand_first_with_what_is_meant_instead(member: Browser, assistant: Assistant) -> None:
    page = member.get(path(assistant))
    shown = words(page)
    assert "2 of 4 test cases pass (50 %)" in shown
    rows = re.findall(r"(Fails|Passes) (.*?) Change", shown)
    assert [verdict for verdict, _ in rows] == ["Fails", "Fails", "Passes", "Passes"]
    assert re.match(r"what does it cost Hours Prices \(fits 1\.00\) Accept what it means now", rows[0][1])
    assert re.match(r"price list Gone No such intent Prices \(fits 1\.00\)", rows[1][1])
    assert rows[2][1].startswith("opening hours Hours")
    assert "Not understood (fallback)" in rows[3][1]
    editor = f'href="/app/assistants/{assistant.id}/#f-intents-'
    assert f'{editor}1-name">Prices</a>' in text(page)
    assert f'{editor}0-name">Hours</a>' in text(page)


def test_without_cases_it_says_what_they_are_for(member: Browser, workspace: Workspace) -> None:
    page = member.get(path(make(workspace, [])))
    assert "No test cases yet" in words(page)
    assert "<table" not in text(page)


def test_results_are_of_the_draft_as_it_is_now(member: Browser, workspace: Workspace, assistant: Assistant) -> None:
    mended = {**HOURS, "phrases": [*HOURS["phrases"], "what does it cost"]}
    with tenant(workspace.id):
        row = Assistant.objects.get(id=assistant.id)
        publishing.change_draft(
            factories.actor(workspace), row, scripted={"intents": [mended, {**PRICES, "phrases": ["price list"]}]}
        )
    assert "3 of 4 test cases pass (75 %)" in words(member.get(f"{path(assistant)}?ran=1"))


# --- Changing -----------------------------------------------------------------------------------------------------


def test_cases_are_added_one_by_one(member: Browser, workspace: Workspace, assistant: Assistant) -> None:
    page = add(member, member.get(path(assistant)), "  do you open on sundays ", "Hours")
    assert "The test case is added." in words(page)
    assert saved(workspace)[-1] == case("do you open on sundays", "Hours")


@pytest.mark.parametrize(
    ("utterance", "expected", "said"),
    [
        ("", "", "must not be empty"),
        ("x" * 301, "", "too long"),
        ("a\x00b", "", "can't be stored"),
        ("Opening  Hours", "Hours", "There is a test case for this already"),
        ("opening hours", "Prices", "expects something else"),
        ("new", "x" * 81, "too long"),
    ],
)
def test_what_can_not_be_a_case_is_said_at_its_field_and_kept(
    member: Browser, workspace: Workspace, assistant: Assistant, utterance: str, expected: str, said: str
) -> None:
    filled = form_with(member.get(path(assistant)), "utterance")
    filled.values |= {"utterance": [utterance], "expected": [expected]}
    page = member.send(filled)
    assert page.status_code in {409, 422}
    assert said in text(page).split('id="utterance_error"')[1][:300].replace("&#x27;", "'")
    assert form_with(page, "utterance")["utterance"] == utterance
    assert saved(workspace) == CASES


def test_many_are_pasted_and_wrong_lines_are_named_with_nothing_lost(
    member: Browser, workspace: Workspace, assistant: Assistant
) -> None:
    lines = "open on sundays? => Hours\nhow expensive\tPrises\nno sign"
    page = paste(member, member.get(path(assistant)), lines)
    assert page.status_code == 422
    assert "Line 2: No intent is called “Prises”. Did you mean “Prices”?" in words(page)
    assert "Line 3: Write what visitors say, then =>" in words(page)
    assert form_with(page, "lines")["lines"] == lines
    assert saved(workspace) == CASES
    page = paste(
        member, page, "open on sundays? => hours\nhow expensive\tPrices\nopening hours => Hours\nwhat is love =>"
    )
    assert "3 test cases added. 1 were there already." in words(page)
    assert saved(workspace)[4:] == [
        case("open on sundays?", "Hours"),
        case("how expensive", "Prices"),
        case("what is love", ""),
    ]


def test_no_more_than_there_is_room_for(member: Browser, workspace: Workspace, assistant: Assistant) -> None:
    page = member.get(path(assistant))
    many = "\n".join(f"number {number} => Hours" for number in range(test_cases.MOST_CASES - 3))
    page = paste(member, page, many)
    assert "at most 500 test cases" in words(page)
    assert saved(workspace) == CASES
    assert paste(member, page, many.split("\n", 1)[1]).status_code == 200
    assert len(saved(workspace)) == test_cases.MOST_CASES


def test_a_case_is_changed_accepted_and_removed(member: Browser, workspace: Workspace, assistant: Assistant) -> None:
    filled = form_with(member.get(f"{path(assistant)}?edit=price+list"), "case")
    assert (filled["case"], filled["means"]) == ("price list", "Gone")
    filled["case"], filled["means"] = "the price list", "Prices"
    page = member.send(filled, save="price list")
    assert "The test case is changed." in words(page)
    page = member.send(form_with(page, "accept"), accept="what does it cost")
    assert "should mean this from now on: Prices" in words(page)
    assert "4 of 4 test cases pass (100 %)" in words(page)
    page = member.send(form_with(page, "remove"), remove="is it raining on mars")
    assert saved(workspace) == [
        case("opening hours", "Hours"),
        case("what does it cost", "Prices"),
        case("the price list", "Prices"),
    ]
    with tenant(workspace.id):
        assert AuditEvent.objects.filter(action="assistant.test_cases_changed").count() == 4


def test_a_change_that_can_not_be_made_keeps_what_was_typed(member: Browser, assistant: Assistant) -> None:
    filled = form_with(member.get(f"{path(assistant)}?edit=price+list"), "case")
    filled["case"], filled["means"] = "opening hours", "Prices"
    page = member.send(filled, save="price list")
    assert page.status_code == 422
    assert "There is a test case for this already." in words(page)
    again = form_with(page, "case")
    assert (again["case"], again["means"]) == ("opening hours", "Prices")


def test_what_is_gone_by_now_is_said(member: Browser, workspace: Workspace, assistant: Assistant) -> None:
    page = member.get(path(assistant))
    with tenant(workspace.id):
        testing.put_cases(factories.actor(workspace), assistant.id, CASES[:1])
    for button in ("accept", "remove"):
        answer = member.send(form_with(page, button), **{button: "what does it cost"})
        assert answer.status_code == 409
        assert "There is no test case for “what does it cost” any more." in words(answer)
    filled = form_with(page, "accept")
    filled.values |= {"case": ["what does it cost now"], "means": ["Prices"]}
    answer = member.client.post(filled.action, {**filled.values, "save": "what does it cost"})
    assert "any more" in words(answer)
    assert form_with(answer, "utterance")["utterance"] == "what does it cost now"
    assert form_with(answer, "utterance")["expected"] == "Prices"


def test_hostile_posts_are_refused_in_words(member: Browser, workspace: Workspace, assistant: Assistant) -> None:
    token = form_with(member.get(path(assistant)), "utterance")["csrfmiddlewaretoken"]
    posts: list[dict[str, str]] = [
        {"accept": ""},
        {"accept": "\x00"},
        {"accept": "x" * 5000},
        {"remove": "\x00"},
        {"save": "opening hours", "case": "\x00", "means": ""},
        {"save": "", "case": "", "means": ""},
        {"lines": "\x00 => Hours"},
        {"lines": "x" * 300_001},
        {"lines": ""},
        {"threshold": "²"},
        {"threshold": "9" * 5000},
        {},
    ]
    for post in posts:
        answer = member.client.post(f"{path(assistant)}/change", {**post, "csrfmiddlewaretoken": token})
        assert answer.status_code in {409, 422}, post
    assert saved(workspace) == CASES
    for query in ("edit=%00", "edit=" + "x" * 2000, "edit=nothing", "ran="):
        assert member.get(f"{path(assistant)}?{query}").status_code == 200


def test_who_may_not_write_reads_the_results(workspace: Workspace, assistant: Assistant) -> None:
    viewer = browser_of(workspace, factories.member(workspace, "viewer"))
    page = viewer.get(f"{path(assistant)}?edit=price+list")
    assert "2 of 4 test cases pass" in words(page)
    assert form_names(page) == set()


def form_names(page: Response) -> set[str]:
    main = [form for form in forms_of(page) if "/tests" in form.action]
    return {name for form in main for name in form.values} - {"csrfmiddlewaretoken"}


# --- The threshold, and publishing --------------------------------------------------------------------------------


def publish(member: Browser, page: Response, operation: str, note: str = "") -> Response:
    filled = form_of(page, "/tests/publish")
    filled["note"] = note
    return member.send(filled, op=operation)


def version(workspace: Workspace) -> AssistantVersion | None:
    with tenant(workspace.id):
        return AssistantVersion.objects.order_by("-number").first()


def test_without_a_threshold_they_only_report(member: Browser, workspace: Workspace, assistant: Assistant) -> None:
    page = member.get(path(assistant))
    assert "You can publish whatever the result is" in words(page)
    page = publish(member, page, "publish", "First")
    assert "Version 1 is live." in words(page)
    made = version(workspace)
    assert made is not None
    assert (made.note, made.test_report["passed"], made.test_report["total"]) == ("First", 2, 4)
    assert "Visitors meet this draft already: it is version 1." in words(page)


def test_below_the_threshold_it_is_published_on_purpose_alone(
    member: Browser, workspace: Workspace, assistant: Assistant
) -> None:
    before = member.get(path(assistant))
    page = need(member, before, "51 %")
    assert "From now on 51 % have to pass" in words(page)
    assert "51 % are needed, so it is not published unless you press “Publish anyway”." in words(page)
    assert [value for _, value in form_of(page, "/tests/publish").buttons] == ["publish-anyway"]
    # A page from before still has the other button.
    refused = publish(member, before, "publish", "My note")
    assert refused.status_code == 409
    assert "2 of 4 test cases pass (50 %), 51 % are needed, so this is not published." in words(refused)
    assert form_of(refused, "/tests/publish")["note"] == "My note"
    assert version(workspace) is None
    page = publish(member, refused, "publish-anyway", "My note")
    assert "Version 1 is live." in words(page)
    with tenant(workspace.id):
        line = AuditEvent.objects.get(action="assistant.published")
    assert (line.data["despite_tests"], line.data["tests_passed"], line.data["tests_total"]) == (True, 2, 4)


def test_at_the_threshold_it_is_published(member: Browser, workspace: Workspace, assistant: Assistant) -> None:
    page = publish(member, need(member, member.get(path(assistant)), "50"), "publish")
    assert "Version 1 is live." in words(page)
    page = need(member, page, "")
    assert "hold nothing back" in words(page)


def test_a_draft_that_visitors_meet_already_makes_no_version(member: Browser, assistant: Assistant) -> None:
    before = member.get(path(assistant))
    publish(member, before, "publish")
    # The page from before still has the button; so has one that was pressed twice.
    again = publish(member, before, "publish")
    assert "Nothing changed since version 1, so there is nothing to publish" in words(again)
    with tenant(assistant.workspace_id):
        assert AssistantVersion.objects.count() == 1
        assert AuditEvent.objects.filter(action="assistant.published").count() == 1


def test_the_editor_publishes_nothing_that_visitors_meet_already(member: Browser, assistant: Assistant) -> None:
    editor = f"/app/assistants/{assistant.id}/"
    for said in ("Version 1 is live.", "Nothing changed since version 1, so there is nothing to publish"):
        assert said in words(member.send(form_of(member.get(editor), "/save"), op="publish"))
    with tenant(assistant.workspace_id):
        assert AssistantVersion.objects.count() == 1


def test_what_is_unfinished_in_the_editor_is_published_by_no_page(
    member: Browser, workspace: Workspace, assistant: Assistant
) -> None:
    before = form_of(member.get(path(assistant)), "/tests/publish")
    before.buttons.append(("op", "publish-anyway"))
    editor = form_of(member.get(f"/app/assistants/{assistant.id}/"), "/save")
    editor["welcome.text"] = ""
    editor["fallback.text"] = "Pardon?"
    assert member.send(editor, op="save").status_code == 422
    for operation in ("publish", "publish-anyway"):  # by a page from before
        refused = member.send(before, op=operation)
        assert refused.status_code == 422
        assert "Not published: in the editor something is unfinished." in words(refused)
        assert f'href="/app/assistants/{assistant.id}/">Finish it in the editor' in text(refused)
    assert version(workspace) is None
    page = member.get(path(assistant))
    assert "nothing can be published" in words(page)
    assert not [form for form in forms_of(page) if form.action.endswith("/tests/publish")]
    assert "In the editor something is unfinished" in words(member.get(f"/app/assistants/{assistant.id}/versions"))


def test_a_draft_that_is_live_is_not_said_to_be_held_back(
    member: Browser, workspace: Workspace, assistant: Assistant
) -> None:
    publish(member, member.get(path(assistant)), "publish")
    page = need(member, member.get(path(assistant)), "51")
    assert "They ran on the draft as it is now. 51 % are needed to publish a draft" in words(page)
    assert "press “Publish anyway”." not in words(page).split("What publishing asks for")[0]


def test_what_a_case_means_now_is_said_in_words(member: Browser, assistant: Assistant) -> None:
    said = words(member.get(path(assistant)))
    assert re.search(r"opening hours Hours The same \(fits [01]\.\d\d", said)
    assert re.search(r"Not understood \(fallback\) The same \(nearest fits 0\.\d\d", said)


@pytest.fixture
def ran_inside(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each case that was run, not remembered: whether that was inside of a workspace's transaction."""
    inside: list[bool] = []
    run = test_cases._result

    def noted(*given: Any) -> test_cases.Result:
        inside.append(current_workspace_id() is not None)
        return run(*given)

    monkeypatch.setattr(test_cases, "_kept", OrderedDict())
    monkeypatch.setattr(test_cases, "_result", noted)
    return inside


def test_the_editor_runs_the_cases_outside_of_the_transaction(
    member: Browser, assistant: Assistant, ran_inside: list[bool]
) -> None:
    page = member.send(form_of(member.get(f"/app/assistants/{assistant.id}/"), "/save"), op="publish")
    assert "Version 1 is live." in words(page)
    assert ran_inside == [False] * len(CASES)


def test_a_draft_that_is_changed_while_its_cases_run_is_not_published(
    member: Browser, workspace: Workspace, assistant: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = test_cases.run

    def meanwhile(*given: Any) -> test_cases.Report:
        monkeypatch.setattr(test_cases, "run", run)
        with tenant(workspace.id):
            publishing.change_draft(factories.actor(workspace), Assistant.objects.get(), name="Theirs")
        return run(*given)

    form = form_of(member.get(f"/app/assistants/{assistant.id}/"), "/save")
    form["name"] = "Mine"
    monkeypatch.setattr(test_cases, "run", meanwhile)
    answer = member.send(form, op="publish")
    assert answer.status_code == 409
    assert "The draft was changed elsewhere while you were writing." in words(answer)
    assert form_of(answer, "/save")["name"] == "Mine"
    assert version(workspace) is None


def test_it_says_that_restoring_is_not_held_back(member: Browser, assistant: Assistant) -> None:
    assert "Restoring an earlier version is not held back: going back has to work at once" in words(
        member.get(path(assistant))
    )


@pytest.mark.parametrize("typed", ["0", "101", "-5", "half", "5.5", "1e2"])
def test_a_threshold_is_a_number_from_1_to_100(member: Browser, assistant: Assistant, typed: str) -> None:
    page = need(member, member.get(path(assistant)), typed)
    assert page.status_code == 422
    assert "Use a number from 1 to 100" in words(page)
    assert form_with(page, "threshold")["threshold"] == typed


def test_nothing_an_author_writes_becomes_markup(member: Browser, workspace: Workspace) -> None:
    evil = "<img src=x onerror=alert(1)>\"'"
    assistant = make(workspace, [case(evil, evil)])
    for query in ("", "?edit=" + "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%22%27"):
        assert "<img" not in text(member.get(path(assistant) + query))
    page = paste(member, member.get(path(assistant)), f"{evil} b => {evil}")
    assert "<img" not in text(page)


def test_all_of_five_hundred_are_shown(member: Browser, workspace: Workspace) -> None:
    many: Any = [case(f"number {number}", "Hours") for number in range(test_cases.MOST_CASES)]
    page = member.get(path(make(workspace, many)))
    assert text(page).count('data-label="Result"') == test_cases.MOST_CASES
    assert len(page.content) < 1_500_000
