"""Numbers and staged rollouts by program."""

from __future__ import annotations

from typing import Any

import pytest

from convoship.lib.actors import SYSTEM
from convoship.lib.tenancy import tenant
from deployments import publishing, visits
from deployments.deploying import NewDeployment
from deployments.models import Assistant, AssistantVersion
from deployments.visits import VisitorMessage
from tests import factories
from tests.api.conftest import Program, program

GREEN = {"primaryColor": "#0a6640"}


@pytest.fixture
def made(api: Program) -> NewDeployment:
    """A deployment whose assistant has two versions, the second published, and a draft beyond them."""
    made = factories.make_deployment(api.workspace)
    with tenant(api.workspace.id):
        for name in ("Bea", "Cleo"):
            assistant = Assistant.objects.get(id=made.deployment.assistant_id)
            publishing.change_draft(SYSTEM, assistant, name=name)
            if name == "Bea":
                publishing.publish(SYSTEM, assistant.id)
    return made


@pytest.fixture
def path(made: NewDeployment) -> str:
    return f"/deployments/{made.deployment.id}"


def talk(made: NewDeployment) -> None:
    opened = factories.start_session(made)
    visit = visits.resolve(opened.token, opened.session.id)
    visits.post(visit, factories.caller(), VisitorMessage("m", "hello"))
    visits.end(visit, factories.caller())


def test_the_numbers_of_a_period(api: Program, made: NewDeployment, path: str) -> None:
    talk(made)
    data = api.get(f"{path}/numbers").data
    assert (data["period"], data["step"], len(data["over_time"])) == ("7d", "day", 7)
    total = data["total"]
    assert (total["sessions"], total["over"], total["alone"], total["alone_share"]) == (1, 1, 1, 1.0)
    assert data["over_time"][-1]["figures"] == total
    assert data["before"]["alone_share"] is None
    assert [(row["origin"], row["figures"]["sessions"]) for row in data["origins"]] == [(factories.SHOP, 1)]
    assert data["refused"] == {"origins": 0, "times": 0, "since": None}
    hours = api.get(f"{path}/numbers?period=24h").data
    assert (hours["step"], len(hours["over_time"])) == ("hour", 24)


@pytest.mark.parametrize("query", ["period=1y", "period=", "peroid=7d", "period=7d&period=24h"])
def test_a_period_that_is_not_known_is_refused(api: Program, path: str, query: str) -> None:
    assert api.get(f"{path}/numbers?{query}").status_code == 422


def test_the_draft_is_rolled_out_changed_and_kept(api: Program, made: NewDeployment, path: str) -> None:
    begun = api.made(f"{path}/rollouts", {"draft": True, "theme": GREEN, "share": 99})
    assert (begun["base_version"], begun["version"], begun["theme"], begun["share"]) == (2, 3, GREEN, 99)
    assert (begun["ended_at"], begun["outcome"]) == (None, None)
    for _ in range(3):
        talk(made)
    changed = api.patch(f"{path}/rollouts/current", {"share": 40}).data
    assert (changed["id"], changed["share"]) == (begun["id"], 40)
    assert sum(changed[side]["figures"]["sessions"] for side in "ab") == 3
    assert changed["answered_alone"]["level"] == "few"
    kept = api.post(f"{path}/rollouts/current/keep")
    assert (kept.status_code, kept.data["outcome"]) == (200, "kept")
    assert api.get(path).data["theme"] == GREEN
    assert api.get(f"/assistants/{made.deployment.assistant_id}").data["published_version"] == 3


def test_a_draft_that_fails_its_tests_is_tried_on_purpose_alone(api: Program, made: NewDeployment, path: str) -> None:
    cases = [{"utterance": "is it raining on mars", "expected": "Gone"}]
    tests = {"cases": cases, "threshold": 100}
    assert api.call("PUT", f"/assistants/{made.deployment.assistant_id}/tests", tests).status_code == 200
    body = {"draft": True, "share": 10}
    refused = api.post(f"{path}/rollouts", body)
    assert (refused.status_code, refused.data["code"]) == (409, "conflict")
    assert refused.data["detail"].endswith("so this is not tried on visitors.")
    assert (refused.data["test_report"]["passed"], refused.data["test_report"]["total"]) == (0, 1)
    assert api.made(f"{path}/rollouts", {**body, "despite_tests": True})["version"] == 3


def test_a_version_is_rolled_out_and_taken_back(api: Program, made: NewDeployment, path: str) -> None:
    api.made(f"{path}/rollouts", {"version": 1, "share": 10})
    undone = api.post(f"{path}/rollouts/current/undo")
    assert (undone.status_code, undone.data["outcome"], undone.data["version"]) == (200, "undone", 1)
    assert api.get(f"/assistants/{made.deployment.assistant_id}").data["published_version"] == 2


def test_rollouts_are_listed_the_newest_first_and_in_pages(api: Program, path: str) -> None:
    for share in (10, 20, 30):
        api.made(f"{path}/rollouts", {"version": 1, "share": share})
        if share < 30:
            api.post(f"{path}/rollouts/current/undo")
    first = api.get(f"{path}/rollouts?limit=2").data
    assert [(row["share"], row["ended_at"] is None) for row in first["results"]] == [(30, True), (20, False)]
    second = api.get(first["next"].split("/v1", 1)[1]).data
    assert [row["share"] for row in second["results"]] == [10]


