"""Trying over several turns, and test cases, by the admin API."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from convoship.lib.tenancy import current_workspace_id, tenant
from convoship.lib.threads import in_thread
from deployments import publishing, test_cases
from deployments.models import Assistant, Turn
from tests import factories
from tests.api.conftest import Program, program
from tests.runtime.conftest import Site

HOURS = {"name": "Hours", "phrases": ["opening hours"], "answers": [{"text": "9 to 5"}]}
CASES = [{"utterance": "opening hours", "expected": "Hours"}, {"utterance": "where is mars", "expected": "Hours"}]


# --- Trying -------------------------------------------------------------------------------------------------------


async def try_it(caller: Program, assistant: Assistant, body: Any) -> Any:
    answer: Any = await AsyncClient().post(
        f"/v1/assistants/{assistant.id}/try",
        json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer {caller.token}"},
    )
    answer.data = json.loads(answer.content)
    return answer


async def tried(caller: Program, assistant: Assistant, **body: Any) -> Any:
    answer = await try_it(caller, assistant, body)
    assert answer.status_code == 200, answer.data
    return answer.data


def make(caller: Program, script: dict[str, Any] | None = None, template: str | None = None) -> Assistant:
    assistant = factories.make_assistant(caller.workspace, published=False, template=template)
    if script is not None:
        change(caller, assistant, script)
    return assistant


def change(caller: Program, assistant: Assistant, script: dict[str, Any]) -> None:
    with tenant(caller.workspace.id):
        row = Assistant.objects.get(id=assistant.id)
        publishing.change_draft(factories.actor(caller.workspace), row, scripted=script)


SPOKEN = {
    "welcome": {"text": "Hello {{visitor.name|you}}", "also": [{"language": "de", "text": "Hallo {{visitor.name}}"}]},
    "intents": [{**HOURS, "answers": [{"text": "9 to 5", "also": [{"channel": "sms", "text": "9-17"}]}]}],
    "no_input": {"after_seconds": 45, "text": "Still there?", "then": "end"},
}
BAD_STATES = [
    5,
    [],
    {"x": 1},
    {"misses": -1},
    {"misses": "many"},
    {"misses": 10**30},
    {"said": {"a": "b"}},
    {"said": {"x" * 500: 1}},
    {"slots": {"day": "tomorrow"}},
    {"slots": {"day": {"value": [1], "said": "a"}}},
    {"slots": {"day": {"value": 1e300, "said": "a"}}},
    {"slots": {"day": {"value": "a"}}},
    {"slots": {"DAY": {"value": "a", "said": "a"}}},
    {"form": {}},
    {"form": {"intent": "Book", "at": -1, "attempts": 0}},
    {"form": {"intent": 5, "at": 0, "attempts": 0}},
    {"form": {"intent": "Book", "at": 0, "attempts": 0, "more": 1}},
]


@pytest.mark.django_db(transaction=True)
class TestTrying:
    @pytest.fixture
    def caller(self) -> Program:
        return program()

    async def test_several_turns_go_on_from_the_state_before(self, caller: Program) -> None:
        assistant = await sync_to_async(make)(caller, template="booking")
        first = await tried(caller, assistant, text="I'd like an appointment")
        assert first["trace"]["asking"] == "service"
        second = await tried(caller, assistant, text="Check-up", payload="Check-up", state=first["state"])
        assert second["trace"]["slots"] == {"service": "Check-up"}
        assert second["trace"]["asking"] == "day"
        wrong = await tried(caller, assistant, text="hm", state=second["state"])
        assert wrong["trace"]["invalid"]
        assert "welcome" not in second

    async def test_the_welcome_language_channel_and_visitor_are_as_asked_for(self, caller: Program) -> None:
        assistant = await sync_to_async(make)(caller, SPOKEN)
        answer = await tried(
            caller, assistant, text="opening hours", locale="de-AT", channel="sms", user={"name": "Ada *"}
        )
        assert answer["welcome"] == [{"text": "Hallo Ada \\*", "blocks": []}]
        assert answer["replies"][0]["text"] == "9-17"
        assert answer["if_silent"] == {"after_seconds": 45, "text": "Still there?", "blocks": [], "then": "end"}
        plain = await tried(caller, assistant, text="opening hours", state={})
        assert plain["replies"][0]["text"] == "9 to 5"

    async def test_a_published_version_answers_as_it_was(self, caller: Program) -> None:
        assistant = await sync_to_async(make)(caller, SPOKEN)

        def publish_and_change() -> None:
            with tenant(caller.workspace.id):
                publishing.publish(factories.actor(caller.workspace), assistant.id)
            change(caller, assistant, {"intents": [{**HOURS, "answers": [{"text": "closed"}]}]})

        await in_thread(publish_and_change)
        assert (await tried(caller, assistant, text="opening hours"))["replies"][0]["text"] == "closed"
        assert (await tried(caller, assistant, text="opening hours", version=1))["replies"][0]["text"] == "9 to 5"
        missing = await try_it(caller, assistant, {"text": "opening hours", "version": 2})
        assert (missing.status_code, list(missing.data["errors"])) == (422, ["version"])

    async def test_a_state_that_no_turn_can_have_left_is_refused_by_its_path(self, caller: Program) -> None:
        assistant = await sync_to_async(make)(caller, template="booking")
        for state in BAD_STATES:
            answer = await try_it(caller, assistant, {"text": "hello", "state": state})
            assert answer.status_code == 422, state
            assert all(path.startswith("state") for path in answer.data["errors"]), state

    async def test_a_state_of_another_script_does_no_harm(self, caller: Program) -> None:
        assistant = await sync_to_async(make)(caller, template="booking")
        states: list[dict[str, Any]] = [
            {"form": {"intent": "Gone", "at": 0, "attempts": 0}},
            {"form": {"intent": "Book", "at": 999, "attempts": 1}},
            {"form": {"intent": "Book", "at": 3, "attempts": 1_000_000}},
            {"said": {"intent:Book": 999_999}, "slots": {"name": {"value": True, "said": ""}}},
        ]
        for state in states:
            assert (await try_it(caller, assistant, {"text": "hello", "state": state})).status_code == 200

    async def test_what_else_comes_along_is_checked(self, caller: Program) -> None:
        assistant = await sync_to_async(make)(caller, SPOKEN)
        for more in (
            {"channel": "fax"},
            {"locale": "x" * 36},
            {"payload": "x" * 1001},
            {"user": {"name": "x" * 501}},
            {"user": {"a b": "x"}},
            {"user": {"name": ["x"]}},
            {"history": [{"author": "visitor", "text": "a"}] * 51},
            {"history": [{"author": "admin", "text": "a"}]},
            {"version": 0},
            {"version": "1"},
            {"version": 10**12},
        ):
            answer = await try_it(caller, assistant, {"text": "hi", **more})
            assert answer.status_code == 422, more
        history = [{"author": "visitor", "text": "a", "payload": "b"}, {"author": "assistant", "text": "c"}]
        assert (await try_it(caller, assistant, {"text": "hi", "history": history})).status_code == 200


SENTENCES = [
    ("where is my order", None),
    ("wheres my oder pls", None),
    ("hello!", None),
    ("who won the football match", None),
    ("asdf", None),
    ("Delivery", "intent:Delivery"),
    ("how much is shipping", None),
    ("how do i return something", None),
    ("thanks a lot", None),
    ("talk to a person", None),
]


async def test_who_tries_gets_word_for_word_what_a_visitor_gets(transactional_db: None) -> None:
    """The same sentences at the visitors' door and here: texts, blocks and traces are equal."""
    caller = await in_thread(program)
    assistant = await in_thread(factories.make_assistant, caller.workspace, template="faq")
    site = Site(await in_thread(factories.make_deployment, caller.workspace, assistant))
    session = (await site.start(locale="en", user={"name": "Ada"})).data
    state: Any = None
    for text, payload in SENTENCES:
        tap = {} if payload is None else {"payload": payload}
        met = (await site.say(session, text, **tap)).data["replies"]
        more = {**tap, **({} if state is None else {"state": state})}
        mine = await tried(caller, assistant, text=text, locale="en", user={"name": "Ada"}, **more)
        state = mine.get("state")
        said = [
            {"text": reply["text"], "blocks": reply["blocks"]} for reply in met if reply["author"]["kind"] != "system"
        ]
        assert mine["replies"] == said, text

        def kept() -> dict[str, Any]:
            with tenant(caller.workspace.id):
                turn = Turn.objects.order_by("-seq").first()
                assert turn is not None
                return dict(turn.trace)

        assert mine["trace"] == await in_thread(kept), text
    assert "hand_over" in mine


