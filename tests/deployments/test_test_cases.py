"""Test cases: what they mean is what a visitor would get, what can be one, and how they stand in publishing's way."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from convoship.lib.problems import Problem
from convoship.lib.tenancy import tenant
from deployments import publishing, test_cases, testing
from deployments.models import Assistant, AssistantVersion
from deployments.responders.templates import TEMPLATES
from tests import factories
from workspaces.models import AuditEvent, Workspace

HOURS = {"name": "Hours", "phrases": ["opening hours", "when are you open"], "answers": [{"text": "9 to 5"}]}
PRICES = {"name": "Prices", "phrases": ["what does it cost", "price list"], "answers": [{"text": "Ask us"}]}
SCRIPT: dict[str, Any] = {"intents": [HOURS, PRICES]}


def content(script: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"name": "Ada", "responder": "scripted", "scripted": publishing.parsed_script(script or SCRIPT)}


def case(utterance: str, expected: str) -> dict[str, str]:
    return {"utterance": utterance, "expected": expected}


# --- Running ------------------------------------------------------------------------------------------------------


def test_what_is_said_passes_where_it_means_what_was_expected() -> None:
    cases = [
        case("when are you opne?", "hours"),
        case("price list please", "Hours"),
        case("who won the football match", ""),
        case("what does it cost", ""),
        case("thank you!", ":small_talk"),
        case("hello", ""),
        case("opening hours", "Times"),
    ]
    report = test_cases.run(content(), cases)
    assert [result.passed for result in report.results] == [True, False, True, False, True, False, False]
    assert (report.passed, report.total, report.percent) == (3, 7, 42)
    assert [failure["got"] for failure in report.as_json()["failures"]] == ["Prices", "Prices", ":small_talk", "Hours"]
    assert report.as_json()["failures"][-1]["missing"] is True
    assert [failure.words for failure in report.failures] == [
        "“price list please” is understood as “Prices”, and should mean “Hours”.",
        "“what does it cost” is understood as “Prices”, and should not be understood.",
        "“hello” is answered by small talk, and should not be understood.",
        "“opening hours” should mean “Times”, which is no intent any more.",
    ]
    assert report.failures[0].score > 0.5


def test_every_templates_own_cases_pass() -> None:
    for template in TEMPLATES.values():
        report = test_cases.run(content(template.content()), template.test_cases())
        assert report.failures == ()
        assert report.total >= 5


def test_an_intent_that_asks_or_leads_elsewhere_is_meant_itself() -> None:
    ask = [{"slot": "day", "kind": "date", "prompt": {"text": "When?"}}]
    booking = {"name": "Book", "phrases": ["book a table"], "ask": ask, "answers": [{"text": "Done"}]}
    elsewhere = {
        "name": "Costs",
        "phrases": ["how expensive is it"],
        "answers": [],
        "action": {"type": "go_to", "intent": "Hours"},
    }
    script = {"intents": [HOURS, booking, elsewhere]}
    report = test_cases.run(content(script), [case("book a table", "Book"), case("how expensive is it", "Costs")])
    assert report.failures == ()


def test_per_cents_are_rounded_down_and_compared_exactly() -> None:
    results = [test_cases.Result("a", "Hours", "Hours", 1.0, False)] * 899
    report = test_cases.Report((*results, *[test_cases.Result("b", "", "Hours", 1.0, False)] * 101))
    assert report.percent == 89
    assert not report.is_enough(90)
    assert report.is_enough(89)
    assert report.is_enough(None)
    assert test_cases.Report(()).is_enough(100)


def test_five_hundred_cases_of_a_large_script_take_less_than_two_seconds_and_no_time_again() -> None:
    chance = random.Random(7)
    words = ["".join(chance.choices("abcdefghijklmnoprstuw", k=chance.randint(3, 9))) for _ in range(3000)]
    intents = [
        {
            "name": f"Intent {number}",
            "phrases": [" ".join(chance.sample(words, 5)) for _ in range(20)],
            "answers": [{"text": "Yes"}],
        }
        for number in range(200)
    ]
    large = content({"intents": intents})
    cases = [case(" ".join(chance.sample(words, 6)), "") for _ in range(test_cases.MOST_CASES)]
    began = time.process_time()
    first = test_cases.run(large, cases)
    took = time.process_time() - began
    assert took < 2
    assert first.total == test_cases.MOST_CASES
    assert test_cases.run(large, list(cases)) is first
    assert test_cases.run(large, cases[1:]) is not first


# --- What can be a case -------------------------------------------------------------------------------------------


def test_cases_come_back_in_one_line_and_trimmed() -> None:
    assert test_cases.parsed([case("  when \n are\tyou open ", " Hours ")]) == [case("when are you open", "Hours")]


@pytest.mark.parametrize(
    ("cases", "path"),
    [
        ("x", "cases"),
        ({"utterance": "a", "expected": ""}, "cases"),
        ([5], "cases[0]"),
        ([{"utterance": "a"}], "cases[0].expected"),
        ([case(" ", "")], "cases[0].utterance"),
        ([case("x" * 301, "")], "cases[0].utterance"),
        ([{"utterance": 5, "expected": ""}], "cases[0].utterance"),
        ([case("a", "x" * 81)], "cases[0].expected"),
        ([{"utterance": "a", "expected": None}], "cases[0].expected"),
        ([{**case("a", ""), "x": 1}], "cases[0].x"),
        ([case("a\x00b", "")], "cases[0].utterance"),
        ([case("a\ud800", "")], "cases[0].utterance"),
        ([case("Open?", ""), case("  open? ", "Hours")], "cases[1].utterance"),
        ([case(str(number), "") for number in range(501)], "cases"),
    ],
)
def test_what_can_not_be_a_case_is_refused_by_its_path(cases: Any, path: str) -> None:
    with pytest.raises(Problem) as refused:
        test_cases.parsed(cases)
    assert (refused.value.status, list(refused.value.errors)) == (422, [path])


def test_many_lines_are_read_and_each_wrong_one_is_named() -> None:
    text = (
        "when do you open => hours\n\nwhat is a => b about?\tPrices\r\nwho won =>\nhi there => small talk\n"
        "no sign here\n=> Hours\nopen today => Huors\nWhen  do you open => Prices\n"
        + "x" * 301
        + " => Hours\nfog => fallback"
    )
    cases, errors = test_cases.read_lines(text, ["Hours", "Prices"])
    assert cases == [
        case("when do you open", "Hours"),
        case("what is a => b about?", "Prices"),
        case("who won", ""),
        case("hi there", ":small_talk"),
        case("fog", ""),
    ]
    assert errors == [
        "Line 6: Write what visitors say, then => and the intent that it should mean.",
        "Line 7: Write what visitors say, then => and the intent that it should mean.",
        "Line 8: No intent is called “Huors”. Did you mean “Hours”?",
        "Line 9: Line 1 says the same already.",
        "Line 10: This is too long: 301 characters, at most 300 are possible.",
    ]


def test_an_intent_called_fallback_is_that_intent() -> None:
    cases, errors = test_cases.read_lines("a => Fallback\nb =>", ["Fallback"])
    assert (cases, errors) == ([case("a", "Fallback"), case("b", "")], [])


# --- Publishing ---------------------------------------------------------------------------------------------------


@pytest.fixture
def workspace(db: None) -> Workspace:
    return factories.make_workspace()


@pytest.fixture
def assistant(workspace: Workspace) -> Assistant:
    """With four cases of which three pass."""
    made = factories.make_assistant(workspace, published=False, template=None)
    who = factories.actor(workspace)
    cases = [
        case("opening hours", "Hours"),
        case("price list", "Prices"),
        case("is it raining on mars", ""),
        case("what does it cost", "Hours"),
    ]
    with tenant(workspace.id):
        publishing.change_draft(who, Assistant.objects.get(id=made.id), scripted=SCRIPT)
        testing.put_cases(who, made.id, cases)
    return made


def publish(workspace: Workspace, assistant: Assistant, threshold: int | None, **more: Any) -> AssistantVersion:
    who = factories.actor(workspace)
    with tenant(workspace.id):
        testing.set_threshold(who, assistant.id, threshold)
    with tenant(workspace.id):
        return publishing.publish(who, assistant.id, **more)


@pytest.mark.parametrize("threshold", [None, 1, 75])
def test_the_version_keeps_what_its_cases_said(
    workspace: Workspace, assistant: Assistant, threshold: int | None
) -> None:
    version = publish(workspace, assistant, threshold)
    failure = version.test_report["failures"][0]
    assert (version.test_report["passed"], version.test_report["total"]) == (3, 4)
    assert (failure["utterance"], failure["expected"], failure["got"]) == ("what does it cost", "Hours", "Prices")
    with tenant(workspace.id):
        line = AuditEvent.objects.get(action="assistant.published")
    assert (line.data["tests_passed"], line.data["tests_total"]) == (3, 4)
    assert "despite_tests" not in line.data


def test_too_few_hold_publishing_back_and_say_which(workspace: Workspace, assistant: Assistant) -> None:
    with pytest.raises(Problem) as refused:
        publish(workspace, assistant, 76)
    problem = refused.value
    assert (problem.status, problem.code) == (409, "conflict")
    assert problem.detail == "3 of 4 test cases pass (75 %), 76 % are needed, so this is not published."
    assert problem.hint is not None
    assert "“what does it cost” is understood as “Prices”, and should mean “Hours”." in problem.hint
    assert problem.body()["test_report"]["passed"] == 3
    with tenant(workspace.id):
        assert not AssistantVersion.objects.exists()
        assert not AuditEvent.objects.filter(action="assistant.published").exists()


def test_it_is_published_all_the_same_on_purpose_and_on_the_record(workspace: Workspace, assistant: Assistant) -> None:
    version = publish(workspace, assistant, 100, despite_tests=True)
    assert version.test_report["passed"] == 3
    with tenant(workspace.id):
        line = AuditEvent.objects.get(action="assistant.published")
    assert line.data["despite_tests"] is True
    assert line.data["tests_needed_percent"] == 100


def test_what_is_frozen_is_what_was_tested(workspace: Workspace, assistant: Assistant) -> None:
    """A draft that was mended since passes; nothing of an earlier run is taken for it."""
    with pytest.raises(Problem):
        publish(workspace, assistant, 100)
    mended = {
        "intents": [
            {**HOURS, "phrases": [*HOURS["phrases"], "what does it cost"]},
            {**PRICES, "phrases": ["price list"]},
        ]
    }
    with tenant(workspace.id):
        publishing.change_draft(factories.actor(workspace), Assistant.objects.get(id=assistant.id), scripted=mended)
    assert publish(workspace, assistant, 100).test_report["failures"] == []


# --- Changing them ------------------------------------------------------------------------------------------------


def test_cases_are_added_changed_and_removed_on_the_record(workspace: Workspace, assistant: Assistant) -> None:
    who = factories.actor(workspace)
    with tenant(workspace.id):
        lines = AuditEvent.objects.filter(action="assistant.test_cases_changed").count()
        assert testing.add_cases(who, assistant.id, [case("Opening  HOURS", "Hours"), case("on sundays", "Hours")]) == 1
        testing.change_case(who, assistant.id, "on sundays", case("on saturdays", "Hours"))
        testing.change_case(who, assistant.id, "price list", None)
        kept = [found["utterance"] for found in Assistant.objects.get(id=assistant.id).test_cases]
        assert kept == ["opening hours", "is it raining on mars", "what does it cost", "on saturdays"]
        assert AuditEvent.objects.filter(action="assistant.test_cases_changed").count() == lines + 3


def test_a_case_is_never_there_twice_nor_quietly_changed(workspace: Workspace, assistant: Assistant) -> None:
    who = factories.actor(workspace)
    with tenant(workspace.id):
        for change in (
            lambda: testing.add_cases(who, assistant.id, [case("opening hours", "Prices")]),
            lambda: testing.change_case(who, assistant.id, "price list", case("opening hours", "")),
            lambda: testing.change_case(who, assistant.id, "gone", None),
            lambda: testing.add_cases(who, assistant.id, [case(f"number {n}", "") for n in range(497)]),
            lambda: testing.set_threshold(who, assistant.id, 0),
            lambda: testing.set_threshold(who, assistant.id, 101),
        ):
            with pytest.raises(Problem):
                change()
        assert len(Assistant.objects.get(id=assistant.id).test_cases) == 4