def test_starting_one_twice_with_a_key_starts_one(api: Program, path: str) -> None:
    body = {"draft": True, "share": 10}
    first, again = (api.post(f"{path}/rollouts", body, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.data["id"] == first.data["id"]
    with tenant(api.workspace.id):
        assert AssistantVersion.objects.count() == 3
    assert api.post(f"{path}/rollouts", body).data["code"] == "conflict"


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["share"]),
        ({"share": 10}, ["version"]),
        ({"share": 0, "version": 1}, ["share"]),
        ({"share": 10.5, "version": 1}, ["share"]),
        ({"share": "10", "version": 1}, ["share"]),
        ({"share": 10**40, "version": 1}, ["share"]),
        ({"share": 10, "version": 2}, ["version"]),
        ({"share": 10, "version": 99}, ["version"]),
        ({"share": 10, "version": 2**63}, ["version"]),
        ({"share": 10, "version": None}, ["version"]),
        ({"share": 10, "version": 1, "draft": True}, ["version"]),
        ({"share": 10, "theme": {"launcher": {"color": "red"}}}, ["theme.launcher.color"]),
        ({"share": 10, "theme": []}, ["theme"]),
        ({"share": 10, "theme": GREEN, "colour": 1}, ["colour"]),
    ],
)
def test_what_can_not_be_tried_is_refused_by_its_path(api: Program, path: str, body: Any, fields: list[str]) -> None:
    answer = api.post(f"{path}/rollouts", body)
    assert (answer.status_code, sorted(answer.data["errors"])) == (422, fields)


def test_what_does_not_run_can_not_be_changed_or_ended(api: Program, path: str) -> None:
    for answer in (
        api.patch(f"{path}/rollouts/current", {"share": 5}),
        api.post(f"{path}/rollouts/current/keep"),
        api.post(f"{path}/rollouts/current/undo"),
    ):
        assert (answer.status_code, answer.data["code"]) == (409, "conflict")


def test_a_key_that_may_not_publish_neither_freezes_a_draft_nor_keeps_a_version(
    api: Program, made: NewDeployment, path: str
) -> None:
    narrow = program(("deployments:write",), api.workspace)
    refused = narrow.post(f"{path}/rollouts", {"draft": True, "share": 10})
    assert (refused.status_code, refused.data["scope"]) == (403, "assistants:write")
    assert narrow.post(f"{path}/rollouts", {"version": 1, "share": 10}).status_code == 201
    assert narrow.post(f"{path}/rollouts/current/keep").data["scope"] == "assistants:write"
    assert narrow.post(f"{path}/rollouts/current/undo").status_code == 200
    # A theme is the deployment's own.
    assert narrow.post(f"{path}/rollouts", {"theme": GREEN, "share": 10}).status_code == 201
    assert narrow.post(f"{path}/rollouts/current/keep").status_code == 200
    assert api.get(f"/assistants/{made.deployment.assistant_id}").data["published_version"] == 2


def test_a_draft_of_looser_days_is_refused_in_words_before_its_tests_are_run(api: Program) -> None:
    made = factories.make_deployment(api.workspace)
    draft = {"scripted": {"welcome": {"text": ""}, "intents": [{"name": "a"}]}}
    with tenant(api.workspace.id):
        Assistant.objects.update(draft=draft, test_cases=[{"utterance": "hello", "expected": ""}])
    published = api.post(f"/assistants/{made.deployment.assistant_id}/publish", {})
    tried = api.post(f"/deployments/{made.deployment.id}/rollouts", {"draft": True, "share": 10})
    assert (published.status_code, tried.status_code) == (422, 422)
    assert any("intents[0]" in path for path in published.data["errors"])


def test_going_back_on_what_was_kept_brings_its_theme_back(api: Program) -> None:
    made = factories.make_deployment(api.workspace, theme={"primaryColor": "#2f54d6"})
    path = f"/deployments/{made.deployment.id}/rollouts"
    begun = api.made(path, {"theme": {"primaryColor": "#0a6640"}, "share": 20})
    kept = api.post(f"{path}/current/keep").data
    assert (kept["replaced_version"], kept["replaced_theme"]) == (None, {"primaryColor": "#2f54d6"})
    assert api.post(f"{path}/{begun['id']}/back").status_code == 200
    assert api.get(f"/deployments/{made.deployment.id}").data["theme"] == {"primaryColor": "#2f54d6"}
    again = api.post(f"{path}/{begun['id']}/back")
    assert (again.status_code, again.data["detail"]) == (409, "What it replaced stands again.")


def test_what_is_live_meanwhile_is_not_started_again(api: Program) -> None:
    made = factories.make_deployment(api.workspace)
    path = f"/deployments/{made.deployment.id}/rollouts"
    begun = api.made(path, {"theme": {"primaryColor": "#0a6640"}, "share": 20})
    api.post(f"{path}/current/undo")
    api.patch(f"/deployments/{made.deployment.id}", {"theme": {"primaryColor": "#0a6640"}})
    answer = api.post(f"{path}/{begun['id']}/back")
    assert (answer.status_code, answer.data["detail"]) == (409, "The theme that was tried is what visitors meet now.")