# --- Test cases ---------------------------------------------------------------------------------------------------


@pytest.fixture
def hours(api: Program) -> Assistant:
    return make(api, {"intents": [HOURS]})


def test_cases_are_put_read_and_run(api: Program, hours: Assistant) -> None:
    path = f"/assistants/{hours.id}/tests"
    assert api.get(path).data == {"cases": [], "threshold": None}
    put = api.call("PUT", path, {"cases": CASES, "threshold": 80})
    assert (put.status_code, put.data) == (200, {"cases": CASES, "threshold": 80})
    assert api.get(path).data == put.data
    report = api.post(f"{path}/run")
    assert report.status_code == 200
    assert (report.data["passed"], report.data["total"]) == (1, 2)
    failure = report.data["failures"][0]
    assert (failure["utterance"], failure["expected"], failure["got"]) == ("where is mars", "Hours", "")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "cases"),
        ({"cases": []}, "threshold"),
        ({"cases": "x", "threshold": None}, "cases"),
        ({"cases": [{"utterance": "", "expected": ""}], "threshold": None}, "cases[0].utterance"),
        ({"cases": [CASES[0], CASES[0]], "threshold": None}, "cases[1].utterance"),
        ({"cases": [], "threshold": 0}, "threshold"),
        ({"cases": [], "threshold": 101}, "threshold"),
        ({"cases": [], "threshold": "80"}, "threshold"),
        ({"cases": [], "threshold": 50.5}, "threshold"),
        ({"cases": [{"utterance": "a\x00", "expected": ""}], "threshold": None}, None),
    ],
)
def test_what_is_no_list_of_cases_is_refused_and_changes_nothing(
    api: Program, hours: Assistant, body: Any, path: str | None
) -> None:
    address = f"/assistants/{hours.id}/tests"
    api.call("PUT", address, {"cases": CASES, "threshold": 80})
    answer = api.call("PUT", address, body)
    assert answer.status_code == 422
    assert path is None or path in answer.data["errors"]
    assert api.get(address).data == {"cases": CASES, "threshold": 80}


def test_publishing_is_refused_with_the_report_and_done_on_purpose(api: Program, hours: Assistant) -> None:
    api.call("PUT", f"/assistants/{hours.id}/tests", {"cases": CASES, "threshold": 80})
    refused = api.post(f"/assistants/{hours.id}/publish", {})
    assert (refused.status_code, refused.data["code"]) == (409, "conflict")
    assert refused.data["detail"].startswith("1 of 2 test cases pass (50 %), 80 % are needed")
    assert refused.data["test_report"]["failures"][0]["utterance"] == "where is mars"
    assert api.get(f"/assistants/{hours.id}").data["published_version"] is None
    done = api.post(f"/assistants/{hours.id}/publish", {"despite_tests": True, "note": "Anyway"})
    assert (done.status_code, done.data["published_version"]) == (200, 1)


def test_publishing_runs_the_cases_before_its_transaction(
    api: Program, hours: Assistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.call("PUT", f"/assistants/{hours.id}/tests", {"cases": CASES, "threshold": None})
    inside: list[bool] = []
    run = test_cases._result

    def noted(*given: Any) -> test_cases.Result:
        inside.append(current_workspace_id() is not None)
        return run(*given)

    monkeypatch.setattr(test_cases, "_kept", OrderedDict())
    monkeypatch.setattr(test_cases, "_result", noted)
    assert api.post(f"/assistants/{hours.id}/publish", {}).status_code == 200
    assert inside == [False] * len(CASES)


def test_who_only_reads_may_run_but_not_change_them(api: Program, hours: Assistant) -> None:
    reader = program(("assistants:read",), api.workspace)
    path = f"/assistants/{hours.id}/tests"
    assert reader.get(path).status_code == 200
    assert reader.post(f"{path}/run").status_code == 200
    assert reader.call("PUT", path, {"cases": [], "threshold": None}).status_code == 403


def test_another_workspaces_cases_are_as_missing_ones(api: Program, stranger: Program, hours: Assistant) -> None:
    missing = "00000000-0000-4000-8000-000000000000"
    for method, path, body in (
        ("GET", "tests", None),
        ("PUT", "tests", {"cases": [], "threshold": None}),
        ("POST", "tests/run", None),
    ):
        theirs = stranger.call(method, f"/assistants/{hours.id}/{path}", body)
        nowhere = stranger.call(method, f"/assistants/{missing}/{path}", body)
        assert theirs.status_code == nowhere.status_code == 404
        assert theirs.content == nowhere.content


@pytest.mark.django_db
def test_a_renamed_intent_takes_its_test_cases_along_and_one_that_is_gone_leaves_them() -> None:
    caller = program()
    prices = {"name": "Prices", "phrases": ["how much is it"], "answers": [{"text": "Ten"}]}
    assistant = make(caller, {"intents": [HOURS, prices]})
    cases = [*CASES[:1], {"utterance": "how much", "expected": "Prices"}]
    put = caller.call("PUT", f"/assistants/{assistant.id}/tests", {"cases": cases, "threshold": None})
    assert put.status_code == 200
    renamed = {**HOURS, "name": "Opening hours", "phrases": [*HOURS["phrases"], "when are you open"]}
    assert caller.patch(f"/assistants/{assistant.id}", {"scripted": {"intents": [renamed]}}).status_code == 200
    kept = caller.get(f"/assistants/{assistant.id}/tests").data["cases"]
    assert [case["expected"] for case in kept] == ["Opening hours", "Prices"]
